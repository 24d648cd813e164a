/* A target: a place that holds objects. core uses this interface; targets/ implements it.
 *
 * Missing, corrupt and failed are different results: ERR_MISSING (PL_OBJECT_MISSING) when the place says that it has no such
 * object; ERR_IO (PL_TARGET_READ, PL_TARGET_WRITE, PL_TARGET_LIST) when it could not be asked or could not do it; ERR_NOSPACE when it is
 * full; ERR_DENIED when it may not be done. Corrupt is for the readers of objects to find. Every function may be called
 * from several threads at once. */
#ifndef PULIH_REPO_TARGET_H
#define PULIH_REPO_TARGET_H

#include "core/base/error.h"
#include "core/crypto/crypto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct target;

struct target_object {
	const char *name; /* as in object.h; valid during the call */
	uint64_t size;
	int64_t changed; /* when the target received it, by the target's clock, ns since 1970 */
};

/* Return ERR_OK to go on; anything else ends the listing with that result. */
typedef enum err (*target_visit)(void *context, const struct target_object *object);

struct target_space {
	uint64_t total, available; /* bytes; 0 and 0 where the place cannot say */
};

/* The medium that a place is on, as far as it can be known; "" for what cannot. */
struct target_medium {
	char device[256]; /* "/dev/sdb1", or what is mounted: "server:/export" */
	char type[32];	  /* of the file system: "ext4" */
	char label[256], uuid[64];
	char serial[128]; /* of the disk */
};

struct target_operations {
	/* Stores a whole object, durably, under its final name or not at all. An object of that name that is there already
	 * is left alone and ERR_EXISTS (PL_OBJECT_EXISTS) is returned: nothing is ever overwritten. */
	enum err (*put)(struct target *target, const char *name, const void *bytes, size_t size);
	/* Replaces an object atomically, and only by what reads back from the medium, else PL_READ_BACK: only `config` is ever replaced.
	 * `before` is the SHA-256 of what it takes the place of: PL_CONFIG_CHANGED (ERR_BUSY) where that stands there no more. NULL:
	 * whatever is there, or nothing. */
	enum err (*replace)(
	    struct target *target, const char *name, const uint8_t before[HASH_SIZE], const void *bytes, size_t size);
	/* Reads exactly `size` bytes from `offset`; a shorter object is PL_OBJECT_SHORT (ERR_CORRUPT). */
	enum err (*read)(struct target *target, const char *name, uint64_t offset, void *out, size_t size);
	enum err (*stat)(struct target *target, const char *name, uint64_t *size, int64_t *changed);
	/* Every object whose name starts with the folder `prefix` ("packs", "index", "index/<tag>", "" for all), in no
	 * order. What has no valid name (temporaries, strangers) is not shown. A prefix that holds nothing is no error. */
	enum err (*list)(struct target *target, const char *prefix, target_visit visit, void *context);
	/* ERR_MISSING where it is not there. */
	enum err (*remove)(struct target *target, const char *name);
	/* Whether the object, as the medium holds it, is these bytes. NULL where the place has no better way than its hash. */
	enum err (*compare)(struct target *target, const char *name, const void *bytes, size_t size, bool *same);
	/* SHA-256 of the object as the medium holds it, not as a cache remembers it, where the place can tell. */
	enum err (*hash)(struct target *target, const char *name, uint8_t out[HASH_SIZE], uint64_t *size);
	enum err (*space)(struct target *target, struct target_space *out);
	/* *out comes as {0}. NULL where nothing can be known. */
	enum err (*medium)(struct target *target, struct target_medium *out);
	/* The target's clock, ns since 1970. */
	enum err (*now)(struct target *target, int64_t *out);
	void (*free)(struct target *target);
};

/* Base of every implementation: first member of its struct. */
struct target {
	const struct target_operations *operations;
	char *url;   /* what a person typed, for messages; freed by target_free */
	char *place; /* the same place however it is typed; NULL: the url tells. Freed by target_free */
	/* Of this machine, that holds the objects; the implementation's. NULL where there is none. */
	const char *folder;
	/* read() gives what the medium holds, as hash() does, and not what a cache remembers. Set and cleared while nobody reads. */
	bool from_medium;
};

/* Calls through the table; target_free(NULL) does nothing. */
enum err target_put(struct target *target, const char *name, const void *bytes, size_t size);
/* Puts an object whose SHA-256 is `hash`, and reads it back from the medium; one that is there already is read back too. What is not as it
 * was hashed is taken away again: PL_READ_BACK (ERR_FAILED). */
enum err target_put_checked(
    struct target *target, const char *name, const void *bytes, size_t size, const uint8_t hash[HASH_SIZE]);
/* The same for bytes that the caller checks once more afterwards: they are compared with what the medium holds, where the place can do
 * that, which costs less than a hash. */
enum err target_put_compared(
    struct target *target, const char *name, const void *bytes, size_t size, const uint8_t hash[HASH_SIZE]);
/* PL_READ_BACK where the medium does not hold these bytes under that name. */
enum err target_check(struct target *target, const char *name, const void *bytes, size_t size);
enum err target_replace(
    struct target *target, const char *name, const uint8_t before[HASH_SIZE], const void *bytes, size_t size);
enum err target_read(struct target *target, const char *name, uint64_t offset, void *out, size_t size);
enum err target_stat(struct target *target, const char *name, uint64_t *size, int64_t *changed);
enum err target_list(struct target *target, const char *prefix, target_visit visit, void *context);
enum err target_remove(struct target *target, const char *name);
enum err target_hash(struct target *target, const char *name, uint8_t out[HASH_SIZE], uint64_t *size);
enum err target_space(struct target *target, struct target_space *out);
enum err target_medium(struct target *target, struct target_medium *out);
enum err target_now(struct target *target, int64_t *out);
void target_free(struct target *target);
/* What a machine remembers of a place is kept under this; borrowed. */
const char *target_place(const struct target *target);

struct buffer;
/* The whole object, appended to `out`; more than `limit` bytes are PL_OBJECT_SIZE (ERR_CORRUPT). */
enum err target_get(struct target *target, const char *name, size_t limit, struct buffer *out);

#endif
