/* How a child becomes a program. */
#include "core/source/command_internal.h"

#include "core/base/file.h"
#include "core/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Another user, with nothing that this process may do: no groups, no way to get rights back (a program with the set-user-id bit), and where
 * root asks, no network but the sockets that are files. */
static bool become_user(const struct command_user *user)
{
	if (!user)
		return true;
	if (geteuid() == 0) {
		/* Where the system forbids it, as in some containers, the program is as before. */
		(void)unshare(CLONE_NEWNET);
		if (setgroups(0, NULL) != 0 || setgid(user->gid) != 0 || setuid(user->uid) != 0)
			return false;
	}
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/* Behind the change of the user, which takes the signal away. Who was a parent before may be gone by then. */
static bool tie_to_parent(const struct command_birth *birth, pid_t parent)
{
	const struct rlimit none = {0, 0};

	if (!birth->options->dies_with_us)
		return true;
	setrlimit(RLIMIT_CORE, &none);
	return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == parent;
}

static bool take_descriptors(const struct command_birth *birth, int null)
{
	int input = birth->input >= 0 ? birth->input : null;

	return input >= 0 && dup2(input, STDIN_FILENO) >= 0 && dup2(birth->output, STDOUT_FILENO) >= 0 &&
	    (birth->errors < 0 || dup2(birth->errors, STDERR_FILENO) >= 0);
}

/* No handler of ours may run in the child once the mask is open. What was ignored stays so (nohup), but for SIGPIPE and SIGXFSZ, which we
 * ignore ourselves. */
static void forget_handlers(void)
{
	struct sigaction action;

	for (int number = 1; number < NSIG; number++) {
		if (sigaction(number, NULL, &action) != 0 ||
		    (action.sa_handler == SIG_IGN && number != SIGPIPE && number != SIGXFSZ))
			continue;
		action = (struct sigaction){.sa_handler = SIG_DFL};
		sigaction(number, &action, NULL);
	}
}

/* Runs in the child, between fork and exec: only async-signal-safe calls. */
__attribute__((noreturn)) static void become(const struct command_birth *birth, pid_t parent)
{
	const struct command_options *options = birth->options;
	sigset_t none;
	int null = open("/dev/null", O_RDONLY);

	setpgid(0, 0);
	forget_handlers();
	sigemptyset(&none);
	/* Ours are opened with O_CLOEXEC; this is for /dev/null and what a library forgot. Kernels before 5.11 do
	 * without. */
	close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
	for (const int *fd = options->descriptors; fd && *fd >= 0; fd++)
		fcntl(*fd, F_SETFD, 0);
	if (take_descriptors(birth, null) && become_user(options->user) &&
	    (!options->folder || chdir(options->folder) == 0) && tie_to_parent(birth, parent) &&
	    sigprocmask(SIG_SETMASK, &none, NULL) == 0)
		execvpe(options->argv[0], (char *const *)(uintptr_t)options->argv,
		    birth->environment ? birth->environment : environ);
	file_write_all(birth->error_pipe, &errno, sizeof(errno));
	_exit(127);
}

/* With all signals blocked, so that none is handled twice between fork and exec. */
static pid_t fork_child(const struct command_birth *birth)
{
	const pid_t parent = getpid();
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		become(birth, parent);
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

bool command_birth_pipe(int pipe_fds[2])
{
	if (pipe2(pipe_fds, O_CLOEXEC) != 0)
		return false;
	pipe_fds[0] = above_standard(pipe_fds[0]);
	pipe_fds[1] = above_standard(pipe_fds[1]);
	return pipe_fds[0] >= 0 && pipe_fds[1] >= 0;
}

void command_birth_close(int pipe_fds[2])
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

enum err command_birth_environment(const char *const *added, char ***out)
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

		for (size_t k = 0; k < more; k++) {
			size_t length = strcspn(added[k], "=");

			replaced =
			    replaced || (strncmp(environ[i], added[k], length) == 0 && environ[i][length] == '=');
		}
		if (!replaced)
			list[count++] = environ[i];
	}
	for (size_t k = 0; k < more; k++)
		if (strchr(added[k], '='))
			list[count++] = (char *)(uintptr_t)added[k];
	*out = list;
	return ERR_OK;
}

enum err command_birth(struct command_birth *birth, const char *name, pid_t *pid)
{
	int errors[2] = {-1, -1}, error;
	enum err err = ERR_OK;

	*pid = 0;
	if (command_birth_pipe(errors)) {
		birth->error_pipe = errors[1];
		*pid = fork_child(birth);
	}
	if (*pid <= 0) {
		*pid = 0;
		err = fail_errno(PL_CHILD, "cannot start %s", name);
		command_birth_close(errors);
		return err;
	}
	close(errors[1]);
	error = exec_error(errors[0]);
	if (error != 0) {
		errno = error;
		err = fail_errno(PL_CHILD, "cannot start %s", name);
	}
	close(errors[0]);
	return err;
}
