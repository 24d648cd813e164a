/* Options, declared once: the same table gives parsing (getopt_long) and the help text.
 *
 * A table ends with an entry whose long_name is NULL. Values are stored where `to` points; strings stay those of argv. */
#ifndef PULIH_CLI_OPTIONS_H
#define PULIH_CLI_OPTIONS_H

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_kind {
	OPTION_FLAG,   /* no value; to: bool, set to true */
	OPTION_COUNT,  /* no value, may be repeated; to: unsigned, counted up */
	OPTION_TEXT,   /* a value that is not empty; to: const char * */
	OPTION_LIST,   /* may be repeated; to: struct option_list. Several options may share a list: order is kept. */
	OPTION_NUMBER, /* 0 … option_spec.most; to: uint64_t */
	OPTION_SIZE,   /* bytes: "500", "64k", "10G", "10GiB", in powers of 1024; to: uint64_t */
	OPTION_CHOICE, /* one of option_spec.choices; to: int, its position */
};

struct option_spec {
	const char *long_name;
	char short_name; /* 0: none */
	enum option_kind kind;
	const char *argument; /* what the help calls the value: "FILE"; NULL for flags */
	const char *help;     /* one line */
	void *to;
	const char *const *choices; /* NULL-terminated */
	uint64_t most;
};

/* What every row of a table says; .choices or .most may follow. */
#define OPTION(name, letter, type, value, text, where) \
	.long_name = (name), .short_name = (letter), .kind = (type), .argument = (value), .help = (text), .to = (where)

struct option_value {
	const struct option_spec *option;
	const char *value;
};

/* Starts as {0}; released with option_list_free. */
struct option_list {
	struct option_value *items;
	size_t count;
};
void option_list_free(struct option_list *list);
/* The values as a NULL-terminated array, to be released with mem_free; NULL after PL_NO_MEMORY. */
const char **option_list_values(const struct option_list *list);

/* Reads argv[1 … argc-1] with up to two tables (`more` may be NULL; its rows replace those of the same long name in `table`). argv[0] is only skipped.
 * With `leading`, reading stops at the first word that is no option; otherwise words and options may be mixed and argv is
 * reordered, options first; "--" ends the options in both. *next receives the position of the first word.
 * ERR_USAGE, naming the option: PL_OPTION_UNKNOWN (with the nearest that exists), PL_OPTION_NO_VALUE, PL_OPTION_VALUE. */
enum err options_parse(
    int argc, char **argv, const struct option_spec *table, const struct option_spec *more, bool leading, int *next);

/* A size as above; false where the text is anything else or passes 2^64. */
bool options_parse_size(const char *text, uint64_t *out);

/* The value of an environment variable, NULL where it is not set or empty. */
const char *options_environment(const char *name);

#endif
