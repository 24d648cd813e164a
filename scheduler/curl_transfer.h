/* HTTP requests and mail, by libcurl: the one place that knows it.
 *
 * What holds for all of them: only http, https, smtp and smtps; no redirect is followed; TLS 1.2 or newer with the server's certificate
 * checked; times bounded; headers and answers bounded. Safe to call from any thread. */
#ifndef PULIH_SCHEDULER_CURL_TRANSFER_H
#define PULIH_SCHEDULER_CURL_TRANSFER_H

#include "core/base/buffer.h"

/* Texts are borrowed. */
struct curl_transfer_server {
	const char *url;     /* "https://host/path", "smtp://host:587" */
	const char *name;    /* what messages call it: an address that is a secret must not be in them */
	const char *ca_file; /* PEM; NULL: the authorities of the system */
	bool insecure;	     /* the certificate is not checked */
	long timeout;	     /* seconds for all of it; connecting has 15 of them at most */
};

/* All of these fail with PL_NOTIFY_CONNECT, _TLS, _TIMEOUT, _LOGIN, _REFUSED (what the server said stands in the text) or _BROKEN_OFF,
 * PL_INTERRUPTED where the program is asked to stop, PL_NO_MEMORY. */

/* POST of the body, or GET where it is NULL. `headers`: "Name: value", NULL-terminated. An answer of 200 to 299 is success. */
enum err curl_transfer_http(
    const struct curl_transfer_server *server, const char *const *headers, const struct buffer *body);

enum curl_transfer_encoding { CURL_TRANSFER_QUOTED_PRINTABLE, CURL_TRANSFER_BASE64 };
struct curl_transfer_part {
	const char *type; /* "text/plain; charset=UTF-8" */
	const char *name; /* of the file, ASCII; NULL: none, it is the text */
	enum curl_transfer_encoding encoding;
	const void *bytes; /* quoted-printable: lines end in CR LF */
	size_t size;
};
struct curl_transfer_mail {
	bool starttls;		     /* insist on it */
	const char *user, *password; /* both NULL: no login */
	const char *from;	     /* bare address */
	const char *const *headers;  /* "Name: value", folded where they are long; NULL-terminated */
	const struct curl_transfer_part *parts;
	size_t parts_count;
};

/* A connection to a mail server, for several recipients one after the other. */
struct curl_transfer_session;
/* Nothing is connected yet. *out is released with curl_transfer_close, NULL too. `server` and `mail` are borrowed until then. */
enum err curl_transfer_open(struct curl_transfer_session **out, const struct curl_transfer_server *server,
    const struct curl_transfer_mail *mail);
/* Hands the message over for one recipient: ERR_OK says that the server has taken it. */
enum err curl_transfer_send(struct curl_transfer_session *session, const char *recipient);
void curl_transfer_close(struct curl_transfer_session *session);

#endif
