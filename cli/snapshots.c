/* pulih snapshots */
#include "cli/access.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/selection.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#include <string.h>

static const struct option_spec options[] = {SELECTION_OPTIONS, {0}};

/* Printable, "," between; to be released with mem_free. */
static char *join(char *const *items, size_t count)
{
	char *all = mem_string("");

	for (size_t i = 0; all && i < count; i++) {
		char *item = output_printable(items[i], strlen(items[i]));
		char *longer = item ? mem_printf("%s%s%s", all, i ? "," : "", item) : NULL;

		mem_free(item);
		mem_free(all);
		all = longer;
	}
	return all;
}

struct widths {
	int host, job, tags;
};

static int wider(int width, const char *text)
{
	int length = (int)strlen(text);

	return length > width ? length : width;
}

static enum err print_row(const struct snapshot *snapshot, struct widths *widths, bool measure)
{
	char id[DESCRIBE_ID], time[DESCRIBE_TIME], size[32];
	/* Whoever holds a backup key chose these: nothing of them reaches the terminal as it is. */
	char *host = join(&snapshot->host, 1), *job = join(&snapshot->job, 1);
	char *tags = join(snapshot->tags, snapshot->tags_count), *paths = join(snapshot->paths, snapshot->paths_count);
	enum err err = host && job && tags && paths ? ERR_OK : ERR_NOMEM;

	if (err == ERR_OK && measure)
		*widths =
		    (struct widths){wider(widths->host, host), wider(widths->job, job), wider(widths->tags, tags)};
	else if (err == ERR_OK)
		output_print("%s  %s  %-*s  %-*s  %-*s  %9llu  %10s  %s%s\n", describe_id(id, snapshot->id),
		    describe_time(time, snapshot->started), widths->host, host, widths->job, job, widths->tags, tags,
		    (unsigned long long)snapshot->totals.files, output_size(size, snapshot->totals.bytes), paths,
		    snapshot->partial ? "  (partial)" : "");
	mem_free(host);
	mem_free(job);
	mem_free(tags);
	mem_free(paths);
	return err;
}

static enum err print_table(const struct snapshot_list *list, size_t matching)
{
	struct widths widths = {wider(0, "Host"), wider(0, "Job"), wider(0, "Tags")};
	enum err err = ERR_OK;

	if (matching == 0) {
		output_print(list->count ? "no snapshot matches\n" : "no snapshots yet\n");
		return ERR_OK;
	}
	for (int pass = 0; pass < 2; pass++) {
		if (pass == 1)
			output_print("%-8s  %-19s  %-*s  %-*s  %-*s  %9s  %10s  %s\n", "Id", "Time", widths.host,
			    "Host", widths.job, "Job", widths.tags, "Tags", "Files", "Size", "Paths");
		for (size_t i = 0; err == ERR_OK && i < list->count; i++)
			if (snapshot_matches(&list->items[i], &selection_filter))
				err = print_row(&list->items[i], &widths, pass == 0);
	}
	output_print("%s\n", describe_count(matching, "snapshot").text);
	return err;
}

static enum err print_objects(const struct snapshot_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		json_t *object;

		if (!snapshot_matches(&list->items[i], &selection_filter))
			continue;
		object = describe_snapshot_json(&list->items[i]);
		if (!object)
			return ERR_NOMEM;
		output_object("snapshot", object);
	}
	return ERR_OK;
}

static enum err snapshots_run(const struct arguments *arguments)
{
	struct repository repository = {0};
	struct snapshot_list list = {0};
	size_t matching = 0;
	enum err err = access_open(&repository);

	(void)arguments;
	if (err != ERR_OK)
		return err;
	err = snapshot_list_load(&list, repository.target, repository.keys);
	for (size_t i = 0; i < list.count; i++)
		matching += snapshot_matches(&list.items[i], &selection_filter);
	if (err == ERR_OK)
		err = output_is_json() ? print_objects(&list) : print_table(&list, matching);
	output_object(
	    "summary", json_pack("{s:I, s:I}", "snapshots", (json_int_t)matching, "damaged", (json_int_t)list.damaged));
	if (err == ERR_OK && list.damaged > 0)
		err = fail(
		    PL_SNAPSHOT_BROKEN, "%s cannot be read, see above", describe_count(list.damaged, "snapshot").text);
	snapshot_list_free(&list);
	repository_close(&repository);
	return err;
}

const struct command snapshots_command = {
    .name = "snapshots",
    .purpose = "list the backups",
    .arguments = "",
    .options = options,
    .details = "With a backup key, paths and tags stay hidden.",
    .examples = "pulih snapshots -r /srv/pulih\npulih snapshots --host web1 --tag monthly",
    .run = snapshots_run,
};
