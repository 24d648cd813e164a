/* The configuration of the scheduler's process: its jobs and their calendars. */
#include "scheduler/daemon_internal.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "scheduler/events.h"
#include "scheduler/office.h"

#include <unistd.h>

static void free_jobs(struct daemon_job *jobs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		calendar_free(jobs[i].calendar);
		mem_free(jobs[i].schedule);
	}
	mem_free(jobs);
}

void daemon_forget_configuration(struct daemon *daemon)
{
	free_jobs(daemon->jobs, daemon->jobs_count);
	configuration_free(daemon->configuration);
	daemon->jobs = NULL;
	daemon->jobs_count = 0;
	daemon->configuration = NULL;
}

static bool is_in_use(const struct daemon *daemon, const struct configuration *configuration)
{
	for (size_t i = 0; i < daemon->children_count; i++)
		if (daemon->children[i].configuration == configuration)
			return true;
	return false;
}

void daemon_forget_former(struct daemon *daemon)
{
	for (size_t i = 0; i < daemon->former_count;) {
		if (is_in_use(daemon, daemon->former[i])) {
			i++;
			continue;
		}
		configuration_free(daemon->former[i]);
		daemon->former[i] = daemon->former[--daemon->former_count];
	}
	if (daemon->former_count > 0)
		return;
	mem_free(daemon->former);
	daemon->former = NULL;
}

static enum err make_room_for_former(struct daemon *daemon)
{
	struct configuration **former =
	    mem_resize(daemon->former, daemon->former_count + 1, sizeof(struct configuration *));

	if (!former)
		return ERR_NOMEM;
	daemon->former = former;
	return ERR_OK;
}

static enum err add_job(struct daemon *daemon, const struct configuration_job *job,
    const struct configuration_schedule *schedule, const char *suffix)
{
	struct daemon_job *entry = &daemon->jobs[daemon->jobs_count];
	const char *zone = daemon->configuration->office.timezone;
	struct buffer text = {0};
	enum err err = calendar_new(&entry->calendar, schedule, zone);

	if (err != ERR_OK)
		return err;
	daemon->jobs_count++;
	entry->job = job;
	snprintf(entry->name, sizeof(entry->name), "%s%s", job->name, suffix);
	err = calendar_text_record(schedule, &text);
	if (err == ERR_OK)
		err = buffer_append_text(&text, " %s", zone);
	if (err == ERR_OK)
		err = buffer_append_u8(&text, 0);
	if (err == ERR_OK && !(entry->schedule = mem_string((const char *)text.data)))
		err = ERR_NOMEM;
	buffer_free(&text);
	return err;
}

static enum err keep_jobs(const struct daemon *daemon)
{
	const char **names = mem_calloc(daemon->jobs_count + 1, sizeof(*names));
	enum err err;

	if (!names)
		return ERR_NOMEM;
	for (size_t i = 0; i < daemon->jobs_count; i++)
		names[i] = daemon->jobs[i].name;
	err = state_keep_jobs(daemon->state, names, daemon->jobs_count);
	mem_free(names);
	return err;
}

/* Each job is seen at once: what is new counts from now, not from the first look. */
static enum err see_jobs(const struct daemon *daemon)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < daemon->jobs_count; i++) {
		const char *name = daemon->jobs[i].name;
		int64_t since;

		err = state_see_job(
		    daemon->state, name, daemon->jobs[i].schedule, daemon_seen_from(daemon, name, clock_now()), &since);
	}
	return err;
}

/* What is in force is what its processes read, whatever becomes of the file. A disk that takes no copy stops nobody. */
static void copy(struct daemon *daemon, const struct buffer *text)
{
	char *path = path_join(daemon->options->state_folder, DAEMON_ACCEPTED);
	enum err err = path ? file_replace(path, text->data, text->length, 0600) : ERR_NOMEM;

	mem_free(daemon->accepted);
	daemon->accepted = NULL;
	if (err == ERR_OK) {
		daemon->accepted = path;
		return;
	}
	output_failure_warning(failure_last());
	failure_clear();
	if (path)
		(void)!unlink(path); /* an older one is not what is in force */
	mem_free(path);
}

static enum err configure(struct daemon *daemon, const char *file, struct buffer *text)
{
	struct daemon fresh = *daemon;
	enum err err = configuration_load_for_work(&fresh.configuration, file, text);

	if (err != ERR_OK)
		return err == ERR_MISSING ? fail(PL_CONFIG_NONE, "there is no %s", file) : err;
	fresh.jobs_count = 0;
	fresh.jobs = mem_calloc(2 * (size_t)fresh.configuration->jobs_count + 1, sizeof(*fresh.jobs));
	err = fresh.jobs ? ERR_OK : ERR_NOMEM;
	for (uint32_t i = 0; err == ERR_OK && i < fresh.configuration->jobs_count; i++) {
		const struct configuration_job *job = &fresh.configuration->jobs[i];

		if (job->schedule)
			err = add_job(&fresh, job, job->schedule, "");
		if (err == ERR_OK && configuration_drill_schedule(job))
			err = add_job(&fresh, job, configuration_drill_schedule(job), DRILL_KEY_SUFFIX);
	}
	if (err == ERR_OK)
		err = office_enter_zone(fresh.configuration);
	if (err == ERR_OK)
		err = make_room_for_former(daemon);
	if (err == ERR_OK)
		err = keep_jobs(&fresh);
	if (err == ERR_OK)
		err = see_jobs(&fresh);
	if (err != ERR_OK) {
		daemon_forget_configuration(&fresh);
		return err;
	}
	if (daemon->configuration)
		daemon->former[daemon->former_count++] = daemon->configuration;
	daemon->configuration = NULL;
	daemon_forget_configuration(daemon);
	daemon_forget_former(daemon);
	daemon->configuration = fresh.configuration;
	daemon->jobs = fresh.jobs;
	daemon->jobs_count = fresh.jobs_count;
	copy(daemon, text);
	return ERR_OK;
}

enum err daemon_configure(struct daemon *daemon)
{
	struct buffer text = {0};
	enum err err = configure(daemon, daemon->options->configuration_file, &text);

	buffer_free(&text);
	return err;
}

enum err daemon_configure_first(struct daemon *daemon)
{
	char *former = path_join(daemon->options->state_folder, DAEMON_ACCEPTED);
	struct buffer text = {0};
	struct failure failure;
	enum err err = daemon_configure(daemon);

	if (err == ERR_CONFIG && failure_last()->id != PL_CONFIG_NONE && former) {
		failure_take(&failure);
		err = configure(daemon, former, &text);
		if (err == ERR_OK)
			events_announce(&(struct event){.kind = EVENT_REFUSED, .text = failure.text});
		else
			err = failure_put(&failure);
	}
	mem_free(former);
	buffer_free(&text);
	return err;
}

const struct daemon_job *daemon_job(const struct daemon *daemon, const char *name)
{
	for (size_t i = 0; i < daemon->jobs_count; i++)
		if (strcmp(daemon->jobs[i].name, name) == 0)
			return &daemon->jobs[i];
	return NULL;
}

const struct configuration_job *daemon_job_of(const struct configuration *configuration, const struct state_run *run)
{
	char name[CONFIGURATION_NAME_MAX + 1];

	return configuration_job(configuration, drill_key_job(name, run->job));
}
