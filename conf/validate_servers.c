/* Database servers as sources. */
#include "conf/configuration_internal.h"

#define HOST_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:_"

/* One that is no name of a file either is no host: it becomes part of a stored path. */
static enum err check_host(struct locate *locate, const char *path, const char *host)
{
	if (strspn(host, HOST_LETTERS) == strlen(host) && strlen(host) < 254 && host[0] != '.' && host[0] != '-')
		return ERR_OK;
	return locate_fail(locate, PL_CONFIG_VALUE, path, "\"%s\" is no host; allowed: a name or an address", host);
}

static enum err check_address(struct locate *locate, const struct configuration_server *server, const char *path)
{
	enum err err = ERR_OK;

	if (server->socket && (server->host || server->port))
		return locate_fail(locate, PL_CONFIG_VALUE, locate_path("%s.socket", path).text,
		    "give socket, or host and port, not both");
	if (server->socket)
		err = validate_absolute(locate, locate_path("%s.socket", path).text, server->socket);
	if (err == ERR_OK && server->host)
		err = check_host(locate, locate_path("%s.host", path).text, server->host);
	if (err == ERR_OK && server->port && (*server->port < 1 || *server->port > 65535))
		err = locate_fail(locate, PL_CONFIG_VALUE, locate_path("%s.port", path).text,
		    "%d is no port; allowed: 1 to 65535", *server->port);
	return err;
}

static enum err check_databases(struct locate *locate, const struct configuration_server *server, const char *path)
{
	for (uint32_t i = 0; i < server->databases_count; i++)
		for (uint32_t k = 0; k < i; k++)
			if (strcmp(server->databases[i], server->databases[k]) == 0)
				return locate_fail(locate, PL_CONFIG_DUPLICATE,
				    locate_path("%s.databases[%u]", path, i).text,
				    "the database \"%s\" stands in the list already", server->databases[i]);
	return ERR_OK;
}

enum err validate_server(struct locate *locate, const struct configuration_server *server, const char *path)
{
	enum err err = ERR_OK;

	if (server->name)
		err = validate_name(locate, locate_path("%s.name", path).text, server->name);
	if (err == ERR_OK)
		err = check_address(locate, server, path);
	if (err == ERR_OK)
		err = check_databases(locate, server, path);
	if (err == ERR_OK && server->password_file)
		err = validate_secret(locate, locate_path("%s.password_file", path).text, server->password_file);
	if (err == ERR_OK && server->defaults_file)
		err = validate_secret(locate, locate_path("%s.defaults_file", path).text, server->defaults_file);
	return err;
}

enum err validate_server_names(struct locate *locate, const struct configuration_job *job, size_t at)
{
	for (uint32_t i = 0; i < job->sources_count; i++)
		for (uint32_t k = 0; k < i; k++) {
			const struct configuration_server *one = job->sources[i].mariadb;
			const struct configuration_server *other = job->sources[k].mariadb;

			if (one && other &&
			    strcmp(configuration_server_name(one), configuration_server_name(other)) == 0)
				return locate_fail(locate, PL_CONFIG_DUPLICATE,
				    locate_path("jobs[%zu].sources[%u].mariadb", at, i).text,
				    "another server of this job is called \"%s\" as well; give one of them another "
				    "name: its databases are stored under it",
				    configuration_server_name(one));
		}
	return ERR_OK;
}
