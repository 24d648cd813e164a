#include "target_places.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "targets/disk.h"
#include "targets/memory.h"
#include "targets/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

char *target_place_temporary_folder(void)
{
	const char *base = getenv("TMPDIR");
	char *folder = mem_printf("%s/pulih-target-XXXXXX", base ? base : "/tmp");

	assert_non_null(folder);
	assert_non_null(mkdtemp(folder));
	return folder;
}

int target_place_down(void **state)
{
	struct target_place *place = *state;

	target_free(place->target);
	if (place->folder)
		assert_int_equal(file_remove_tree(place->folder), ERR_OK);
	mem_free(place->folder);
	mem_free(place);
	return 0;
}

int target_place_memory_up(void **state)
{
	struct target_place *place = mem_calloc(1, sizeof(*place));

	*state = place;
	return memory_target_new(&place->target) == ERR_OK ? 0 : -1;
}

static int disk_up_publish(void **state, enum disk_publish publish)
{
	struct target_place *place = mem_calloc(1, sizeof(*place));
	char *path;

	*state = place;
	place->folder = target_place_temporary_folder();
	path = path_join(place->folder, "a/b");
	assert_int_equal(target_open(&place->target, path, true), ERR_OK);
	disk_target_set_publish(place->target, publish);
	mem_free(path);
	return 0;
}

int target_place_disk_up(void **state)
{
	return disk_up_publish(state, DISK_RENAME_NOREPLACE);
}

int target_place_disk_link_up(void **state)
{
	return disk_up_publish(state, DISK_LINK);
}

int target_place_disk_check_up(void **state)
{
	return disk_up_publish(state, DISK_CHECK_RENAME);
}

struct object_name target_place_pack_name(uint8_t number)
{
	uint8_t id[OBJECT_ID_SIZE];

	memset(id, 0x5A, sizeof(id));
	id[0] = number;
	return object_pack(id);
}

enum err target_place_see(void *context, const struct target_object *object)
{
	struct seen *seen = context;

	assert_true(object_name_valid(object->name));
	seen->count++;
	seen->bytes += object->size;
	return seen->stop;
}

unsigned target_place_listed(struct target *target, const char *prefix)
{
	struct seen seen = {0};

	assert_int_equal(target_list(target, prefix, target_place_see, &seen), ERR_OK);
	return seen.count;
}
