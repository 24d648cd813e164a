#include "cli/options.h"
#include "cli/suggest.h"
#include "core/base/buffer.h"
#include "core/base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>

#define LONG_VALUE 256 /* getopt's value of the first long option: behind every character */

/* Both tables and what getopt_long wants to know about them. */
struct parser {
	const struct option_spec **specs;
	size_t count;
	struct option *long_options;
	struct buffer short_options;
};

static bool takes_value(const struct option_spec *spec)
{
	return spec->kind != OPTION_FLAG && spec->kind != OPTION_COUNT;
}

static size_t table_length(const struct option_spec *table)
{
	size_t count = 0;

	while (table && table[count].long_name)
		count++;
	return count;
}

/* The command's own row of that name, or the one that every command has. */
static const struct option_spec *own_or(const struct option_spec *more, const struct option_spec *common)
{
	for (size_t i = 0; i < table_length(more); i++)
		if (strcmp(more[i].long_name, common->long_name) == 0)
			return &more[i];
	return common;
}

static void parser_free(struct parser *parser)
{
	mem_free(parser->specs);
	mem_free(parser->long_options);
	buffer_free(&parser->short_options);
}

static enum err parser_build(
    struct parser *parser, const struct option_spec *table, const struct option_spec *more, bool leading)
{
	size_t first = table_length(table);
	enum err err = buffer_append_text(&parser->short_options, "%s:", leading ? "+" : "");

	parser->count = first + table_length(more);
	parser->specs = mem_calloc(parser->count + 1, sizeof(*parser->specs));
	parser->long_options = mem_calloc(parser->count + 1, sizeof(*parser->long_options));
	if (err != ERR_OK || !parser->specs || !parser->long_options)
		return ERR_NOMEM;
	for (size_t i = 0; i < parser->count; i++) {
		const struct option_spec *spec = i < first ? own_or(more, &table[i]) : &more[i - first];

		parser->specs[i] = spec;
		parser->long_options[i] = (struct option){
		    .name = spec->long_name,
		    .has_arg = takes_value(spec) ? required_argument : no_argument,
		    .val = LONG_VALUE + (int)i,
		};
		if (spec->short_name &&
		    buffer_append_text(
			&parser->short_options, "%c%s", spec->short_name, takes_value(spec) ? ":" : "") != ERR_OK)
			return ERR_NOMEM;
	}
	return buffer_append_u8(&parser->short_options, 0);
}

/* The option that getopt means by a value; NULL where it is none of ours. */
static const struct option_spec *find_spec(const struct parser *parser, int value)
{
	if (value >= LONG_VALUE)
		return parser->specs[value - LONG_VALUE];
	for (size_t i = 0; i < parser->count; i++)
		if (parser->specs[i]->short_name == value && value != 0)
			return parser->specs[i];
	return NULL;
}

/* `word` as typed: "--exlude", "--exlude=x". */
static enum err fail_unknown(const struct parser *parser, const char *word)
{
	struct suggestion suggestion;
	char name[64];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	suggestion = suggest_start(name + 2);
	for (size_t i = 0; i < parser->count; i++)
		suggest_consider(&suggestion, parser->specs[i]->long_name);
	if (suggestion.nearest)
		return fail(PL_OPTION_UNKNOWN, "unknown option %s; did you mean --%s?", name, suggestion.nearest);
	return fail(PL_OPTION_UNKNOWN, "unknown option %s", name);
}

static enum err fail_getopt(const struct parser *parser, int result, char **argv)
{
	const struct option_spec *spec = optopt ? find_spec(parser, optopt) : NULL;

	if (result == ':' && spec)
		return fail(PL_OPTION_NO_VALUE, "--%s needs a value: --%s %s", spec->long_name, spec->long_name,
		    spec->argument);
	if (spec)
		return fail(PL_OPTION_VALUE, "--%s takes no value", spec->long_name);
	if (optopt)
		return fail(PL_OPTION_UNKNOWN, "unknown option -%c", optopt);
	return fail_unknown(parser, argv[optind - 1]);
}

static bool parse_number(const char *text, uint64_t *out, const char **end)
{
	char *stop;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*out = strtoull(text, &stop, 10);
	*end = stop;
	return errno == 0;
}

bool options_parse_size(const char *text, uint64_t *out)
{
	static const char units[] = "kmgtp";
	const char *at, *unit;
	uint64_t value;

	if (!parse_number(text, &value, &at))
		return false;
	unit = *at ? strchr(units, tolower((unsigned char)*at)) : NULL;
	if (unit) {
		if (__builtin_mul_overflow(value, UINT64_C(1) << (10 * (unit - units + 1)), &value))
			return false;
		at++;
		if (*at == 'i' && at[1] == 'B')
			at++;
	}
	if (*at == 'B')
		at++;
	*out = value;
	return *at == '\0';
}

static enum err take_choice(const struct option_spec *spec, const char *value)
{
	struct suggestion suggestion = suggest_start(value);
	char all[256] = "";

	for (int i = 0; spec->choices[i]; i++) {
		size_t length = strlen(all);

		if (strcmp(spec->choices[i], value) == 0) {
			*(int *)spec->to = i;
			return ERR_OK;
		}
		suggest_consider(&suggestion, spec->choices[i]);
		snprintf(all + length, sizeof(all) - length, "%s%s", i ? ", " : "", spec->choices[i]);
	}
	if (suggestion.nearest)
		return fail(PL_OPTION_VALUE, "--%s: \"%s\" is none of %s; did you mean %s?", spec->long_name, value,
		    all, suggestion.nearest);
	return fail(PL_OPTION_VALUE, "--%s: \"%s\" is none of %s", spec->long_name, value, all);
}

static enum err take_item(const struct option_spec *spec, const char *value)
{
	struct option_list *list = spec->to;
	struct option_value *items = mem_resize(list->items, list->count + 1, sizeof(*items));

	if (!items)
		return ERR_NOMEM;
	list->items = items;
	items[list->count++] = (struct option_value){spec, value};
	return ERR_OK;
}

static enum err take(const struct option_spec *spec, const char *value)
{
	const char *end = "";

	switch (spec->kind) {
	case OPTION_FLAG:
		*(bool *)spec->to = true;
		return ERR_OK;
	case OPTION_COUNT:
		++*(unsigned *)spec->to;
		return ERR_OK;
	case OPTION_TEXT:
		if (!value[0])
			return fail(PL_OPTION_VALUE, "--%s: the value is empty", spec->long_name);
		*(const char **)spec->to = value;
		return ERR_OK;
	case OPTION_LIST:
		return take_item(spec, value);
	case OPTION_NUMBER:
		if (!parse_number(value, spec->to, &end) || *end || *(uint64_t *)spec->to > spec->most)
			return fail(PL_OPTION_VALUE, "--%s: \"%s\" is no number from 0 to %llu", spec->long_name, value,
			    (unsigned long long)spec->most);
		return ERR_OK;
	case OPTION_SIZE:
		if (!options_parse_size(value, spec->to))
			return fail(PL_OPTION_VALUE, "--%s: \"%s\" is no size; write 500, 64k, 20M or 10G",
			    spec->long_name, value);
		return ERR_OK;
	case OPTION_CHOICE:
		return take_choice(spec, value);
	}
	return fail(PL_OPTION_UNKNOWN, "unknown option --%s", spec->long_name);
}

enum err options_parse(
    int argc, char **argv, const struct option_spec *table, const struct option_spec *more, bool leading, int *next)
{
	struct parser parser = {0};
	enum err err = parser_build(&parser, table, more, leading);
	int result;

	opterr = 0;
	optind = 0; /* 0, not 1: forget the last parse altogether */
	while (err == ERR_OK) {
		result = getopt_long(argc, argv, (const char *)parser.short_options.data, parser.long_options, NULL);
		if (result == -1)
			break;
		if (result == '?' || result == ':')
			err = fail_getopt(&parser, result, argv);
		else
			err = take(find_spec(&parser, result), optarg);
	}
	*next = optind;
	parser_free(&parser);
	return err;
}

void option_list_free(struct option_list *list)
{
	mem_free(list->items);
	*list = (struct option_list){0};
}

const char **option_list_values(const struct option_list *list)
{
	const char **values = mem_calloc(list->count + 1, sizeof(*values));

	for (size_t i = 0; values && i < list->count; i++)
		values[i] = list->items[i].value;
	return values;
}

const char *options_environment(const char *name)
{
	const char *value = getenv(name);

	return value && value[0] ? value : NULL;
}
