/* What no schema can say of a schedule. */
#include "conf/configuration_internal.h"
#include "conf/cron.h"

#define MEMBER(flag) (UINT32_C(1) << (flag))
enum member {
	MEMBER_CRON,
	MEMBER_AT,
	MEMBER_HOURS,
	MEMBER_MINUTE,
	MEMBER_WEEKDAY,
	MEMBER_WEEKDAYS,
	MEMBER_DAY,
	MEMBERS
};
static const char *const member_names[MEMBERS] = {"cron", "at", "hours", "minute", "weekday", "weekdays", "day"};

/* What goes with each kind of schedule: what must be there, and what may be. */
static const struct {
	uint32_t wanted, allowed;
} members_of[] = {
    [EVERY_CRON] = {MEMBER(MEMBER_CRON), 0},
    [EVERY_HOUR] = {MEMBER(MEMBER_MINUTE), MEMBER(MEMBER_HOURS)},
    [EVERY_DAY] = {MEMBER(MEMBER_AT), 0},
    [EVERY_WEEK] = {MEMBER(MEMBER_AT), MEMBER(MEMBER_WEEKDAY) | MEMBER(MEMBER_WEEKDAYS)},
    [EVERY_MONTH] = {MEMBER(MEMBER_AT) | MEMBER(MEMBER_DAY), 0},
};

static enum err check_members(struct locate *locate, const struct configuration_schedule *schedule, const char *path)
{
	if (schedule->every == EVERY_CRON && !schedule->cron)
		return locate_fail(
		    locate, PL_CONFIG_NO_VALUE, path, "the key \"every\" is missing, or \"cron\" in its place");
	for (size_t i = 0; i < MEMBERS; i++) {
		struct locate_path full = locate_path("%s.%s", path, member_names[i]);
		bool given = locate_find(locate, full.text) != NULL;
		bool wanted = (members_of[schedule->every].wanted & MEMBER(i)) != 0;

		if (given && !wanted && !(members_of[schedule->every].allowed & MEMBER(i)))
			return locate_fail(locate, PL_CONFIG_VALUE, full.text, "this means nothing here; see \"%s\"",
			    schedule->every == EVERY_CRON ? "cron" : "every");
		if (!given && wanted)
			return locate_fail(
			    locate, PL_CONFIG_NO_VALUE, path, "the key \"%s\" is missing", member_names[i]);
	}
	return ERR_OK;
}

static enum err check_time(struct locate *locate, const char *path, const char *member, const char *text)
{
	unsigned minute;

	if (recurrence_time(text, &minute))
		return ERR_OK;
	return locate_fail(locate, PL_CONFIG_VALUE, locate_path("%s.%s", path, member).text,
	    "\"%s\" is no time; allowed: \"HH:MM\", from \"00:00\" to \"23:59\"", text);
}

static enum err check_hours(struct locate *locate, const struct configuration_schedule *schedule, const char *path)
{
	struct locate_path hours = locate_path("%s.hours", path);

	if (schedule->minute > 59)
		return locate_fail(locate, PL_CONFIG_VALUE, locate_path("%s.minute", path).text,
		    "%d is no minute; allowed: 0 to 59", schedule->minute);
	if (locate_find(locate, hours.text) && (schedule->hours < 1 || schedule->hours > 23))
		return locate_fail(locate, PL_CONFIG_VALUE, hours.text,
		    "%d is no number of hours; allowed: 1 to 23, counted from midnight of each day", schedule->hours);
	return ERR_OK;
}

static enum err check_weekdays(struct locate *locate, const struct configuration_schedule *schedule, const char *path)
{
	if (!schedule->weekday && !schedule->weekdays_count)
		return locate_fail(
		    locate, PL_CONFIG_NO_VALUE, path, "the key \"weekday\" is missing, or \"weekdays\" for several");
	if (schedule->weekday && schedule->weekdays_count)
		return locate_fail(locate, PL_CONFIG_VALUE, locate_path("%s.weekdays", path).text,
		    "give one of weekday and weekdays, not both");
	for (uint32_t i = 0; i < schedule->weekdays_count; i++)
		for (uint32_t before = 0; before < i; before++)
			if (schedule->weekdays[before] == schedule->weekdays[i])
				return locate_fail(locate, PL_CONFIG_DUPLICATE,
				    locate_path("%s.weekdays[%u]", path, i).text,
				    "this day stands in the list already");
	return ERR_OK;
}

/* Points at the very character, where the value stands in the file as it is: on one line, without escapes. */
static enum err check_cron(struct locate *locate, const char *text, const char *path)
{
	struct locate_path full = locate_path("%s.cron", path);
	yaml_node_t place = *locate_find(locate, full.text);
	const size_t quotes = place.data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? 0 : 1;
	struct recurrence recurrence;
	struct cron_error error;

	if (cron_parse(text, &recurrence, &error)) {
		if (recurrence_possible(&recurrence))
			return ERR_OK;
		return locate_fail(locate, PL_CONFIG_VALUE, full.text,
		    "this is never due: none of these months has such a day (fields 3 and 4)");
	}
	if (place.start_mark.line == place.end_mark.line &&
	    place.end_mark.column - place.start_mark.column == strlen(text) + 2 * quotes)
		place.start_mark.column += quotes + error.offset;
	return locate_fail_node(locate, &place, PL_CONFIG_VALUE, full.text, "%s", error.text);
}

/* Whatever is planned must be able to begin at its time; `to` is the first minute at which nothing may. */
static enum err check_window(struct locate *locate, const struct configuration_schedule *schedule, const char *path)
{
	const struct configuration_window *window = schedule->window;
	struct locate_path full = locate_path("%s.window", path);
	struct recurrence recurrence;
	unsigned from, to;
	int at = -1;
	enum err err = check_time(locate, full.text, "from", window->from);

	if (err == ERR_OK)
		err = check_time(locate, full.text, "to", window->to);
	if (err == ERR_OK)
		err = recurrence_of(&recurrence, schedule);
	if (err != ERR_OK)
		return err;
	recurrence_time(window->from, &from);
	recurrence_time(window->to, &to);
	if (from == to)
		return locate_fail(locate, PL_CONFIG_VALUE, full.text,
		    "the window ends when it begins; name two times, or leave it out for the whole day");
	while ((at = recurrence_first(&recurrence, at + 1)) >= 0)
		if (!recurrence_within((unsigned)at, from, to))
			return locate_fail(locate, PL_CONFIG_VALUE, full.text,
			    "the planned time %02d:%02d is outside, the window is from %s until before %s; change one "
			    "of them",
			    at / 60, at % 60, window->from, window->to);
	return ERR_OK;
}

enum err validate_schedule(struct locate *locate, const struct configuration_schedule *schedule, const char *path)
{
	enum err err = check_members(locate, schedule, path);

	if (err == ERR_OK && schedule->at)
		err = check_time(locate, path, "at", schedule->at);
	if (err == ERR_OK && schedule->every == EVERY_HOUR)
		err = check_hours(locate, schedule, path);
	if (err == ERR_OK && schedule->every == EVERY_WEEK)
		err = check_weekdays(locate, schedule, path);
	if (err == ERR_OK && schedule->every == EVERY_MONTH && (schedule->day < 1 || schedule->day > 31))
		err = locate_fail(locate, PL_CONFIG_VALUE, locate_path("%s.day", path).text,
		    "%d is no day of a month; allowed: 1 to 31 (the last day where the month is shorter)",
		    schedule->day);
	if (err == ERR_OK && schedule->every == EVERY_CRON)
		err = check_cron(locate, schedule->cron, path);
	if (err == ERR_OK && schedule->window)
		err = check_window(locate, schedule, path);
	return err;
}
