#include "cli/complete.h"
#include "cli/commands.h"
#include "cli/configured.h"
#include "cli/settings.h"
#include "core/base/output.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define TOKEN_ENDS " |[]:." /* of a usage line: "SNAPSHOT[:PATH] -t DIR", "PATH... | --all" */
#define DESCRIPTION_MAX 256 /* bytes: the second words of a command, in a row */

/* Where the last word stands: what the words before it made of the line. */
struct position {
	const struct command *command;	   /* NULL: not named yet */
	const char *group;		   /* "key" where the second word of a command is missing */
	const struct option_spec *waiting; /* the last word is the value of this option */
	const char *first;		   /* argument, NULL: none */
	size_t arguments, behind;	   /* arguments in all, and those behind "--" */
	bool ended;			   /* "--" was there: no more options */
	bool unknown;			   /* there is no such command */
};

/* ---- what is printed ---- */

/* `prefix` is "--option=" where the value is part of the word, else "". What comes from the configuration has no control characters. */
static void print_word(const char *prefix, const char *word, size_t length, const char *description)
{
	output_print("%s%.*s\t%s\n", prefix, (int)length, word, description);
	output_object("candidate",
	    json_pack(
		"{s:o, s:s}", "word", json_sprintf("%s%.*s", prefix, (int)length, word), "description", description));
}

static void print_shell(const char *what)
{
	output_print("@%s\n", what);
	output_object("candidate", json_pack("{s:s}", "shell", what));
}

static bool has_option(const struct option_spec *options, const char *name)
{
	for (; options && options->long_name; options++)
		if (strcmp(options->long_name, name) == 0)
			return true;
	return false;
}

/* But for those that are `own` of the command. */
static void print_options(const struct option_spec *options, const struct option_spec *own)
{
	for (; options && options->long_name; options++)
		if (options->help && !has_option(own, options->long_name))
			print_word("--", options->long_name, strlen(options->long_name), options->help);
}

/* True for the first of the commands that begin with the same word. */
static bool leads_group(const struct command_entry *entry, size_t length)
{
	for (const struct command_entry *before = commands; before < entry; before++)
		if (strncmp(before->command->name, entry->command->name, length + 1) == 0)
			return false;
	return true;
}

/* "list, add, remove": what may follow the first word. */
static void describe_group(char out[DESCRIPTION_MAX], const char *name, size_t length)
{
	size_t used = 0;

	out[0] = '\0';
	for (const struct command_entry *entry = commands; entry->command && used < DESCRIPTION_MAX; entry++)
		if (strncmp(entry->command->name, name, length + 1) == 0)
			used += (size_t)snprintf(out + used, DESCRIPTION_MAX - used, "%s%s", used ? ", " : "",
			    entry->command->name + length + 1);
}

/* Commands; of those with two words the first ones, or the second ones of `group`. */
static void print_commands(const char *group)
{
	char description[DESCRIPTION_MAX];

	for (const struct command_entry *entry = commands; entry->command; entry++) {
		const char *name = entry->command->name;
		size_t length = strcspn(name, " ");

		if (group) {
			if (strncmp(name, group, length) == 0 && group[length] == '\0' && name[length])
				print_word("", name + length + 1, strlen(name + length + 1), entry->command->purpose);
		} else if (name[length] == '\0') {
			print_word("", name, length, entry->command->purpose);
		} else if (leads_group(entry, length)) {
			describe_group(description, name, length);
			print_word("", name, length, description);
		}
	}
}

static void print_jobs(const char *prefix)
{
	const struct configuration *configuration;

	if (configured_check(&configuration) != ERR_OK)
		return;
	for (uint32_t i = 0; i < configuration->jobs_count; i++) {
		const struct configuration_job *job = &configuration->jobs[i];

		print_word(prefix, job->name, strlen(job->name), job->target);
	}
}

static void print_targets(const char *prefix)
{
	const struct configuration *configuration;

	if (configured_check(&configuration) == ERR_OK)
		for (uint32_t i = 0; i < configuration->targets_count; i++) {
			const struct configuration_target *target = &configuration->targets[i];

			print_word(prefix, target->name, strlen(target->name), target->url);
		}
	print_shell("folders");
}

/* What the tables call a value, as "FILE" or "JOB". False: nobody knows what may stand there. */
static bool print_kind(const char *prefix, const char *kind, size_t length)
{
	static const struct {
		const char *kind, *shell, *word, *description;
	} fixed[] = {
	    {"FILE", "files", NULL, NULL},
	    {"PATH", "files", NULL, NULL},
	    {"DIR", "folders", NULL, NULL},
	    {"COMMAND", "commands", NULL, NULL},
	    {"SNAPSHOT", NULL, "latest", "the newest snapshot"},
	    {"RUN", NULL, "latest", "the last run"},
	};

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		if (strncmp(fixed[i].kind, kind, length) != 0 || fixed[i].kind[length])
			continue;
		if (fixed[i].shell)
			print_shell(fixed[i].shell);
		else
			print_word(prefix, fixed[i].word, strlen(fixed[i].word), fixed[i].description);
		return true;
	}
	if (length == 3 && memcmp(kind, "JOB", 3) == 0)
		print_jobs(prefix);
	else if (length == 6 && memcmp(kind, "TARGET", 6) == 0)
		print_targets(prefix);
	else
		return false;
	return true;
}

static void print_values(const struct option_spec *option, const char *prefix)
{
	for (int i = 0; option->kind == OPTION_CHOICE && option->choices[i]; i++)
		print_word(prefix, option->choices[i], strlen(option->choices[i]), "");
	if (option->kind == OPTION_TEXT || option->kind == OPTION_LIST)
		print_kind(prefix, option->argument, strcspn(option->argument, TOKEN_ENDS));
}

/* ---- the words that are there ---- */

/* The option of that name, or the only one that begins so: getopt_long takes both. NULL: none. */
static const struct option_spec *find_long(const struct command *command, const char *name, size_t length)
{
	const struct option_spec *tables[] = {settings_options, command ? command->options : NULL};
	const struct option_spec *found = NULL;
	size_t count = 0;

	for (size_t i = 0; i < 2; i++)
		for (const struct option_spec *option = tables[i]; option && option->long_name; option++) {
			if (strncmp(option->long_name, name, length) != 0)
				continue;
			if (option->long_name[length] == '\0')
				return option;
			found = option;
			count++;
		}
	return count == 1 ? found : NULL;
}

static const struct option_spec *find_short(const struct command *command, char letter)
{
	const struct option_spec *tables[] = {settings_options, command ? command->options : NULL};

	for (size_t i = 0; i < 2; i++)
		for (const struct option_spec *option = tables[i]; option && option->long_name; option++)
			if (option->short_name == letter)
				return option;
	return NULL;
}

/* Jobs and targets are looked up in the configuration that the line names. */
static void take_value(const struct option_spec *option, const char *value)
{
	if (option->to == &settings.config && value[0])
		settings.config = value;
}

/* "--name", "--name=value", "-nvc", "-cFILE". */
static void take_option(struct position *at, const char *word)
{
	const struct option_spec *option;
	size_t length = strcspn(word, "=");

	if (word[1] == '-') {
		option = find_long(at->command, word + 2, length - 2);
		if (!option || !options_takes_value(option))
			return;
		if (word[length])
			take_value(option, word + length + 1);
		else
			at->waiting = option;
		return;
	}
	for (const char *letter = word + 1; *letter; letter++) {
		option = find_short(at->command, *letter);
		if (!option || !options_takes_value(option))
			continue;
		if (letter[1])
			take_value(option, letter + 1);
		else
			at->waiting = option;
		return;
	}
}

static void take_word(struct position *at, const char *word)
{
	char name[64];

	if (at->command) {
		if (at->arguments++ == 0)
			at->first = word;
		at->behind += at->ended;
		return;
	}
	at->ended = false; /* "--" in front of the command ends the options there only */
	if (!at->group && commands_is_group(word)) {
		at->group = word;
		return;
	}
	snprintf(name, sizeof(name), "%s%s%s", at->group ? at->group : "", at->group ? " " : "", word);
	at->command = commands_find(name);
	at->unknown = !at->command;
}

static struct position read_words(const char *const *words, size_t count)
{
	struct position at = {0};

	for (size_t i = 0; i < count && !at.unknown; i++) {
		const struct option_spec *waiting = at.waiting;

		at.waiting = NULL;
		if (waiting)
			take_value(waiting, words[i]);
		else if (!at.ended && strcmp(words[i], "--") == 0)
			at.ended = true;
		else if (!at.ended && words[i][0] == '-' && words[i][1])
			take_option(&at, words[i]);
		else
			take_word(&at, words[i]);
	}
	return at;
}

/* ---- arguments ---- */

/* A word of a usage line in small letters is meant as it stands, in place of the first argument. Where commands are offered too, those
 * that are called so stand there already. */
static void print_literal(const struct position *at, const char *token, size_t length)
{
	char word[64];

	if (at->arguments > 0 || length >= sizeof(word))
		return;
	snprintf(word, sizeof(word), "%.*s", (int)length, token);
	if (!strstr(at->command->arguments, "COMMAND") || !(commands_is_group(word) || commands_find(word)))
		print_word("", word, length, "");
}

/* One token of a usage line: of those in capitals the tables know the kind. `behind` "--" stands a program and its arguments, else
 * COMMAND is one of ours. False: nobody knows what it is. */
static bool print_token(const struct position *at, const char *token, size_t length, bool behind)
{
	if (islower((unsigned char)token[0])) {
		print_literal(at, token, length);
		return true;
	}
	if (behind && at->behind > 0) {
		print_shell("files");
		return true;
	}
	if (behind || length != 7 || memcmp(token, "COMMAND", length) != 0)
		return print_kind("", token, length);
	if (at->arguments == 0)
		print_commands(NULL);
	else if (at->arguments == 1)
		print_commands(at->first);
	return true;
}

/* True for the first of the tokens of that text: "SNAPSHOT[:PATH] SNAPSHOT[:PATH]" offers each once. */
static bool is_first(const char *text, const char *token, size_t length)
{
	while (text < token) {
		size_t other = strcspn(text, TOKEN_ENDS);

		if (other == length && memcmp(text, token, length) == 0)
			return false;
		text += other + 1;
	}
	return true;
}

/* The length of an option in a usage line, with its value: "-o FILE". */
static size_t option_length(const struct command *command, const char *text)
{
	size_t length = strcspn(text, TOKEN_ENDS);
	const struct option_spec *option =
	    text[1] == '-' ? find_long(command, text + 2, length - 2) : find_short(command, text[1]);

	if (option && options_takes_value(option) && text[length] == ' ')
		length += 1 + strcspn(text + length + 1, TOKEN_ENDS);
	return length;
}

/* The usage line says what the arguments are: "PATH... | --stdin-from-command -- COMMAND...". What stands behind "--" there is
 * offered behind "--", and the rest in front of it. False: there is nothing to say. */
static bool print_arguments(const struct position *at)
{
	const char *start = at->command->arguments, *text = start, *end = text + strlen(text);
	const char *dashes = strstr(text, "-- "); /* with the blank: not the beginning of an option */
	bool behind = at->ended && dashes, said = false;

	if (at->arguments >= at->command->most)
		return at->command->most > 0;
	if (behind)
		start = text = dashes + 3;
	else if (dashes)
		end = dashes;
	while (text < end) {
		size_t length = strcspn(text, TOKEN_ENDS);

		if (text[0] == '-')
			length = option_length(at->command, text);
		else if (text[0] == ':')
			length = 1 + strcspn(text + 1, TOKEN_ENDS); /* a path in a snapshot */
		else if (length > 0 && is_first(start, text, length))
			said |= print_token(at, text, length, behind);
		text += length + (length == 0);
	}
	return said;
}

/* "--tier=con". An option that nobody knows has no values. */
static void print_values_behind(const struct position *at, const char *word)
{
	int length = (int)strcspn(word, "=");
	const struct option_spec *option = find_long(at->command, word + 2, (size_t)length - 2);
	char prefix[64];

	if (option && length + 1 < (int)sizeof(prefix)) {
		snprintf(prefix, sizeof(prefix), "%.*s", length + 1, word);
		print_values(option, prefix);
	}
}

void complete_print(const char *const *words, size_t count)
{
	const char *last = count ? words[count - 1] : "";
	struct position at = read_words(words, count ? count - 1 : 0);
	bool is_option = !at.ended && last[0] == '-';

	if (at.unknown)
		return;
	if (at.waiting)
		print_values(at.waiting, "");
	else if (is_option && last[1] == '-' && strchr(last, '='))
		print_values_behind(&at, last);
	else if (!is_option && !at.command)
		print_commands(at.group);
	else if (is_option || (!print_arguments(&at) && !at.ended)) {
		print_options(at.command ? at.command->options : NULL, NULL);
		print_options(settings_options, at.command ? at.command->options : NULL);
	}
}
