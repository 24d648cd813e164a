/* The end of a run, and what follows from it. */
#include "scheduler/daemon_internal.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/record/record_ledger.h"
#include "scheduler/events.h"
#include "scheduler/plan.h"
#include "scheduler/run.h"

#include <sys/wait.h>

/* How a run ended: as its record says, or its process where there can be no record. */
struct outcome {
	bool known;
	char result[24];
	char kind[24], code[16]; /* of a failure */
	char text[FAILURE_TEXT];
};

static void copy_member(char *out, size_t size, json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	snprintf(out, size, "%s", text ? text : "");
}

static enum err read_outcome(const struct daemon *daemon, const char *run_id, struct outcome *outcome)
{
	struct record_original original = {0};
	struct buffer bytes = {0};
	json_t *failure;
	enum err err;

	*outcome = (struct outcome){0};
	err = record_ledger_load(daemon->options->state_folder, run_id, &bytes);
	if (err == ERR_MISSING) {
		failure_clear();
		err = ERR_OK;
		goto done;
	}
	if (err == ERR_OK)
		err = record_read(&original, bytes.data, bytes.length);
	if (err != ERR_OK)
		goto done;
	outcome->known = true;
	failure = json_object_get(original.record, "failure");
	copy_member(outcome->result, sizeof(outcome->result), original.record, "status");
	copy_member(outcome->kind, sizeof(outcome->kind), failure, "kind");
	copy_member(outcome->code, sizeof(outcome->code), failure, "code");
	copy_member(outcome->text, sizeof(outcome->text), failure, "message");
done:
	record_original_free(&original);
	buffer_free(&bytes);
	return err;
}

/* The ledger can be neither read nor written. That stops no backup, neither of this job nor of those that wait behind it: how the process ended
 * is taken instead. The marker of the run stays, so that a later run gives it its record. */
static void take_process(const struct daemon_child *child, struct outcome *outcome)
{
	bool exited = !child->adopted && WIFEXITED(child->status);
	int code = WEXITSTATUS(child->status);
	enum err kind = ERR_FAILED;
	char why[FAILURE_TEXT];

	snprintf(why, sizeof(why), "%s", failure_last()->text);
	if (exited && code == error_exit_code(ERR_IO))
		kind = ERR_IO;
	if (exited && code == error_exit_code(ERR_INTERRUPTED))
		kind = ERR_INTERRUPTED;
	*outcome = (struct outcome){.known = true, .result = "failed"};
	snprintf(outcome->kind, sizeof(outcome->kind), "%s", error_name(kind));
	message_code(exited ? PL_RUN_NO_RECORD : PL_RUN_CUT_OFF, outcome->code);
	if (exited)
		fail(PL_RUN_NO_RECORD, "the run ended with status %d and has no record: %s", code, why);
	else
		fail(PL_RUN_CUT_OFF, "the run was cut off and has no record: %s", why);
	snprintf(outcome->text, sizeof(outcome->text), "%s", failure_last()->text);
	failure_clear();
}

static bool has_code(const struct outcome *outcome, enum message id)
{
	char code[16];

	return strcmp(outcome->code, message_code(id, code)) == 0;
}

/* A process of ours that found the job running leaves no record, nor does one that was never there: the run did not begin, and waits again. */
static bool has_not_begun(const struct daemon_child *child)
{
	if (child->unborn)
		return true;
	return !child->adopted && WIFEXITED(child->status) && WEXITSTATUS(child->status) == error_exit_code(ERR_BUSY);
}

/* Of a job that is configured no more, and that no scheduler remembers: its run is all that is known of it. */
static struct configuration_job unknown_job(char *name)
{
	static char none[] = "";

	return (struct configuration_job){.name = name, .target = none};
}

static enum err write_record(const struct daemon *daemon, const struct daemon_child *child)
{
	const struct configuration *configuration = child->configuration ? child->configuration : daemon->configuration;
	const struct configuration_job *job = daemon_job_of(configuration, &child->run);
	const struct configuration_target *target = job ? configuration_target(configuration, job->target) : NULL;
	const struct repository_access access = {.state_folder = daemon->options->state_folder};
	const struct state_run run = child->run;
	char name[CONFIGURATION_NAME_MAX + 1], how[48];
	const struct configuration_job unknown = unknown_job(name);

	drill_key_job(name, run.job);
	snprintf(how, sizeof(how), "ended with status %d", WEXITSTATUS(child->status));
	return run_close_cut_off(
	    &(struct run_options){
		.configuration = configuration,
		.job = job ? job : &unknown,
		.access = &access,
		.target_url = target ? target->url : "",
		.trigger = run.trigger,
		.run_id = run.run_id,
		.planned = run.planned,
		.drill = drill_key_is(run.job),
	    },
	    run.started, !child->adopted && WIFEXITED(child->status) ? how : NULL);
}

/* Whether another attempt follows, and which. */
static bool goes_on(const struct daemon *daemon, const struct daemon_child *child, const struct outcome *outcome,
    struct state_run *again)
{
	const struct configuration_job *job = daemon_job_of(daemon->configuration, &child->run);
	const struct limits limits = limits_of(daemon->configuration, job);
	bool cut_off = has_code(outcome, PL_RUN_CUT_OFF);

	*again = child->run;
	again->missed = 0;
	if (!job || !(drill_key_is(child->run.job) ? configuration_drill_schedule(job) : job->schedule))
		return false;
	if (!outcome->known) {
		again->not_before = clock_now() + limits.retry_pause;
		return has_not_begun(child);
	}
	if (strcmp(outcome->kind, error_name(ERR_INTERRUPTED)) == 0 && daemon->stopping) {
		again->not_before = 0;
		return true;
	}
	/* The machine was stopped, which the job cannot be blamed for: its attempts are not used up by that. */
	if (cut_off && (child->adopted || daemon->stop_at_once)) {
		snprintf(again->trigger, sizeof(again->trigger), "catch_up");
		again->not_before = 0;
		return true;
	}
	if ((!cut_off && !plan_may_pass(outcome->kind)) || child->run.attempt > limits.retries)
		return false;
	snprintf(again->trigger, sizeof(again->trigger), "retry");
	again->not_before = plan_again(clock_now(), child->run.attempt, limits.retry_pause);
	again->attempt++;
	return true;
}

static void announce(const struct daemon_child *child, const struct outcome *outcome, const struct state_run *again)
{
	struct event event = {.kind = EVENT_FAILURE,
	    .job = child->run.job,
	    .run_id = child->run.run_id,
	    .trigger = child->run.trigger,
	    .planned = child->run.planned,
	    .again = again ? again->not_before : 0,
	    .text = outcome->text[0] ? outcome->text : NULL};

	if (strcmp(outcome->result, "success") == 0)
		event.kind = EVENT_SUCCESS;
	else if (strcmp(outcome->result, "success_with_notes") == 0)
		event.kind = EVENT_NOTES;
	else if (strcmp(outcome->result, "interrupted") == 0)
		event.kind = EVENT_INTERRUPTED;
	else if (!outcome->known)
		event.text = child->unborn ? "its process could not be started" : "the job is running already";
	events_announce(&event);
}

static enum err find_outcome(const struct daemon *daemon, const struct daemon_child *child, struct outcome *outcome)
{
	enum err err = read_outcome(daemon, child->run.run_id, outcome);

	if (err == ERR_OK && (outcome->known || has_not_begun(child)))
		return ERR_OK;
	/* Asked where the ledger cannot be read, too: it tells whether an adopted one is still at work. */
	if (err == ERR_OK || child->adopted)
		err = write_record(daemon, child);
	if (err == ERR_OK)
		err = read_outcome(daemon, child->run.run_id, outcome);
	/* A full disk gets room again, and takes the record then; until then it lets no run begin anyway. */
	if (err == ERR_OK || err == ERR_BUSY || err == ERR_NOMEM || err == ERR_NOSPACE)
		return err;
	take_process(child, outcome);
	return ERR_OK;
}

/* Whether a failure may be one that nobody was told of: its process did not write the record, or ended by no will of its own between that and
 * the telling, as in a power cut. To hear of it twice is better than not at all. */
static bool may_be_untold(const struct daemon_child *child, const struct outcome *outcome)
{
	bool died = child->adopted || !WIFEXITED(child->status);

	return has_code(outcome, PL_RUN_CUT_OFF) || has_code(outcome, PL_RUN_NO_RECORD) ||
	    (died && strcmp(outcome->result, "failed") == 0);
}

enum err daemon_end(struct daemon *daemon, const struct daemon_child *child)
{
	struct outcome outcome;
	struct state_run again;
	bool more, untold;
	enum err err = find_outcome(daemon, child, &outcome);

	if (err != ERR_OK)
		return err;
	more = goes_on(daemon, child, &outcome, &again);
	if (!outcome.known)
		snprintf(outcome.result, sizeof(outcome.result), "%s", child->unborn ? "not_started" : "busy");
	else if (has_code(&outcome, PL_RUN_CUT_OFF))
		snprintf(outcome.result, sizeof(outcome.result), "cut_off");
	else if (strcmp(outcome.kind, error_name(ERR_INTERRUPTED)) == 0)
		snprintf(outcome.result, sizeof(outcome.result), "interrupted");
	untold = may_be_untold(child, &outcome);
	err = state_end(daemon->state, child->run.id, clock_now(), outcome.result, untold, more ? &again : NULL);
	if (err == ERR_OK) {
		announce(child, &outcome, more ? &again : NULL);
		daemon_tell_soon(daemon, false);
	}
	return err;
}
