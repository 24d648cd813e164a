/* The configuration as a file: what configuration_load reads back to equal values. */
#ifndef PULIH_CONF_WRITE_H
#define PULIH_CONF_WRITE_H

#include "conf/configuration.h"
#include "core/base/buffer.h"

/* Stands above one of the top-level keys ("jobs"), each of its lines behind "# "; what is no printable ASCII or no line end appears as '?'.
 * The comment of key "" stands above all. */
struct write_comment {
	const char *key, *text;
};

/* Appends the configuration as YAML; every key of the schema that has a value is written, whoever reads it. `comments` ends with key NULL;
 * NULL: none. `configuration->file` is not part of it. PL_CONFIG_SYNTAX (ERR_CONFIG) where a text is not UTF-8: no YAML can hold it. */
enum err write_configuration(
    const struct configuration *configuration, const struct write_comment *comments, struct buffer *out);

#endif
