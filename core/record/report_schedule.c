#include "core/record/report_schedule.h"

#include "core/base/clock.h"
#include "core/record/report_parts.h"

#include <stdio.h>
#include <time.h>

#define TIMES_NAMED 4 /* of one day; of more of them the first and the last are named */

static const char *sop_text(struct report_model *model, const struct record_sop *sop)
{
	if (!sop->number)
		return "-";
	return report_model_format(
	    model, "%s%s%s", sop->number, sop->item && *sop->item ? " / " : "", sop->item ? sop->item : "");
}

static const char *rule_text(struct report_model *model, const struct report_times *times)
{
	char phrase[RECORD_SCHEDULE];

	if (!times->known || !times->text)
		return "-";
	return report_model_text(model, record_schedule(phrase, times->text, model->english));
}

static void jobs_block(struct report_model *model, const struct report_plan *plans, size_t plans_count)
{
	static const struct report_heading columns[] = {{WORD_NUMBER_COLUMN, REPORT_NO_GROUP, 4, false},
	    {WORD_JOB, REPORT_NO_GROUP, 14, false}, {WORD_SCHEDULE_SOP, REPORT_NO_GROUP, 10, false},
	    {WORD_SCHEDULE_BACKUP, WORD_SCHEDULE, 21, false}, {WORD_SCHEDULE_DRILL, WORD_SCHEDULE, 21, false},
	    {WORD_PERFORMER_COLUMN, REPORT_NO_GROUP, 15, false}, {WORD_REVIEWER, REPORT_NO_GROUP, 15, false}};
	char number[24];

	report_model_heading(model, WORD_SCHEDULE_JOBS_BLOCK);
	report_model_table(model, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < plans_count; i++) {
		snprintf(number, sizeof(number), "%zu", i + 1);
		report_model_row(model,
		    (const char *const[]){number, plans[i].job, sop_text(model, &plans[i].sop),
			rule_text(model, &plans[i].backups), rule_text(model, &plans[i].drills), plans[i].performer,
			plans[i].reviewer},
		    false);
	}
}

static const char *clock_text(struct report_model *model, int64_t time)
{
	time_t seconds = (time_t)(time / CLOCK_SECOND);
	char phrase[RECORD_PHRASE];
	struct tm parts;

	localtime_r(&seconds, &parts);
	return report_model_text(
	    model, record_clock(phrase, (unsigned)parts.tm_hour, (unsigned)parts.tm_min, model->english));
}

/* Those of a day, "" for none: "01.00, 13.00" or "24 kali, 00.15 sampai 23.15". */
static const char *times_of(struct report_model *model, const struct report_times *times, int64_t from, int64_t until)
{
	size_t first = 0, count = 0;
	const char *text = "";

	while (first < times->count && times->items[first] < from)
		first++;
	while (first + count < times->count && times->items[first + count] < until)
		count++;
	if (count > TIMES_NAMED)
		return report_model_fill(model, WORD_SCHEDULE_MANY,
		    RECORD_ARGUMENTS(report_parts_number(model, count), clock_text(model, times->items[first]),
			clock_text(model, times->items[first + count - 1])));
	for (size_t i = 0; i < count; i++)
		text = report_model_format(
		    model, "%s%s%s", text, i > 0 ? ", " : "", clock_text(model, times->items[first + i]));
	return text;
}

/* What is due on a day, one row for each job and kind. Returns the rows that there are now. */
static size_t put_day(struct report_model *model, const struct report_month *month, int day,
    const struct report_plan *plans, size_t plans_count, size_t rows)
{
	struct tm begin = {.tm_year = month->year - 1900, .tm_mon = month->month - 1, .tm_mday = day, .tm_isdst = -1};
	struct tm end = begin;
	int64_t from, until;
	char date[RECORD_PHRASE], number[24];

	end.tm_mday++;
	from = (int64_t)mktime(&begin) * CLOCK_SECOND;
	until = (int64_t)mktime(&end) * CLOCK_SECOND;
	record_date(date, month->year, month->month, day, begin.tm_wday, model->english);
	for (size_t i = 0; i < 2 * plans_count; i++) {
		const struct report_plan *plan = &plans[i / 2];
		bool drill = i % 2 == 1;
		const char *times = times_of(model, drill ? &plan->drills : &plan->backups, from, until);

		if (!*times)
			continue;
		snprintf(number, sizeof(number), "%zu", ++rows);
		report_model_row(model,
		    (const char *const[]){number, date, times,
			report_model_fill(model, drill ? WORD_SCHEDULE_TEXT_DRILL : WORD_SCHEDULE_TEXT_BACKUP,
			    RECORD_ARGUMENTS(plan->job)),
			sop_text(model, &plan->sop), plan->performer_position, ""},
		    false);
	}
	return rows;
}

static void dates_block(
    struct report_model *model, const struct report_month *month, const struct report_plan *plans, size_t plans_count)
{
	static const struct report_heading columns[] = {{WORD_NUMBER_COLUMN, REPORT_NO_GROUP, 4, false},
	    {WORD_SCHEDULE_DATE, REPORT_NO_GROUP, 25, false}, {WORD_TIME, REPORT_NO_GROUP, 18, false},
	    {WORD_ACTIVITY, REPORT_NO_GROUP, 20, false}, {WORD_SCHEDULE_SOP, REPORT_NO_GROUP, 10, false},
	    {WORD_PERFORMER_COLUMN, REPORT_NO_GROUP, 14, false}, {WORD_SCHEDULE_MARK, REPORT_NO_GROUP, 9, false}};
	size_t rows = 0;

	report_model_heading(model, WORD_SCHEDULE_DATES_BLOCK);
	report_model_table(model, columns, sizeof(columns) / sizeof(columns[0]));
	for (int day = 1; day <= month->days; day++)
		rows = put_day(model, month, day, plans, plans_count, rows);
	if (rows == 0)
		report_model_paragraph(model, report_model_word(model, WORD_SCHEDULE_NOTHING));
}

enum err report_schedule(struct report_model *model, const struct report_month *month, const struct report_plan *plans,
    size_t plans_count, const struct report_filer *filer)
{
	char period[RECORD_PHRASE], text[CLOCK_TEXT];

	model->english = filer->office.english;
	record_period(period, month->text, model->english);
	report_parts_begin_filed(model, filer, WORD_SCHEDULE_TITLE, period);
	model->created = report_model_text(model, clock_format(text, month->from));
	jobs_block(model, plans, plans_count);
	dates_block(model, month, plans, plans_count);
	report_model_heading(model, WORD_SIGNATURES_BLOCK);
	report_parts_sign_filed(model, filer);
	return model->err;
}
