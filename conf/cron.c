#include "conf/cron.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define FIELDS 5
#define BLANKS " \t"
#define SHOWN_MAX 16 /* bytes of the text that an error repeats */

static const char *const month_names[] = {
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

enum field_id { FIELD_MINUTE, FIELD_HOUR, FIELD_DAY, FIELD_MONTH, FIELD_WEEKDAY };

static const struct field {
	const char *name;
	unsigned low, high;
	const char *const *names; /* the first one is `low` */
	const char *allowed;
} fields[FIELDS] = {
    {"minute", 0, 59, NULL, "0 to 59"},
    {"hour", 0, 23, NULL, "0 to 23"},
    {"day of the month", 1, 31, NULL, "1 to 31"},
    {"month", 1, 12, month_names, "1 to 12, or jan to dec"},
    {"day of the week", 0, 7, weekday_names, "0 to 7 (0 and 7 are Sunday), or sun to sat"},
};

/* Where the parser is: `at` within `start`, up to the `end` of the field. */
struct place {
	const char *start, *at, *end;
	enum field_id id;
	struct cron_error *error;
};

static bool __attribute__((format(printf, 2, 3))) refuse(struct place *place, const char *format, ...)
{
	char text[sizeof(place->error->text) - 64];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	place->error->offset = (size_t)(place->at - place->start);
	snprintf(place->error->text, sizeof(place->error->text), "field %d (%s): %s", place->id + 1,
	    fields[place->id].name, text);
	return false;
}

/* Letters and digits from here on, as far as an error shows them. */
static int word_length(const struct place *place)
{
	int length = 0;

	while (place->at + length < place->end && length < SHOWN_MAX && !strchr(",-/*", place->at[length]))
		length++;
	/* not within a character */
	while (length > 0 && place->at + length < place->end && ((unsigned char)place->at[length] & 0xc0) == 0x80)
		length--;
	return length;
}

static bool is_digit(const struct place *place)
{
	return place->at < place->end && *place->at >= '0' && *place->at <= '9';
}

/* A number of at most 3 digits: all that a field can have, and none overflows. */
static bool read_number(struct place *place, unsigned *value)
{
	const struct place begin = *place;

	*value = 0;
	for (; is_digit(place) && place->at - begin.at < 3; place->at++)
		*value = *value * 10 + (unsigned)(*place->at - '0');
	return place->at > begin.at && !is_digit(place);
}

static bool read_name(struct place *place, const struct field *field, unsigned *value)
{
	for (unsigned i = 0; word_length(place) == 3 && field->names && field->names[i]; i++)
		if (strncasecmp(place->at, field->names[i], 3) == 0) {
			*value = field->low + i;
			place->at += 3;
			return true;
		}
	return false;
}

static bool read_value(struct place *place, unsigned *value)
{
	const struct field *field = &fields[place->id];
	const struct place begin = *place;
	bool good = is_digit(place) ? read_number(place, value) : read_name(place, field, value);
	bool ends = place->at == place->end || strchr(",-/", *place->at);

	if (good && ends && *value >= field->low && *value <= field->high)
		return true;
	*place = begin;
	if (word_length(place) == 0)
		return refuse(place, "a value is missing; allowed: *, or %s", field->allowed);
	return refuse(
	    place, "\"%.*s\" is no such value; allowed: *, or %s", word_length(place), place->at, field->allowed);
}

static bool read_step(struct place *place, unsigned *step)
{
	const struct field *field = &fields[place->id];
	const unsigned most = field->high - field->low + 1;
	const struct place begin = *place;

	if (read_number(place, step) && *step >= 1 && *step <= most && (place->at == place->end || *place->at == ','))
		return true;
	*place = begin;
	return refuse(place, "\"%.*s\" is no step; allowed: 1 to %u", word_length(place), place->at, most);
}

/* '*', a, a-b, each perhaps with /n; adds its values to *set. */
static bool read_item(struct place *place, uint64_t *set)
{
	const struct field *field = &fields[place->id];
	const struct place begin = *place;
	unsigned low = field->low, high = field->high, step = 1;
	bool range = true;

	if (place->at < place->end && *place->at == '*') {
		place->at++;
	} else if (!read_value(place, &low)) {
		return false;
	} else if (place->at < place->end && *place->at == '-') {
		place->at++;
		if (!read_value(place, &high))
			return false;
		if (place->id == FIELD_WEEKDAY && high == 0)
			high = 7; /* fri-sun */
		if (low > high) {
			*place = begin;
			return refuse(place, "the range ends before it begins; write it as two, with ',' between them");
		}
	} else {
		high = low;
		range = false;
	}
	if (place->at < place->end && *place->at == '/') {
		if (!range)
			return refuse(place, "a step needs a range; write %u-%u/ or */", low, field->high);
		place->at++;
		if (!read_step(place, &step))
			return false;
	}
	for (unsigned value = low; value <= high; value += step)
		*set |= UINT64_C(1) << value;
	return true;
}

static bool read_field(struct place *place, uint64_t *set)
{
	*set = 0;
	for (;;) {
		if (!read_item(place, set))
			return false;
		if (place->at == place->end)
			return true;
		if (*place->at != ',')
			return refuse(place, "\"%.*s\" means nothing here; allowed: ',' and a further value",
			    word_length(place) > 0 ? word_length(place) : 1, place->at);
		place->at++;
	}
}

bool cron_parse(const char *text, struct recurrence *out, struct cron_error *error)
{
	struct place place = {.start = text, .at = text, .error = error};
	uint64_t sets[FIELDS];
	bool star[FIELDS];

	if (strlen(text) > CRON_MAX) {
		*error = (struct cron_error){.offset = CRON_MAX};
		snprintf(error->text, sizeof(error->text),
		    "the expression has more than %d characters; write ranges (1-5) and steps (*/10)", CRON_MAX);
		return false;
	}
	for (int i = 0; i < FIELDS; i++) {
		place.id = (enum field_id)i;
		place.at += strspn(place.at, BLANKS);
		place.end = place.at + strcspn(place.at, BLANKS);
		if (place.at == place.end)
			return refuse(&place, "it is missing; an expression has five fields, with blanks between them");
		star[i] = *place.at == '*';
		if (!read_field(&place, &sets[i]))
			return false;
	}
	place.at += strspn(place.at, BLANKS);
	if (*place.at)
		return refuse(&place, "nothing may stand behind the fifth field");
	*out = (struct recurrence){.minutes = sets[FIELD_MINUTE],
	    .hours = (uint32_t)sets[FIELD_HOUR],
	    .days = (uint32_t)sets[FIELD_DAY],
	    .months = (uint32_t)sets[FIELD_MONTH],
	    /* Sunday is 0 or 7 there, and 7 here */
	    .weekdays = (uint32_t)((sets[FIELD_WEEKDAY] & 0xfe) | (sets[FIELD_WEEKDAY] & 1) << 7),
	    .either = !star[FIELD_DAY] && !star[FIELD_WEEKDAY]};
	return true;
}
