/* Files, and SQLite databases among them. */
#include "restore/drill_internal.h"

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/source/sqlite.h"

static void on_problem(void *context, const struct restore_problem *problem)
{
	struct drill *drill = context;
	struct failure kept = *failure_last();
	char *path = output_printable(problem->path.data, problem->path.size), code[16];

	(void)drill_find(drill->result, problem->metadata_only, problem->metadata_only ? "metadata" : "file",
	    path ? path : "", problem->failure->text, "", message_code(problem->failure->id, code));
	mem_free(path);
	failure_put(&kept);
}

/* A pattern that is exactly this path. */
static char *pattern_of(const char *path)
{
	char *pattern = mem_alloc(2 * strlen(path) + 2), *at = pattern;

	if (!pattern)
		return NULL;
	*at++ = '/';
	for (; *path; path++) {
		if (strchr("*?[]\\!#", *path))
			*at++ = '\\';
		*at++ = *path;
	}
	*at = '\0';
	return pattern;
}

/* Dumps are loaded from the repository: they need no room beside what is made of them. */
static enum err exclude_dumps(const struct drill *drill, struct exclude **out)
{
	enum err err = exclude_new(out);

	for (size_t i = 0; err == ERR_OK && i < drill->snapshot->paths_count; i++) {
		const char *path = drill->snapshot->paths[i];
		char *pattern = drill_is_dump(path) ? pattern_of(path) : NULL;

		if (pattern)
			err = exclude_add(*out, pattern, "", "drill", false);
		else if (drill_is_dump(path))
			err = ERR_NOMEM;
		mem_free(pattern);
	}
	return err;
}

static enum err keep_counts(struct drill *drill, const struct restore_result *restored)
{
	const struct {
		const char *name;
		uint64_t value;
	} members[] = {{"files", restored->files}, {"folders", restored->folders}, {"others", restored->others},
	    {"bytes", restored->bytes}, {"verified_files", restored->verified_files},
	    {"verified_bytes", restored->verified_bytes}, {"problems", restored->problems},
	    {"metadata_problems", restored->metadata_problems}};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (json_object_set_new(
			drill->result->files, members[i].name, json_integer((json_int_t)members[i].value)))
			return fail(PL_NO_MEMORY, "no memory for JSON");
	return ERR_OK;
}

enum err drill_files(struct drill *drill)
{
	struct exclude *exclude = NULL;
	struct restore_result restored = {0};
	bool good;
	enum err err = exclude_dumps(drill, &exclude);

	if (err == ERR_OK)
		err = drill_step_begin(drill, "files", scratch_files(drill->scratch));
	if (err == ERR_OK)
		err = restore_run(drill->repository, drill->snapshot,
		    &(struct restore_options){.destination = scratch_files(drill->scratch),
			.exclude = exclude,
			.verify = true,
			.sparse_as_is = true,
			.threads = drill->options->threads,
			.on_problem = on_problem,
			.context = drill},
		    &restored);
	good = err == ERR_OK || err == ERR_PARTIAL;
	drill_step_end(drill, good, true);
	exclude_free(exclude);
	/* What the destination cannot have was named, each as a note. */
	if (!good && drill_is_finding(err)) {
		if (restored.problems == 0 || drill->result->findings_count == drill->result->notes_count)
			err = drill_find_failure(drill, "files", "");
		else
			err = ERR_OK;
	} else if (good) {
		err = ERR_OK;
	}
	failure_clear();
	return err == ERR_OK ? keep_counts(drill, &restored) : err;
}

/* ---- SQLite ---- */

static bool is_stored(const struct snapshot *snapshot, const char *path)
{
	for (size_t i = 0; i < snapshot->paths_count; i++)
		if (strcmp(snapshot->paths[i], path) == 0)
			return true;
	return false;
}

static enum err add_database(struct drill *drill, const char *path, const struct sqlite_copy *copy)
{
	json_t *database =
	    json_pack("{s:s, s:s, s:I, s:I, s:I, s:s}", "kind", "sqlite", "path", path, "size", (json_int_t)copy->size,
		"tables", (json_int_t)copy->tables, "rows", (json_int_t)copy->rows, "server", copy->version);

	return database && json_array_append_new(drill->result->databases, database) == 0
	    ? ERR_OK
	    : fail(PL_NO_MEMORY, "no memory for JSON");
}

static enum err ask_sqlite(void *context, const char *sql, struct buffer *out)
{
	return sqlite_ask(context, sql, out);
}

/* The copy's own check is SQLite's integrity_check of every page. */
static enum err check_one(struct drill *drill, const char *path)
{
	char *restored = mem_printf("%s%s", scratch_files(drill->scratch), path);
	char *source = mem_printf("sqlite%s", path);
	struct sqlite_copy copy = {.fd = -1};
	uint64_t before = drill->result->findings_count;
	bool readable = false;
	enum err err = restored && source ? drill_step_begin(drill, "sqlite", path) : ERR_NOMEM;

	if (err == ERR_OK) {
		err = sqlite_copy_open(&copy, restored, scratch_files(drill->scratch));
		if (err == ERR_OK)
			err = add_database(drill, path, &copy);
		if (err == ERR_OK)
			err = drill_compare_counted(drill, "sqlite", path, copy.tables, copy.rows);
		sqlite_copy_close(&copy);
		readable = err == ERR_OK;
		if (drill_is_finding(err))
			err = drill_find_failure(drill, "sqlite", path);
	}
	drill_step_end(drill, err == ERR_OK && drill->result->findings_count == before, false);
	if (err == ERR_OK && readable)
		err = drill_assertions_of(drill, source, ask_sqlite, restored);
	mem_free(restored);
	mem_free(source);
	return err;
}

enum err drill_sqlite(struct drill *drill)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < drill->options->sqlite_count; i++)
		if (is_stored(drill->snapshot, drill->options->sqlite[i]))
			err = check_one(drill, drill->options->sqlite[i]);
	return err;
}
