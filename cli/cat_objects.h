/* Objects of a repository as JSON, for people who look into it. *out is owned by the caller. Ids may be cut short: the beginning of
 * one, at least 4 digits. PL_OBJECT_MISSING, PL_OBJECT_AMBIGUOUS (ERR_USAGE). */
#ifndef PULIH_CLI_CAT_OBJECTS_H
#define PULIH_CLI_CAT_OBJECTS_H

#include "core/repo/repository.h"

#include <jansson.h>

enum err cat_objects_config(struct repository *repository, const char *id, json_t **out);
enum err cat_objects_key(struct repository *repository, const char *id, json_t **out);
enum err cat_objects_snapshot(struct repository *repository, const char *id, json_t **out);
enum err cat_objects_index(struct repository *repository, const char *id, json_t **out);
enum err cat_objects_pack(struct repository *repository, const char *id, json_t **out);

#endif
