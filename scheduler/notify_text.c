/* The words of a message, short and for somebody who is no technician. */
#include "scheduler/notify_internal.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "scheduler/drill_key.h"

#include <unistd.h>

#define LABEL_WIDTH 22 /* columns: the longest label */

static const char *const words[][2] = {
#define WORD(name, indonesian, english) [NOTIFY_WORD_##name] = {indonesian, english},
#include "scheduler/notify_words.def"
#undef WORD
};

/* What a body is made from. `err` is sticky: lines are added one behind the other, and it is looked at once. */
struct text {
	const struct configuration *configuration;
	const struct configuration_job *job; /* NULL: none, or none any more */
	const struct notify_message *message;
	struct buffer *out;
	bool english;
	int step;
	enum err err;
};

static const char *word(const struct text *text, enum notify_word name)
{
	return words[name][text->english];
}

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
	va_list arguments;
	char *line = NULL;
	int size;

	if (text->err != ERR_OK)
		return;
	va_start(arguments, format);
	size = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	line = size >= 0 ? mem_alloc((size_t)size + 1) : NULL;
	if (!line) {
		text->err = ERR_NOMEM;
		return;
	}
	va_start(arguments, format);
	vsnprintf(line, (size_t)size + 1, format, arguments);
	va_end(arguments);
	text->err = buffer_append(text->out, line, (size_t)size);
	mem_free(line);
}

static void row(struct text *text, enum notify_word label, const char *value)
{
	if (value[0])
		add(text, "%-*s: %s\n", LABEL_WIDTH, word(text, label), value);
}

static void time_row(struct text *text, enum notify_word label, int64_t time)
{
	char local[CLOCK_TEXT], phrase[RECORD_PHRASE];

	if (time != 0)
		row(text, label, record_time(phrase, clock_format(local, time), "", text->english));
}

/* Of how a drill went; a report that waits for its review is a report. */
static bool is_of_drill(const struct notify_message *message)
{
	return message->kind <= NOTIFY_FAILURE && drill_key_of_run(message->job, message->run_id);
}

/* "Backup website GAGAL" */
static void headline(struct text *text)
{
	static const struct {
		enum notify_word noun, state;
	} phrases[] = {
	    [NOTIFY_START] = {NOTIFY_WORD_BACKUP, NOTIFY_WORD_IS_STARTED},
	    [NOTIFY_SUCCESS] = {NOTIFY_WORD_BACKUP, NOTIFY_WORD_IS_SUCCESS},
	    [NOTIFY_NOTES] = {NOTIFY_WORD_BACKUP, NOTIFY_WORD_IS_NOTES},
	    [NOTIFY_FAILURE] = {NOTIFY_WORD_BACKUP, NOTIFY_WORD_IS_FAILURE},
	    [NOTIFY_MISSED] = {NOTIFY_WORD_BACKUP, NOTIFY_WORD_IS_MISSED},
	    [NOTIFY_REVIEW_OVERDUE] = {NOTIFY_WORD_REPORT, NOTIFY_WORD_IS_UNREVIEWED},
	    [NOTIFY_DRILL_OVERDUE] = {NOTIFY_WORD_DRILL, NOTIFY_WORD_IS_UNDRILLED},
	};
	enum notify_kind kind = text->message->kind;

	if (kind == NOTIFY_TEST)
		add(text, "%s", word(text, NOTIFY_WORD_TEST));
	else
		add(text, "%s %s %s", word(text, is_of_drill(text->message) ? NOTIFY_WORD_DRILL : phrases[kind].noun),
		    text->message->job, word(text, phrases[kind].state));
}

/* "Sabtu, 21 November 2026, 01.04.10 (UTC+09:00), 1 hari sebelumnya" */
static void last_good_row(struct text *text)
{
	const struct notify_message *message = text->message;
	int64_t minutes = (message->time - message->last_good) / (60 * CLOCK_SECOND);
	char local[CLOCK_TEXT], phrase[RECORD_PHRASE], line[2 * RECORD_PHRASE];
	enum notify_word unit = minutes < 120 ? NOTIFY_WORD_MINUTES
	    : minutes < 48 * 60		      ? NOTIFY_WORD_HOURS
					      : NOTIFY_WORD_DAYS;
	int64_t count = minutes < 120 ? minutes : minutes < 48 * 60 ? minutes / 60 : minutes / (24 * 60);

	if (message->last_good == NOTIFY_UNKNOWN)
		return;
	if (message->last_good == 0) {
		row(text, NOTIFY_WORD_LAST_GOOD, word(text, NOTIFY_WORD_NEVER));
		return;
	}
	record_time(phrase, clock_format(local, message->last_good), "", text->english);
	if (minutes >= 0)
		snprintf(line, sizeof(line), "%s, %lld %s", phrase, (long long)count, word(text, unit));
	row(text, NOTIFY_WORD_LAST_GOOD, minutes >= 0 ? line : phrase);
}

static void facts(struct text *text)
{
	const struct notify_message *message = text->message;
	char host[NOTIFY_HOST_SIZE], code[16];

	row(text, NOTIFY_WORD_OFFICE, text->configuration->office.name);
	row(text, NOTIFY_WORD_HOST, notify_text_host(host));
	time_row(text, NOTIFY_WORD_TIME, message->time);
	row(text, NOTIFY_WORD_RUN, message->run_id);
	time_row(text, message->kind == NOTIFY_MISSED ? NOTIFY_WORD_PLANNED : NOTIFY_WORD_SINCE, message->due);
	if (message->failure_kind != ERR_OK)
		add(text, "%-*s: %s: %s\n", LABEL_WIDTH, word(text, NOTIFY_WORD_CAUSE),
		    message_code(message->failure_id, code), message->failure_text);
	if (message->kind == NOTIFY_FAILURE || message->kind == NOTIFY_MISSED)
		last_good_row(text);
}

static void named_lines(struct text *text)
{
	const struct notify_message *message = text->message;
	json_t *line;
	size_t i;

	if (json_array_size(message->lines) > 0)
		add(text, "\n%s:\n", word(text, NOTIFY_WORD_NAMED));
	json_array_foreach(message->lines, i, line)
	{
		add(text, "- %s\n", json_string_value(line));
	}
	if (message->lines_omitted > 0)
		add(text, "- %s %llu\n", word(text, NOTIFY_WORD_MORE), (unsigned long long)message->lines_omitted);
	if (message->attachment_left_out)
		add(text, "\n%s\n", word(text, NOTIFY_WORD_LEFT_OUT));
}

/* "1. Jalankan backup lagi, ketik di server: pulih run website" */
static void step(struct text *text, enum notify_word name, const char *command, const char *argument)
{
	if (text->step == 0)
		add(text, "\n%s:\n", word(text, NOTIFY_WORD_TO_DO));
	add(text, "%d. %s%s%s%s\n", ++text->step, word(text, name), *command ? " " : "", command, argument);
}

static enum notify_word advice_of(enum err kind)
{
	switch (kind) {
	case ERR_NOSPACE:
		return NOTIFY_WORD_DO_SPACE;
	case ERR_KEY:
	case ERR_DENIED:
		return NOTIFY_WORD_DO_KEY;
	case ERR_CORRUPT:
		return NOTIFY_WORD_DO_DAMAGE;
	case ERR_SOURCE:
	case ERR_PARTIAL:
		return NOTIFY_WORD_DO_SOURCE;
	case ERR_CONFIG:
	case ERR_USAGE:
		return NOTIFY_WORD_DO_CONFIGURATION;
	default:
		return NOTIFY_WORD_DO_MEDIA;
	}
}

/* Of these the kind alone would send people to look at the wrong thing: what the message means helps. */
static bool is_of_its_own(enum message id)
{
	return id == PL_RUN_BEFORE || id == PL_RUN_AFTER || id == PL_RUN_TIMEOUT || id == PL_LEDGER_FOUND ||
	    id == PL_PACKS_LOST || id == PL_DRILL_DIFFERS;
}

static void steps(struct text *text)
{
	const struct notify_message *message = text->message;
	char code[16];

	switch (message->kind) {
	case NOTIFY_FAILURE:
		if (message->failure_kind != ERR_INTERRUPTED && !is_of_its_own(message->failure_id))
			step(text, advice_of(message->failure_kind), "", "");
		if (message->failure_id != PL_NONE)
			step(text, NOTIFY_WORD_DO_LOOK_UP, "pulih help ", message_code(message->failure_id, code));
		step(text, NOTIFY_WORD_DO_RUN, is_of_drill(message) ? "pulih drill " : "pulih run ", message->job);
		return;
	case NOTIFY_MISSED:
		step(text, NOTIFY_WORD_DO_POWER, "", "");
		step(text, NOTIFY_WORD_DO_RUN_NOW, "pulih run ", message->job);
		return;
	case NOTIFY_NOTES:
		if (is_of_its_own(message->failure_id)) {
			step(text, NOTIFY_WORD_DO_LOOK_UP, "pulih help ", message_code(message->failure_id, code));
			step(text, NOTIFY_WORD_DO_READ, "pulih report show ", message->run_id);
			return;
		}
		step(text, NOTIFY_WORD_DO_READ_NOTES, "pulih report show ", message->run_id);
		return;
	case NOTIFY_REVIEW_OVERDUE:
		step(text, NOTIFY_WORD_DO_REVIEW, "pulih report show ", message->run_id);
		return;
	case NOTIFY_DRILL_OVERDUE:
		step(text, NOTIFY_WORD_DO_DRILL, "pulih drill ", message->job);
		return;
	default:
		add(text, "\n%s\n",
		    word(text, message->kind == NOTIFY_TEST ? NOTIFY_WORD_TEST_TEXT : NOTIFY_WORD_NOTHING_TO_DO));
	}
}

static void person(struct text *text, enum notify_word label, const char *id)
{
	const struct configuration_person *found = configuration_person(text->configuration, id);

	if (found)
		add(text, "%s: %s (%s)%s%s\n", word(text, label), found->name, found->position,
		    found->email ? ", " : "", found->email ? found->email : "");
}

static struct text start(
    const struct configuration *configuration, const struct notify_message *message, struct buffer *out)
{
	return (struct text){.configuration = configuration,
	    .job = configuration_job(configuration, message->job),
	    .message = message,
	    .out = out,
	    .english = configuration->office.language == LANGUAGE_ENGLISH};
}

enum err notify_text_subject(
    const struct configuration *configuration, const struct notify_message *message, struct buffer *out)
{
	struct text text = start(configuration, message, out);

	add(&text, "[Pulih] ");
	headline(&text);
	add(&text, " - %s", configuration->office.name);
	return text.err == ERR_OK ? buffer_append_u8(out, 0) : text.err;
}

enum err notify_text_body(
    const struct configuration *configuration, const struct notify_message *message, struct buffer *out)
{
	struct text text = start(configuration, message, out);

	headline(&text);
	add(&text, ".\n\n");
	facts(&text);
	named_lines(&text);
	steps(&text);
	if (text.job && message->kind == NOTIFY_REVIEW_OVERDUE) {
		add(&text, "\n");
		person(&text, NOTIFY_WORD_REVIEWER, text.job->reviewer);
	}
	if (text.job && text.step > 0) {
		add(&text, "\n");
		person(&text, NOTIFY_WORD_ASK, text.job->performer);
	}
	add(&text, "\n%s\n", word(&text, NOTIFY_WORD_AUTOMATIC));
	return text.err == ERR_OK ? buffer_append_u8(out, 0) : text.err;
}

const char *notify_text_word(const struct configuration *configuration, enum notify_word name)
{
	return words[name][configuration->office.language == LANGUAGE_ENGLISH];
}

char *notify_text_time(const struct configuration *configuration, int64_t time, char out[RECORD_PHRASE])
{
	char local[CLOCK_TEXT];

	record_time(out, clock_format(local, time), "", configuration->office.language == LANGUAGE_ENGLISH);
	return out;
}

const char *notify_text_host(char out[NOTIFY_HOST_SIZE])
{
	if (gethostname(out, NOTIFY_HOST_SIZE) != 0 || !out[0])
		snprintf(out, NOTIFY_HOST_SIZE, "localhost");
	out[NOTIFY_HOST_SIZE - 1] = '\0';
	return out;
}
