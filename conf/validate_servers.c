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

static enum err check_address(
    struct locate *locate, const struct configuration_server *server, const char *path, bool postgresql)
{
	enum err err = ERR_OK;

	/* A socket of PostgreSQL has a port in its name. */
	if (server->socket && (server->host || (server->port && !postgresql)))
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

/* Each database of PostgreSQL is a file of its own. */
static enum err check_file_names(struct locate *locate, const struct configuration_server *server, const char *path)
{
	if (server->databases_count == 0)
		return locate_fail(locate, PL_CONFIG_NO_VALUE, path, "the key \"databases\" is missing");
	for (uint32_t i = 0; i < server->databases_count; i++) {
		const char *name = server->databases[i];

		if (strchr(name, '/') || strlen(name) > 63 || strcmp(name, "globals") == 0)
			return locate_fail(locate, PL_CONFIG_VALUE, locate_path("%s.databases[%u]", path, i).text,
			    "\"%s\" cannot be stored as a file of that name; allowed: up to 63 bytes without '/', and "
			    "not "
			    "\"globals\"",
			    name);
	}
	return ERR_OK;
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

enum err validate_server(
    struct locate *locate, const struct configuration_server *server, const char *path, bool postgresql)
{
	enum err err = ERR_OK;

	if (server->name)
		err = validate_name(locate, locate_path("%s.name", path).text, server->name);
	if (err == ERR_OK)
		err = check_address(locate, server, path, postgresql);
	if (err == ERR_OK)
		err = check_databases(locate, server, path);
	if (err == ERR_OK && postgresql)
		err = check_file_names(locate, server, path);
	if (err == ERR_OK && server->password_file)
		err = validate_secret(locate, locate_path("%s.password_file", path).text, server->password_file);
	if (err == ERR_OK && server->defaults_file)
		err = validate_secret(locate, locate_path("%s.defaults_file", path).text, server->defaults_file);
	return err;
}

static bool same_name(const struct configuration_server *one, const struct configuration_server *other)
{
	return one && other && strcmp(configuration_server_name(one), configuration_server_name(other)) == 0;
}

enum err validate_server_names(struct locate *locate, const struct configuration_job *job, size_t at)
{
	const struct configuration_source *sources = job->sources;

	for (uint32_t i = 0; i < job->sources_count; i++)
		for (uint32_t k = 0; k < i; k++)
			if (same_name(sources[i].mariadb, sources[k].mariadb) ||
			    same_name(sources[i].postgresql, sources[k].postgresql))
				return locate_fail(locate, PL_CONFIG_DUPLICATE,
				    locate_path("jobs[%zu].sources[%u]", at, i).text,
				    "another server of this job is called \"%s\" as well; give one of them another "
				    "name: its databases are stored under it",
				    configuration_server_name(
					sources[i].mariadb ? sources[i].mariadb : sources[i].postgresql));
	return ERR_OK;
}
