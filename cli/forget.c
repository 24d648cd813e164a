/* pulih forget */
#include "scheduler/forget.h"
#include "cli/access.h"
#include "cli/commands.h"
#include "cli/configured.h"
#include "cli/describe.h"
#include "cli/selection.h"
#include "cli/settings.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "scheduler/office.h"

#include <string.h>
#include <unistd.h>

static struct {
	uint64_t last, hourly, daily, weekly, monthly, yearly;
	const char *within;
	struct option_list tags;
	bool dry_run;
} given;

#define COUNT_MAX 1000000

static const struct option_spec options[] = {
    {OPTION("keep-last", 0, OPTION_NUMBER, "N", "keep the last N", &given.last), .most = COUNT_MAX},
    {OPTION("keep-hourly", 0, OPTION_NUMBER, "N", "the last one of each of N hours", &given.hourly), .most = COUNT_MAX},
    {OPTION("keep-daily", 0, OPTION_NUMBER, "N", "of each of N days", &given.daily), .most = COUNT_MAX},
    {OPTION("keep-weekly", 0, OPTION_NUMBER, "N", "of each of N weeks", &given.weekly), .most = COUNT_MAX},
    {OPTION("keep-monthly", 0, OPTION_NUMBER, "N", "of each of N months", &given.monthly), .most = COUNT_MAX},
    {OPTION("keep-yearly", 0, OPTION_NUMBER, "N", "of each of N years", &given.yearly), .most = COUNT_MAX},
    {OPTION("keep-within", 0, OPTION_TEXT, "SPAN", "all within SPAN of the newest: 90d (h d w m y)", &given.within)},
    {OPTION("keep-tag", 0, OPTION_LIST, "TAG", "all with this tag; may be repeated", &given.tags)},
    {OPTION("dry-run", 'n', OPTION_FLAG, NULL, "only say what would be forgotten, and why", &given.dry_run)},
    SELECTION_OPTIONS,
    {0},
};

static void show_choice(void *context, const struct retention_choice *choice)
{
	const struct snapshot *snapshot = choice->snapshot;
	char id[DESCRIBE_ID], time[DESCRIBE_TIME];
	char *host = output_printable(snapshot->host, strlen(snapshot->host));
	char *job = output_printable(snapshot->job, strlen(snapshot->job));
	json_t *object;

	(void)context;
	output_print("%-6s  %s  %s  %s%s%s  %s\n", choice->keep ? "keep" : "forget", describe_id(id, snapshot->id),
	    describe_time(time, snapshot->started), host ? host : "", job && *job ? " " : "", job ? job : "",
	    choice->keep ? choice->reasons : "no rule keeps it");
	object = output_is_json() ? describe_snapshot_json(snapshot) : NULL;
	if (object) {
		json_object_set_new(object, "keep", json_boolean(choice->keep));
		json_object_set_new(object, "reasons", json_string(choice->reasons));
		output_object("choice", object);
	}
	mem_free(host);
	mem_free(job);
}

/* The office and its time zone, where there is a configuration. */
static enum err read_office(const struct configuration **configuration, const char **target_name)
{
	enum err err;

	*configuration = NULL;
	*target_name = "";
	if (!settings.config && access(CONFIGURATION_DEFAULT, R_OK) != 0)
		return ERR_OK;
	err = configured_load(configuration);
	for (uint32_t i = 0; err == ERR_OK && i < (*configuration)->targets_count; i++)
		if (settings.repository && strcmp((*configuration)->targets[i].url, settings.repository) == 0)
			*target_name = (*configuration)->targets[i].name;
	return err == ERR_OK ? office_enter_zone(*configuration) : err;
}

static enum err forget_with(const char *const *tags)
{
	struct forget_options wanted = {.retention = {given.last, given.hourly, given.daily, given.weekly,
					    given.monthly, given.yearly, given.within, tags},
	    .filter = selection_filter,
	    .state_folder = settings.state_folder,
	    .dry_run = given.dry_run,
	    .on_choice = show_choice};
	struct repository repository = {0};
	struct forget_result result;
	enum err err;

	if (!retention_keeps(&wanted.retention))
		return fail(PL_KEEP_NOTHING, "no --keep option says what is to be kept");
	if (given.within && !retention_within_valid(given.within))
		return fail(PL_OPTION_VALUE, "--keep-within: \"%s\" is no span, as 90d", given.within);
	err = access_open_full(&repository, "forget");
	if (err == ERR_OK)
		err = read_office(&wanted.configuration, &wanted.target_name);
	if (err == ERR_OK)
		err = forget_run(&repository, &wanted, &result);
	repository_close(&repository);
	if (err != ERR_OK)
		return err;
	output_print("%s kept, %llu %s\n", describe_count(result.kept, "snapshot").text,
	    (unsigned long long)result.forgotten, given.dry_run ? "would be forgotten" : "forgotten");
	output_object("summary",
	    json_pack("{s:I, s:I, s:b, s:s}", "kept", (json_int_t)result.kept, "forgotten",
		(json_int_t)result.forgotten, "dry_run", given.dry_run, "record", result.record));
	return ERR_OK;
}

static enum err forget_command_run(const struct arguments *arguments)
{
	const char **tags = option_list_values(&given.tags);
	enum err err = tags ? forget_with(tags) : ERR_NOMEM;

	(void)arguments;
	mem_free(tags);
	option_list_free(&given.tags);
	return err;
}

const struct command forget_command = {
    .name = "forget",
    .purpose = "take backups out that no rule keeps",
    .arguments = "--keep-last N...",
    .options = options,
    .details = "Counts for each host and job on its own (ad-hoc backups: host and paths), by the time at which the\n"
	       "repository received a backup, and again by that of the backup itself: what either keeps stays, also\n"
	       "where the repository was copied to another disk. Days are those of the office. The last good backup of "
	       "each is always\n"
	       "kept. A record names what was forgotten. Needs the passphrase; space is freed by pruning only.",
    .examples = "pulih forget --keep-daily 14 --keep-monthly 24 -n\npulih forget --job website --keep-within 1y",
    .run = forget_command_run,
};
