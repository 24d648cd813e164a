#include "scheduler/calendar_internal.h"

static enum err append_weekdays(const struct configuration_schedule *schedule, struct buffer *out)
{
	static const char *const names[] = {
	    "", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};
	enum err err = buffer_append_text(out, "week");

	if (!schedule->weekdays_count)
		return err == ERR_OK ? buffer_append_text(out, " %s", names[schedule->weekday]) : err;
	/* in the order of the week, however they are listed */
	for (int weekday = 1; weekday <= 7; weekday++)
		for (uint32_t i = 0; err == ERR_OK && i < schedule->weekdays_count; i++)
			if (schedule->weekdays[i] == weekday)
				err = buffer_append_text(out, " %s", names[weekday]);
	return err;
}

static enum err append_times(const struct configuration_schedule *schedule, struct buffer *out)
{
	enum err err;

	switch (schedule->every) {
	case EVERY_CRON:
		return buffer_append_text(out, "cron %s", schedule->cron);
	case EVERY_HOUR:
		err = buffer_append_text(out, "hour, minute %d", schedule->minute);
		if (err == ERR_OK && schedule->hours > 1)
			err = buffer_append_text(out, ", every %d", schedule->hours);
		return err;
	case EVERY_WEEK:
		err = append_weekdays(schedule, out);
		return err == ERR_OK ? buffer_append_text(out, " %s", schedule->at) : err;
	case EVERY_MONTH:
		return buffer_append_text(out, "month, day %d, %s", schedule->day, schedule->at);
	default:
		return buffer_append_text(out, "day %s", schedule->at);
	}
}

enum err calendar_text_record(const struct configuration_schedule *schedule, struct buffer *out)
{
	enum err err = append_times(schedule, out);

	if (err == ERR_OK && schedule->window)
		err = buffer_append_text(out, ", window %s-%s", schedule->window->from, schedule->window->to);
	return err;
}

char *calendar_text(const struct calendar *calendar, bool english, char out[CALENDAR_TEXT])
{
	return record_schedule(out, calendar->text, english);
}
