/* What the files of the configuration share: the text as a tree whose nodes know their line and column, and the schema. */
#ifndef PULIH_CONF_CONFIGURATION_INTERNAL_H
#define PULIH_CONF_CONFIGURATION_INTERNAL_H

#include "conf/configuration.h"
#include "core/base/buffer.h"

#include <cyaml/cyaml.h>
#include <yaml.h>

/* Starts as {0}; released with locate_close. */
struct locate {
	const char *file;
	yaml_document_t document;
	bool loaded;
	bool for_work; /* PL_CONFIG_FILE and PL_CONFIG_SECRET are warnings */
};

/* Reads the text as YAML. PL_CONFIG_SYNTAX with line and column; the text must hold exactly one document. */
enum err locate_open(struct locate *locate, const char *file, const struct buffer *text);
void locate_close(struct locate *locate);

/* The node at a path as "jobs[0].schedule.at"; NULL where there is none. */
yaml_node_t *locate_find(struct locate *locate, const char *path);
/* The value of a key of a mapping, NULL where it is not there or `node` is no mapping; *key_node (may be NULL) receives the key. */
yaml_node_t *locate_member(struct locate *locate, yaml_node_t *node, const char *key, yaml_node_t **key_node);

/* fail() with "FILE:LINE:COLUMN: PATH: text". */
enum err locate_fail_node(struct locate *locate, const yaml_node_t *node, enum message id, const char *path,
    const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The same at the node of that path, or the nearest above it; ERR_OK behind a warning, where that is what the failure is. */
enum err locate_fail(struct locate *locate, enum message id, const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Compares the tree with the schema, node by node: unknown and doubled keys, missing ones, wrong types. The library checks the same, but
 * says only roughly where, not what is allowed, and takes 12x for 12. */
enum err check_schema(struct locate *locate, const cyaml_schema_value_t *schema);

/* What no schema can say: names that must exist, times, files. */
enum err validate_configuration(struct locate *locate, const struct configuration *configuration);
/* The channels of it; fills in what they leave to the default. */
enum err validate_notifications(struct locate *locate, struct configuration *configuration);

/* Of one value, at its path. A name of something; an absolute path; a file that can be read; one that nobody else can read or change. */
enum err validate_name(struct locate *locate, const char *path, const char *name);
enum err validate_absolute(struct locate *locate, const char *path, const char *value);
enum err validate_readable(struct locate *locate, const char *path, const char *file);
enum err validate_secret(struct locate *locate, const char *path, const char *file);

/* The database server at that path; and that the servers of a job, whose other values are right, are stored under names of their own. */
enum err validate_server(
    struct locate *locate, const struct configuration_server *server, const char *path, bool postgresql);
enum err validate_server_names(struct locate *locate, const struct configuration_job *job, size_t at);

/* The schedule at that path: its parts belong together, its times are such, and it can be due. */
enum err validate_schedule(struct locate *locate, const struct configuration_schedule *schedule, const char *path);

/* The drill of the job, at that path. */
enum err validate_drill(struct locate *locate, const struct configuration_job *job, const char *path);

/* The limits at that path. */
enum err validate_limits(
    struct locate *locate, const struct configuration_limits *limits, const char *path, bool of_job);
/* Priority and limits of the job at that path. */
enum err validate_running(struct locate *locate, const struct configuration_job *job, const char *path);

/* Parts of it: the Unix user of a person, the rules of reviews (after people and jobs are known to be right). */
enum err validate_review_login(struct locate *locate, const struct configuration *configuration, size_t at);
enum err validate_review_rules(struct locate *locate, const struct configuration *configuration);

/* PL_CONFIG_UNSUPPORTED for what the format knows and this version cannot do. Asked before the schema. */
enum err validate_supported(struct locate *locate);

/* A path below "jobs", "people", "targets" or "notifications". */
struct locate_path {
	char text[160];
};
struct locate_path locate_path(const char *format, ...) __attribute__((format(printf, 1, 2)));

extern const cyaml_schema_value_t configuration_schema;

#endif
