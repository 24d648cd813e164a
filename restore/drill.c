#include "restore/drill_internal.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/repo/canonical.h"

#include <stdio.h>

void drill_result_free(struct drill_result *result)
{
	json_decref(result->files);
	json_decref(result->databases);
	json_decref(result->assertions);
	json_decref(result->steps);
	json_decref(result->findings);
	*result = (struct drill_result){0};
}

/* ---- findings ---- */

/* Any bytes as a text. */
static json_t *text_of(const char *bytes)
{
	char *printable = output_printable(bytes, strlen(bytes));
	json_t *text = printable ? json_string(printable) : NULL;

	mem_free(printable);
	return text;
}

enum err drill_find(struct drill_result *result, bool note, const char *code, const char *object, const char *text,
    const char *expected, const char *found)
{
	json_t *finding;

	result->findings_count++;
	result->notes_count += note;
	if (json_array_size(result->findings) >= DRILL_FINDINGS_MAX)
		return ERR_OK;
	finding = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "severity", note ? "note" : "major", "code", code,
	    "object", text_of(object), "text", text_of(text), "expected", text_of(expected), "found", text_of(found));
	if (finding && json_array_append_new(result->findings, finding) == 0)
		return ERR_OK;
	return fail(PL_NO_MEMORY, "no memory for JSON");
}

bool drill_is_finding(enum err err)
{
	return err != ERR_OK && err != ERR_NOMEM && err != ERR_INTERRUPTED && err != ERR_NOSPACE &&
	    failure_last()->id != PL_SCRATCH && failure_last()->id != PL_SCRATCH_PROGRAM &&
	    failure_last()->id != PL_SCRATCH_SERVER && failure_last()->id != PL_DATABASE_CLIENT;
}

enum err drill_find_failure(struct drill *drill, const char *code, const char *object)
{
	const struct failure failure = *failure_last();
	char number[16];

	return drill_find(drill->result, false, code, object, failure.text, "", message_code(failure.id, number));
}

/* ---- steps ---- */

enum err drill_step_begin(struct drill *drill, const char *action, const char *object)
{
	drill->step = action;
	drill->object = mem_string(object);
	drill->step_begun = clock_monotonic();
	drill->step_time = clock_now();
	if (!drill->object)
		return ERR_NOMEM;
	if (drill->options->on_step)
		drill->options->on_step(drill->options->context, action, object);
	return interrupt_requested() ? fail(PL_INTERRUPTED, "interrupted") : ERR_OK;
}

void drill_step_end(struct drill *drill, bool good, bool counts)
{
	int64_t duration = clock_monotonic() - drill->step_begun;
	char local[CLOCK_TEXT], utc[CLOCK_TEXT];
	json_t *step;

	if (!drill->object)
		return;
	if (counts)
		drill->result->recovery += duration;
	step = json_pack("{s:s, s:o, s:{s:s, s:s}, s:I, s:b}", "action", drill->step, "object", text_of(drill->object),
	    "started", "local", clock_format(local, drill->step_time), "utc", clock_format_utc(utc, drill->step_time),
	    "duration_ms", (json_int_t)(duration / (CLOCK_SECOND / 1000)), "good", good);
	if (step)
		json_array_append_new(drill->result->steps, step);
	mem_free(drill->object);
	drill->object = NULL;
}

/* ---- what was counted before ---- */

json_t *drill_counted(const struct drill *drill, const char *kind, const char *path)
{
	json_t *database;
	size_t at;

	json_array_foreach(drill->options->counted, at, database)
	{
		const char *its_kind = json_string_value(json_object_get(database, "kind"));
		const char *its_path = json_string_value(json_object_get(database, "path"));

		if (its_kind && its_path && strcmp(its_kind, kind) == 0 && strcmp(its_path, path) == 0)
			return database;
	}
	return NULL;
}

static enum err compare_number(
    struct drill *drill, json_t *counted, const char *member, const char *path, uint64_t found)
{
	json_t *number = json_object_get(counted, member);
	char expected_text[24], found_text[24];

	if (!json_is_integer(number) || (uint64_t)json_integer_value(number) == found)
		return ERR_OK;
	snprintf(expected_text, sizeof(expected_text), "%lld", (long long)json_integer_value(number));
	snprintf(found_text, sizeof(found_text), "%llu", (unsigned long long)found);
	return drill_find(drill->result, false, strcmp(member, "rows") == 0 ? "counted_rows" : "counted_tables", path,
	    "another number than was counted when the backup was made", expected_text, found_text);
}

enum err drill_compare_counted(struct drill *drill, const char *kind, const char *path, uint64_t tables, uint64_t rows)
{
	json_t *counted = drill_counted(drill, kind, path);
	enum err err = counted ? compare_number(drill, counted, "tables", path, tables) : ERR_OK;

	return err == ERR_OK && counted ? compare_number(drill, counted, "rows", path, rows) : err;
}

/* ---- the drill ---- */

/* Files as they are; a database takes more on a server than as a dump: indexes, and room for what is in between. */
#define SERVER_ROOM ((uint64_t)384 << 20) /* bytes of a server without data, with its logs */
#define DATABASE_FACTOR 3u		  /* of the bytes of its dump */

static enum err check_room(struct drill *drill)
{
	uint64_t needed = drill->snapshot->totals.bytes;
	bool kinds[2] = {false, false};
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < drill->snapshot->paths_count; i++) {
		const char *path = drill->snapshot->paths[i];
		struct dump dump = {0};

		if (!drill_is_dump(path))
			continue;
		kinds[strncmp(path, "mariadb/", 8) != 0] = true;
		err = dump_find(&dump, &drill->view, drill->snapshot, path);
		/* One that could not be made is not there; what is damaged is found later. */
		if (err == ERR_MISSING || err == ERR_CORRUPT) {
			failure_clear();
			err = ERR_OK;
		}
		needed += (DATABASE_FACTOR - 1) * dump.size;
		dump_free(&dump);
	}
	needed += (kinds[0] ? SERVER_ROOM : 0) + (kinds[1] ? SERVER_ROOM : 0);
	return err == ERR_OK ? scratch_room(drill->scratch, needed) : err;
}

static enum err prepare(struct drill *drill)
{
	struct drill_result *result = drill->result;
	enum err err;

	*result = (struct drill_result){.files = json_object(),
	    .databases = json_array(),
	    .assertions = json_array(),
	    .steps = json_array(),
	    .findings = json_array()};
	if (!result->files || !result->databases || !result->assertions || !result->steps || !result->findings)
		return fail(PL_NO_MEMORY, "no memory for JSON");
	err = drill_step_begin(drill, "prepare", drill->options->folder);
	if (err == ERR_OK)
		err = scratch_open(&drill->scratch,
		    &(struct scratch_options){.parent = drill->options->folder, .reserve = drill->options->reserve});
	if (err == ERR_OK)
		err = restore_view_open(&drill->view, drill->repository, drill->snapshot->domain);
	if (err == ERR_OK)
		err = check_room(drill);
	drill_step_end(drill, err == ERR_OK, false);
	return err;
}

/* Also after a failure. What cannot be removed is a note: the next drill tries again. */
static enum err clean(struct drill *drill, enum err err)
{
	struct failure kept = *failure_last();
	enum err cleaned;

	if (drill->result->steps)
		(void)drill_step_begin(drill, "clean", drill->options->folder);
	for (size_t i = 0; i < sizeof(drill->servers) / sizeof(drill->servers[0]); i++)
		scratch_server_free(drill->servers[i]);
	restore_view_close(&drill->view);
	cleaned = scratch_close(drill->scratch);
	if (drill->result->steps)
		drill_step_end(drill, cleaned == ERR_OK, false);
	if (cleaned != ERR_OK) {
		output_failure_warning(failure_last());
		cleaned =
		    drill_find(drill->result, true, "clean", drill->options->folder, failure_last()->text, "", "");
	}
	return err == ERR_OK ? cleaned : failure_put(&kept);
}

enum err drill_run(struct repository *repository, const struct snapshot *snapshot, const struct drill_options *options,
    struct drill_result *result)
{
	struct drill drill = {.repository = repository, .snapshot = snapshot, .options = options, .result = result};
	enum err err = prepare(&drill);

	if (err == ERR_OK)
		err = drill_files(&drill);
	if (err == ERR_OK)
		err = drill_sqlite(&drill);
	if (err == ERR_OK)
		err = drill_databases(&drill);
	if (err == ERR_OK)
		err = drill_assertions_rest(&drill);
	return clean(&drill, err);
}
