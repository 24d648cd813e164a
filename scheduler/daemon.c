#include "scheduler/daemon_internal.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "scheduler/events.h"
#include "scheduler/run.h"
#include "scheduler/service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define LOOK_EVERY (30 * CLOCK_SECOND) /* at most between two looks: a machine that slept is noticed so late at worst */
#define LOOK_AT_CHILDREN (1 * CLOCK_SECOND) /* while there are some whose end is not signalled */

/* ---- the lock ---- */

static enum err open_lock(const char *state_folder, int *out)
{
	char *path = path_join(state_folder, "scheduler.lock");
	enum err err = path ? file_make_folders(state_folder, 0700) : ERR_NOMEM;

	*out = -1;
	if (err == ERR_OK) {
		*out = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (*out < 0)
			err = fail_errno(PL_FILE_WRITE, "cannot open %s", path);
	}
	mem_free(path);
	return err;
}

static enum err take_lock(struct daemon *daemon)
{
	char pid[24];
	int length;
	enum err err = open_lock(daemon->options->state_folder, &daemon->lock);

	if (err != ERR_OK)
		return err;
	if (flock(daemon->lock, LOCK_EX | LOCK_NB) != 0) {
		ssize_t size = file_pread_full(daemon->lock, pid, sizeof(pid) - 1, 0);

		pid[size > 0 ? size : 0] = '\0';
		return fail(PL_SCHEDULER_BUSY, "a scheduler works with %s already (process %s)",
		    daemon->options->state_folder, pid[0] ? pid : "unknown");
	}
	length = snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	if (ftruncate(daemon->lock, 0) != 0 || file_pwrite_all(daemon->lock, pid, (size_t)length, 0) != 0)
		return fail_errno(PL_FILE_WRITE, "cannot write the lock in %s", daemon->options->state_folder);
	return ERR_OK;
}

enum err daemon_is_running(const char *state_folder, bool *out)
{
	int lock;
	enum err err = open_lock(state_folder, &lock);

	*out = err == ERR_OK && flock(lock, LOCK_SH | LOCK_NB) != 0;
	if (lock >= 0)
		close(lock);
	return err;
}

/* ---- signals and the clock ---- */

static enum err open_signals(struct daemon *daemon)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return fail_errno(PL_CHILD, "cannot block signals");
	daemon->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return daemon->signals >= 0 ? ERR_OK : fail_errno(PL_CHILD, "cannot wait for signals");
}

/* Never goes off by itself: it only tells that the clock was set. */
static enum err arm_timer(struct daemon *daemon)
{
	const struct itimerspec never = {.it_value = {.tv_sec = INT32_MAX}};

	if (daemon->timer < 0)
		daemon->timer = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (daemon->timer < 0 ||
	    timerfd_settime(daemon->timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) != 0)
		return fail_errno(PL_CHILD, "cannot wait for the clock");
	return ERR_OK;
}

static void read_timer(struct daemon *daemon)
{
	uint64_t times;

	if (read(daemon->timer, &times, sizeof(times)) >= 0 || errno != ECANCELED)
		return;
	daemon_tell_soon(daemon, true);
	if (arm_timer(daemon) != ERR_OK)
		output_failure_warning(failure_last());
}

static void reload(struct daemon *daemon)
{
	struct event event = {.kind = EVENT_RELOADED};

	service_reloading();
	if (daemon_configure(daemon) != ERR_OK)
		event = (struct event){.kind = EVENT_REFUSED, .text = failure_last()->text};
	events_announce(&event);
	daemon_tell_soon(daemon, true);
	service_ready();
}

static void stop(struct daemon *daemon)
{
	if (!daemon->stopping)
		service_stopping();
	daemon->stop_at_once = daemon->stopping;
	daemon->stopping = true;
	daemon_child_signal(daemon, daemon->stop_at_once ? SIGKILL : SIGTERM);
	daemon_tell_stop(daemon, daemon->stop_at_once ? SIGKILL : SIGTERM);
}

/* One at a time: a look comes between two of them. */
static void read_signal(struct daemon *daemon)
{
	struct signalfd_siginfo info;

	if (read(daemon->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		reload(daemon);
	else if (info.ssi_signo != SIGCHLD)
		stop(daemon);
}

/* ---- the loop ---- */

/* What goes wrong at a look is told once; the next look tries again. */
static void tell_trouble(char **trouble, enum err err)
{
	const char *text = err == ERR_OK ? NULL : failure_last()->text;

	if (text && (!*trouble || strcmp(*trouble, text) != 0))
		output_failure_warning(failure_last());
	mem_free(*trouble);
	*trouble = text ? mem_string(text) : NULL;
	failure_clear();
}

/* What the state holds cannot be relied on any more, and nothing can be taken note of. Runs at work are asked to stop; the next scheduler, which
 * the service manager starts, begins it anew. */
static void end_broken(struct daemon *daemon)
{
	daemon->broken = true;
	daemon->failure = *failure_last();
	stop(daemon);
}

/* Whether the scheduler still has processes of its own. */
static bool any_at_work(const struct daemon *daemon)
{
	return daemon->children_count > 0 || daemon->teller.pid > 0;
}

static bool any_unsignalled(const struct daemon *daemon)
{
	for (size_t i = 0; i < daemon->children_count; i++)
		if (daemon->children[i].adopted || daemon->children[i].gone || daemon->children[i].may_be_over)
			return true;
	return daemon->teller.stopped;
}

static int wait_milliseconds(const struct daemon *daemon, int64_t wake)
{
	int64_t wait = LOOK_EVERY, until = wake - clock_now(), watchdog = service_watchdog_every();

	if (until < wait)
		wait = until > 0 ? until : 0;
	if (watchdog > 0 && watchdog < wait)
		wait = watchdog;
	if (any_unsignalled(daemon) && wait > LOOK_AT_CHILDREN)
		wait = LOOK_AT_CHILDREN;
	/* upwards: not to look a moment too early */
	return (int)((wait + 999999) / 1000000);
}

static void run_loop(struct daemon *daemon)
{
	while (!daemon->stop_at_once && (!daemon->stopping || any_at_work(daemon))) {
		int64_t wake = CALENDAR_NEVER;
		struct pollfd ready[] = {
		    {.fd = daemon->signals, .events = POLLIN}, {.fd = daemon->timer, .events = POLLIN}};
		enum err err = daemon_child_collect(daemon);

		if (err == ERR_CORRUPT && !daemon->stopping)
			end_broken(daemon);
		if (err != ERR_OK || daemon->stopping)
			tell_trouble(&daemon->trouble, err);
		/* Before a run begins that makes up for one that was cut off: its pings are newer than that news. */
		tell_trouble(&daemon->teller.trouble, daemon_tell(daemon));
		if (err == ERR_OK && !daemon->stopping) {
			err = daemon_look(daemon, &wake);
			if (err == ERR_CORRUPT)
				end_broken(daemon);
			tell_trouble(&daemon->trouble, err);
			tell_trouble(&daemon->teller.trouble, daemon_tell(daemon));
		}
		if (service_watchdog_every() > 0)
			service_alive();
		if (daemon->stopping && !any_at_work(daemon))
			break;
		if (poll(ready, 2, wait_milliseconds(daemon, wake)) <= 0)
			continue;
		if (ready[0].revents)
			read_signal(daemon);
		if (ready[1].revents)
			read_timer(daemon);
	}
}

enum err daemon_run(const struct daemon_options *options)
{
	struct daemon daemon = {.options = options, .lock = -1, .signals = -1, .timer = -1};
	enum err err = take_lock(&daemon);

	if (err == ERR_OK)
		err = daemon_open_state(&daemon);
	if (err == ERR_OK)
		err = daemon_configure_first(&daemon);
	daemon.anew = false;
	daemon.since = clock_now();
	if (err == ERR_OK)
		err = open_signals(&daemon);
	if (err == ERR_OK)
		err = arm_timer(&daemon);
	if (err == ERR_OK)
		err = daemon_child_adopt(&daemon);
	if (err == ERR_OK) {
		service_ready();
		run_loop(&daemon);
		if (daemon.broken)
			err = failure_put(&daemon.failure);
	}
	state_close(daemon.state);
	daemon.children_count = 0;
	daemon_forget_former(&daemon);
	daemon_forget_configuration(&daemon);
	mem_free(daemon.children);
	mem_free(daemon.accepted);
	mem_free(daemon.trouble);
	mem_free(daemon.teller.trouble);
	if (daemon.signals >= 0)
		close(daemon.signals);
	if (daemon.timer >= 0)
		close(daemon.timer);
	if (daemon.lock >= 0)
		close(daemon.lock);
	return err;
}
