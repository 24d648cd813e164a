/* A restore drill of a job: which snapshot, what was counted when it was made, what the drill comes to. */
#include "scheduler/run_internal.h"

#include "conf/limits.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/record/record_ledger.h"
#include "restore/drill.h"

#include <unistd.h>

#define HOST_SIZE 256

/* ---- what is restored ---- */

static enum err choose(struct run *run, const struct snapshot **out)
{
	const char *job = run->options->job->name;
	char host[HOST_SIZE] = "";
	const struct snapshot_filter filter = {.host = host, .job = job};
	enum err err;

	if (!run->repository.keys->full)
		return fail(PL_KEY_FULL,
		    "a drill reads what is stored, and this key can only add backups: run it where the passphrase is "
		    "(--password-file), or give the drill one in the configuration (drill: password_file)");
	gethostname(host, sizeof(host) - 1);
	err = snapshot_list_load(&run->snapshots, run->repository.target, run->repository.keys);
	if (err == ERR_OK)
		err =
		    snapshot_resolve(&run->snapshots, run->options->snapshot ? run->options->snapshot : SNAPSHOT_LATEST,
			run->options->snapshot ? NULL : &filter, out);
	if (err == ERR_MISSING && !run->options->snapshot)
		return fail(PL_DRILL_NO_BACKUP, "%s has no backup of the job %s of this machine",
		    run->repository.target->url, job);
	return err;
}

/* ---- what was counted when it was made ---- */

struct search {
	const struct snapshot *snapshot;
	json_t *databases; /* a reference */
};

static enum err take_record(void *context, const struct record_row *row)
{
	struct search *search = context;

	if (row->heading->has_snapshot && memcmp(row->heading->snapshot, search->snapshot->id, OBJECT_ID_SIZE) == 0)
		search->databases = json_incref(json_object_get(row->original->record, "databases"));
	return ERR_OK;
}

/* Another machine's ledger may not know it: then the dumps themselves are all that there is to compare with. */
static enum err find_counted(const struct run *run, const struct snapshot *snapshot, json_t **out)
{
	struct search search = {.snapshot = snapshot};
	size_t damaged = 0;
	const struct record_filter filter = {
	    .kind = RECORD_RUN, .job = snapshot->job, .quiet = true, .damaged = &damaged};
	struct record_ledger *ledger;
	enum err err = record_ledger_open(&ledger, run->state_folder, false);

	if (err == ERR_OK)
		err = record_ledger_each(ledger, &filter, take_record, &search);
	record_ledger_close(ledger);
	*out = search.databases;
	if (err == ERR_NOMEM || err == ERR_INTERRUPTED)
		return err;
	failure_clear();
	return ERR_OK;
}

/* ---- how it is carried out ---- */

static struct drill_options options_of(const struct run *run, struct drill_assertion *assertions, json_t *counted)
{
	const struct configuration_drill *configured = run->options->job->drill;
	struct drill_options options = {.folder = DRILL_FOLDER_DEFAULT,
	    .reserve = DRILL_LEAVE_FREE_DEFAULT,
	    .assertions = assertions,
	    .counted = counted,
	    .threads = run->options->threads,
	    .on_step = run->options->on_step,
	    .context = run->options->context};

	if (!configured)
		return options;
	if (configured->folder)
		options.folder = configured->folder;
	if (configured->leave_free)
		limits_rate(configured->leave_free, &options.reserve);
	for (uint32_t i = 0; i < configured->assertions_count; i++)
		assertions[options.assertions_count++] = (struct drill_assertion){
		    configured->assertions[i].source, configured->assertions[i].sql, configured->assertions[i].expect};
	return options;
}

static enum err carry_out(
    struct run *run, const struct snapshot *snapshot, json_t *counted, struct drill_result *result)
{
	const struct configuration_drill *configured = run->options->job->drill;
	struct drill_assertion *assertions =
	    mem_calloc(configured ? configured->assertions_count + 1 : 1, sizeof(*assertions));
	const char **sqlite = mem_calloc(run->databases_count + 1, sizeof(*sqlite));
	struct drill_options options;
	enum err err = ERR_NOMEM;

	if (assertions && sqlite) {
		options = options_of(run, assertions, counted);
		for (size_t i = 0; i < run->databases_count; i++)
			sqlite[i] = run->databases[i].path;
		options.sqlite = sqlite;
		options.sqlite_count = run->databases_count;
		err = drill_run(&run->repository, snapshot, &options, result);
	}
	mem_free(assertions);
	mem_free(sqlite);
	return err;
}

/* ---- what it comes to ---- */

/* A time that was reached against the one that was to be; *out is {"target_ms", "reached_ms"}. */
static enum err judge_time(
    struct drill_result *result, const char *code, const char *target, int64_t reached, json_t **out)
{
	int64_t allowed = 0;
	char expected[32], found[32];
	bool given = target && limits_span(target, &allowed);

	*out = json_pack("{s:o, s:I}", "target_ms", given ? json_integer(allowed / (CLOCK_SECOND / 1000)) : json_null(),
	    "reached_ms", (json_int_t)(reached / (CLOCK_SECOND / 1000)));
	if (!*out)
		return fail(PL_NO_MEMORY, "no memory for JSON");
	if (!given || reached <= allowed)
		return ERR_OK;
	return drill_find(result, false, code, "",
	    strcmp(code, "rto") == 0 ? "the way back takes longer than it may" : "the backup is older than it may be",
	    output_duration(expected, allowed), output_duration(found, reached));
}

static json_t *snapshot_of(const struct snapshot *snapshot)
{
	char id[2 * OBJECT_ID_SIZE + 1];

	return json_pack("{s:s, s:o, s:o}", "id", hex_encode(id, snapshot->id, OBJECT_ID_SIZE), "host",
	    record_text_json(snapshot->host), "started", record_time_json(snapshot->started));
}

static enum err describe(struct run *run, const struct snapshot *snapshot, struct drill_result *result)
{
	const struct configuration_drill *configured = run->options->job->drill;
	const char *folder = configured && configured->folder ? configured->folder : DRILL_FOLDER_DEFAULT;
	json_t *rto = NULL, *rpo = NULL, *more;
	enum err err = judge_time(result, "rto", configured ? configured->rto : NULL, result->recovery, &rto);
	int failed;

	if (err == ERR_OK)
		err = judge_time(
		    result, "rpo", configured ? configured->rpo : NULL, run->started - snapshot->started, &rpo);
	more = json_pack("{s:o, s:s, s:O*, s:O*, s:O*, s:O*, s:O*, s:I, s:o, s:o}", "snapshot", snapshot_of(snapshot),
	    "folder", folder, "files", result->files, "databases", result->databases, "assertions", result->assertions,
	    "steps", result->steps, "findings", result->findings, "findings_omitted",
	    (json_int_t)(result->findings_count - json_array_size(result->findings)), "rto", rto ? rto : json_null(),
	    "rpo", rpo ? rpo : json_null());
	failed = more ? json_object_update(run->result->drill, more) : -1;
	json_decref(more);
	return failed ? fail(PL_NO_MEMORY, "no memory for JSON") : err;
}

enum err run_drill(struct run *run)
{
	const struct snapshot *snapshot = NULL;
	struct drill_result result = {0};
	struct failure kept;
	json_t *counted = NULL;
	uint64_t findings;
	enum err described, err = choose(run, &snapshot);

	if (err == ERR_OK)
		err = find_counted(run, snapshot, &counted);
	if (err != ERR_OK)
		return err;
	err = carry_out(run, snapshot, counted, &result);
	kept = *failure_last();
	described = describe(run, snapshot, &result);
	findings = result.findings_count - result.notes_count;
	run->notes = result.notes_count > 0;
	json_decref(counted);
	drill_result_free(&result);
	if (err != ERR_OK)
		return failure_put(&kept);
	if (described != ERR_OK)
		return described;
	return findings == 0 ? ERR_OK
			     : fail(PL_DRILL_DIFFERS, "the drill of job %s: %llu finding%s", run->options->job->name,
				   (unsigned long long)findings, findings == 1 ? "" : "s");
}
