/* The record of a run: into the ledger first, then into the repository. */
#include "scheduler/run_internal.h"

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/record/record_ledger.h"
#include "core/record/record_object.h"
#include "scheduler/calendar.h"

#include <dirent.h>
#include <errno.h>
#include <sys/utsname.h>
#include <unistd.h>

static struct record_person person_of(const struct configuration *configuration, const char *id)
{
	const struct configuration_person *person = configuration_person(configuration, id);

	return (struct record_person){.name = person->name, .nip = person->nip, .position = person->position};
}

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
	    .approved_by = sop->approved_by};
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
static enum err append(struct run *run, struct record *record, struct buffer *original)
{
	const struct configuration *configuration = run->options->configuration;
	const struct configuration_job *job = run->options->job;
	const struct configuration_office *office = &configuration->office;
	struct buffer keep = {0}, schedule = {0};
	struct utsname name;
	char system[3 * sizeof(name.sysname) + 3];
	char *unsent = mem_printf("%s/unsent/%s", run->folder, record->id);
	enum err err = unsent ? ERR_OK : ERR_NOMEM;

	if (err == ERR_OK && job->keep)
		err = describe_keep(job->keep, &keep);
	if (err == ERR_OK && job->schedule)
		err = calendar_text_record(job->schedule, &schedule);
	uname(&name);
	snprintf(system, sizeof(system), "%s %s %s", name.sysname, name.release, name.machine);
	record->job = job->name;
	record->office = (struct record_office){
	    office->name, office->address, office->city, office->timezone, office->language == LANGUAGE_ENGLISH};
	record->sop = sop_of(job->sop);
	record->performer = person_of(configuration, job->performer);
	record->reviewer = person_of(configuration, job->reviewer);
	record->host = name.nodename;
	record->system = system;
	record->target_name = job->target;
	record->target_url = run->options->target_url;
	record->keys = run->open ? run->repository.keys : NULL;
	if (err == ERR_OK)
		err = buffer_append_u8(&keep, 0);
	if (err == ERR_OK)
		err = buffer_append_u8(&schedule, 0);
	record->retention = (const char *)keep.data;
	record->schedule = (const char *)schedule.data;
	if (err == ERR_OK)
		err = file_replace(unsent, job->target, strlen(job->target), 0600);
	if (err == ERR_OK)
		err = record_ledger_append(run->state_folder, record, record->keys, original);
	mem_free(unsent);
	buffer_free(&keep);
	buffer_free(&schedule);
	return err;
}

enum err run_record(struct run *run, enum err err)
{
	struct record record = {.id = run->result->id,
	    .trigger = run->options->trigger,
	    .planned = run->options->planned,
	    .started = run->started,
	    .ended = run->ended,
	    .sources = run->sources,
	    .sources_count = run->sources_count,
	    .target_total = run->space.total,
	    .target_available = run->space.available,
	    .result = &run->result->backup,
	    .problems = run->problems,
	    .problems_omitted = run->problems_omitted};

	if (err != ERR_OK)
		record.failure = *failure_last();
	record.status = err == ERR_OK ? RECORD_SUCCESS : err == ERR_PARTIAL ? RECORD_NOTES : RECORD_FAILED;
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
	enum err err;

	if (record_ledger_has(run->state_folder, begun->id))
		return ERR_OK; /* it was cut off between its record and its end */
	if (how)
		fail(PL_RUN_NO_RECORD, "the process of the run %s %s without writing a record", begun->id, how);
	else
		fail(PL_RUN_CUT_OFF, "the run %s was cut off: the program or the machine was stopped while it ran",
		    begun->id);
	failure_take(&record.failure);
	err = append(run, &record, &original);
	if (err == ERR_OK)
		snprintf(run->result->cut_off, sizeof(run->result->cut_off), "%s", begun->id);
	buffer_free(&original);
	return err;
}

/* Sends one record if it is for this target; a mark whose record was never written is stale. */
static enum err send_one(struct run *run, const char *id)
{
	char *mark = mem_printf("%s/unsent/%s", run->folder, id);
	struct buffer target = {0}, original = {0};
	enum err err = mark ? file_read_all(mark, CONFIGURATION_NAME_MAX, &target) : ERR_NOMEM;
	const char *name = run->options->job->target;

	if (err != ERR_OK || target.length != strlen(name) || memcmp(target.data, name, target.length) != 0)
		goto done;
	if (record_ledger_has(run->state_folder, id)) {
		err = record_ledger_load(run->state_folder, id, &original);
		if (err == ERR_OK)
			err = record_object_put(run->repository.target, id, &original, run->repository.keys);
	}
	if (err == ERR_OK && unlink(mark) != 0 && errno != ENOENT)
		err = fail_errno(PL_FILE_WRITE, "cannot remove %s", mark);
	if (err == ERR_OK && strcmp(id, run->result->id) == 0)
		run->result->stored = true;
done:
	mem_free(mark);
	buffer_free(&target);
	buffer_free(&original);
	return err;
}

void run_send(struct run *run)
{
	char *folder = path_join(run->folder, "unsent");
	DIR *directory = folder && run->open ? opendir(folder) : NULL;
	struct dirent *entry;
	enum err err = ERR_OK;

	while (err == ERR_OK && directory && (entry = readdir(directory)) != NULL)
		if (record_id_valid(entry->d_name))
			err = send_one(run, entry->d_name);
	if (directory)
		closedir(directory);
	mem_free(folder);
	if (err != ERR_OK)
		output_warning(
		    PL_RECORD_NOT_STORED, "the record is kept on this machine only: %s", failure_last()->text);
	else if (!run->result->stored)
		output_warning(
		    PL_RECORD_NOT_STORED, "the record is kept on this machine only: the repository did not open");
}
