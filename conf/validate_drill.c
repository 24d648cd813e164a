/* What no schema can say of restore drills. */
#include "conf/configuration_internal.h"
#include "conf/limits.h"

static enum err check_target(struct locate *locate, const char *path, const char *member, const char *text)
{
	int64_t span;

	if (!text || limits_span(text, &span))
		return ERR_OK;
	return locate_fail(locate, PL_CONFIG_VALUE, locate_path("%s.%s", path, member).text,
	    "\"%s\" is no span of time; allowed: a number and one of s m h d, from 1s to 30d, as 4h", text);
}

/* An assertion of a source that the job does not have would never hold. */
static bool is_source(const struct configuration_job *job, const char *text)
{
	for (uint32_t i = 0; i < job->sources_count; i++) {
		const struct configuration_source *source = &job->sources[i];
		const struct configuration_server *server = source->mariadb ? source->mariadb : source->postgresql;
		const char *kind = source->mariadb ? "mariadb/" : "postgresql/", *name;
		size_t length;

		if (source->sqlite && strncmp(text, "sqlite/", 7) == 0) {
			if (source->sqlite->path && strcmp(text + 6, source->sqlite->path) == 0)
				return true;
			for (uint32_t k = 0; k < source->sqlite->paths_count; k++)
				if (strcmp(text + 6, source->sqlite->paths[k]) == 0)
					return true;
		}
		if (!server || strncmp(text, kind, strlen(kind)) != 0)
			continue;
		name = configuration_server_name(server);
		length = strlen(name);
		if (strncmp(text + strlen(kind), name, length) == 0 && text[strlen(kind) + length] == '/' &&
		    text[strlen(kind) + length + 1])
			return true;
	}
	return false;
}

static enum err check_assertions(struct locate *locate, const struct configuration_job *job, const char *path)
{
	for (uint32_t i = 0; i < job->drill->assertions_count; i++)
		if (!is_source(job, job->drill->assertions[i].source))
			return locate_fail(locate, PL_CONFIG_REFERENCE,
			    locate_path("%s.assertions[%u].source", path, i).text,
			    "the job has no source \"%s\"; allowed: mariadb/SERVER/DATABASE, "
			    "postgresql/SERVER/DATABASE, or "
			    "sqlite and the path of a file",
			    job->drill->assertions[i].source);
	return ERR_OK;
}

/* Without any key of a schedule it is carried out by hand. */
static bool has_schedule(struct locate *locate, const char *path)
{
	static const char *const keys[] = {
	    "every", "cron", "at", "hours", "minute", "weekday", "weekdays", "day", "window"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (locate_find(locate, locate_path("%s.%s", path, keys[i]).text))
			return true;
	return false;
}

enum err validate_drill(struct locate *locate, const struct configuration_job *job, const char *path)
{
	const struct configuration_drill *drill = job->drill;
	uint64_t size;
	enum err err = has_schedule(locate, path) ? validate_schedule(locate, &drill->schedule, path) : ERR_OK;

	if (err == ERR_OK && drill->folder)
		err = validate_absolute(locate, locate_path("%s.folder", path).text, drill->folder);
	if (err == ERR_OK && drill->leave_free && !limits_rate(drill->leave_free, &size))
		err = locate_fail(locate, PL_CONFIG_VALUE, locate_path("%s.leave_free", path).text,
		    "\"%s\" is no size; allowed: a number and one of k M G, at least 1k, as 2G", drill->leave_free);
	if (err == ERR_OK && drill->password_file && drill->password_command)
		err = locate_fail(locate, PL_CONFIG_VALUE, locate_path("%s.password_file", path).text,
		    "give one of password_file and password_command, not both");
	if (err == ERR_OK && drill->password_file)
		err = validate_secret(locate, locate_path("%s.password_file", path).text, drill->password_file);
	if (err == ERR_OK)
		err = check_target(locate, path, "rto", drill->rto);
	if (err == ERR_OK)
		err = check_target(locate, path, "rpo", drill->rpo);
	return err == ERR_OK ? check_assertions(locate, job, path) : err;
}
