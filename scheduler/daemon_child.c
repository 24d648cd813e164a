/* The processes of runs. */
#include "scheduler/daemon_internal.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "scheduler/service.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 64
#define GRACE (60 * CLOCK_SECOND) /* for a run to end by itself, behind its limit, and again behind SIGTERM */

/* ---- starting ---- */

/* Between fork and exec; this process has one thread. */
__attribute__((noreturn)) static void become(const char *const *argv, const struct limits *limits)
{
	sigset_t none;
	int null = open("/dev/null", O_RDONLY);

	setpgid(0, 0); /* its own children are reached with it, and Ctrl-C at a terminal is for the scheduler alone */
	service_forget();
	/* What is refused stays as it is: a run that is less polite is better than none. */
	(void)!setpriority(PRIO_PROCESS, 0, limits->nice);
	(void)!syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
	    limits->idle ? IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0) : IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 7));
	for (int number = 1; number < NSIG; number++)
		if (number != SIGPIPE && number != SIGXFSZ)
			signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (null >= 0)
		dup2(null, STDIN_FILENO);
	/* The program that runs, not one that was installed meanwhile. */
	execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
	_exit(127);
}

static size_t add_words(const char **argv, size_t count, const char *const *words)
{
	while (words && *words && count < WORDS_MAX - 1)
		argv[count++] = *words++;
	return count;
}

pid_t daemon_child_spawn(
    const struct daemon *daemon, const char *const *words, const char *argument, const struct limits *limits)
{
	const struct daemon_options *options = daemon->options;
	const char *file = daemon->accepted ? daemon->accepted : options->configuration_file;
	const char *const places[] = {"--config", file, "--state-dir", options->state_folder, NULL};
	const char *argv[WORDS_MAX] = {"pulih"};
	size_t count = add_words(argv, 1, words);
	pid_t pid;

	count = add_words(argv, count, places);
	count = add_words(argv, count, options->run_options);
	argv[count] = argument;
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		become(argv, limits);
	if (pid > 0)
		setpgid(pid, pid);
	return pid;
}

static pid_t start_process(const struct daemon *daemon, const struct state_run *run)
{
	const struct configuration_job *job = daemon_job_of(daemon->configuration, run);
	const struct limits limits = limits_of(daemon->configuration, job);
	char planned[CLOCK_TEXT];
	char name[CONFIGURATION_NAME_MAX + 1];
	const char *const words[] = {drill_key_is(run->job) ? "drill" : "run", "--trigger", run->trigger, "--planned",
	    clock_format(planned, run->planned), "--run-id", run->run_id, NULL};

	return daemon_child_spawn(daemon, words, drill_key_job(name, run->job), &limits);
}

enum err daemon_child_reserve(struct daemon *daemon)
{
	size_t capacity = daemon->children_capacity ? 2 * daemon->children_capacity : 4;
	struct daemon_child *children;

	if (daemon->children_count < daemon->children_capacity)
		return ERR_OK;
	children = mem_resize(daemon->children, capacity, sizeof(*children));
	if (!children)
		return ERR_NOMEM;
	daemon->children = children;
	daemon->children_capacity = capacity;
	return ERR_OK;
}

static struct daemon_child *add_child(struct daemon *daemon, const struct state_run *run)
{
	struct daemon_child *child = &daemon->children[daemon->children_count++];

	*child = (struct daemon_child){.run = *run};
	return child;
}

enum err daemon_child_start(struct daemon *daemon, const struct state_run *run)
{
	const struct configuration_job *job = daemon_job_of(daemon->configuration, run);
	struct daemon_child *child = add_child(daemon, run);
	enum err err = ERR_OK;

	child->configuration = daemon->configuration;
	child->stop_at = clock_monotonic() + limits_of(daemon->configuration, job).timeout + GRACE;
	child->pid = start_process(daemon, run);
	if (child->pid < 0) {
		err = fail_errno(PL_CHILD, "cannot start a process for the run %s", run->run_id);
		child->pid = 0;
		child->gone = child->unborn = true;
	}
	return err;
}

enum err daemon_child_adopt(struct daemon *daemon)
{
	struct state_list list = {0};
	enum err err = state_open_runs(daemon->state, &list);

	for (size_t i = 0; err == ERR_OK && i < list.count; i++) {
		struct daemon_child *child;

		if (list.items[i].phase != STATE_RUNNING)
			continue;
		err = daemon_child_reserve(daemon);
		if (err != ERR_OK)
			break;
		child = add_child(daemon, &list.items[i]);
		child->adopted = child->gone = true;
	}
	state_list_free(&list);
	return err;
}

/* ---- ending ---- */

void daemon_child_signal(const struct daemon *daemon, int number)
{
	for (size_t i = 0; i < daemon->children_count; i++)
		if (daemon->children[i].pid > 0)
			kill(-daemon->children[i].pid, number);
}

/* The run ends itself at its limit; this is for one that does not come to it. */
static void check_time(struct daemon_child *child)
{
	if (child->pid <= 0 || clock_monotonic() < child->stop_at)
		return;
	kill(-child->pid, child->may_be_over ? SIGKILL : SIGTERM);
	child->may_be_over = true;
	child->stop_at = clock_monotonic() + GRACE;
}

static void reap(struct daemon_child *child)
{
	pid_t pid = child->pid > 0 ? waitpid(child->pid, &child->status, WNOHANG) : 0;

	if (pid == 0 || (pid < 0 && errno == EINTR))
		return;
	if (pid < 0)
		child->status = SIGKILL; /* somebody else reaped it: the record tells */
	else
		kill(-child->pid, SIGKILL); /* nothing that it started goes on without it */
	child->pid = 0;
	child->gone = true;
}

enum err daemon_child_collect(struct daemon *daemon)
{
	enum err result = ERR_OK;

	for (size_t i = 0; i < daemon->children_count;) {
		struct daemon_child *child = &daemon->children[i];
		enum err err = ERR_BUSY;

		reap(child);
		check_time(child);
		if (child->gone)
			err = daemon_end(daemon, child);
		/* What cannot be taken note of now is tried again; when the scheduler stops, by the next one. */
		if (err == ERR_OK || (child->gone && daemon->stopping))
			*child = daemon->children[--daemon->children_count];
		else
			i++;
		if (err != ERR_OK && err != ERR_BUSY)
			result = err;
	}
	daemon_forget_former(daemon);
	return result;
}
