/* Places that the tests of targets share, and what is asked of them. The functions end the test where something is wrong. */
#ifndef PULIH_TESTS_TARGET_PLACES_H
#define PULIH_TESTS_TARGET_PLACES_H

#include "core/repo/object.h"
#include "core/repo/target.h"

struct target_place {
	struct target *target;
	char *folder; /* NULL: memory */
};

/* Set-ups of cmocka: *state is a struct target_place. On a disk its folder is <folder>/a/b. The last two act as on file systems that can do less. */
int target_place_memory_up(void **state);
int target_place_disk_up(void **state);
int target_place_disk_link_up(void **state);
int target_place_disk_check_up(void **state);
int target_place_down(void **state);

/* A new folder; to be released with mem_free. */
char *target_place_temporary_folder(void);
struct object_name target_place_pack_name(uint8_t number);

struct seen {
	unsigned count;
	uint64_t bytes;
	enum err stop;
};

/* A target_visit: counts into a struct seen, and returns its `stop`. */
enum err target_place_see(void *context, const struct target_object *object);
/* Objects of a listing that must succeed. */
unsigned target_place_listed(struct target *target, const char *prefix);

#endif
