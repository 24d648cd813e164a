/* From the sources of a job to the options of a backup. */
#include "scheduler/run_internal.h"

#include "core/base/mem.h"
#include "core/source/walk.h"

static enum err make_room(struct run *run)
{
	const struct configuration_job *job = run->options->job;
	size_t paths = 0, databases = 0;

	for (uint32_t i = 0; i < job->sources_count; i++) {
		const struct configuration_source *source = &job->sources[i];

		if (source->files)
			paths += source->files->paths_count;
		if (source->sqlite)
			databases += source->sqlite->path ? 1 : source->sqlite->paths_count;
	}
	run->paths = mem_calloc(paths + 1, sizeof(*run->paths));
	run->databases = mem_calloc(databases + 1, sizeof(*run->databases));
	run->sources = mem_calloc(paths + databases + 1, sizeof(*run->sources));
	return run->paths && run->databases && run->sources ? ERR_OK : ERR_NOMEM;
}

static void add_database(struct run *run, const char *path)
{
	run->databases[run->databases_count++].path = path;
	run->sources[run->sources_count++] = (struct record_source){"sqlite", path};
}

/* A pattern from the root of the file system ("/…", "!/…") stands for itself; any other concerns what lies below each path. */
static enum err add_patterns(struct run *run, const struct configuration_files *files, const char *base, bool first)
{
	const char *origin = run->options->configuration->file;
	enum err err = ERR_OK;

	for (uint32_t i = 0; err == ERR_OK && i < files->exclude_count; i++) {
		const char *pattern = files->exclude[i];
		bool rooted = pattern[0] == '/' || (pattern[0] == '!' && pattern[1] == '/');

		if (!rooted || first)
			err = exclude_add(run->exclude, pattern, rooted ? "" : base, origin, false);
	}
	for (uint32_t i = 0; err == ERR_OK && i < files->exclude_files_count; i++)
		err = exclude_add_file(run->exclude, files->exclude_files[i], base, false);
	return err;
}

static enum err add_files(struct run *run, const struct configuration_files *files)
{
	enum err err = ERR_OK;

	for (uint32_t i = 0; err == ERR_OK && i < files->paths_count; i++) {
		char *base = walk_stored_path(files->paths[i]);

		err = base ? add_patterns(run, files, base, i == 0) : ERR_NOMEM;
		mem_free(base);
		run->paths[run->paths_count++] = files->paths[i];
		run->sources[run->sources_count++] = (struct record_source){"files", files->paths[i]};
	}
	if (err != ERR_OK)
		return err;
	run->if_present = mem_calloc(files->exclude_if_present_count + 1, sizeof(*run->if_present));
	for (uint32_t i = 0; run->if_present && i < files->exclude_if_present_count; i++)
		run->if_present[i] = files->exclude_if_present[i];
	return run->if_present ? ERR_OK : ERR_NOMEM;
}

enum err run_sources(struct run *run)
{
	const struct configuration_job *job = run->options->job;
	enum err err = make_room(run);

	if (err == ERR_OK)
		err = exclude_new(&run->exclude);
	for (uint32_t i = 0; err == ERR_OK && i < job->sources_count; i++) {
		const struct configuration_sqlite *sqlite = job->sources[i].sqlite;

		if (job->sources[i].files)
			err = add_files(run, job->sources[i].files);
		if (sqlite && sqlite->path)
			add_database(run, sqlite->path);
		for (uint32_t k = 0; sqlite && k < sqlite->paths_count; k++)
			add_database(run, sqlite->paths[k]);
	}
	return err == ERR_OK ? run_servers(run) : err;
}

void run_sources_free(struct run *run)
{
	run_servers_free(run);
	exclude_free(run->exclude);
	mem_free(run->if_present);
	mem_free(run->paths);
	mem_free(run->databases);
	mem_free(run->sources);
}
