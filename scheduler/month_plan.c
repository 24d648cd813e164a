#include "scheduler/month_plan.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "scheduler/calendar.h"
#include "scheduler/state.h"

static struct record_person person_of(const struct configuration *configuration, const char *id)
{
	const struct configuration_person *person = id ? configuration_person(configuration, id) : NULL;

	return person ? (struct record_person){.name = person->name, .nip = person->nip, .position = person->position}
		      : (struct record_person){0};
}

static struct report_filer filer_of(const struct configuration *configuration)
{
	const struct configuration_office *office = &configuration->office;
	const struct configuration_job *job = configuration->jobs_count > 0 ? &configuration->jobs[0] : NULL;

	return (struct report_filer){.office = {.name = office->name,
					 .address = office->address,
					 .city = office->city,
					 .timezone = office->timezone,
					 .english = office->language == LANGUAGE_ENGLISH},
	    .performer = person_of(configuration, job ? job->performer : NULL),
	    .reviewer = person_of(configuration, job ? job->reviewer : NULL),
	    .acknowledger = person_of(configuration, job ? job->acknowledger : NULL)};
}

/* The instants of the month, one behind the other, into `out`. */
static enum err add_times(struct buffer *out, const struct calendar *calendar, const struct report_month *month)
{
	int64_t planned;
	enum err err = ERR_OK;

	calendar_next(calendar, month->from - 1, &planned);
	while (err == ERR_OK && planned < month->until) {
		err = buffer_append(out, &planned, sizeof(planned));
		calendar_next(calendar, planned, &planned);
	}
	return err;
}

/* `schedule` NULL: there is none. `own` holds what `times` then points at. */
static enum err make_times(struct report_times *times, struct month_plan_times *own,
    const struct configuration_schedule *schedule, const char *zone, const struct report_month *month)
{
	struct calendar *calendar = NULL;
	enum err err;

	if (!schedule)
		return ERR_OK;
	err = calendar_new(&calendar, schedule, zone);
	if (err == ERR_OK)
		err = calendar_text_record(schedule, &own->text);
	if (err == ERR_OK)
		err = buffer_append_u8(&own->text, 0);
	if (err == ERR_OK)
		err = add_times(&own->instants, calendar, month);
	if (err == ERR_OK)
		*times = (struct report_times){.items = (const int64_t *)(const void *)own->instants.data,
		    .count = own->instants.length / sizeof(int64_t),
		    .known = true,
		    .text = (const char *)own->text.data};
	calendar_free(calendar);
	return err;
}

static enum err make_plan(
    struct month_plan *out, size_t at, const struct configuration *configuration, const struct report_month *month)
{
	const struct configuration_job *job = &configuration->jobs[at];
	const struct record_person performer = person_of(configuration, job->performer);
	const char *zone = configuration->office.timezone;
	struct report_plan *plan = &out->items[at];
	enum err err;

	*plan = (struct report_plan){.job = job->name,
	    .performer = performer.name,
	    .performer_position = performer.position,
	    .reviewer = person_of(configuration, job->reviewer).name};
	if (job->sop)
		plan->sop = (struct record_sop){.number = job->sop->number, .item = job->sop->item};
	err = make_times(&plan->backups, &out->own[2 * at], job->schedule, zone, month);
	return err == ERR_OK
	    ? make_times(&plan->drills, &out->own[2 * at + 1], configuration_drill_schedule(job), zone, month)
	    : err;
}

enum err month_plan_make(
    struct month_plan *out, const struct configuration *configuration, const struct report_month *month)
{
	enum err err = ERR_OK;

	*out = (struct month_plan){.filer = filer_of(configuration), .count = configuration->jobs_count};
	out->items = mem_calloc(out->count + 1, sizeof(*out->items));
	out->own = mem_calloc(2 * out->count + 1, sizeof(*out->own));
	if (!out->items || !out->own)
		err = ERR_NOMEM;
	for (size_t i = 0; err == ERR_OK && i < out->count; i++)
		err = make_plan(out, i, configuration, month);
	if (err != ERR_OK)
		month_plan_free(out);
	return err;
}

static int64_t time_of(json_t *record, const char *name)
{
	const char *text = json_string_value(json_object_get(json_object_get(record, name), "utc"));
	int64_t time;

	return text && clock_parse(text, &time) ? time : 0;
}

static enum err take_first(void *context, const struct record_row *row)
{
	json_t *record = row->original->record;
	int64_t planned = time_of(record, "planned");
	struct report_plan *plan = context;

	plan->first = planned > 0 ? planned : time_of(record, "started");
	return ERR_OK;
}

static void take_open(struct month_plan *plan, const struct state_list *list)
{
	for (size_t i = 0; i < plan->count; i++)
		for (size_t k = 0, open = 0; k < list->count && open < REPORT_PLAN_OPEN; k++)
			if (strcmp(plan->items[i].job, list->items[k].job) == 0)
				plan->items[i].open[open++] = list->items[k].planned;
}

enum err month_plan_look(struct month_plan *plan, struct record_ledger *ledger, const char *state_folder)
{
	struct state *state = NULL;
	struct state_list list = {0};
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < plan->count; i++) {
		size_t damaged = 0; /* whoever counts the month warns of them */
		const struct record_filter first = {
		    .kind = RECORD_RUN, .job = plan->items[i].job, .first = 1, .quiet = true, .damaged = &damaged};

		err = record_ledger_each(ledger, &first, take_first, &plan->items[i]);
	}
	if (err != ERR_OK)
		return err;
	if (state_open(&state, state_folder, false) == ERR_OK && state_open_runs(state, &list) == ERR_OK)
		take_open(plan, &list);
	else
		failure_clear();
	state_list_free(&list);
	state_close(state);
	return ERR_OK;
}

void month_plan_free(struct month_plan *plan)
{
	for (size_t i = 0; plan->own && i < 2 * plan->count; i++) {
		buffer_free(&plan->own[i].instants);
		buffer_free(&plan->own[i].text);
	}
	mem_free(plan->own);
	mem_free(plan->items);
	*plan = (struct month_plan){0};
}
