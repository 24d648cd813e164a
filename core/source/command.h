/* Standard output of a command as a source. A command that fails is a failed backup: its exit status decides. */
#ifndef PULIH_SOURCE_COMMAND_H
#define PULIH_SOURCE_COMMAND_H

#include "core/source/stream_source.h"

#include <sys/types.h>

struct command;
/* Starts argv (execvp), standard input from /dev/null, standard error inherited. PL_CHILD where it cannot be started
 * (a child that cannot exec reports through a pipe, so that "not found" is seen here). The child gets its own
 * process group and no descriptors of ours. */
enum err command_start(struct command **out, const char *const *argv);

struct command_options {
	const char *const *argv;
	/* Stay open in the child under the same numbers, which are above 2; ends in -1. NULL: none. */
	const int *descriptors;
	const char *const *environment; /* "NAME=value", in place of ours of that name; NULL-terminated. NULL: ours */
	bool keep_errors;		/* standard error is kept for command_said instead */
};
enum err command_start_with(struct command **out, const struct command_options *options);
#define COMMAND_SAID 512 /* bytes with the NUL */
/* The end of what it wrote to standard error, on one line; "" where it said nothing or it was not kept. Bytes as they came. */
void command_said(const struct command *command, char out[COMMAND_SAID]);
/* Up to `size` bytes; 0 at the end of the output. PL_SOURCE_READ. */
enum err command_read(struct command *command, void *out, size_t size, size_t *got);
/* The same for who wants no data but the end: 0 too when the program has ended and all that it said was read, though something that it
 * started goes on and holds its output. */
enum err command_read_said(struct command *command, void *out, size_t size, size_t *got);
/* Waits. PL_COMMAND_FAILED (ERR_FAILED) names the command and its exit status or signal. */
enum err command_finish(struct command *command);
/* Ends the child if it still runs, with all that it started in its group (SIGTERM, then SIGKILL), reaps it. */
void command_free(struct command *command);

/* The same as a stream; its config is argv. */
extern const struct stream_kind command_stream;

#endif
