/* What no schema can say. Each refusal stands at the place in the file that must be changed. */
#include "conf/address.h"
#include "conf/configuration_internal.h"
#include "conf/zone.h"
#include "core/source/exclude.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789-"

/* ---- what this version cannot do ---- */

static enum err refuse(struct locate *locate, const char *path, const char *what)
{
	return locate_find(locate, path) ? locate_fail(locate, PL_CONFIG_UNSUPPORTED, path, "%s", what) : ERR_OK;
}

static size_t items_of(struct locate *locate, const char *path)
{
	const yaml_node_t *node = locate_find(locate, path);

	return node && node->type == YAML_SEQUENCE_NODE
	    ? (size_t)(node->data.sequence.items.top - node->data.sequence.items.start)
	    : 0;
}

static bool url_is_elsewhere(const yaml_node_t *url)
{
	static const char *const schemes[] = {"ssh://", "s3://", "disc:", "sftp://"};

	for (size_t i = 0; url && url->type == YAML_SCALAR_NODE && i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strncmp((const char *)url->data.scalar.value, schemes[i], strlen(schemes[i])) == 0)
			return true;
	return false;
}

enum err validate_supported(struct locate *locate)
{
	size_t jobs = items_of(locate, "jobs"), targets = items_of(locate, "targets");
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < targets; i++) {
		struct locate_path url = locate_path("targets[%zu].url", i);

		if (url_is_elsewhere(locate_find(locate, url.text)))
			return locate_fail(locate, PL_CONFIG_UNSUPPORTED, url.text,
			    "targets on other hosts and media are not known to this version; name a folder, which may "
			    "be a mounted disk or share");
		err = refuse(locate, locate_path("targets[%zu].copy_of", i).text,
		    "copies of a repository are not kept by this version; remove this target, or give it a job of its "
		    "own");
		if (err == ERR_OK)
			err = refuse(locate, locate_path("targets[%zu].known_hosts", i).text,
			    "targets on other hosts are not known to this version; remove this line");
	}
	for (size_t i = 0; err == ERR_OK && i < jobs; i++) {
		err = refuse(locate, locate_path("jobs[%zu].copies", i).text,
		    "copies are not kept by this version; remove this line, or add a job for each further target");
	}
	return err;
}

/* ---- office, people, targets ---- */

static enum err check_timezone(struct locate *locate, const char *zone)
{
	if (zone_known(zone))
		return ERR_OK;
	return locate_fail(locate, PL_CONFIG_VALUE, "office.timezone",
	    "\"%s\" is no time zone of this machine; allowed: a name under %s, as Asia/Jayapura", zone, ZONE_FOLDER);
}

enum err validate_name(struct locate *locate, const char *path, const char *name)
{
	if (strlen(name) <= CONFIGURATION_NAME_MAX && strspn(name, NAME_LETTERS) == strlen(name))
		return ERR_OK;
	return locate_fail(locate, PL_CONFIG_VALUE, path,
	    "\"%s\" is no name; allowed: 1 to %d lower-case letters a to z, digits and '-'", name,
	    CONFIGURATION_NAME_MAX);
}

enum err validate_absolute(struct locate *locate, const char *path, const char *value)
{
	if (value[0] == '/')
		return ERR_OK;
	return locate_fail(
	    locate, PL_CONFIG_VALUE, path, "\"%s\" is relative; allowed: an absolute path (from '/')", value);
}

enum err validate_readable(struct locate *locate, const char *path, const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return locate_fail(locate, PL_CONFIG_FILE, path, "cannot read %s: %s", file, strerror(errno));
	close(fd);
	return ERR_OK;
}

enum err validate_secret(struct locate *locate, const char *path, const char *file)
{
	struct stat status;
	enum err err = validate_absolute(locate, path, file);

	if (err == ERR_OK)
		err = validate_readable(locate, path, file);
	if (err != ERR_OK || access(file, R_OK) != 0)
		return err;
	if (stat(file, &status) != 0)
		return locate_fail(locate, PL_CONFIG_FILE, path, "cannot look at %s: %s", file, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return locate_fail(locate, PL_CONFIG_FILE, path, "%s is no regular file", file);
	if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return locate_fail(locate, PL_CONFIG_SECRET, path,
		    "other users may read or change %s (mode %04o); allowed: 0600", file,
		    (unsigned)(status.st_mode & 07777));
	if (status.st_uid != geteuid() && status.st_uid != 0)
		return locate_fail(
		    locate, PL_CONFIG_SECRET, path, "%s belongs to another user (%u)", file, (unsigned)status.st_uid);
	return ERR_OK;
}

static enum err check_target(struct locate *locate, const struct configuration *configuration, size_t at)
{
	const struct configuration_target *target = &configuration->targets[at];
	enum err err = validate_name(locate, locate_path("targets[%zu].name", at).text, target->name);

	for (size_t i = 0; err == ERR_OK && i < at; i++)
		if (strcmp(configuration->targets[i].name, target->name) == 0)
			return locate_fail(locate, PL_CONFIG_DUPLICATE, locate_path("targets[%zu].name", at).text,
			    "there is another target of the name \"%s\"", target->name);
	if (err == ERR_OK && strncmp(target->url, "file:", 5) != 0)
		err = validate_absolute(locate, locate_path("targets[%zu].url", at).text, target->url);
	if (err == ERR_OK &&
	    (target->password_file != NULL) + (target->password_command != NULL) + (target->key != NULL) > 1)
		err = locate_fail(locate, PL_CONFIG_VALUE, locate_path("targets[%zu]", at).text,
		    "give one of password_file, password_command and key, not two");
	if (err == ERR_OK && target->password_file)
		err =
		    validate_secret(locate, locate_path("targets[%zu].password_file", at).text, target->password_file);
	if (err == ERR_OK && target->key)
		err = validate_secret(locate, locate_path("targets[%zu].key", at).text, target->key);
	return err;
}

static enum err check_person(struct locate *locate, const struct configuration *configuration, size_t at)
{
	const char *id = configuration->people[at].id, *email = configuration->people[at].email;
	enum err err = validate_name(locate, locate_path("people[%zu].id", at).text, id);

	for (size_t i = 0; err == ERR_OK && i < at; i++)
		if (strcmp(configuration->people[i].id, id) == 0)
			return locate_fail(locate, PL_CONFIG_DUPLICATE, locate_path("people[%zu].id", at).text,
			    "there is another person of the id \"%s\"", id);
	/* Of everybody: a reminder goes to who is to review, whoever the channels name. */
	if (err == ERR_OK && email && !address_valid(email))
		err = locate_fail(locate, PL_CONFIG_VALUE, locate_path("people[%zu].email", at).text,
		    "\"%s\" is no e-mail address; allowed: name@host of plain letters", email);
	return err == ERR_OK ? validate_review_login(locate, configuration, at) : err;
}

/* ---- jobs ---- */

static enum err check_people(struct locate *locate, const struct configuration *configuration, size_t at)
{
	const struct configuration_job *job = &configuration->jobs[at];
	const struct configuration_person *performer = configuration_person(configuration, job->performer);
	const struct configuration_person *reviewer = configuration_person(configuration, job->reviewer);
	const struct configuration_person *acknowledger =
	    job->acknowledger ? configuration_person(configuration, job->acknowledger) : NULL;
	struct locate_path path = locate_path("jobs[%zu].reviewer", at);

	if (!performer)
		return locate_fail(locate, PL_CONFIG_REFERENCE, locate_path("jobs[%zu].performer", at).text,
		    "there is no person of the id \"%s\" under people", job->performer);
	if (!reviewer)
		return locate_fail(locate, PL_CONFIG_REFERENCE, path.text,
		    "there is no person of the id \"%s\" under people", job->reviewer);
	if (performer == reviewer)
		return locate_fail(locate, PL_CONFIG_REVIEWER, path.text,
		    "\"%s\" performs this job and cannot review it", job->reviewer);
	if (configuration_same_person(performer->name, performer->nip, reviewer->name, reviewer->nip))
		return locate_fail(locate, PL_CONFIG_REVIEWER, path.text,
		    "\"%s\" is \"%s\" under another id, who performs this job and cannot review it", job->reviewer,
		    job->performer);
	if (reviewer->role == ROLE_OPERATOR)
		return locate_fail(locate, PL_CONFIG_REVIEWER, path.text,
		    "\"%s\" has the role operator; allowed: a person with the role reviewer or head", job->reviewer);
	path = locate_path("jobs[%zu].acknowledger", at);
	if (job->acknowledger && !acknowledger)
		return locate_fail(locate, PL_CONFIG_REFERENCE, path.text,
		    "there is no person of the id \"%s\" under people", job->acknowledger);
	if (acknowledger && acknowledger->role != ROLE_HEAD)
		return locate_fail(locate, PL_CONFIG_VALUE, path.text,
		    "\"%s\" cannot acknowledge reports; allowed: a person with the role head", job->acknowledger);
	return ERR_OK;
}

/* The pattern is added as a run adds it; what is wrong with it is told here, not at one in the morning. */
static enum err check_patterns(struct locate *locate, const struct configuration_files *files, const char *path)
{
	struct exclude *exclude = NULL;
	enum err err = exclude_new(&exclude);

	for (uint32_t i = 0; err == ERR_OK && i < files->exclude_count; i++) {
		err = exclude_add(exclude, files->exclude[i], "", "exclude", false);
		if (err == ERR_USAGE)
			err = locate_fail(locate, PL_CONFIG_VALUE, locate_path("%s.exclude[%u]", path, i).text, "%s",
			    failure_last()->text);
	}
	for (uint32_t i = 0; err == ERR_OK && i < files->exclude_files_count; i++) {
		if (access(files->exclude_files[i], R_OK) != 0)
			continue; /* told already */
		err = exclude_add_file(exclude, files->exclude_files[i], "", false);
		if (err != ERR_OK && err != ERR_NOMEM)
			err = locate_fail(locate, PL_CONFIG_FILE, locate_path("%s.exclude_files[%u]", path, i).text,
			    "%s", failure_last()->text);
	}
	for (uint32_t i = 0; err == ERR_OK && i < files->exclude_if_present_count; i++) {
		size_t size = strcspn(files->exclude_if_present[i], ":");

		if (size == 0 || size > NAME_MAX || memchr(files->exclude_if_present[i], '/', size))
			err =
			    locate_fail(locate, PL_CONFIG_VALUE, locate_path("%s.exclude_if_present[%u]", path, i).text,
				"\"%s\" is no name of a file; allowed: NAME or NAME:HEADER, without '/'",
				files->exclude_if_present[i]);
	}
	exclude_free(exclude);
	return err;
}

static enum err check_files(struct locate *locate, const struct configuration_files *files, const char *path)
{
	enum err err = ERR_OK;

	for (uint32_t i = 0; err == ERR_OK && i < files->paths_count; i++)
		err = validate_absolute(locate, locate_path("%s.paths[%u]", path, i).text, files->paths[i]);
	for (uint32_t i = 0; err == ERR_OK && i < files->exclude_files_count; i++) {
		struct locate_path item = locate_path("%s.exclude_files[%u]", path, i);

		err = validate_absolute(locate, item.text, files->exclude_files[i]);
		if (err == ERR_OK)
			err = validate_readable(locate, item.text, files->exclude_files[i]);
	}
	return err == ERR_OK ? check_patterns(locate, files, path) : err;
}

static enum err check_sqlite(struct locate *locate, const struct configuration_sqlite *sqlite, const char *path)
{
	enum err err = ERR_OK;

	if ((sqlite->path != NULL) + (sqlite->paths_count > 0) != 1)
		return locate_fail(locate, sqlite->path ? PL_CONFIG_VALUE : PL_CONFIG_NO_VALUE, path,
		    "give path or paths, one of them");
	if (sqlite->path)
		return validate_absolute(locate, locate_path("%s.path", path).text, sqlite->path);
	for (uint32_t i = 0; err == ERR_OK && i < sqlite->paths_count; i++)
		err = validate_absolute(locate, locate_path("%s.paths[%u]", path, i).text, sqlite->paths[i]);
	return err;
}

static enum err check_sources(struct locate *locate, const struct configuration_job *job, size_t at)
{
	bool files = false;
	enum err err = ERR_OK;

	for (uint32_t i = 0; err == ERR_OK && i < job->sources_count; i++) {
		const struct configuration_source *source = &job->sources[i];
		struct locate_path path = locate_path("jobs[%zu].sources[%u]", at, i);
		int kinds = (source->files != NULL) + (source->sqlite != NULL) + (source->mariadb != NULL) +
		    (source->postgresql != NULL);

		if (kinds != 1)
			return locate_fail(locate, kinds ? PL_CONFIG_VALUE : PL_CONFIG_NO_VALUE, path.text,
			    "a source is of one kind; allowed: files, sqlite, mariadb or postgresql, each behind a '-' "
			    "of its "
			    "own");
		if (source->files && files)
			return locate_fail(locate, PL_CONFIG_DUPLICATE, path.text,
			    "the job has files already; list all paths there, or make a job of its own for these");
		if (source->files) {
			files = true;
			err = check_files(locate, source->files, locate_path("%s.files", path.text).text);
		} else if (source->sqlite) {
			err = check_sqlite(locate, source->sqlite, locate_path("%s.sqlite", path.text).text);
		} else if (source->mariadb) {
			err =
			    validate_server(locate, source->mariadb, locate_path("%s.mariadb", path.text).text, false);
		} else {
			err = validate_server(
			    locate, source->postgresql, locate_path("%s.postgresql", path.text).text, true);
		}
	}
	return err == ERR_OK ? validate_server_names(locate, job, at) : err;
}

static enum err check_keep(struct locate *locate, const struct configuration_keep *keep, const char *path)
{
	static const char *const members[] = {"last", "hourly", "daily", "weekly", "monthly", "yearly"};
	const int counts[] = {keep->last, keep->hourly, keep->daily, keep->weekly, keep->monthly, keep->yearly};
	bool any = keep->within != NULL;

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct locate_path member = locate_path("%s.%s", path, members[i]);

		if (counts[i] == 0 && locate_find(locate, member.text))
			return locate_fail(locate, PL_CONFIG_VALUE, member.text,
			    "0 keeps nothing; allowed: 1 or more, or leave it out");
		any = any || counts[i] > 0;
	}
	if (!any)
		return locate_fail(locate, PL_CONFIG_NO_VALUE, path, "no rule is given; it would keep nothing");
	if (keep->within) {
		size_t digits = strspn(keep->within, "0123456789");

		if (digits < 1 || digits > 6 || strlen(keep->within) != digits + 1 ||
		    !strchr("hdwmy", keep->within[digits]) || atoi(keep->within) == 0)
			return locate_fail(locate, PL_CONFIG_VALUE, locate_path("%s.within", path).text,
			    "\"%s\" is no span; allowed: a number and one of h d w m y, as 90d", keep->within);
	}
	return ERR_OK;
}

static enum err check_job(struct locate *locate, const struct configuration *configuration, size_t at)
{
	const struct configuration_job *job = &configuration->jobs[at];
	enum err err = validate_name(locate, locate_path("jobs[%zu].name", at).text, job->name);

	for (size_t i = 0; err == ERR_OK && i < at; i++)
		if (strcmp(configuration->jobs[i].name, job->name) == 0)
			return locate_fail(locate, PL_CONFIG_DUPLICATE, locate_path("jobs[%zu].name", at).text,
			    "there is another job of the name \"%s\"", job->name);
	if (err == ERR_OK)
		err = check_people(locate, configuration, at);
	if (err == ERR_OK && !configuration_target(configuration, job->target))
		err = locate_fail(locate, PL_CONFIG_REFERENCE, locate_path("jobs[%zu].target", at).text,
		    "there is no target of the name \"%s\" under targets", job->target);
	if (err == ERR_OK)
		err = check_sources(locate, job, at);
	if (err == ERR_OK && job->schedule)
		err = validate_schedule(locate, job->schedule, locate_path("jobs[%zu].schedule", at).text);
	if (err == ERR_OK && job->drill)
		err = validate_drill(locate, job, locate_path("jobs[%zu].drill", at).text);
	if (err == ERR_OK && job->keep)
		err = check_keep(locate, job->keep, locate_path("jobs[%zu].keep", at).text);
	if (err == ERR_OK)
		err = validate_running(locate, job, locate_path("jobs[%zu]", at).text);
	return err;
}

enum err validate_configuration(struct locate *locate, const struct configuration *configuration)
{
	enum err err = check_timezone(locate, configuration->office.timezone);

	if (err == ERR_OK && configuration->limits)
		err = validate_limits(locate, configuration->limits, "limits", false);
	for (size_t i = 0; err == ERR_OK && i < configuration->people_count; i++)
		err = check_person(locate, configuration, i);
	for (size_t i = 0; err == ERR_OK && i < configuration->targets_count; i++)
		err = check_target(locate, configuration, i);
	for (size_t i = 0; err == ERR_OK && i < configuration->jobs_count; i++)
		err = check_job(locate, configuration, i);
	return err == ERR_OK ? validate_review_rules(locate, configuration) : err;
}
