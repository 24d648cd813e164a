#include "core/source/command.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PIPE_SIZE (1 << 20) /* bytes: what an unprivileged user may ask for; fewer changes between the two processes */
#define LOOK_EVERY 200	    /* milliseconds between two looks at whether the program was asked to stop */
#define TERMINATE_PATIENCE 2000 /* milliseconds that a child has between SIGTERM and SIGKILL */
#define GROUP_EVERY 10		/* milliseconds between two looks at what is left of it */

#define HEAR_AT_ONCE 256u /* pieces of what a program says on standard error */

struct command {
	pid_t pid; /* 0: reaped */
	int output;
	int errors; /* -1: inherited */
	char *name; /* the program only: arguments may hold secrets */
	char said[COMMAND_SAID];
	size_t said_length;
};

/* What the child is made of. */
struct birth {
	const char *const *argv;
	char **environment; /* NULL: ours */
	const int *descriptors;
	int output, errors; /* errors -1: inherited */
	int error_pipe;
};

/* Runs in the child, between fork and exec: only async-signal-safe calls. */
__attribute__((noreturn)) static void become(const struct birth *birth)
{
	struct sigaction action;
	sigset_t none;
	int null = open("/dev/null", O_RDONLY);

	setpgid(0, 0);
	/* No handler of ours may run in the child once the mask is open. What was ignored stays so (nohup), but for
	 * SIGPIPE and SIGXFSZ, which we ignore ourselves. */
	for (int number = 1; number < NSIG; number++) {
		if (sigaction(number, NULL, &action) != 0 ||
		    (action.sa_handler == SIG_IGN && number != SIGPIPE && number != SIGXFSZ))
			continue;
		action = (struct sigaction){.sa_handler = SIG_DFL};
		sigaction(number, &action, NULL);
	}
	sigemptyset(&none);
	/* Ours are opened with O_CLOEXEC; this is for /dev/null and what a library forgot. Kernels before 5.11 do
	 * without. */
	close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
	for (const int *fd = birth->descriptors; fd && *fd >= 0; fd++)
		fcntl(*fd, F_SETFD, 0);
	if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(birth->output, STDOUT_FILENO) >= 0 &&
	    (birth->errors < 0 || dup2(birth->errors, STDERR_FILENO) >= 0) &&
	    sigprocmask(SIG_SETMASK, &none, NULL) == 0)
		execvpe(birth->argv[0], (char *const *)(uintptr_t)birth->argv,
		    birth->environment ? birth->environment : environ);
	file_write_all(birth->error_pipe, &errno, sizeof(errno));
	_exit(127);
}

/* With all signals blocked, so that none is handled twice between fork and exec. */
static pid_t fork_child(const struct birth *birth)
{
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		become(birth);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	/* Here too, so that the group exists whoever runs first. */
	if (pid > 0)
		setpgid(pid, pid);
	return pid;
}

/* Where standard descriptors of ours are closed, a pipe may have got their numbers, and dup2 in the child would
 * replace it: pipes live above them. */
static int above_standard(int fd)
{
	int moved = fd;

	if (fd >= 0 && fd <= STDERR_FILENO) {
		moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		close(fd);
	}
	return moved;
}

static bool open_pipe(int pipe_fds[2])
{
	if (pipe2(pipe_fds, O_CLOEXEC) != 0)
		return false;
	pipe_fds[0] = above_standard(pipe_fds[0]);
	pipe_fds[1] = above_standard(pipe_fds[1]);
	return pipe_fds[0] >= 0 && pipe_fds[1] >= 0;
}

static void close_pipe(int pipe_fds[2])
{
	for (int i = 0; i < 2; i++)
		if (pipe_fds[i] >= 0)
			close(pipe_fds[i]);
}

/* What the child says before exec: nothing, or an errno. */
static int exec_error(int fd)
{
	int error = 0;

	return file_read_full(fd, &error, sizeof(error)) == (ssize_t)sizeof(error) ? error : 0;
}

/* Ours with what is put in its place. *out is an array whose strings are borrowed; NULL for ours as it is. */
static enum err make_environment(const char *const *added, char ***out)
{
	size_t ours = 0, more = 0, count = 0;
	char **list;

	*out = NULL;
	if (!added)
		return ERR_OK;
	while (environ[ours])
		ours++;
	while (added[more])
		more++;
	list = mem_calloc(ours + more + 1, sizeof(*list));
	if (!list)
		return ERR_NOMEM;
	for (size_t i = 0; i < ours; i++) {
		bool replaced = false;

		for (size_t k = 0; k < more; k++)
			replaced = replaced || strncmp(environ[i], added[k], strcspn(added[k], "=") + 1) == 0;
		if (!replaced)
			list[count++] = environ[i];
	}
	for (size_t k = 0; k < more; k++)
		list[count++] = (char *)(uintptr_t)added[k];
	*out = list;
	return ERR_OK;
}

/* The process, and whether it became the program. */
static enum err bear(struct command *command, struct birth *birth)
{
	int errors[2] = {-1, -1}, error;
	enum err err = ERR_OK;

	if (open_pipe(errors)) {
		birth->error_pipe = errors[1];
		command->pid = fork_child(birth);
	}
	if (command->pid <= 0) {
		command->pid = 0;
		err = fail_errno(PL_CHILD, "cannot start %s", command->name);
		close_pipe(errors);
		return err;
	}
	close(errors[1]);
	error = exec_error(errors[0]);
	if (error != 0) {
		errno = error;
		err = fail_errno(PL_CHILD, "cannot start %s", command->name);
	}
	close(errors[0]);
	return err;
}

enum err command_start_with(struct command **out, const struct command_options *options)
{
	struct command *command = mem_calloc(1, sizeof(*command));
	struct birth birth = {.argv = options->argv, .descriptors = options->descriptors, .errors = -1};
	int data[2] = {-1, -1}, said[2] = {-1, -1};
	enum err err = ERR_NOMEM;

	if (!command)
		goto done;
	command->output = command->errors = -1;
	command->name = output_printable(options->argv[0], strlen(options->argv[0]));
	if (!command->name || make_environment(options->environment, &birth.environment) != ERR_OK)
		goto done;
	if (!open_pipe(data) || (options->keep_errors && !open_pipe(said))) {
		err = fail_errno(PL_CHILD, "cannot start %s", command->name);
		goto done;
	}
	birth.output = data[1];
	birth.errors = said[1];
	err = bear(command, &birth);
	if (err != ERR_OK)
		goto done;
	fcntl(data[0], F_SETPIPE_SZ, PIPE_SIZE);
	fcntl(data[0], F_SETFL, O_NONBLOCK);
	if (said[0] >= 0)
		fcntl(said[0], F_SETFL, O_NONBLOCK);
	command->output = data[0];
	command->errors = said[0];
	data[0] = said[0] = -1;
	*out = command;
	command = NULL;
done:
	close_pipe(data);
	close_pipe(said);
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

		if (c == '\r' || (c == '\n' && (length == 0 || out[length - 1] == ' ')))
			continue;
		out[length++] = c == '\n' || c == '\0' ? ' ' : c;
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
