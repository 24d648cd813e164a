/* The record of a run. */
#include "scheduler/run_internal.h"

#include "core/record/record_ledger.h"
#include "scheduler/calendar.h"
#include "scheduler/office.h"

#include <sys/utsname.h>

static struct record_sop sop_of(const struct configuration_sop *sop)
{
	if (!sop)
		return (struct record_sop){0};
	return (struct record_sop){.number = sop->number,
	    .item = sop->item,
	    .output = sop->output,
	    .title = sop->title,
	    .activity = sop->activity,
	    .created = sop->created,
	    .revised = sop->revised,
	    .effective = sop->effective,
	    .approved_by = sop->approved_by,
	    .requirements = sop->requirements,
	    .time = sop->time};
}

static enum err describe_keep(const struct configuration_keep *keep, struct buffer *out)
{
	const struct {
		const char *name;
		int count;
	} rules[] = {{"last", keep->last}, {"hourly", keep->hourly}, {"daily", keep->daily}, {"weekly", keep->weekly},
	    {"monthly", keep->monthly}, {"yearly", keep->yearly}};
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].count > 0)
			err =
			    buffer_append_text(out, "%s%s %d", out->length ? ", " : "", rules[i].name, rules[i].count);
	if (err == ERR_OK && keep->within)
		err = buffer_append_text(out, "%swithin %s", out->length ? ", " : "", keep->within);
	return err;
}

/* Completes the record with what every run of the job has in common, and puts it into the ledger. */
static enum err append(struct run *run, const struct record *known, struct buffer *original)
{
	const struct configuration *configuration = run->options->configuration;
	const struct configuration_job *job = run->options->job;
	const struct configuration_schedule *planned =
	    run->options->drill ? configuration_drill_schedule(job) : job->schedule;
	struct record record = *known;
	struct buffer keep = {0}, schedule = {0};
	struct utsname name;
	char system[3 * sizeof(name.sysname) + 3];
	enum err err = ERR_OK;

	if (job->keep && !run->options->drill)
		err = describe_keep(job->keep, &keep);
	if (err == ERR_OK && planned)
		err = calendar_text_record(planned, &schedule);
	uname(&name);
	snprintf(system, sizeof(system), "%s %s %s", name.sysname, name.release, name.machine);
	record.job = job->name;
	record.office = office_record(configuration);
	record.sop = sop_of(job->sop);
	if (job->performer)
		record.performer = office_person(configuration_person(configuration, job->performer));
	if (job->reviewer)
		record.reviewer = office_person(configuration_person(configuration, job->reviewer));
	if (job->acknowledger)
		record.acknowledger = office_person(configuration_person(configuration, job->acknowledger));
	record.host = name.nodename;
	record.system = system;
	record.target_name = job->target;
	record.target_url = run->options->target_url;
	record.keys = run->open ? run->repository.keys : NULL;
	if (err == ERR_OK)
		err = buffer_append_u8(&keep, 0);
	if (err == ERR_OK)
		err = buffer_append_u8(&schedule, 0);
	record.retention = (const char *)keep.data;
	record.schedule = (const char *)schedule.data;
	if (err == ERR_OK)
		err = record_ledger_append(run->state_folder, &record, record.keys, original);
	buffer_free(&keep);
	buffer_free(&schedule);
	return err;
}

enum err run_record(struct run *run, enum err err)
{
	const struct office_caller caller = office_caller();
	struct record record = {.id = run->result->id,
	    .trigger = run->options->trigger,
	    .user = caller.user,
	    .through = caller.through,
	    .planned = run->options->planned,
	    .started = run->started,
	    .ended = run->ended,
	    .duration = run->duration,
	    .sources = run->sources,
	    .sources_count = run->sources_count,
	    .target_total = run->space.total,
	    .target_available = run->space.available,
	    .medium = run->medium,
	    .previous_started = run->previous_started,
	    .packs = run->age.packs,
	    .packs_never_read_again = run->age.never,
	    .packs_read_since = run->age.since,
	    .result = &run->result->backup,
	    .problems = run->problems,
	    .problems_omitted = run->problems_omitted,
	    .drill = run->result->drill};

	if (err != ERR_OK)
		record.failure = *failure_last();
	if ((err == ERR_OK || err == ERR_PARTIAL) && run->lost.kind != ERR_OK)
		record.failure = run->lost;
	record.status = err == ERR_OK && run->lost.kind == ERR_OK && !run->notes ? RECORD_SUCCESS
	    : err == ERR_OK || err == ERR_PARTIAL || run->result->lacking	 ? RECORD_NOTES
										 : RECORD_FAILED;
	run->result->status = record.status;
	return append(run, &record, &run->result->original);
}

enum err run_record_cut_off(struct run *run, const struct run_begun *begun, const char *how)
{
	struct record record = {.id = begun->id,
	    .trigger = begun->trigger,
	    .planned = begun->planned,
	    .started = begun->started,
	    .sources = run->sources,
	    .sources_count = run->sources_count,
	    .status = RECORD_FAILED};
	struct buffer original = {0};
	json_t *drill = NULL;
	enum err err;

	if (record_ledger_has(run->state_folder, begun->id))
		return ERR_OK; /* it was cut off between its record and its end */
	if (how)
		fail(PL_RUN_NO_RECORD, "the process of the run %s %s without writing a record", begun->id, how);
	else
		fail(PL_RUN_CUT_OFF, "the %s %s was cut off: the program or the machine was stopped while it ran",
		    run->options->drill ? "drill" : "run", begun->id);
	failure_take(&record.failure);
	if (run->options->drill && !(drill = json_object()))
		return fail(PL_NO_MEMORY, "no memory for JSON");
	record.drill = drill;
	err = append(run, &record, &original);
	json_decref(drill);
	if (err == ERR_OK)
		snprintf(run->result->cut_off, sizeof(run->result->cut_off), "%s", begun->id);
	buffer_free(&original);
	return err;
}
