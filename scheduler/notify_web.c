/* Messages over HTTP: a JSON object for a program (webhook), and the bare sign of life for a watchman (ping). */
#include "scheduler/notify_internal.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/crypto/crypto.h"
#include "core/repo/canonical.h"
#include "scheduler/curl_transfer.h"

#define START_TIMEOUT 10 /* seconds: a backup waits that long at most until it has said that it begins */

/* The address: from the configuration, or from a file where it is a secret. */
struct address {
	const char *url;
	char *secret;
	char name[160]; /* for messages: never more than the host of a secret one */
};

static enum err find_address(struct address *address, const char *url, const char *url_file, const char *what)
{
	const char *scheme_end;
	size_t host;

	*address = (struct address){.url = url};
	if (url_file) {
		enum err err = notify_secret_file(url_file, &address->secret);

		if (err != ERR_OK)
			return err;
		if (strncmp(address->secret, "https://", 8) != 0 && strncmp(address->secret, "http://", 7) != 0)
			return fail(PL_NOTIFY_SECRET, "%s holds no address of https:// or http://", url_file);
		address->url = address->secret;
	}
	scheme_end = strstr(address->url, "://") + 3;
	host = strcspn(scheme_end, "/?#");
	if (memchr(scheme_end, '@', host))
		return fail(PL_NOTIFY_SECRET, "the address in %s has a user in it", url_file ? url_file : what);
	snprintf(address->name, sizeof(address->name), "%s %.100s", what, scheme_end);
	if (strlen(what) + 1 + host < sizeof(address->name))
		address->name[strlen(what) + 1 + host] = '\0';
	return ERR_OK;
}

static struct curl_transfer_server server_of(
    const struct address *address, const struct configuration_connection *connection)
{
	return (struct curl_transfer_server){.url = address->url,
	    .name = address->name,
	    .ca_file = connection->ca_file,
	    .insecure = connection->insecure,
	    .timeout = connection->timeout};
}

/* ---- webhook ---- */

/* RFC 3339, or null. */
static json_t *time_of(int64_t time)
{
	char local[CLOCK_TEXT];

	return time > 0 ? json_string(clock_format(local, time)) : json_null();
}

static enum err write_object(
    const struct configuration *configuration, const struct notify_message *message, struct buffer *out)
{
	struct buffer subject = {0}, body = {0};
	char host[NOTIFY_HOST_SIZE], code[16];
	json_t *object = NULL;
	enum err err = notify_text_subject(configuration, message, &subject);

	if (err == ERR_OK)
		err = notify_text_body(configuration, message, &body);
	if (err == ERR_OK)
		err = canonical_pack(&object,
		    "{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:s, s:O, s:s, s:s}", "format", 1, "id",
		    message->id, "kind", notify_kind_name(message->kind), "office", configuration->office.name, "host",
		    notify_text_host(host), "job", message->job, "run_id", message->run_id, "time",
		    time_of(message->time), "due", time_of(message->due), "last_good", time_of(message->last_good),
		    "code", message->failure_kind == ERR_OK ? "" : message_code(message->failure_id, code), "failure",
		    message->failure_text, "lines", message->lines, "subject", (const char *)subject.data, "text",
		    (const char *)body.data);
	if (err == ERR_OK)
		err = canonical_write(object, out);
	json_decref(object);
	buffer_free(&subject);
	buffer_free(&body);
	return err;
}

/* "X-Pulih-Signature: sha256=…", as such receivers know it from elsewhere. */
static enum err sign(const char *key_file, const struct buffer *body, struct buffer *out)
{
	char *key = NULL;
	uint8_t mac[HASH_SIZE];
	char hex[2 * HASH_SIZE + 1];
	enum err err = notify_secret_file(key_file, &key);

	if (err == ERR_OK)
		err = hmac_once(key, strlen(key), body->data, body->length, mac);
	if (err == ERR_OK)
		err = buffer_append_text(out, "X-Pulih-Signature: sha256=%s", hex_encode(hex, mac, sizeof(mac)));
	if (err == ERR_OK)
		err = buffer_append_u8(out, 0);
	notify_secret_free(key);
	return err;
}

/* One header line; what is none could end the headers, or begin another request. */
static enum err read_header(const struct configuration_webhook *webhook, const char *url, char **out)
{
	enum err err = notify_secret_file(webhook->header_file, out);
	const char *colon = err == ERR_OK ? strchr(*out, ':') : NULL;

	if (err != ERR_OK)
		return err;
	if (!colon || colon == *out || strcspn(*out, " \t\"(),/;<=>?@[\\]{}") < (size_t)(colon - *out))
		return fail(
		    PL_NOTIFY_SECRET, "%s holds no header: it must be one line, Name: value", webhook->header_file);
	if (strncmp(url, "http://", 7) == 0)
		return fail(PL_NOTIFY_SECRET,
		    "%s would cross the network in the open: the address must begin with https://",
		    webhook->header_file);
	return ERR_OK;
}

enum err notify_web_hook(const struct configuration *configuration, const struct configuration_webhook *webhook,
    const struct notify_message *message)
{
	struct address address = {0};
	struct buffer body = {0}, signature = {0};
	struct curl_transfer_server server;
	const char *headers[4] = {"Content-Type: application/json"};
	size_t count = 1;
	char *header = NULL;
	enum err err = find_address(&address, webhook->url, webhook->url_file, "webhook");

	if (err == ERR_OK)
		err = write_object(configuration, message, &body);
	if (err == ERR_OK && webhook->header_file) {
		err = read_header(webhook, address.url, &header);
		headers[count++] = header;
	}
	if (err == ERR_OK && webhook->signing_key_file) {
		err = sign(webhook->signing_key_file, &body, &signature);
		headers[count] = (const char *)signature.data;
	}
	server = server_of(&address, &webhook->connection);
	if (err == ERR_OK)
		err = curl_transfer_http(&server, headers, &body);
	notify_secret_free(header);
	notify_secret_free(address.secret);
	buffer_free(&body);
	buffer_free(&signature);
	return err;
}

/* ---- ping ---- */

/* The word goes behind the path, in front of a query. */
static char *ping_url(const char *url, const char *suffix)
{
	size_t path = strcspn(url, "?");

	if (*suffix && path > 0 && url[path - 1] == '/')
		suffix++;
	return mem_printf("%.*s%s%s", (int)path, url, suffix, url + path);
}

enum err notify_web_ping(const struct configuration_ping *ping, uint32_t failures, const struct notify_message *message)
{
	bool failed = notify_is_alarm(message->kind, message->failure_kind) ||
	    (message->kind == NOTIFY_NOTES && failures & ON_NOTES);
	const char *suffix = message->kind == NOTIFY_START ? "/start" : failed ? "/fail" : "";
	struct curl_transfer_server server;
	struct address address = {0};
	char *url = NULL;
	enum err err = find_address(&address, ping->url, ping->url_file, "ping");

	if (err == ERR_OK && !(url = ping_url(address.url, suffix)))
		err = ERR_NOMEM;
	server = server_of(&address, &ping->connection);
	server.url = url;
	if (message->kind == NOTIFY_START && server.timeout > START_TIMEOUT)
		server.timeout = START_TIMEOUT;
	if (err == ERR_OK)
		err = curl_transfer_http(&server, NULL, NULL);
	/* It may hold a secret, as the address that it was made of. */
	if (url)
		crypto_wipe(url, strlen(url));
	mem_free(url);
	notify_secret_free(address.secret);
	return err;
}
