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

/* A user without any right that this process has; the groups of its password entry do not count. */
struct command_user {
	uid_t uid;
	gid_t gid;
};

struct command_options {
	const char *const *argv;
	/* Stay open in the child under the same numbers, which are above 2; ends in -1. NULL: none. */
	const int *descriptors;
	/* "NAME=value", in place of ours of that name; "NAME": without ours. NULL-terminated. NULL: ours */
	const char *const *environment;
	bool keep_errors;  /* standard error is kept for command_said instead */
	bool fed;	   /* standard input is what command_write gives; else /dev/null */
	int log;	   /* above 2: standard output and standard error go there; 0: none */
	bool dies_with_us; /* gets SIGKILL when the thread that starts it ends, whatever ends it; no core dumps */
	/* Another user, which only root can make of it. It can get no rights back, and of root's has no network either but sockets that are files.
	 * NULL: ours. */
	const struct command_user *user;
	const char *folder; /* where it works; NULL: where we do */
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
/* Of one that is fed: gives it all of `size` bytes; what it writes to standard output meanwhile is thrown away. PL_COMMAND_FAILED where it
 * ended, or wants no more. */
enum err command_write(struct command *command, const void *bytes, size_t size);
/* Nothing follows: waits until it has ended; how, is for command_finish to say. */
enum err command_write_end(struct command *command);
/* Whether it is there no more. */
bool command_has_ended(const struct command *command);
/* Waits. PL_COMMAND_FAILED (ERR_FAILED) names the command and its exit status or signal. */
enum err command_finish(struct command *command);
/* Ends the child if it still runs, with all that it started in its group (SIGTERM, then SIGKILL), reaps it. */
void command_free(struct command *command);

/* The same as a stream; its config is argv. */
extern const struct stream_kind command_stream;

#endif
