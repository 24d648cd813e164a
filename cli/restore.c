/* pulih restore */
#include "restore/restore.h"
#include "cli/access.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/patterns.h"
#include "cli/problems.h"
#include "cli/restore_database.h"
#include "cli/selection.h"
#include "cli/settings.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const overwrite_words[] = {
    [RESTORE_ALWAYS] = "always",
    [RESTORE_CHANGED] = "changed",
    [RESTORE_NEVER] = "never",
    NULL,
};

#define OVERWRITE_NOT_GIVEN -1
static struct {
	const char *target, *tar;
	struct option_list includes, excludes;
	int overwrite;
	bool verify, dry_run, delete_others;
	struct restore_database database;
} given = {.overwrite = OVERWRITE_NOT_GIVEN};

static const struct option_spec options[] = {
    {OPTION("target", 't', OPTION_TEXT, "DIR", "restore into this folder", &given.target)},
    {OPTION("to-tar", 0, OPTION_TEXT, "FILE", "write a pax tar instead; - is standard output", &given.tar)},
    PATTERNS_INCLUDE(&given.includes),
    PATTERNS_EXCLUDE(&given.excludes),
    {OPTION("overwrite", 0, OPTION_CHOICE, "WHEN", "files that are there: always (default), changed, never",
	 &given.overwrite),
	.choices = overwrite_words},
    {OPTION("delete", 0, OPTION_FLAG, NULL, "remove what the snapshot does not have from folders that it has",
	&given.delete_others)},
    {OPTION("verify", 0, OPTION_FLAG, NULL, "read everything back and compare", &given.verify)},
    {OPTION("dry-run", 'n', OPTION_FLAG, NULL, "do everything but write", &given.dry_run)},
    RESTORE_DATABASE_OPTIONS(&given.database),
    SELECTION_OPTIONS,
    {0},
};

static void on_problem(void *context, const struct restore_problem *problem)
{
	problems_add(context,
	    &(struct problem){.kind = problem->metadata_only ? "metadata" : "content",
		.path = problem->path,
		.id = problem->failure->id,
		.reason = problem->failure->text,
		.repeated = problem->repeated});
}

static json_t *features_json(const struct restore_result *result)
{
	json_t *array = json_array();

	for (size_t i = 0;
	     i < sizeof(result->missing_features) / sizeof(result->missing_features[0]) && result->missing_features[i];
	     i++)
		json_array_append_new(array, json_string(result->missing_features[i]));
	return array;
}

static void print_summary(const struct restore_result *result)
{
	char size[32], duration[32];

	if (output_level() < OUTPUT_NORMAL)
		return;
	output_print("%s %s (%s), %s, %s in %s\n", given.dry_run ? "dry run, would restore" : "restored",
	    describe_count(result->files, "file").text, output_size(size, result->bytes),
	    describe_count(result->folders, "folder").text, describe_count(result->others, "other").text,
	    output_duration(duration, result->duration));
	if (result->skipped)
		output_print("  left as they were: %llu\n", (unsigned long long)result->skipped);
	if (result->deleted)
		output_print("  removed: %llu\n", (unsigned long long)result->deleted);
	if (given.verify && !given.dry_run)
		output_print("  read back and compared: %s, %s\n", describe_count(result->verified_files, "file").text,
		    output_size(size, result->verified_bytes));
}

static void report(const struct snapshot *snapshot, enum err err, const struct restore_result *result)
{
	if (given.tar && !result->stream_ended)
		return;
	if (err == ERR_OK || err == ERR_PARTIAL || result->files)
		print_summary(result);
	output_object("summary",
	    json_pack("{s:o, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:f}", "snapshot_id",
		describe_hex(snapshot->id, OBJECT_ID_SIZE), "dry_run", given.dry_run, "files_restored",
		(json_int_t)result->files, "dirs_restored", (json_int_t)result->folders, "others_restored",
		(json_int_t)result->others, "bytes_restored", (json_int_t)result->bytes, "files_skipped",
		(json_int_t)result->skipped, "files_deleted", (json_int_t)result->deleted, "files_verified",
		(json_int_t)result->verified_files, "bytes_verified", (json_int_t)result->verified_bytes, "problems",
		(json_int_t)result->problems, "metadata_problems", (json_int_t)result->metadata_problems,
		"missing_features", features_json(result), "total_duration", (double)result->duration / CLOCK_SECOND));
}

/* /dev/stdout too, or a pipe by its name: nothing else may be written there then. */
static bool is_standard_output(const char *path)
{
	struct stat there, ours;

	return strcmp(path, "-") == 0 ||
	    (stat(path, &there) == 0 && !S_ISREG(there.st_mode) && !S_ISCHR(there.st_mode) &&
		fstat(STDOUT_FILENO, &ours) == 0 && there.st_dev == ours.st_dev && there.st_ino == ours.st_ino);
}

static enum err check_options(void)
{
	if (restore_database_is_wanted(&given.database)) {
		if (given.target || given.tar || given.delete_others || given.includes.count || given.excludes.count ||
		    (given.overwrite != OVERWRITE_NOT_GIVEN && given.overwrite != RESTORE_ALWAYS))
			return fail(PL_OPTION_CONFLICT,
			    "with a database go --dry-run, --verify and --overwrite always, and no option for files");
		return ERR_OK;
	}
	if (restore_database_is_given(&given.database))
		return fail(PL_ARGUMENTS, "say which database: --to-database NAME, or --all-databases");
	if (!given.target && !given.tar)
		return fail(PL_ARGUMENTS, "say where to: -t DIR, --to-tar FILE, or --to-database NAME");
	if (given.target && given.tar)
		return fail(PL_OPTION_CONFLICT, "give --target or --to-tar, not both");
	if (given.tar && (given.delete_others || given.verify || given.overwrite > RESTORE_ALWAYS || given.dry_run))
		return fail(
		    PL_OPTION_CONFLICT, "--delete, --verify, --overwrite and --dry-run do not go with --to-tar");
	if (given.tar && is_standard_output(given.tar))
		given.tar = "-";
	if (given.tar && strcmp(given.tar, "-") == 0 && output_is_json())
		return fail(PL_OPTION_CONFLICT, "--json and a tar on standard output do not go together");
	if (given.tar && strcmp(given.tar, "-") == 0 && isatty(STDOUT_FILENO))
		return fail(PL_OPTION_CONFLICT, "a tar is not for the terminal: redirect standard output");
	return ERR_OK;
}

/* A new file; or a device or pipe that is there and is what the user wants to write to. */
static enum err open_tar(int *fd, bool *created)
{
	struct stat status;

	*fd = open(given.tar, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	*created = *fd >= 0;
	if (*fd < 0 && errno == EEXIST) {
		if (stat(given.tar, &status) == 0 && !S_ISREG(status.st_mode))
			*fd = open(given.tar, O_WRONLY | O_CLOEXEC);
		else
			return fail(PL_OUTPUT_EXISTS, "%s is there already", given.tar);
	}
	return *fd >= 0 ? ERR_OK : fail_errno(PL_FILE_WRITE, "cannot create %s", given.tar);
}

/* A tar that was not written to its end is not left behind to be taken for one that was. One that lacks what is damaged has its end,
 * and may be all that is left. */
static enum err write_tar(struct repository *repository, const struct snapshot *snapshot,
    const struct restore_options *restore, struct restore_result *result)
{
	bool created;
	int fd;
	enum err err;

	if (strcmp(given.tar, "-") == 0)
		return restore_tar(repository, snapshot, restore, STDOUT_FILENO, result);
	err = open_tar(&fd, &created);
	if (err != ERR_OK)
		return err;
	err = restore_tar(repository, snapshot, restore, fd, result);
	if (result->stream_ended && created) {
		enum err durable = ERR_OK;

		if (fsync(fd) != 0)
			durable = fail_errno(PL_FILE_WRITE, "cannot write %s", given.tar);
		else
			durable = file_sync_folder_of(given.tar);
		result->stream_ended = durable == ERR_OK;
		err = durable != ERR_OK ? durable : err;
	}
	if (close(fd) != 0 && result->stream_ended) {
		err = fail_errno(PL_FILE_WRITE, "cannot close %s", given.tar);
		result->stream_ended = false;
	}
	if (created && !result->stream_ended)
		unlink(given.tar);
	return err;
}

/* A mistyped pattern must not look like a restore. */
static void warn_of_nothing(const struct restore_result *result)
{
	if (given.includes.count + given.excludes.count == 0 ||
	    result->files + result->folders + result->others + result->skipped > 0)
		return;
	if (given.includes.count)
		output_warning(PL_RESTORE_NOTHING, "nothing fits --%s %s", given.includes.items[0].option->long_name,
		    given.includes.items[0].value);
	else
		output_warning(PL_RESTORE_NOTHING, "--%s %s leaves nothing", given.excludes.items[0].option->long_name,
		    given.excludes.items[0].value);
}

static enum err restore_snapshot(struct repository *repository, const struct selection *selection)
{
	struct problems problems = {0};
	struct exclude *include = NULL, *exclude = NULL;
	struct restore_result result = {0};
	struct restore_options restore = {
	    .destination = given.target,
	    .subpath = selection->path.text && selection->path.text[0] ? selection->path.text : NULL,
	    .overwrite =
		given.overwrite == OVERWRITE_NOT_GIVEN ? RESTORE_ALWAYS : (enum restore_overwrite)given.overwrite,
	    .delete_others = given.delete_others,
	    .verify = given.verify,
	    .dry_run = given.dry_run,
	    .sparse_as_is = true,
	    .threads = (unsigned)settings.threads,
	    .on_problem = on_problem,
	    .context = &problems,
	};
	enum err err = patterns_build(&include, &given.includes);

	if (err == ERR_OK)
		err = patterns_build(&exclude, &given.excludes);
	if (err != ERR_OK)
		goto done;
	restore.include = include;
	restore.exclude = exclude;
	if (given.tar)
		err = write_tar(repository, selection->snapshot, &restore, &result);
	else
		err = restore_run(repository, selection->snapshot, &restore, &result);
	problems_end(&problems);
	if (err == ERR_OK)
		warn_of_nothing(&result);
	if (!given.tar || strcmp(given.tar, "-") != 0)
		report(selection->snapshot, err, &result);
done:
	exclude_free(include);
	exclude_free(exclude);
	return err;
}

static enum err restore_command_run(const struct arguments *arguments)
{
	struct repository repository = {0};
	struct selection selection = {0};
	enum err err = check_options();

	if (err == ERR_OK)
		err = access_open_full(&repository, "restoring");
	if (err != ERR_OK)
		return err;
	err = selection_open(&selection, &repository, arguments->items[0]);
	if (err == ERR_OK && restore_database_is_wanted(&given.database))
		err = restore_database(&repository, &selection, &given.database,
		    &(struct restore_database_how){.dry_run = given.dry_run,
			.verify = given.verify,
			.overwrite = given.overwrite == RESTORE_ALWAYS});
	else if (err == ERR_OK)
		err = restore_snapshot(&repository, &selection);
	selection_free(&selection);
	repository_close(&repository);
	return err;
}

const struct command restore_command = {
    .name = "restore",
    .purpose = "bring back a snapshot, or part of one",
    .arguments = "SNAPSHOT[:PATH] -t DIR | SNAPSHOT:DUMP --to-database NAME",
    .least = 1,
    .most = 1,
    .options = options,
    .details = "Without PATH everything is restored under its whole path: /etc comes to DIR/etc. With PATH, what is\n"
	       "below it goes directly into DIR. What cannot be restored is named, and the rest goes on.\n"
	       "With --to-database PATH is a dump of databases, which is loaded into a server: one of the\n"
	       "configuration (--server), or one that other options describe. The plan is shown first. A\n"
	       "database that is there and not empty is only replaced with --overwrite always: it is dropped then.",
    .examples =
	"pulih restore latest -t /tmp/back\n"
	"pulih restore latest:/var/www/html -t /var/www/html --overwrite changed\n"
	"pulih restore --host web1 latest -t /tmp/back --include '*.sql' --verify\n"
	"pulih restore latest:/etc --to-tar - | tar t\n"
	"pulih restore latest:mariadb/local.sql --to-database joomla_test --from-database joomla --server local -n\n"
	"pulih restore latest:postgresql/local/sipp.sql --to-database sipp --server-socket /run/postgresql",
    .run = restore_command_run,
};
