/* Snapshots and entries in words and in JSON: the same everywhere they are shown. */
#ifndef PULIH_CLI_DESCRIBE_H
#define PULIH_CLI_DESCRIBE_H

#include "core/repo/entry.h"
#include "core/repo/snapshot.h"

#include <jansson.h>
#include <time.h>

#define DESCRIBE_ID 9	 /* bytes of a short id with its NUL */
#define DESCRIBE_TIME 24 /* bytes of a time for people */
#define DESCRIBE_MODE 11

/* The first 8 digits of an id of any kind: what people read and type. Returns out. */
char *describe_id(char out[DESCRIBE_ID], const uint8_t *id);
/* "2026-11-22 01:00:00" in local time. Returns out. */
char *describe_time(char out[DESCRIBE_TIME], int64_t time);
/* "drwxr-xr-x". Returns out. */
char *describe_mode(char out[DESCRIBE_MODE], const struct entry *entry);
/* "/etc/hosts", printable. To be released with mem_free; NULL after PL_NO_MEMORY. */
char *describe_path(struct entry_bytes path);
/* One line without its end: mode, owner, group, size, time, path. As above. */
char *describe_entry_long(const struct entry *entry);

/* "1 file", "2 files". */
struct describe_count {
	char text[48];
};
struct describe_count describe_count(uint64_t count, const char *word);

/* The members of docs/json.md; NULL after PL_NO_MEMORY. */
json_t *describe_snapshot_json(const struct snapshot *snapshot);
json_t *describe_entry_json(const struct entry *entry);
/* "path", and "path_b64" where it is not UTF-8. False: PL_NO_MEMORY. */
bool describe_set_path(json_t *object, struct entry_bytes path);
json_t *describe_hex(const void *bytes, size_t size);
json_t *describe_time_json(int64_t time);

#endif
