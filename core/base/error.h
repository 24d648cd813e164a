/* Errors: one enum for the whole program, and one place that remembers what went wrong.
 *
 * The function that detects an error calls fail() with a message of messages.def and the name of the object; it
 * returns the message's enum err. Callers hand the value up unchanged, or add context with fail_context(). The
 * message is remembered per thread; failure_take() moves it, so that a worker's failure can be reported elsewhere. */
#ifndef PULIH_BASE_ERROR_H
#define PULIH_BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* What kind of thing went wrong. Each kind has one exit code (error_exit_code), see docs of `pulih help exit`. */
enum err {
	ERR_OK = 0,
	ERR_FAILED,	   /* anything that has no kind of its own */
	ERR_USAGE,	   /* the command line is wrong */
	ERR_CONFIG,	   /* the configuration file is wrong */
	ERR_NOMEM,	   /* memory ran out */
	ERR_IO,		   /* the system refused to read or write an object or a local file: try again, or repair */
	ERR_NOSPACE,	   /* the place that is written to is full */
	ERR_MISSING,	   /* the object is not there */
	ERR_CORRUPT,	   /* the object is there, and is not what it must be */
	ERR_EXISTS,	   /* the object is there already */
	ERR_SOURCE,	   /* what is to be backed up cannot be read */
	ERR_NO_REPOSITORY, /* there is no repository at that place */
	ERR_BUSY,	   /* somebody else is at work there */
	ERR_KEY,	   /* wrong passphrase, wrong or missing key */
	ERR_DENIED,	   /* this key or this target does not permit it */
	ERR_UNSUPPORTED,   /* version, suite, flag or feature that this program does not know */
	ERR_LIMIT,	   /* a bound of core/repo/limits.h is exceeded */
	ERR_INTERRUPTED,   /* SIGINT or SIGTERM */
	ERR_PARTIAL,	   /* finished, but part of the source could not be read, or changed meanwhile */
	ERR_DRILL,	   /* a drill did not match */
};

/* The stable messages: PL_<NAME>, see messages.def. */
enum message {
	PL_NONE = 0,
#define MESSAGE(name, number, kind, cause, remedy) PL_##name = number,
#include "core/base/messages.def"
#undef MESSAGE
};

#define FAILURE_TEXT 1024 /* bytes of a message; longer ones are cut at a character and end in "..." */

struct failure {
	enum err kind;
	enum message id;
	char text[FAILURE_TEXT];
};

/* Records message `id` with a text and returns its kind. Never returns ERR_OK. */
enum err fail(enum message id, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As fail(), for a system call that just failed: appends ": " and strerror(errno); ENOSPC, EDQUOT and EFBIG turn into
 * PL_NO_SPACE (ERR_NOSPACE), ENOMEM into PL_NO_MEMORY. errno is kept. */
enum err fail_errno(enum message id, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "context: " before the remembered text, and returns `kind` unchanged. */
enum err fail_context(enum err kind, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The last failure of this thread; kind ERR_OK where there was none. Owned by the module. */
const struct failure *failure_last(void);

/* Copies this thread's last failure to *out and forgets it. */
void failure_take(struct failure *out);

/* Makes *failure this thread's last failure and returns its kind. */
enum err failure_put(const struct failure *failure);

void failure_clear(void);

/* "PL-1203" of a message; the buffer must hold 16 bytes. Returns the buffer. */
char *message_code(enum message id, char buffer[16]);

struct message_info {
	enum message id;
	const char *name;
	enum err kind;
	const char *cause;
	const char *remedy;
};

/* The catalogue, ascending by number; *count receives its length. Static. */
const struct message_info *message_catalogue(size_t *count);
/* NULL where the number is unknown. */
const struct message_info *message_find(int number);

/* 0, 1, 2, 3, 4, 5, 10, 11, 12, 13 or 130: the table of the manual. */
int error_exit_code(enum err kind);
/* A word for JSON: "ok", "failed", "usage", "corrupt", … */
const char *error_name(enum err kind);

#endif
