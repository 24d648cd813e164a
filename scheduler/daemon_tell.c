/* What people are told by the scheduler itself, and the process that sends it. */
#include "scheduler/daemon_internal.h"

#include "core/base/clock.h"
#include "core/base/output.h"
#include "scheduler/notify_metrics.h"
#include "scheduler/notify_news.h"
#include "scheduler/notify_review.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#define MINUTE (60 * CLOCK_SECOND)
#define REVIEWS_EVERY (15 * MINUTE)
#define METRICS_EVERY (15 * MINUTE)
#define OUTBOX_EVERY (1 * MINUTE) /* the first pause of a message: notify_outbox.h */
#define LIMIT (15 * MINUTE)	  /* of the process that sends; what is left then is sent by the next one */
#define GRACE (5 * CLOCK_SECOND)  /* for it to end by itself; what it does may be broken off anywhere */

static struct notify notify_of(const struct daemon *daemon)
{
	return (struct notify){.configuration = daemon->configuration, .state_folder = daemon->options->state_folder};
}

void daemon_tell_soon(struct daemon *daemon, bool reviews)
{
	daemon->teller.outbox_at = daemon->teller.metrics_at = 0;
	if (reviews)
		daemon->teller.reviews_at = 0;
}

/* ---- into the outbox ---- */

/* Messages that had to go for new ones. */
static void warn_of_lost(const struct notify_results *results)
{
	for (size_t i = 0; i < results->count; i++)
		if (!results->items[i].ok)
			output_failure_warning(&results->items[i].failure);
}

static enum err put_all(struct daemon *daemon)
{
	const struct notify notify = notify_of(daemon);
	struct notify_results results = {0};
	size_t put = 0, reviews = 0;
	enum err err = notify_news_put(&notify, daemon->state, &results, &put);

	if (err == ERR_OK && clock_monotonic() >= daemon->teller.reviews_at) {
		err = notify_review_put(&notify, daemon->state, clock_now(), &results, &reviews);
		if (err == ERR_OK)
			daemon->teller.reviews_at = clock_monotonic() + REVIEWS_EVERY;
	}
	daemon->teller.due = daemon->teller.due || put + reviews > 0;
	warn_of_lost(&results);
	notify_results_free(&results);
	return err;
}

/* ---- sending ---- */

static enum err start(struct daemon *daemon)
{
	static const char *const words[] = {"notify", "retry", NULL};
	const struct limits limits = limits_of(daemon->configuration, NULL);
	struct daemon_teller *teller = &daemon->teller;
	int64_t now = clock_monotonic();
	pid_t pid;

	teller->outbox_at = now + OUTBOX_EVERY;
	teller->metrics_at = now + METRICS_EVERY;
	daemon_keep_accepted(daemon);
	pid = daemon_child_spawn(daemon, words, NULL, &limits);
	if (pid < 0)
		return fail_errno(PL_CHILD, "cannot start a process that sends notifications");
	teller->pid = pid;
	teller->stop_at = now + LIMIT;
	teller->stopped = false;
	teller->due = false;
	return ERR_OK;
}

static enum err start_where_due(struct daemon *daemon)
{
	struct daemon_teller *teller = &daemon->teller;
	int64_t now = clock_monotonic();
	bool due = teller->due || (now >= teller->metrics_at && notify_metrics_wanted(daemon->configuration));
	enum err err = ERR_OK;

	if (teller->pid > 0 || daemon->configuration->notifications_count == 0)
		return ERR_OK;
	if (!due && now >= teller->outbox_at) {
		teller->outbox_at = now + OUTBOX_EVERY;
		err = notify_outbox_due(&teller->watch, daemon->options->state_folder, clock_now(), &due);
	}
	return err == ERR_OK && due ? start(daemon) : err;
}

void daemon_tell_stop(struct daemon *daemon, int number)
{
	struct daemon_teller *teller = &daemon->teller;

	if (teller->pid <= 0)
		return;
	kill(-teller->pid, number);
	teller->stopped = true;
	teller->stop_at = clock_monotonic() + GRACE;
}

static void watch_process(struct daemon *daemon)
{
	struct daemon_teller *teller = &daemon->teller;
	pid_t pid = teller->pid > 0 ? waitpid(teller->pid, NULL, WNOHANG) : 0;

	if (pid > 0)
		kill(-pid, SIGKILL); /* nothing that it started goes on without it */
	if (pid > 0 || (pid < 0 && errno != EINTR)) {
		teller->pid = 0;
		teller->stopped = false;
	}
	if (teller->pid > 0 && clock_monotonic() >= teller->stop_at)
		daemon_tell_stop(daemon, teller->stopped ? SIGKILL : SIGTERM);
}

enum err daemon_tell(struct daemon *daemon)
{
	struct failure failure;
	enum err put, err;

	watch_process(daemon);
	if (daemon->stopping)
		return ERR_OK;
	put = put_all(daemon);
	failure = *failure_last();
	err = start_where_due(daemon);
	return put == ERR_OK ? err : failure_put(&failure);
}
