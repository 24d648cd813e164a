#include "cli/backup_report.h"
#include "cli/describe.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#include <string.h>

static const char *const kinds[] = {
    [BACKUP_UNREADABLE] = "unreadable",
    [BACKUP_CHANGED_WHILE_READ] = "changed_while_read",
    [BACKUP_VANISHED] = "vanished",
};

void backup_report_problem(void *context, const struct backup_problem *problem)
{
	struct backup_report *report = context;

	problems_add(&report->problems,
	    &(struct problem){.kind = kinds[problem->kind],
		.path = problem->path,
		.id = problem->message,
		.reason = problem->reason});
}

static void print_checks(const struct backup_result *result)
{
	char size[32];

	for (size_t i = 0; i < result->checks_count; i++) {
		const struct backup_check *check = &result->checks[i];

		output_print("  %s: %s, %s", check->name, check->good ? "good" : "NOT GOOD",
		    describe_count(check->objects, "object").text);
		if (check->bytes)
			output_print(", %s", output_size(size, check->bytes));
		output_print("%s%s%s\n", check->detail[0] ? " (" : "", check->detail, check->detail[0] ? ")" : "");
	}
}

static void print_databases(const struct backup_result *result)
{
	char size[32];

	for (size_t i = 0; i < result->databases_count; i++) {
		const struct backup_database *database = &result->databases[i];

		char *path = output_printable(database->path, strlen(database->path));

		output_print("  database %s: %s, %s, %s\n", path ? path : "?",
		    describe_count(database->tables, "table").text, describe_count(database->rows, "row").text,
		    output_size(size, database->size));
		mem_free(path);
	}
}

static void print_summary(const struct backup_report *report, const struct backup_result *result)
{
	const struct snapshot_totals *totals = &result->snapshot.totals;
	char id[DESCRIBE_ID], bytes[32], duration[32], new_bytes[32], stored[32];

	if (output_level() < OUTPUT_NORMAL)
		return;
	if (report->dry_run)
		output_print("dry run: nothing was written; ");
	else
		output_print("snapshot %s saved: ", describe_id(id, result->snapshot.id));
	output_print("%s, %s in %s\n", describe_count(totals->files, "file").text, output_size(bytes, totals->bytes),
	    output_duration(duration, result->duration));
	output_print("  files: %llu new, %llu changed, %llu unchanged; %s, %s\n", (unsigned long long)totals->new_files,
	    (unsigned long long)totals->changed_files, (unsigned long long)totals->unchanged_files,
	    describe_count(totals->folders, "folder").text, describe_count(totals->others, "other").text);
	output_print("  %s: %s new, %s after compression\n", report->dry_run ? "would be stored" : "stored",
	    output_size(new_bytes, totals->bytes_new), output_size(stored, totals->bytes_stored));
	print_databases(result);
	/* A dry run checks what it kept in memory: that says nothing about the target. */
	if (!report->dry_run)
		print_checks(result);
	if (result->packs_resumed)
		output_print(
		    "  used again from an interrupted run: %s\n", describe_count(result->packs_resumed, "pack").text);
}

static json_t *checks_json(const struct backup_report *report, const struct backup_result *result)
{
	json_t *array = json_array();

	for (size_t i = 0; !report->dry_run && i < result->checks_count; i++)
		json_array_append_new(array,
		    json_pack("{s:s, s:b, s:I, s:I, s:s}", "name", result->checks[i].name, "good",
			result->checks[i].good, "objects", (json_int_t)result->checks[i].objects, "bytes",
			(json_int_t)result->checks[i].bytes, "detail", result->checks[i].detail));
	return array;
}

static json_t *databases_json(const struct backup_result *result)
{
	json_t *array = json_array();

	for (size_t i = 0; i < result->databases_count; i++) {
		const struct backup_database *database = &result->databases[i];
		json_t *object = json_pack("{s:I, s:I, s:I, s:s, s:s}", "size", (json_int_t)database->size, "tables",
		    (json_int_t)database->tables, "rows", (json_int_t)database->rows, "version", database->version,
		    "consistency", database->consistency);

		if (object && output_set_bytes(object, "path", database->path, strlen(database->path)) != ERR_OK)
			failure_clear(); /* without its path it still tells of the database */
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *summary_json(const struct backup_report *report, const struct backup_result *result)
{
	const struct snapshot_totals *totals = &result->snapshot.totals;
	json_t *object = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "files_new",
	    (json_int_t)totals->new_files, "files_changed", (json_int_t)totals->changed_files, "files_unmodified",
	    (json_int_t)totals->unchanged_files, "dirs", (json_int_t)totals->folders, "others",
	    (json_int_t)totals->others, "data_added", (json_int_t)totals->bytes_new, "data_stored",
	    (json_int_t)totals->bytes_stored, "bytes_read", (json_int_t)totals->bytes_read, "total_files_processed",
	    (json_int_t)totals->files, "total_bytes_processed", (json_int_t)totals->bytes, "packs_resumed",
	    (json_int_t)result->packs_resumed, "packs_lost", (json_int_t)result->packs_lost);

	json_object_update_new(object,
	    json_pack("{s:I, s:I, s:I, s:f, s:o, s:o, s:b, s:b, s:I, s:I, s:I, s:I, s:o, s:o}", "chunks",
		(json_int_t)totals->chunks, "chunks_new", (json_int_t)totals->chunks_new, "packs_new",
		(json_int_t)totals->packs_new, "total_duration", (double)result->duration / CLOCK_SECOND,
		"backup_start", describe_time_json(result->started), "backup_end", describe_time_json(result->ended),
		"dry_run", report->dry_run, "partial", result->snapshot.partial, "problems",
		(json_int_t)report->problems.count, "unreadable", (json_int_t)totals->unreadable, "changed_while_read",
		(json_int_t)totals->changed_while_read, "vanished", (json_int_t)totals->vanished, "verification",
		checks_json(report, result), "databases", databases_json(result)));
	if (!report->dry_run)
		json_object_set_new(object, "snapshot_id", describe_hex(result->snapshot.id, OBJECT_ID_SIZE));
	return object;
}

void backup_report_end(const struct backup_report *report, enum err err, const struct backup_result *result)
{
	problems_end(&report->problems);
	if (err != ERR_OK && err != ERR_PARTIAL)
		return;
	print_summary(report, result);
	output_object("summary", summary_json(report, result));
}
