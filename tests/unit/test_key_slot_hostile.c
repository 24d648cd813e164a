/* Key slots that are damaged or made by an enemy, and what they cannot do. */
#include "core/base/mem.h"
#include "core/repo/object.h"
#include "targets/memory.h"
#include "tests/unit/repository_place.h"
#include "tests/unit/slot_place.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Each byte of the object: damage is said to be damage, and never a wrong passphrase. */
static void every_byte_counts(void **state)
{
	struct slot_place *place = *state;
	struct object_name name = object_key_slot(place->slot);
	size_t size = 0;
	const char *bytes = (const char *)memory_target_bytes(place->target, name.text, &size);
	/* The one byte that might as well be of a later version. */
	size_t format = (size_t)(strstr(bytes, "\"format\":1") - bytes) + 9;

	for (size_t i = 0; i < size; i++) {
		uint8_t slot[16];

		assert_true(memory_target_corrupt(place->target, name.text, i, 0x01));
		assert_int_equal(
		    slot_place_open(place, "correct horse", slot), i == format ? ERR_UNSUPPORTED : ERR_CORRUPT);
		assert_true(memory_target_corrupt(place->target, name.text, i, 0x01));
	}
}

static void expect_changed(
    struct slot_place *place, const char *folder, const char *member, json_t *value, enum message id)
{
	size_t size = 0;
	const uint8_t *bytes = memory_target_bytes(place->target, object_key_slot(place->slot).text, &size);
	uint8_t *kept = mem_copy(bytes, size);
	uint8_t slot[16];

	slot_place_change(place, folder, member, value);
	assert_int_not_equal(slot_place_open(place, "correct horse", slot), ERR_OK);
	assert_int_equal(failure_last()->id, id);
	assert_true(memory_target_plant(place->target, object_key_slot(place->slot).text, kept, size));
	mem_free(kept);
}

static void every_member_is_checked(void **state)
{
	static const char *const members[] = {"format", "type", "id", "label", "created", "kdf", "suite", "box"};
	static const char *const costs[] = {"name", "memory_kib", "passes", "lanes", "salt"};
	struct slot_place *place = *state;

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		expect_changed(place, NULL, members[i], NULL, PL_SLOT_BROKEN);
		expect_changed(place, NULL, members[i], json_true(), PL_SLOT_BROKEN);
	}
	for (size_t i = 0; i < sizeof(costs) / sizeof(costs[0]); i++) {
		expect_changed(place, "kdf", costs[i], NULL, PL_SLOT_BROKEN);
		expect_changed(place, "kdf", costs[i], json_true(), PL_SLOT_BROKEN);
	}
	expect_changed(place, NULL, "check", json_true(), PL_SLOT_BROKEN);
	expect_changed(place, NULL, "check", json_string(""), PL_SLOT_BROKEN);
	expect_changed(place, NULL, "stranger", json_true(), PL_SLOT_BROKEN);
	expect_changed(place, "kdf", "stranger", json_true(), PL_SLOT_BROKEN);
	expect_changed(place, NULL, "format", json_integer(2), PL_FORMAT_VERSION);
	expect_changed(place, NULL, "type", json_string("palm"), PL_FORMAT_VERSION);
	expect_changed(place, NULL, "suite", json_integer(9), PL_SUITE);
	expect_changed(place, NULL, "id", json_string("00000000000000000000000000000000"), PL_SLOT_BROKEN);
	expect_changed(place, NULL, "label", json_string("a\033[2Jb"), PL_SLOT_BROKEN);
	expect_changed(place, NULL, "created", json_string("never"), PL_SLOT_BROKEN);
	expect_changed(place, NULL, "box", json_string("00"), PL_SLOT_BROKEN);
	expect_changed(place, "kdf", "name", json_string("md5"), PL_FORMAT_VERSION);
	expect_changed(place, "kdf", "salt", json_string("00"), PL_SLOT_BROKEN);
	/* What is well formed but not what was sealed does not open; where the box knows the key, the passphrase is not blamed. */
	expect_changed(place, NULL, "label", json_string("second"), PL_SLOT_BROKEN);
	expect_changed(place, NULL, "created", json_string("2001-01-01T00:00:00Z"), PL_SLOT_BROKEN);
	expect_changed(place, NULL, "type", json_string("recovery"), PL_PASSPHRASE_WRONG);
	expect_changed(place, NULL, "suite", json_integer(2), PL_SLOT_BROKEN);
	expect_changed(place, "kdf", "passes", json_integer(2), PL_PASSPHRASE_WRONG);
	expect_changed(place, "kdf", "memory_kib", json_integer(9000), PL_PASSPHRASE_WRONG);
	expect_changed(place, "kdf", "salt", json_string("00000000000000000000000000000000"), PL_PASSPHRASE_WRONG);
}

/* A terabyte is refused before anything is allocated for it, and does not keep other slots from opening. */
static void hostile_cost_is_refused(void **state)
{
	struct slot_place *place = *state;
	uint8_t slot[16];

	expect_changed(place, "kdf", "memory_kib", json_integer(1 << 30), PL_KDF_BOUNDS);
	expect_changed(place, "kdf", "memory_kib", json_integer(INT64_MAX), PL_KDF_BOUNDS);
	expect_changed(place, "kdf", "passes", json_integer(UINT32_MAX), PL_KDF_BOUNDS);
	expect_changed(place, "kdf", "lanes", json_integer(-1), PL_KDF_BOUNDS);
	slot_place_change(place, "kdf", "memory_kib", json_integer(1 << 30));
	assert_int_equal(slot_place_add(place, "passphrase", "", "second", 6), ERR_OK);
	assert_int_equal(slot_place_open(place, "second", slot), ERR_OK);
}

static void damaged_slots_do_not_lock_out(void **state)
{
	struct slot_place *place = *state;
	struct key_slot *slots = NULL;
	uint8_t slot[16];
	size_t count = 0;

	assert_true(memory_target_corrupt(place->target, object_key_slot(place->slot).text, 0, 0x01));
	assert_int_equal(slot_place_add(place, "passphrase", "", "second", 6), ERR_OK);
	assert_int_equal(slot_place_open(place, "second", slot), ERR_OK);
	assert_int_equal(key_slot_list(place->target, &slots, &count), ERR_OK);
	assert_int_equal(count, 1);
	assert_memory_equal(slots[0].id, place->slot, 16);
	mem_free(slots);
	/* That may well be the passphrase of the damaged one. */
	assert_int_equal(slot_place_open(place, "third", slot), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_SLOT_BROKEN);
	/* When no slot can be read, the way to the place may be at fault: that, and no wrong passphrase, is reported. */
	memory_target_fail(place->target, MEMORY_READ, 1, PL_TARGET_READ, true);
	assert_int_equal(slot_place_open(place, "second", slot), ERR_IO);
}

/* Of what a later version made, nothing is known that would speak against a wrong passphrase. */
static void slots_of_a_later_version_are_no_damage(void **state)
{
	struct slot_place *place = *state;
	uint8_t slot[16];

	slot_place_change(place, NULL, "format", json_integer(2));
	assert_int_equal(slot_place_add(place, "passphrase", "", "second", 6), ERR_OK);
	assert_int_equal(slot_place_open(place, "second", slot), ERR_OK);
	slot_place_refuses(place, "third");
}

/* Without a check, the box itself still tells a right passphrase: it knows the key that it was sealed with. */
static void a_damaged_box_is_damage(void **state)
{
	struct slot_place *place = *state;
	size_t size = 0;
	const char *bytes, *digit;
	uint8_t slot[16];

	slot_place_change(place, NULL, "check", NULL);
	assert_int_equal(slot_place_open(place, "correct horse", slot), ERR_OK);
	bytes = (const char *)memory_target_bytes(place->target, object_key_slot(place->slot).text, &size);
	/* In the tag, and still a hexadecimal digit: 0 … 9 change into one another. */
	digit = strstr(bytes, "\",\"created\"") - 1;
	while (*digit > '9')
		digit--;
	assert_true(
	    memory_target_corrupt(place->target, object_key_slot(place->slot).text, (size_t)(digit - bytes), 0x01));
	assert_int_equal(slot_place_open(place, "correct horse", slot), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_SLOT_BROKEN);
	slot_place_refuses(place, "correct horsf");
	assert_int_equal(slot_place_add(place, "passphrase", "", "correct horse", 13), ERR_OK);
	assert_int_equal(slot_place_open(place, "correct horse", slot), ERR_OK);
	assert_memory_equal(slot, place->slot, sizeof(slot));
}

static void oversized_slot_is_refused(void **state)
{
	struct slot_place *place = *state;
	uint8_t slot[16];

	assert_true(memory_target_resize(place->target, object_key_slot(place->slot).text, KEY_SLOT_MAX + 1));
	assert_int_equal(slot_place_open(place, "correct horse", slot), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_OBJECT_SIZE);
}

/* No more are made, and nobody is locked out by what was put there. */
static void too_many_slots_are_refused(void **state)
{
	struct slot_place *place = *state;
	uint8_t slot[16];

	for (unsigned i = 0; i < KEY_SLOTS_READ; i++) {
		uint8_t id[16] = {0xFF, (uint8_t)(i >> 8), (uint8_t)i};

		if (i % 100 == 0 || i == KEY_SLOTS_READ - 1)
			assert_int_equal(slot_place_open(place, "correct horse", slot), ERR_OK);
		assert_true(memory_target_plant(place->target, object_key_slot(id).text, "{", 1));
	}
	assert_memory_equal(slot, place->slot, sizeof(slot));
	assert_int_equal(slot_place_open(place, "correct horse", slot), ERR_LIMIT);
	assert_int_equal(failure_last()->id, PL_SLOTS);
	assert_int_equal(slot_place_add(place, "passphrase", "", "x", 1), ERR_LIMIT);
	assert_int_equal(failure_last()->id, PL_SLOTS);
}

/* The slot of another repository with the same passphrase opens, and its root is not ours. */
static void slot_of_another_repository(void **state)
{
	struct slot_place *place = *state;
	struct keys *ours = place->keys;
	uint8_t own[16], slot[16];

	memcpy(own, place->slot, sizeof(own));
	place->keys = slot_place_keys(2);
	assert_int_equal(slot_place_add(place, "passphrase", "", "correct horse", 13), ERR_OK);
	keys_free(place->keys);
	place->keys = ours;
	assert_int_equal(slot_place_open(place, "correct horse", slot), ERR_OK);
	assert_memory_equal(slot, own, sizeof(own));
	assert_true(memory_target_delete(place->target, object_key_slot(own).text));
	assert_int_equal(slot_place_open(place, "correct horse", slot), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_CONFIG_BROKEN);
}

/* A sealed box in another slot's clothes, and a slot under another name. */
static void slots_cannot_be_exchanged(void **state)
{
	struct slot_place *place = *state;
	size_t size;
	static const uint8_t other[16] = {7};
	const uint8_t *stored = memory_target_bytes(place->target, object_key_slot(place->slot).text, &size);
	uint8_t *bytes = mem_copy(stored, size);
	uint8_t slot[16];

	assert_true(memory_target_delete(place->target, object_key_slot(place->slot).text));
	assert_true(memory_target_plant(place->target, object_key_slot(other).text, bytes, size));
	assert_int_equal(slot_place_open(place, "correct horse", slot), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_SLOT_BROKEN);
	mem_free(bytes);
}

#define test(name) cmocka_unit_test_setup_teardown(name, slot_place_up, slot_place_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test(every_byte_counts),
	    test(every_member_is_checked),
	    test(hostile_cost_is_refused),
	    test(damaged_slots_do_not_lock_out),
	    test(slots_of_a_later_version_are_no_damage),
	    test(a_damaged_box_is_damage),
	    test(oversized_slot_is_refused),
	    test(too_many_slots_are_refused),
	    test(slot_of_another_repository),
	    test(slots_cannot_be_exchanged),
	};

	return cmocka_run_group_tests(tests, place_crypto, NULL);
}
