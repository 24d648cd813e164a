/* What the files of SFTP share: requests and their answers. */
#ifndef PULIH_SSH_SFTP_INTERNAL_H
#define PULIH_SSH_SFTP_INTERNAL_H

#include "core/ssh/sftp_wire.h"
#include "core/ssh/ssh_internal.h"

#define SFTP_REQUESTS 1024u	 /* that may be unanswered; a power of two */
#define SFTP_OUT_FULL (1u << 20) /* bytes of requests that wait for the channel; nothing is added beyond */

/* An answer that came, held against its request. `wire` stands behind the number of the request. ERR_OK, or what sftp_bad() returned:
 * a refusal is kept for whoever asked, it is no failure here. */
typedef enum err (*sftp_answer)(void *context, enum sftp_type type, struct sftp_wire *wire);

struct sftp_request {
	uint32_t id;
	sftp_answer answer; /* NULL: the place is free */
	void *context;
};

struct sftp {
	struct ssh *ssh;
	struct ssh_channel channel;
	struct buffer in, out;
	size_t in_at, out_at;
	struct buffer body; /* of the request that is made */
	struct sftp_request requests[SFTP_REQUESTS];
	uint32_t next;	  /* number of the next request; its place is the number modulo SFTP_REQUESTS */
	size_t asked;	  /* unanswered */
	int64_t progress; /* when something moved last, or was asked while nothing was */
	bool has_fsync, has_statvfs, has_limits;
	uint32_t read_size, write_size; /* bytes of one request */
	unsigned files;
};

/* ---- sftp.c ---- */

/* Makes sftp->body of the fields: 's' const char *, 'h' const struct buffer * (a handle), 'b' const void *, size_t; 'u' uint32_t; 'q' uint64_t. Then
 * queues the request; `answer` is called once, unless the session ends before. */
enum err sftp_ask(struct sftp *sftp, enum sftp_type type, sftp_answer answer, void *context, const char *fields, ...);
/* Answers to requests whose context lies in [from, to) go to `answer` with `context` from now on. */
void sftp_divert(struct sftp *sftp, const void *from, const void *to, sftp_answer answer, void *context);
/* Takes an answer and does nothing. */
enum err sftp_ignore(void *context, enum sftp_type type, struct sftp_wire *wire);
/* Moves what can be moved, and waits where that is nothing. */
enum err sftp_turn(struct sftp *sftp);
/* The server broke a rule: the session ends. */
enum err sftp_bad(struct sftp *sftp, const char *what);

/* A status as a failure. `doing`: "read", "list"; "cannot read NAME at HOST: what it says". Never ERR_OK. */
enum err sftp_refused(struct sftp *sftp, uint32_t code, const char *said, const char *doing, const char *path);

/* The handle of an answer, appended to `out`. */
enum err sftp_read_handle(struct sftp *sftp, struct sftp_wire *wire, struct buffer *out);
/* Closes a handle without waiting; keeps the last failure. */
void sftp_hang_up(struct sftp *sftp, const struct buffer *handle);

/* An answer that is waited for; starts as {.sftp = …}. */
struct sftp_wait {
	struct sftp *sftp;
	bool done;
	enum sftp_type type;
	uint32_t code;	    /* of a status */
	char said[128];	    /* with it */
	struct buffer body; /* of anything else */
};
enum err sftp_await(void *context, enum sftp_type type, struct sftp_wire *wire);
/* Waits for it, after it was asked with sftp_await. */
enum err sftp_wait(struct sftp_wait *wait);
void sftp_wait_free(struct sftp_wait *wait);
/* Reads a status: its code and what it says as something harmless. */
uint32_t sftp_read_status(struct sftp_wire *wire, char *said, size_t room);
/* The same request and its answer at once: ERR_OK when the answer is `expected`, its body in wait->body. */
enum err sftp_call(
    struct sftp_wait *wait, enum err asked, enum sftp_type expected, const char *doing, const char *path);

#endif
