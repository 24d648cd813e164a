/* The channels of notifications: what no schema can say of them. */
#include "conf/address.h"
#include "conf/configuration_internal.h"
#include "core/base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <syslog.h>

#define TIMEOUT_MAX 600 /* seconds */
#define PORT_MAX 65535

/* Where the parts of one channel stand. */
struct place {
	struct locate *locate;
	const char *path; /* "notifications[2].mail" */
};

static enum err refuse(const struct place *place, enum message id, const char *key, const char *text)
{
	struct locate_path path = locate_path("%s%s%s", place->path, *key ? "." : "", key);

	return locate_fail(place->locate, id, path.text, "%s", text);
}

static enum err check_secret(const struct place *place, const char *key, const char *file)
{
	return file ? validate_secret(place->locate, locate_path("%s.%s", place->path, key).text, file) : ERR_OK;
}

static enum err check_connection(const struct place *place, struct configuration_connection *connection, bool secret)
{
	struct locate_path ca_file = locate_path("%s.ca_file", place->path);
	struct locate_path timeout = locate_path("%s.timeout", place->path);
	enum err err = ERR_OK;

	if (connection->ca_file && connection->insecure)
		return refuse(
		    place, PL_CONFIG_VALUE, "insecure", "with ca_file the certificate is checked; give one of the two");
	if (connection->insecure && secret)
		return refuse(place, PL_CONFIG_VALUE, "insecure",
		    "a secret would go to whoever answers; allowed: the server's certificate, or that of its "
		    "authority, "
		    "as ca_file");
	if (connection->ca_file)
		err = validate_absolute(place->locate, ca_file.text, connection->ca_file);
	if (err == ERR_OK && connection->ca_file)
		err = validate_readable(place->locate, ca_file.text, connection->ca_file);
	if (err != ERR_OK)
		return err;
	if (!locate_find(place->locate, timeout.text))
		connection->timeout = CONNECTION_TIMEOUT_DEFAULT;
	if (connection->timeout >= 1 && connection->timeout <= TIMEOUT_MAX)
		return ERR_OK;
	return locate_fail(place->locate, PL_CONFIG_VALUE, timeout.text, "allowed: 1 to %d seconds", TIMEOUT_MAX);
}

/* ---- mail ---- */

static enum err check_recipients(
    const struct place *place, const struct configuration *configuration, const struct configuration_mail *mail)
{
	uint32_t found = mail->people_count;

	for (uint32_t i = 0; i < mail->people_count; i++) {
		const struct configuration_person *person = configuration_person(configuration, mail->people[i]);

		if (!person)
			return locate_fail(place->locate, PL_CONFIG_REFERENCE,
			    locate_path("%s.people[%u]", place->path, i).text,
			    "there is no person of the id \"%s\" under people", mail->people[i]);
		if (!person->email)
			return locate_fail(place->locate, PL_CONFIG_NO_VALUE,
			    locate_path("people[%zu].email", (size_t)(person - configuration->people)).text,
			    "\"%s\" has no e-mail address, and %s sends to it", person->id, place->path);
	}
	for (uint32_t i = 0; i < configuration->people_count; i++)
		found += (mail->roles & 1u << configuration->people[i].role) && configuration->people[i].email;
	if (found > 0)
		return ERR_OK;
	return refuse(place, PL_CONFIG_NO_VALUE, mail->roles ? "roles" : "",
	    mail->roles ? "nobody of that role has an email" : "nobody gets it; give people, roles or both");
}

static enum err check_login(const struct place *place, const struct configuration_mail *mail)
{
	int passwords = (mail->password_file != NULL) + (mail->password_command != NULL);

	if (!mail->user && passwords > 0)
		return refuse(place, PL_CONFIG_NO_VALUE, "", "a password is given and no user");
	if (mail->user && passwords != 1)
		return refuse(place, passwords ? PL_CONFIG_VALUE : PL_CONFIG_NO_VALUE, "user",
		    "a user needs one of password_file and password_command");
	if (mail->user && mail->security == SECURITY_NONE)
		return refuse(place, PL_CONFIG_VALUE, "security",
		    "the password would cross the network in the open; allowed with a user: starttls, tls");
	return check_secret(place, "password_file", mail->password_file);
}

static enum err check_mail(
    const struct place *place, const struct configuration *configuration, struct configuration_mail *mail)
{
	struct locate_path port = locate_path("%s.port", place->path);
	enum err err = ERR_OK;

	if (strspn(mail->server, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:") !=
		strlen(mail->server) ||
	    mail->server[0] == '-')
		return refuse(place, PL_CONFIG_VALUE, "server", "that is no name of a host and no address");
	if (strchr(mail->server, ':') && strchr(mail->server, ':') == strrchr(mail->server, ':'))
		return refuse(place, PL_CONFIG_VALUE, "server", "a port goes into a key of its own: port");
	if (locate_find(place->locate, port.text) && (mail->port < 1 || mail->port > PORT_MAX))
		return locate_fail(place->locate, PL_CONFIG_VALUE, port.text, "allowed: 1 to %d", PORT_MAX);
	if (!address_valid(mail->from))
		return refuse(
		    place, PL_CONFIG_VALUE, "from", "that is no e-mail address; allowed: name@host of plain letters");
	err = check_recipients(place, configuration, mail);
	if (err == ERR_OK)
		err = check_login(place, mail);
	return err == ERR_OK ? check_connection(place, &mail->connection, mail->user != NULL) : err;
}

/* ---- webhook, ping ---- */

/* http://host… or https://host…, printable ASCII, and neither a user nor a fragment in it. */
static const char *wrong_with_url(const char *url)
{
	const char *host = strncmp(url, "https://", 8) == 0 ? url + 8
	    : strncmp(url, "http://", 7) == 0		    ? url + 7
							    : NULL;

	if (!host)
		return "allowed: an address that begins with https:// or http://";
	if (strcspn(host, ":/?#") == 0)
		return "the address names no host";
	if (memchr(host, '@', strcspn(host, "/?#")))
		return "a user or password in an address could be read by everybody; give a header_file or url_file";
	for (const char *at = url; *at; at++)
		if (*at <= ' ' || *at > '~' || strchr("\"<>\\^`{|}#", *at))
			return "the address holds a character that must be written as %XX, or '#'";
	return NULL;
}

static enum err check_url(const struct place *place, const char *url, const char *url_file)
{
	const char *wrong = url ? wrong_with_url(url) : NULL;

	if ((url != NULL) + (url_file != NULL) != 1)
		return refuse(
		    place, url ? PL_CONFIG_VALUE : PL_CONFIG_NO_VALUE, "", "give url or url_file, one of them");
	if (wrong)
		return refuse(place, PL_CONFIG_VALUE, "url", wrong);
	return check_secret(place, "url_file", url_file);
}

static enum err check_webhook(const struct place *place, struct configuration_webhook *webhook)
{
	bool secret = webhook->header_file || webhook->url_file;
	enum err err = check_url(place, webhook->url, webhook->url_file);

	if (err == ERR_OK)
		err = check_secret(place, "header_file", webhook->header_file);
	if (err == ERR_OK)
		err = check_secret(place, "signing_key_file", webhook->signing_key_file);
	if (err == ERR_OK && webhook->header_file && webhook->url && strncmp(webhook->url, "http://", 7) == 0)
		err = refuse(place, PL_CONFIG_VALUE, "header_file",
		    "the secret header would cross the network in the open; allowed with a url of https://");
	return err == ERR_OK ? check_connection(place, &webhook->connection, secret) : err;
}

static enum err check_ping(const struct place *place, struct configuration_channel *channel, const struct place *above)
{
	struct configuration_ping *ping = channel->ping;
	enum err err = check_url(place, ping->url, ping->url_file);

	if (err == ERR_OK && channel->on & ~(uint32_t)(ON_FAILURE | ON_NOTES))
		err = refuse(above, PL_CONFIG_VALUE, "on",
		    "a ping tells each start and end; on says which ends count as failed; allowed: failure, notes");
	if (err == ERR_OK && channel->on == 0)
		channel->on = ON_FAILURE;
	return err == ERR_OK ? check_connection(place, &ping->connection, ping->url_file != NULL) : err;
}

/* ---- log, metrics ---- */

static enum err check_metrics(
    const struct place *place, const struct configuration_channel *channel, const struct place *above)
{
	struct locate_path path = locate_path("%s.file", place->path);
	const char *file = channel->metrics->file;
	size_t length = strlen(file);
	struct stat status;
	char *folder;
	enum err err = ERR_OK;

	if (channel->on || channel->jobs_count > 0)
		return refuse(above, PL_CONFIG_VALUE, channel->on ? "on" : "jobs",
		    "metrics are of all jobs, and written after each run; remove this line");
	err = validate_absolute(place->locate, path.text, file);
	if (err != ERR_OK)
		return err;
	if (length < strlen("/x.prom") || strcmp(file + length - strlen(".prom"), ".prom") != 0)
		return refuse(
		    place, PL_CONFIG_VALUE, "file", "the collector reads only files whose names end in .prom");
	folder = mem_string(file);
	if (!folder)
		return ERR_NOMEM;
	folder[strrchr(file, '/') - file + 1] = '\0';
	if (stat(folder, &status) != 0 || !S_ISDIR(status.st_mode))
		err = locate_fail(place->locate, PL_CONFIG_FILE, path.text, "there is no folder %s", folder);
	mem_free(folder);
	return err;
}

static enum err check_kind(
    const struct place *above, const struct configuration *configuration, struct configuration_channel *channel)
{
	const struct {
		const char *name;
		const void *given;
	} kinds[] = {{"mail", channel->mail}, {"webhook", channel->webhook}, {"ping", channel->ping},
	    {"log", channel->log}, {"metrics", channel->metrics}};
	struct locate_path path = {""};
	struct place place = {.locate = above->locate};
	int count = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].given && count++ == 0)
			path = locate_path("%s.%s", above->path, kinds[i].name);
	if (count != 1)
		return refuse(above, count ? PL_CONFIG_VALUE : PL_CONFIG_NO_VALUE, "",
		    "a channel is of one kind; allowed: mail, webhook, ping, log or metrics");
	place.path = path.text;
	if (channel->mail)
		return check_mail(&place, configuration, channel->mail);
	if (channel->webhook)
		return check_webhook(&place, channel->webhook);
	if (channel->ping)
		return check_ping(&place, channel, above);
	if (channel->metrics)
		return check_metrics(&place, channel, above);
	if (channel->log->facility == 0)
		channel->log->facility = LOG_DAEMON;
	return ERR_OK;
}

static enum err check_channel(struct locate *locate, const struct configuration *configuration, size_t at)
{
	struct configuration_channel *channel = &configuration->notifications[at];
	struct locate_path path = locate_path("notifications[%zu]", at);
	const struct place place = {.locate = locate, .path = path.text};
	enum err err = validate_name(locate, locate_path("%s.name", path.text).text, channel->name);

	for (size_t i = 0; err == ERR_OK && i < at; i++)
		if (strcmp(configuration->notifications[i].name, channel->name) == 0)
			return locate_fail(locate, PL_CONFIG_DUPLICATE, locate_path("%s.name", path.text).text,
			    "there is another channel of the name \"%s\"", channel->name);
	for (uint32_t i = 0; err == ERR_OK && i < channel->jobs_count; i++)
		if (!configuration_job(configuration, channel->jobs[i]))
			return locate_fail(locate, PL_CONFIG_REFERENCE, locate_path("%s.jobs[%u]", path.text, i).text,
			    "there is no job of the name \"%s\" under jobs", channel->jobs[i]);
	if (err == ERR_OK)
		err = check_kind(&place, configuration, channel);
	if (err == ERR_OK && channel->on == 0)
		channel->on = EVENTS_DEFAULT;
	return err;
}

enum err validate_notifications(struct locate *locate, struct configuration *configuration)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < configuration->notifications_count; i++)
		err = check_channel(locate, configuration, i);
	return err;
}
