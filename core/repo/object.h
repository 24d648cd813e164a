/* Names of the objects of a repository: see docs/format.md. All lower case, hexadecimal, '/' between the parts. */
#ifndef PULIH_REPO_OBJECT_H
#define PULIH_REPO_OBJECT_H

#include "core/repo/limits.h"

#include <stdbool.h>
#include <stdint.h>

#define OBJECT_NAME_MAX 160 /* bytes of a name with its NUL */
#define OBJECT_CONFIG "config"

struct object_name {
	char text[OBJECT_NAME_MAX];
};

/* packs/<2 hex>/<64 hex> */
struct object_name object_pack(const uint8_t id[OBJECT_ID_SIZE]);
/* index/<domain tag>/<64 hex> */
struct object_name object_index(const uint8_t domain[DOMAIN_TAG_SIZE], const uint8_t id[OBJECT_ID_SIZE]);
struct object_name object_snapshot(const uint8_t id[OBJECT_ID_SIZE]);
/* keys/<32 hex>, sessions/<32 hex> */
struct object_name object_key_slot(const uint8_t id[16]);
struct object_name object_session(const uint8_t id[16]);
/* records/<run id>: the run id is [0-9a-z-], at most 100 characters. */
struct object_name object_record(const char *run_id);
/* gc/<generation as 16 hex digits> */
struct object_name object_generation(uint64_t generation);

/* The id at the end of a pack, index or snapshot name; false where it is not 64 lower-case hex digits. */
bool object_id_of(const char *name, uint8_t id[OBJECT_ID_SIZE]);

/* True for the names above and nothing else (no "..", no empty part, no unknown folder): targets refuse the rest. */
bool object_name_valid(const char *name);
/* True for "" and for the folders that such names stand in, whole: "packs", "packs/0f", "index/<tag>", … */
bool object_folder_valid(const char *folder);
/* True where the object stands in that folder or below it; every object stands in "". */
bool object_in_folder(const char *name, const char *folder);

#endif
