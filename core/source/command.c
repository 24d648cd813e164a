#include "core/source/command_internal.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PIPE_SIZE (1 << 20) /* bytes: what an unprivileged user may ask for; fewer changes between the two processes */
#define END_EVERY 20	    /* milliseconds between two looks at whether it has ended */
#define LOOK_EVERY 200	    /* milliseconds between two looks at whether the program was asked to stop */
#define TERMINATE_PATIENCE 2000 /* milliseconds that a child has between SIGTERM and SIGKILL */
#define GROUP_EVERY 10		/* milliseconds between two looks at what is left of it */

#define HEAR_AT_ONCE 256u /* pieces of what a program says on standard error */

struct command {
	pid_t pid;  /* 0: reaped */
	int input;  /* -1: /dev/null, or closed */
	int output; /* -1: not ours */
	int errors; /* -1: inherited */
	char *name; /* the program only: arguments may hold secrets */
	char said[COMMAND_SAID];
	size_t said_length;
};

static void not_blocking(int fd)
{
	if (fd >= 0)
		fcntl(fd, F_SETFL, O_NONBLOCK);
}

/* The ends of pipes that are ours become the command's. */
static void keep_ends(struct command *command, int fed[2], int data[2], int said[2])
{
	if (data[0] >= 0)
		fcntl(data[0], F_SETPIPE_SZ, PIPE_SIZE);
	if (fed[1] >= 0)
		fcntl(fed[1], F_SETPIPE_SZ, PIPE_SIZE);
	command->input = fed[1];
	command->output = data[0];
	command->errors = said[0];
	fed[1] = data[0] = said[0] = -1;
	not_blocking(command->input);
	not_blocking(command->output);
	not_blocking(command->errors);
}

enum err command_start_with(struct command **out, const struct command_options *options)
{
	struct command *command = mem_calloc(1, sizeof(*command));
	struct command_birth birth = {.options = options};
	int fed[2] = {-1, -1}, data[2] = {-1, -1}, said[2] = {-1, -1};
	enum err err = ERR_NOMEM;

	if (!command)
		goto done;
	command->input = command->output = command->errors = -1;
	command->name = output_printable(options->argv[0], strlen(options->argv[0]));
	if (!command->name || command_birth_environment(options->environment, &birth.environment) != ERR_OK)
		goto done;
	if ((options->fed && !command_birth_pipe(fed)) || (!options->log && !command_birth_pipe(data)) ||
	    (options->keep_errors && !command_birth_pipe(said))) {
		err = fail_errno(PL_CHILD, "cannot start %s", command->name);
		goto done;
	}
	birth.input = fed[0];
	birth.output = options->log ? options->log : data[1];
	birth.errors = options->log ? options->log : said[1];
	err = command_birth(&birth, command->name, &command->pid);
	if (err != ERR_OK)
		goto done;
	keep_ends(command, fed, data, said);
	*out = command;
	command = NULL;
done:
	command_birth_close(fed);
	command_birth_close(data);
	command_birth_close(said);
	mem_free(birth.environment);
	command_free(command);
	return err;
}

enum err command_start(struct command **out, const char *const *argv)
{
	return command_start_with(out, &(struct command_options){.argv = argv});
}

/* Takes what waits on standard error, keeping the end of it. */
static void hear(struct command *command)
{
	char heard[COMMAND_SAID];
	ssize_t got = 1;

	/* One that never stops talking is not listened to for ever. */
	for (unsigned times = 0; command->errors >= 0 && times < HEAR_AT_ONCE; times++) {
		size_t size, keep = command->said_length;

		got = read(command->errors, heard, sizeof(heard) - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return;
		if (got == 0)
			break;
		size = (size_t)got;
		if (keep + size > sizeof(command->said) - 1)
			keep = sizeof(command->said) - 1 - size;
		memmove(command->said, command->said + command->said_length - keep, keep);
		memcpy(command->said + keep, heard, size);
		command->said_length = keep + size;
	}
	/* Its end: a closed pipe would be ready for ever. */
	if (command->errors >= 0 && got == 0) {
		close(command->errors);
		command->errors = -1;
	}
}

void command_said(const struct command *command, char out[COMMAND_SAID])
{
	size_t length = 0;

	for (size_t i = 0; i < command->said_length; i++) {
		char c = command->said[i];
		bool blank = c == '\n' || c == '\t';

		if (c == '\r' || (blank && (length == 0 || out[length - 1] == ' ')))
			continue;
		out[length++] = blank || c == '\0' ? ' ' : c;
	}
	while (length > 0 && out[length - 1] == ' ')
		length--;
	out[length] = '\0';
}

/* Whether the program itself is there no more; it stays to be reaped. */
static bool has_ended(const struct command *command)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)command->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
}

static enum err read_output(struct command *command, void *out, size_t size, size_t *got, bool until_ended)
{
	bool ended = false;

	for (;;) {
		struct pollfd ready[] = {
		    {.fd = command->output, .events = POLLIN}, {.fd = command->errors, .events = POLLIN}};
		ssize_t done = read(command->output, out, size);
		int error = errno;

		/* What it said before it ended is there when it has ended: one more look, and that is all. */
		if (done >= 0 || (error == EAGAIN && ended)) {
			*got = done > 0 ? (size_t)done : 0;
			return ERR_OK;
		}
		if (interrupt_requested())
			return fail(PL_INTERRUPTED, "interrupted while %s was running", command->name);
		if (error != EAGAIN && error != EINTR)
			return fail_errno(PL_SOURCE_READ, "cannot read the output of %s", command->name);
		ended = until_ended && has_ended(command);
		if (error == EAGAIN && !ended)
			poll(ready, 2, LOOK_EVERY);
		hear(command);
	}
}

enum err command_read(struct command *command, void *out, size_t size, size_t *got)
{
	return read_output(command, out, size, got, false);
}

enum err command_read_said(struct command *command, void *out, size_t size, size_t *got)
{
	/* One that never stops talking is never waited for. */
	if (interrupt_requested())
		return fail(PL_INTERRUPTED, "interrupted while %s was running", command->name);
	return read_output(command, out, size, got, true);
}

/* What it says meanwhile must not keep it from reading. */
static void pass_over_output(struct command *command)
{
	char ignored[4096];

	for (unsigned times = 0; command->output >= 0 && times < HEAR_AT_ONCE; times++)
		if (read(command->output, ignored, sizeof(ignored)) <= 0)
			break;
	hear(command);
}

enum err command_write(struct command *command, const void *bytes, size_t size)
{
	const char *at = bytes;

	while (size > 0) {
		struct pollfd ready[] = {{.fd = command->input, .events = POLLOUT},
		    {.fd = command->output, .events = POLLIN}, {.fd = command->errors, .events = POLLIN}};
		ssize_t done = write(command->input, at, size);

		if (done > 0) {
			at += done;
			size -= (size_t)done;
			continue;
		}
		if (interrupt_requested())
			return fail(PL_INTERRUPTED, "interrupted while %s was running", command->name);
		if (done < 0 && errno == EPIPE)
			return fail(PL_COMMAND_FAILED, "%s ended before it had read all", command->name);
		if (done < 0 && errno != EAGAIN && errno != EINTR)
			return fail_errno(PL_COMMAND_FAILED, "cannot write to %s", command->name);
		poll(ready, 3, LOOK_EVERY);
		pass_over_output(command);
	}
	return ERR_OK;
}

enum err command_write_end(struct command *command)
{
	struct pollfd ready[] = {{.fd = command->output, .events = POLLIN}, {.fd = command->errors, .events = POLLIN}};

	close(command->input);
	command->input = -1;
	while (!has_ended(command)) {
		if (interrupt_requested())
			return fail(PL_INTERRUPTED, "interrupted while %s was running", command->name);
		poll(ready, 2, END_EVERY);
		pass_over_output(command);
	}
	pass_over_output(command);
	return ERR_OK;
}

bool command_has_ended(const struct command *command)
{
	return has_ended(command);
}

static void sleep_milliseconds(long milliseconds)
{
	struct timespec time = {.tv_nsec = milliseconds * 1000000};

	nanosleep(&time, NULL);
}

/* Waits up to `patience` milliseconds, or without end where that is negative. False where the child still runs, or
 * is not to be waited for because the program was asked to stop. */
static bool wait_for(struct command *command, long patience, int *status)
{
	long pause = 1;

	for (long waited = 0;; waited += pause) {
		pid_t pid;

		hear(command);
		pid = waitpid(command->pid, status, WNOHANG);
		if (pid == command->pid)
			break;
		/* Somebody else reaped it: its status is lost, and cannot count as success. */
		if (pid < 0 && errno != EINTR) {
			*status = -1;
			break;
		}
		if (patience < 0 ? interrupt_requested() : waited >= patience)
			return false;
		pause = pause < 50 ? pause * 2 : pause;
		sleep_milliseconds(pause);
	}
	command->pid = 0;
	hear(command);
	return true;
}

enum err command_finish(struct command *command)
{
	int status = 0;

	/* A child that is not read to its end must not wait for a reader for ever: it gets SIGPIPE, and counts as
	 * failed. */
	if (command->output >= 0)
		close(command->output);
	command->output = -1;
	if (!wait_for(command, -1, &status))
		return fail(PL_INTERRUPTED, "interrupted while %s was running", command->name);
	if (status == -1)
		return fail(PL_COMMAND_FAILED, "%s ended, but not how it ended could be learned", command->name);
	if (WIFSIGNALED(status))
		return fail(PL_COMMAND_FAILED, "%s was ended by signal %d (%s)", command->name, WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status) != 0)
		return fail(PL_COMMAND_FAILED, "%s ended with status %d", command->name, WEXITSTATUS(status));
	return ERR_OK;
}

/* A shell's children too: one of them may not hear SIGTERM, or may take longer than the shell. While one is left, the number of the group is
 * nobody else's. */
static void end_group(struct command *command)
{
	const pid_t group = command->pid;
	bool left = true;
	int status;

	kill(-group, SIGTERM);
	for (long waited = 0; left && waited < TERMINATE_PATIENCE; waited += GROUP_EVERY) {
		if (command->pid == 0 || wait_for(command, 0, &status))
			left = kill(-group, 0) == 0;
		if (left)
			sleep_milliseconds(GROUP_EVERY);
	}
	if (left)
		kill(-group, SIGKILL);
	while (command->pid > 0 && waitpid(command->pid, &status, 0) < 0 && errno == EINTR)
		;
}

void command_free(struct command *command)
{
	if (!command)
		return;
	if (command->input >= 0)
		close(command->input);
	if (command->output >= 0)
		close(command->output);
	if (command->pid > 0)
		end_group(command);
	if (command->errors >= 0)
		close(command->errors);
	mem_free(command->name);
	mem_free(command);
}

/* ---- as a stream ---- */

static enum err open_stream(void **stream, const void *config)
{
	struct command *command = NULL;
	enum err err = command_start(&command, config);

	*stream = command;
	return err;
}

static enum err read_stream(void *stream, void *out, size_t size, size_t *got)
{
	return command_read(stream, out, size, got);
}

/* Its exit status decides: a command that failed is a failed backup, whatever it has said. */
static enum err finish_stream(void *stream, stream_database_visit visit, void *context)
{
	(void)visit;
	(void)context;
	return command_finish(stream);
}

static void close_stream(void *stream)
{
	command_free(stream);
}

const struct stream_kind command_stream = {.name = "command",
    .open = open_stream,
    .read = read_stream,
    .finish = finish_stream,
    .close = close_stream,
    .once = true};
