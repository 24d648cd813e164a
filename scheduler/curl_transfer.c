#include "scheduler/curl_transfer.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#include <ctype.h>
#include <curl/curl.h>
#include <pthread.h>

#define CONNECT_SECONDS 15L /* a host that is up answers within one or two */
#define STALLED_SECONDS 30L /* without a byte: the other end is gone */
#define ANSWER_MAX 65536u   /* bytes of headers, and of the body: nothing of them is needed but a line to show */
#define SAID_MAX 200u	    /* bytes of what the server said, to show */

/* What the server says. */
struct answer {
	size_t headers, body; /* bytes that came */
	char said[SAID_MAX + 1];
	bool too_much;
};

struct curl_transfer_session {
	const struct curl_transfer_server *server;
	const struct curl_transfer_mail *mail;
	CURL *handle;
	struct curl_slist *headers;
	curl_mime *mime;
	char *from;
	struct answer answer;
	char error[CURL_ERROR_SIZE];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode set_up;

static void start_library(void)
{
	set_up = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static enum err new_handle(CURL **out)
{
	pthread_once(&once, start_library);
	*out = set_up == CURLE_OK ? curl_easy_init() : NULL;
	return *out ? ERR_OK : fail(PL_NO_MEMORY, "no memory for a connection");
}

/* Keeps the line for messages, without what could play with a terminal. */
static void remember_line(struct answer *answer, const char *line, size_t size)
{
	size_t length = 0;

	for (size_t i = 0; i < size && length < SAID_MAX; i++)
		if (line[i] >= ' ' && line[i] <= '~')
			answer->said[length++] = line[i];
		else if (length > 0 && line[i] != '\r' && line[i] != '\n')
			answer->said[length++] = '?';
	answer->said[length] = '\0';
}

static size_t on_header(char *line, size_t unit, size_t count, void *context)
{
	struct answer *answer = context;
	size_t size = unit * count;

	answer->headers += size;
	if (answer->headers > ANSWER_MAX) {
		answer->too_much = true;
		return 0;
	}
	/* SMTP: every line of the server comes here, the last is the one that counts, but for its good-bye (221). HTTP: the
	 * status line. */
	if (size > 3 &&
	    ((isdigit((unsigned char)line[0]) && strncmp(line, "221", 3) != 0) || strncmp(line, "HTTP/", 5) == 0))
		remember_line(answer, line, size);
	return size;
}

static size_t on_body(char *bytes, size_t unit, size_t count, void *context)
{
	struct answer *answer = context;
	size_t size = unit * count;

	(void)bytes;
	answer->body += size;
	if (answer->body <= ANSWER_MAX)
		return size;
	answer->too_much = true;
	return 0;
}

static int on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	(void)context, (void)a, (void)b, (void)c, (void)d;
	return interrupt_requested();
}

static CURLcode set_common(
    CURL *handle, const struct curl_transfer_server *server, struct answer *answer, char error[CURL_ERROR_SIZE])
{
	long timeout = server->timeout;
	CURLcode code = curl_easy_setopt(handle, CURLOPT_URL, server->url);

#define SET(option, value) code = code == CURLE_OK ? curl_easy_setopt(handle, option, value) : code
	SET(CURLOPT_PROTOCOLS_STR, "http,https,smtp,smtps");
	SET(CURLOPT_REDIR_PROTOCOLS_STR, "https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_TIMEOUT, timeout);
	SET(CURLOPT_CONNECTTIMEOUT, timeout < CONNECT_SECONDS ? timeout : CONNECT_SECONDS);
	SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
	SET(CURLOPT_LOW_SPEED_TIME, timeout < STALLED_SECONDS ? timeout : STALLED_SECONDS);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, server->insecure ? 0L : 1L);
	SET(CURLOPT_SSL_VERIFYHOST, server->insecure ? 0L : 2L);
	if (server->ca_file) {
		SET(CURLOPT_CAINFO, server->ca_file);
		/* Else the folder of the system's authorities would be trusted beside it. */
		SET(CURLOPT_CAPATH, NULL);
	}
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, answer);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, answer);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_NOPROGRESS, 0L);
	SET(CURLOPT_ERRORBUFFER, error);
	SET(CURLOPT_USERAGENT, "pulih/" PULIH_VERSION);
	return code;
}

static enum message message_of(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_INTERFACE_FAILED:
		return PL_NOTIFY_CONNECT;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_ENGINE_INITFAILED:
	case CURLE_USE_SSL_FAILED:
		return PL_NOTIFY_TLS;
	case CURLE_LOGIN_DENIED:
		return PL_NOTIFY_LOGIN;
	case CURLE_OPERATION_TIMEDOUT:
		return PL_NOTIFY_TIMEOUT;
	default:
		return PL_NOTIFY_BROKEN_OFF;
	}
}

/* What went wrong, in our terms. The library's own text names the cause; what the server said goes beside it. */
static enum err fail_transfer(
    const struct curl_transfer_server *server, CURLcode code, const struct answer *answer, const char *error)
{
	const char *text = error[0] ? error : curl_easy_strerror(code);
	bool said = answer->said[0] != '\0';

	if (code == CURLE_OUT_OF_MEMORY)
		return fail(PL_NO_MEMORY, "no memory to send to %s", server->name);
	if (code == CURLE_ABORTED_BY_CALLBACK && interrupt_requested())
		return fail(PL_INTERRUPTED, "interrupted while sending to %s", server->name);
	if (answer->too_much)
		return fail(PL_NOTIFY_BROKEN_OFF, "%s answers more than %u bytes", server->name, ANSWER_MAX);
	/* SMTP: a command of ours got a 4xx or 5xx. */
	if (said && (answer->said[0] == '4' || answer->said[0] == '5') &&
	    (code == CURLE_SEND_ERROR || code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_REMOTE_ACCESS_DENIED))
		return fail(PL_NOTIFY_REFUSED, "%s refuses: %s", server->name, answer->said);
	return fail(message_of(code), "%s: %s%s%s%s", server->name, text, said ? " (it said: " : "",
	    said ? answer->said : "", said ? ")" : "");
}

static CURLcode append_headers(struct curl_slist **list, const char *const *headers)
{
	for (; headers && *headers; headers++) {
		struct curl_slist *longer = curl_slist_append(*list, *headers);

		if (!longer)
			return CURLE_OUT_OF_MEMORY;
		*list = longer;
	}
	return CURLE_OK;
}

enum err curl_transfer_http(
    const struct curl_transfer_server *server, const char *const *headers, const struct buffer *body)
{
	CURL *handle = NULL;
	struct curl_slist *list = NULL;
	struct answer answer = {0};
	char error[CURL_ERROR_SIZE] = "";
	long status = 0;
	CURLcode code;
	enum err err = new_handle(&handle);

	if (err != ERR_OK)
		goto done;
	code = append_headers(&list, headers);
	code = code == CURLE_OK ? set_common(handle, server, &answer, error) : code;
	SET(CURLOPT_HTTPHEADER, list);
	if (body) {
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->length);
		SET(CURLOPT_POSTFIELDS, body->data);
	}
	code = code == CURLE_OK ? curl_easy_perform(handle) : code;
	if (code != CURLE_OK) {
		err = fail_transfer(server, code, &answer, error);
		goto done;
	}
	curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 300 && status < 400)
		err = fail(PL_NOTIFY_REFUSED, "%s sends on to another address, which is not followed (%s)",
		    server->name, answer.said);
	else if (status < 200 || status >= 300)
		err = fail(PL_NOTIFY_REFUSED, "%s refuses: %s", server->name, answer.said);
done:
	curl_easy_cleanup(handle);
	curl_slist_free_all(list);
	return err;
}

/* ---- mail ---- */

static CURLcode add_part(curl_mime *mime, const struct curl_transfer_part *part)
{
	curl_mimepart *added = curl_mime_addpart(mime);
	CURLcode code = added ? curl_mime_data(added, part->bytes, part->size) : CURLE_OUT_OF_MEMORY;

	if (code == CURLE_OK)
		code = curl_mime_type(added, part->type);
	if (code == CURLE_OK)
		code = curl_mime_encoder(added, part->encoding == CURL_TRANSFER_BASE64 ? "base64" : "quoted-printable");
	if (code == CURLE_OK && part->name)
		code = curl_mime_filename(added, part->name);
	return code;
}

static CURLcode set_mail(struct curl_transfer_session *session)
{
	const struct curl_transfer_mail *mail = session->mail;
	CURL *handle = session->handle;
	CURLcode code = append_headers(&session->headers, mail->headers);

	for (size_t i = 0; code == CURLE_OK && i < mail->parts_count; i++)
		code = add_part(session->mime, &mail->parts[i]);
	code = code == CURLE_OK ? set_common(handle, session->server, &session->answer, session->error) : code;
	SET(CURLOPT_USE_SSL, (long)(mail->starttls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
	if (mail->user) {
		SET(CURLOPT_USERNAME, mail->user);
		SET(CURLOPT_PASSWORD, mail->password);
	}
	SET(CURLOPT_MAIL_FROM, session->from);
	SET(CURLOPT_HTTPHEADER, session->headers);
	SET(CURLOPT_MIMEPOST, session->mime);
	return code;
}

enum err curl_transfer_open(struct curl_transfer_session **out, const struct curl_transfer_server *server,
    const struct curl_transfer_mail *mail)
{
	struct curl_transfer_session *session = mem_calloc(1, sizeof(*session));
	enum err err = session ? new_handle(&session->handle) : ERR_NOMEM;
	CURLcode code;

	*out = session;
	if (err != ERR_OK)
		return err;
	session->server = server;
	session->mail = mail;
	session->mime = curl_mime_init(session->handle);
	session->from = mem_printf("<%s>", mail->from);
	if (!session->from)
		return ERR_NOMEM;
	if (!session->mime)
		return fail(PL_NO_MEMORY, "no memory for a mail");
	code = set_mail(session);
	return code == CURLE_OK ? ERR_OK : fail_transfer(server, code, &session->answer, session->error);
}

enum err curl_transfer_send(struct curl_transfer_session *session, const char *recipient)
{
	char *address = mem_printf("<%s>", recipient);
	struct curl_slist *recipients = address ? curl_slist_append(NULL, address) : NULL;
	CURL *handle = session->handle;
	enum err err = ERR_OK;
	CURLcode code = CURLE_OK;

	session->answer = (struct answer){0};
	session->error[0] = '\0';
	if (!recipients) {
		err = fail(PL_NO_MEMORY, "no memory for a mail");
		goto done;
	}
	SET(CURLOPT_MAIL_RCPT, recipients);
	code = code == CURLE_OK ? curl_easy_perform(handle) : code;
	if (code != CURLE_OK)
		err = fail_transfer(session->server, code, &session->answer, session->error);
	curl_easy_setopt(handle, CURLOPT_MAIL_RCPT, NULL);
done:
	curl_slist_free_all(recipients);
	mem_free(address);
	return err;
}

void curl_transfer_close(struct curl_transfer_session *session)
{
	if (!session)
		return;
	curl_easy_cleanup(session->handle);
	curl_mime_free(session->mime);
	curl_slist_free_all(session->headers);
	mem_free(session->from);
	mem_free(session);
}
