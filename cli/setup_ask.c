#include "cli/setup_ask.h"
#include "core/base/clock.h"
#include "core/base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <unistd.h>

#define LOOK_AROUND 200	 /* ms */
#define LINE_LENGTH 4096 /* bytes: no terminal gives a longer line at once */

bool setup_ask_open(struct setup_ask *ask)
{
	ask->tty = isatty(STDIN_FILENO) ? open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;
	return ask->tty >= 0;
}

void setup_ask_close(struct setup_ask *ask)
{
	if (ask->tty >= 0)
		close(ask->tty);
	ask->tty = -1;
}

void setup_ask_say(const struct setup_ask *ask, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vdprintf(ask->tty, format, arguments);
	va_end(arguments);
}

/* A signal that comes just before a read would wait with it for ever. */
static void wait_for_input(const struct setup_ask *ask)
{
	struct pollfd input = {.fd = ask->tty, .events = POLLIN};

	while (!interrupt_requested() && poll(&input, 1, LOOK_AROUND) == 0)
		;
}

/* A line without its end. */
static enum err read_line(const struct setup_ask *ask, char line[LINE_LENGTH + 1])
{
	size_t length = 0;

	while (length < LINE_LENGTH) {
		ssize_t got;

		wait_for_input(ask);
		if (interrupt_requested()) {
			setup_ask_say(ask, "\n");
			return fail(PL_INTERRUPTED, "interrupted");
		}
		got = read(ask->tty, line + length, LINE_LENGTH - length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return fail(PL_SETUP_ANSWER, "the terminal ended before all questions were answered");
		length += (size_t)got;
		if (line[length - 1] == '\n')
			break;
	}
	if (length > 0 && line[length - 1] == '\n')
		length--;
	if (memchr(line, '\0', length))
		length = 0;
	line[length] = '\0';
	return ERR_OK;
}

/* What was wrong with an answer is said, and the question is put again; anything else ends the dialogue. */
static bool is_asked_again(const struct setup_ask *ask, enum err err)
{
	if (err != ERR_USAGE)
		return false;
	setup_ask_say(ask, "  ! %s\n", failure_last()->text);
	failure_clear();
	return true;
}

enum err setup_ask_question(const struct setup_ask *ask, struct setup_answers *answers, enum setup_answer which)
{
	char line[LINE_LENGTH + 1], *standard = NULL;
	enum err err = setup_answers_standard(answers, which, &standard);

	if (err != ERR_OK)
		return err;
	do {
		setup_ask_say(ask, "%s%s%s%s: ", setup_answers_question(which), standard ? " [" : "",
		    standard ? *standard ? standard : "none" : "", standard ? "]" : "");
		err = read_line(ask, line);
		if (err == ERR_OK)
			err =
			    setup_answers_take(answers, which, line[strspn(line, " ")] || !standard ? line : standard);
	} while (is_asked_again(ask, err));
	mem_free(standard);
	return err;
}

static enum err ask_lines(const struct setup_ask *ask, struct setup_answers *answers, const char *question,
    const char *further, enum err (*add)(struct setup_answers *, const char *))
{
	char line[LINE_LENGTH + 1];
	enum err err = ERR_OK;

	for (;;) {
		setup_ask_say(ask, "%s: ", question);
		err = read_line(ask, line);
		if (err != ERR_OK || line[strspn(line, " ")] == '\0')
			return err;
		err = add(answers, line + strspn(line, " "));
		if (err == ERR_OK)
			question = further;
		else if (!is_asked_again(ask, err))
			return err;
	}
}

enum err setup_ask_address(const struct setup_ask *ask, struct setup_answers *answers)
{
	return ask_lines(ask, answers, "Address, for the letterhead; a line at a time [none]",
	    "  further line [no more]", setup_answers_add_address);
}

enum err setup_ask_paths(const struct setup_ask *ask, struct setup_answers *answers, const char *question,
    enum err (*add)(struct setup_answers *, const char *))
{
	return ask_lines(ask, answers, question, "  further one [no more]", add);
}

enum err setup_ask_yes(const struct setup_ask *ask, const char *question, bool standard, bool *out)
{
	char line[LINE_LENGTH + 1];

	for (;;) {
		const char *word;
		enum err err;

		setup_ask_say(ask, "%s [%s]: ", question, standard ? "yes" : "no");
		err = read_line(ask, line);
		if (err != ERR_OK)
			return err;
		word = line + strspn(line, " ");
		*out = *word ? strchr("yY", *word) != NULL || strncasecmp(word, "ya", 2) == 0 : standard;
		if (!*word || strchr("yYnNtT", *word)) /* ya and tidak count too */
			return ERR_OK;
		setup_ask_say(ask, "  ! yes or no\n");
	}
}

static bool parse_number(const char **at, size_t count, size_t *out)
{
	*out = 0;
	if (!isdigit((unsigned char)**at))
		return false;
	while (isdigit((unsigned char)**at) && *out <= count)
		*out = *out * 10 + (size_t)(*(*at)++ - '0');
	return *out >= 1 && *out <= count;
}

bool setup_ask_parse(const char *text, bool *chosen, size_t count)
{
	const char *at = text + strspn(text, " ");
	size_t first, last;
	bool all = strncasecmp(at, "all", 3) == 0, none = strncasecmp(at, "none", 4) == 0;

	for (size_t i = 0; i < count; i++)
		chosen[i] = all;
	if (all || none) {
		at += all ? 3 : 4;
		return at[strspn(at, " ")] == '\0';
	}
	if (!*at)
		return false;
	while (*at) {
		if (!parse_number(&at, count, &first))
			return false;
		last = first;
		if (*at == '-') {
			at++;
			if (!parse_number(&at, count, &last) || last < first)
				return false;
		}
		for (size_t i = first; i <= last; i++)
			chosen[i - 1] = true;
		if (*at && *at != ' ' && *at != ',')
			return false;
		at += strspn(at, " ,");
	}
	return true;
}

enum err setup_ask_which(const struct setup_ask *ask, const char *question, bool standard, bool *chosen, size_t count)
{
	char line[LINE_LENGTH + 1];

	for (;;) {
		enum err err;

		setup_ask_say(ask, "%s [%s]: ", question, standard ? "all" : "none");
		err = read_line(ask, line);
		if (err != ERR_OK)
			return err;
		if (setup_ask_parse(line[strspn(line, " ")] ? line : standard ? "all" : "none", chosen, count))
			return ERR_OK;
		setup_ask_say(ask, "  ! numbers from 1 to %zu, as \"1 3-5\", or all, or none\n", count);
	}
}
