/* pulih backup */
#include "core/backup/backup.h"
#include "cli/access.h"
#include "cli/backup_report.h"
#include "cli/commands.h"
#include "cli/patterns.h"
#include "cli/settings.h"
#include "cli/sources.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/source/command.h"

#include <string.h>

#define LEVEL_MAX 19 /* zstd's levels above need windows that readers refuse */

static struct {
	struct option_list excludes, if_present, tags, lists, databases;
	const char *host, *stdin_name;
	bool one_file_system, caches, force, dry_run, command;
	uint64_t larger, level, rate;
} given;

static const struct option_spec options[] = {
    PATTERNS_EXCLUDE(&given.excludes),
    {OPTION("exclude-caches", 0, OPTION_FLAG, NULL, "leave out what folders with a CACHEDIR.TAG hold", &given.caches)},
    {OPTION("exclude-if-present", 0, OPTION_LIST, "NAME[:HEADER]", "leave out what folders with such a file hold",
	&given.if_present)},
    {OPTION("exclude-larger", 0, OPTION_SIZE, "SIZE", "leave out larger files", &given.larger)},
    {OPTION("exclude-larger-than", 0, OPTION_SIZE, "SIZE", NULL, &given.larger)},
    {OPTION("one-file-system", 'x', OPTION_FLAG, NULL, "do not cross into other file systems", &given.one_file_system)},
    {OPTION(
	"files-from", 0, OPTION_LIST, "FILE", "paths from FILE too, one a line; - is standard input", &given.lists)},
    {OPTION("files-from-raw", 0, OPTION_LIST, "FILE", "the same, NUL behind each", &given.lists)},
    {OPTION("stdin-from-command", 0, OPTION_FLAG, NULL, "store what the command behind -- prints", &given.command)},
    {OPTION("stdin-filename", 0, OPTION_TEXT, "NAME", "under this name (default: stdin)", &given.stdin_name)},
    {OPTION("sqlite", 0, OPTION_LIST, "FILE", "an SQLite database, consistent while it is in use", &given.databases)},
    {OPTION("tag", 0, OPTION_LIST, "TAG[,TAG]", "mark the snapshot", &given.tags)},
    {OPTION("host", 'H', OPTION_TEXT, "NAME", "store under this host name (default: this host's)", &given.host)},
    {OPTION("force", 'f', OPTION_FLAG, NULL, "read every file, changed or not", &given.force)},
    {OPTION("dry-run", 'n', OPTION_FLAG, NULL, "do everything but write", &given.dry_run)},
    {OPTION("compression-level", 0, OPTION_NUMBER, "N", "1 fast to 19 small (default 3)", &given.level),
	.most = LEVEL_MAX},
    {OPTION("limit-upload", 0, OPTION_SIZE, "SIZE", "at most so many bytes a second to the repository", &given.rate)},
    {0},
};

/* Everything that backup_options borrows. Starts as {0}. */
struct request {
	struct sources sources, tags;
	struct exclude *exclude;
	const char **if_present;
	struct backup_sqlite *databases;
	struct stream_source stream;
	struct backup_options options;
};

static void request_free(struct request *request)
{
	sources_free(&request->sources);
	sources_free(&request->tags);
	exclude_free(request->exclude);
	mem_free(request->if_present);
	mem_free(request->databases);
}

/* "a,b" is two tags. */
static enum err add_tags(struct request *request)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < given.tags.count; i++) {
		char *text = mem_string(given.tags.items[i].value), *rest = text, *tag;

		if (!text)
			return ERR_NOMEM;
		while (err == ERR_OK && (tag = strsep(&rest, ",")) != NULL) {
			if (tag[0])
				err = sources_add(&request->tags, tag);
			else
				err = fail(
				    PL_OPTION_VALUE, "--tag: \"%s\" holds an empty tag", given.tags.items[i].value);
		}
		mem_free(text);
	}
	return err;
}

static enum err add_sources(struct request *request, const struct arguments *arguments)
{
	enum err err = ERR_OK;

	for (size_t i = 0; !given.command && err == ERR_OK && i < arguments->count; i++) {
		if (!arguments->items[i][0])
			return fail(PL_ARGUMENTS, "a path is empty");
		err = sources_add(&request->sources, arguments->items[i]);
	}
	for (size_t i = 0; err == ERR_OK && i < given.lists.count; i++)
		err = sources_add_file(&request->sources, given.lists.items[i].value,
		    strcmp(given.lists.items[i].option->long_name, "files-from-raw") == 0);
	request->databases = mem_calloc(given.databases.count + 1, sizeof(*request->databases));
	if (!request->databases)
		return ERR_NOMEM;
	for (size_t i = 0; i < given.databases.count; i++)
		request->databases[i].path = given.databases.items[i].value;
	return err;
}

static enum err check_sources(const struct request *request, const struct arguments *arguments)
{
	if (given.command && arguments->count == 0)
		return fail(PL_ARGUMENTS,
		    "--stdin-from-command needs a command: pulih backup --stdin-from-command -- COMMAND...");
	if (given.stdin_name && !given.command)
		return fail(PL_OPTION_CONFLICT, "--stdin-filename goes with --stdin-from-command only");
	if (!given.command && request->sources.count == 0 && given.databases.count == 0)
		return fail(PL_BACKUP_EMPTY, "there is nothing to back up: name a path");
	return ERR_OK;
}

static enum err prepare(struct request *request, const struct arguments *arguments)
{
	enum err err = add_sources(request, arguments);

	if (err == ERR_OK)
		err = check_sources(request, arguments);
	if (err == ERR_OK)
		err = add_tags(request);
	if (err == ERR_OK)
		err = patterns_build(&request->exclude, &given.excludes);
	if (err == ERR_OK && !(request->if_present = option_list_values(&given.if_present)))
		err = ERR_NOMEM;
	request->stream = (struct stream_source){.kind = &command_stream,
	    .config = arguments->items,
	    .path = given.stdin_name ? given.stdin_name : "stdin",
	    .required = true};
	request->options = (struct backup_options){
	    .paths = (const char *const *)request->sources.paths,
	    .paths_count = request->sources.count,
	    .sqlite = request->databases,
	    .sqlite_count = given.databases.count,
	    .streams = &request->stream,
	    .streams_count = given.command ? 1 : 0,
	    .host = given.host,
	    .tags = (const char *const *)request->tags.paths,
	    .exclude = request->exclude,
	    .one_file_system = given.one_file_system,
	    .exclude_caches = given.caches,
	    .exclude_if_present = request->if_present,
	    .exclude_larger = given.larger,
	    .force = given.force,
	    .dry_run = given.dry_run,
	    .threads = (unsigned)settings.threads,
	    .level = (int)given.level,
	    .rate = given.rate,
	};
	return err;
}

static enum err backup_command_run(const struct arguments *arguments)
{
	struct repository repository = {0};
	struct request request = {0};
	struct backup_result result = {0};
	struct backup_report report = {.dry_run = given.dry_run};
	enum err err = prepare(&request, arguments);

	if (err == ERR_OK)
		err = access_open(&repository);
	if (err == ERR_OK) {
		request.options.on_problem = backup_report_problem;
		request.options.context = &report;
		err = backup_run(&repository, &request.options, &result);
		if (err == ERR_OK && result.stream_empty)
			output_warning(PL_COMMAND_EMPTY, "%s printed nothing", arguments->items[0]);
		backup_report_end(&report, err, &result);
	}
	backup_result_free(&result);
	request_free(&request);
	repository_close(&repository);
	return err;
}

const struct command backup_command = {
    .name = "backup",
    .purpose = "save files and folders as a new snapshot",
    .arguments = "PATH... | --stdin-from-command -- COMMAND...",
    .most = ARGUMENTS_ANY,
    .options = options,
    .details = "Only what is not in the repository yet is stored. What was written is read back before the\n"
	       "snapshot counts. Exit code 3: done, but some files could not be read, or changed meanwhile.\n"
	       "The repository itself is left out where it lies in a PATH.",
    .examples = "pulih backup -r /srv/pulih /etc /home\n"
		"pulih backup /var/www --exclude 'cache/' --tag daily\n"
		"pulih backup --stdin-from-command --stdin-filename joomla.sql -- mysqldump joomla",
    .run = backup_command_run,
};
