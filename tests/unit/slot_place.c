#include "tests/unit/slot_place.h"
#include "core/base/mem.h"
#include "core/repo/canonical.h"
#include "core/repo/object.h"
#include "targets/memory.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct kdf_cost cheap = {.memory_kib = 8192, .passes = 1, .lanes = 1};
const uint8_t slot_place_code[RECOVERY_BYTES] = {1, 2, 3, 4, 5};

struct keys *slot_place_keys(uint8_t seed)
{
	uint8_t repository[REPOSITORY_ID_SIZE] = {seed}, root[KEY_SIZE] = {seed, 1};
	struct keys *keys = keys_new();

	assert_non_null(keys);
	assert_int_equal(keys_from_root(keys, repository, SUITE_AES_256_GCM, root, "server"), ERR_OK);
	return keys;
}

static void describe(const struct keys *keys, struct config *config)
{
	*config = (struct config){.suite = keys->suite, .serial = 1};
	memcpy(config->id, keys->repository, REPOSITORY_ID_SIZE);
	memcpy(config->read_public, keys->read_public, KEY_SIZE);
	memcpy(config->owner_public, keys->owner_public, KEY_SIZE);
}

enum err slot_place_add(
    struct slot_place *place, const char *type, const char *label, const void *passphrase, size_t size)
{
	return key_slot_add(place->target, place->keys, type, label, &cheap, passphrase, size, place->slot);
}

enum err slot_place_open(struct slot_place *place, const char *passphrase, uint8_t slot[16])
{
	uint8_t root[KEY_SIZE] = {0};
	enum err err = key_slot_open(place->target, &place->config, passphrase, strlen(passphrase), root, slot);

	if (err == ERR_OK)
		assert_memory_equal(root, place->keys->root, KEY_SIZE);
	return err;
}

void slot_place_refuses(struct slot_place *place, const char *passphrase)
{
	uint8_t slot[16];

	assert_int_equal(slot_place_open(place, passphrase, slot), ERR_KEY);
	assert_int_equal(failure_last()->id, PL_PASSPHRASE_WRONG);
}

int slot_place_up(void **state)
{
	struct slot_place *place = mem_calloc(1, sizeof(*place));

	place->keys = slot_place_keys(1);
	describe(place->keys, &place->config);
	assert_int_equal(memory_target_new(&place->target), ERR_OK);
	assert_int_equal(slot_place_add(place, "passphrase", "first", "correct horse", 13), ERR_OK);
	*state = place;
	return 0;
}

int slot_place_down(void **state)
{
	struct slot_place *place = *state;

	target_free(place->target);
	keys_free(place->keys);
	mem_free(place);
	return 0;
}

void slot_place_change(struct slot_place *place, const char *folder, const char *member, json_t *value)
{
	size_t size = 0;
	const uint8_t *bytes = memory_target_bytes(place->target, object_key_slot(place->slot).text, &size);
	struct buffer changed = {0};
	json_t *object = NULL, *holder;

	assert_int_equal(canonical_parse(&object, bytes, size, PL_SLOT_BROKEN, "slot"), ERR_OK);
	holder = folder ? json_object_get(object, folder) : object;
	if (value)
		assert_int_equal(json_object_set_new(holder, member, value), 0);
	else
		assert_int_equal(json_object_del(holder, member), 0);
	if (strcmp(member, "check") != 0)
		assert_int_equal(canonical_add_check(object), ERR_OK);
	assert_int_equal(canonical_write(object, &changed), ERR_OK);
	assert_true(
	    memory_target_plant(place->target, object_key_slot(place->slot).text, changed.data, changed.length));
	json_decref(object);
	buffer_free(&changed);
}
