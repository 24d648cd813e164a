/* Key slots: who gets in, who does not, and what a hostile slot cannot do. */
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/repo/canonical.h"
#include "core/repo/config.h"
#include "core/repo/key_slot.h"
#include "core/repo/object.h"
#include "core/repo/seal.h"
#include "targets/memory.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct kdf_cost cheap = {.memory_kib = 8192, .passes = 1, .lanes = 1};
static const uint8_t code[RECOVERY_BYTES] = {1, 2, 3, 4, 5};

struct place {
	struct target *target;
	struct keys *keys;
	struct config config;
	uint8_t slot[16];
};

static struct keys *make_keys(uint8_t seed)
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

static enum err add(struct place *place, const char *type, const char *label, const void *passphrase, size_t size)
{
	return key_slot_add(place->target, place->keys, type, label, &cheap, passphrase, size, place->slot);
}

static enum err open_with(struct place *place, const char *passphrase, uint8_t slot[16])
{
	uint8_t root[KEY_SIZE] = {0};
	enum err err = key_slot_open(place->target, &place->config, passphrase, strlen(passphrase), root, slot);

	if (err == ERR_OK)
		assert_memory_equal(root, place->keys->root, KEY_SIZE);
	return err;
}

static void assert_wrong(struct place *place, const char *passphrase)
{
	uint8_t slot[16];

	assert_int_equal(open_with(place, passphrase, slot), ERR_KEY);
	assert_int_equal(failure_last()->id, PL_PASSPHRASE_WRONG);
}

static int place_up(void **state)
{
	struct place *place = mem_calloc(1, sizeof(*place));

	place->keys = make_keys(1);
	describe(place->keys, &place->config);
	assert_int_equal(memory_target_new(&place->target), ERR_OK);
	assert_int_equal(add(place, "passphrase", "first", "correct horse", 13), ERR_OK);
	*state = place;
	return 0;
}

static int place_down(void **state)
{
	struct place *place = *state;

	target_free(place->target);
	keys_free(place->keys);
	mem_free(place);
	return 0;
}

static struct object_name name_of(const uint8_t slot[16])
{
	return object_key_slot(slot);
}

static void passphrase_opens_and_others_do_not(void **state)
{
	struct place *place = *state;
	uint8_t slot[16];

	assert_int_equal(open_with(place, "correct horse", slot), ERR_OK);
	assert_memory_equal(slot, place->slot, sizeof(slot));
	assert_wrong(place, "correct horsf");
	assert_wrong(place, "correct hors");
	assert_wrong(place, "correct horse ");
	assert_int_equal(open_with(place, "", slot), ERR_KEY);
	assert_int_equal(failure_last()->id, PL_PASSPHRASE_EMPTY);
}

/* The text of the stored object is what key_slot.h says. */
static void object_has_its_form(void **state)
{
	struct place *place = *state;
	size_t size;
	const uint8_t *bytes = memory_target_bytes(place->target, name_of(place->slot).text, &size);
	json_t *object = NULL, *kdf;
	const char *type, *id, *label, *created, *box, *check, *name, *salt;
	int format, suite, memory_kib, passes, lanes;
	char text[33];

	assert_int_equal(canonical_parse(&object, bytes, size, PL_SLOT_BROKEN, "slot"), ERR_OK);
	assert_int_equal(json_unpack_ex(object, NULL, JSON_STRICT, "{s:i, s:s, s:s, s:s, s:s, s:o, s:i, s:s, s:s}",
			     "format", &format, "type", &type, "id", &id, "label", &label, "created", &created, "kdf",
			     &kdf, "suite", &suite, "box", &box, "check", &check),
	    0);
	assert_int_equal(json_unpack_ex(kdf, NULL, JSON_STRICT, "{s:s, s:i, s:i, s:i, s:s}", "name", &name,
			     "memory_kib", &memory_kib, "passes", &passes, "lanes", &lanes, "salt", &salt),
	    0);
	assert_int_equal(format, 1);
	assert_int_equal(suite, SUITE_AES_256_GCM);
	assert_string_equal(type, "passphrase");
	assert_string_equal(id, hex_encode(text, place->slot, 16));
	assert_string_equal(label, "first");
	assert_string_equal(name, "argon2id");
	assert_int_equal(memory_kib, 8192);
	assert_int_equal(passes, 1);
	assert_int_equal(lanes, 1);
	assert_int_equal(strlen(salt), 32);
	assert_int_equal(strlen(box), 2 * (32 + 32 + 32 + 16));
	assert_int_equal(strlen(check), 64);
	json_decref(object);
}

/* Slots that another implementation sealed: the derivation, the box, what it is bound to and the check are frozen. The first slots that
 * were made had no check. */
#define FROZEN_BOX                                                                                             \
	"{\"box\":\"404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5fe9f60d3d091f40f3299b704eb" \
	"46435e58b3ae6bf5a967a704357b4582fd704cdf8f9dc318eba13c4e391a3d8303612a87051528a9107228f862891997e23c" \
	"880e7aff6a4e61563ea5cc36169cf7f11da\""
#define FROZEN_REST                                                                                            \
	",\"created\":\"2026-01-02T03:04:05Z\",\"format\":1,\"id\":\"000102030405060708090a0b0c0d0e0f\",\"kdf" \
	"\":{\"lanes\":1,\"memory_kib\":8192,\"name\":\"argon2id\",\"passes\":1,\"salt\":\"606162636465666768" \
	"696a6b6c6d6e6f\"},\"label\":\"Lembar pemulihan\",\"suite\":1,\"type\":\"passphrase\"}"

static void frozen_slots_open(void **state)
{
	static const char *const frozen[] = {FROZEN_BOX FROZEN_REST,
	    FROZEN_BOX ",\"check\":\"6f589e4f021ae670e4c3dbc84f0e45e2237b4e3ec21c257867e24166a5cabf55\"" FROZEN_REST};
	struct place *place = *state;
	static const uint8_t id[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	uint8_t slot[16];

	for (size_t i = 0; i < 2; i++) {
		assert_true(memory_target_plant(place->target, name_of(id).text, frozen[i], strlen(frozen[i])));
		assert_int_equal(open_with(place, "frozen passphrase", slot), ERR_OK);
		assert_memory_equal(slot, id, sizeof(id));
	}
}

static void recovery_code_opens_its_slot(void **state)
{
	struct place *place = *state;
	uint8_t slot[16];
	char text[RECOVERY_TEXT], loose[2 * RECOVERY_TEXT];

	assert_int_equal(add(place, "recovery", "sheet", code, sizeof(code)), ERR_OK);
	assert_non_null(recovery_format(code, text));
	assert_int_equal(open_with(place, text, slot), ERR_OK);
	assert_memory_equal(slot, place->slot, sizeof(slot));
	snprintf(loose, sizeof(loose), " %s ", text);
	for (char *at = loose; *at; at++)
		*at = *at == '-' ? ' ' : *at >= 'A' && *at <= 'Z' ? (char)(*at + 32) : *at;
	assert_int_equal(open_with(place, loose, slot), ERR_OK);
	assert_int_equal(open_with(place, "correct horse", slot), ERR_OK);
	assert_memory_not_equal(slot, place->slot, sizeof(slot));
	text[0] = text[0] == '0' ? '2' : '0';
	assert_wrong(place, text);
}

/* A passphrase may look like a code: it is still a passphrase. */
static void passphrase_that_looks_like_a_code(void **state)
{
	struct place *place = *state;
	char text[RECOVERY_TEXT];
	uint8_t slot[16];

	assert_non_null(recovery_format(code, text));
	assert_int_equal(add(place, "passphrase", "", text, strlen(text)), ERR_OK);
	assert_int_equal(open_with(place, text, slot), ERR_OK);
	assert_memory_equal(slot, place->slot, sizeof(slot));
}

static void what_cannot_be_added(void **state)
{
	struct place *place = *state;
	char label[LABEL_SIZE + 1];
	const struct kdf_cost terabyte = {.memory_kib = 1u << 30, .passes = 1, .lanes = 1};

	assert_int_equal(add(place, "passphrase", "", "", 0), ERR_KEY);
	assert_int_equal(failure_last()->id, PL_PASSPHRASE_EMPTY);
	assert_int_equal(add(place, "recovery", "", "short", 5), ERR_UNSUPPORTED);
	assert_int_equal(add(place, "palm", "", "x", 1), ERR_UNSUPPORTED);
	memset(label, 'x', sizeof(label));
	label[LABEL_SIZE] = '\0';
	assert_int_equal(add(place, "passphrase", label, "x", 1), ERR_USAGE);
	assert_int_equal(failure_last()->id, PL_LABEL);
	assert_int_equal(add(place, "passphrase", "a\tb", "x", 1), ERR_USAGE);
	assert_int_equal(
	    key_slot_add(place->target, place->keys, "passphrase", "", &terabyte, "x", 1, place->slot), ERR_LIMIT);
	place->keys->full = false;
	assert_int_equal(add(place, "passphrase", "", "x", 1), ERR_KEY);
	assert_int_equal(failure_last()->id, PL_KEY_FULL);
	assert_int_equal(memory_target_count(place->target, "keys/"), 1);
}

/* Each byte of the object: damage is said to be damage, and never a wrong passphrase. */
static void every_byte_counts(void **state)
{
	struct place *place = *state;
	struct object_name name = name_of(place->slot);
	size_t size = 0;
	const char *bytes = (const char *)memory_target_bytes(place->target, name.text, &size);
	/* The one byte that might as well be of a later version. */
	size_t format = (size_t)(strstr(bytes, "\"format\":1") - bytes) + 9;

	for (size_t i = 0; i < size; i++) {
		uint8_t slot[16];

		assert_true(memory_target_corrupt(place->target, name.text, i, 0x01));
		assert_int_equal(open_with(place, "correct horse", slot), i == format ? ERR_UNSUPPORTED : ERR_CORRUPT);
		assert_true(memory_target_corrupt(place->target, name.text, i, 0x01));
	}
}

/* The slot's JSON with one member changed, under its own name, by somebody who knows what a slot must look like: with a check that is
 * right again unless that is what was changed. */
static void plant_changed(struct place *place, const char *folder, const char *member, json_t *value)
{
	size_t size = 0;
	const uint8_t *bytes = memory_target_bytes(place->target, name_of(place->slot).text, &size);
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
	assert_true(memory_target_plant(place->target, name_of(place->slot).text, changed.data, changed.length));
	json_decref(object);
	buffer_free(&changed);
}

static void expect_changed(struct place *place, const char *folder, const char *member, json_t *value, enum message id)
{
	size_t size = 0;
	const uint8_t *bytes = memory_target_bytes(place->target, name_of(place->slot).text, &size);
	uint8_t *kept = mem_copy(bytes, size);
	uint8_t slot[16];

	plant_changed(place, folder, member, value);
	assert_int_not_equal(open_with(place, "correct horse", slot), ERR_OK);
	assert_int_equal(failure_last()->id, id);
	assert_true(memory_target_plant(place->target, name_of(place->slot).text, kept, size));
	mem_free(kept);
}

static void every_member_is_checked(void **state)
{
	static const char *const members[] = {"format", "type", "id", "label", "created", "kdf", "suite", "box"};
	static const char *const costs[] = {"name", "memory_kib", "passes", "lanes", "salt"};
	struct place *place = *state;

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
	struct place *place = *state;
	uint8_t slot[16];

	expect_changed(place, "kdf", "memory_kib", json_integer(1 << 30), PL_KDF_BOUNDS);
	expect_changed(place, "kdf", "memory_kib", json_integer(INT64_MAX), PL_KDF_BOUNDS);
	expect_changed(place, "kdf", "passes", json_integer(UINT32_MAX), PL_KDF_BOUNDS);
	expect_changed(place, "kdf", "lanes", json_integer(-1), PL_KDF_BOUNDS);
	plant_changed(place, "kdf", "memory_kib", json_integer(1 << 30));
	assert_int_equal(add(place, "passphrase", "", "second", 6), ERR_OK);
	assert_int_equal(open_with(place, "second", slot), ERR_OK);
}

static void damaged_slots_do_not_lock_out(void **state)
{
	struct place *place = *state;
	struct key_slot *slots = NULL;
	uint8_t slot[16];
	size_t count = 0;

	assert_true(memory_target_corrupt(place->target, name_of(place->slot).text, 0, 0x01));
	assert_int_equal(add(place, "passphrase", "", "second", 6), ERR_OK);
	assert_int_equal(open_with(place, "second", slot), ERR_OK);
	assert_int_equal(key_slot_list(place->target, &slots, &count), ERR_OK);
	assert_int_equal(count, 1);
	assert_memory_equal(slots[0].id, place->slot, 16);
	mem_free(slots);
	/* That may well be the passphrase of the damaged one. */
	assert_int_equal(open_with(place, "third", slot), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_SLOT_BROKEN);
	/* When no slot can be read, the way to the place may be at fault: that, and no wrong passphrase, is reported. */
	memory_target_fail(place->target, MEMORY_READ, 1, PL_TARGET_READ, true);
	assert_int_equal(open_with(place, "second", slot), ERR_IO);
}

/* Of what a later version made, nothing is known that would speak against a wrong passphrase. */
static void slots_of_a_later_version_are_no_damage(void **state)
{
	struct place *place = *state;
	uint8_t slot[16];

	plant_changed(place, NULL, "format", json_integer(2));
	assert_int_equal(add(place, "passphrase", "", "second", 6), ERR_OK);
	assert_int_equal(open_with(place, "second", slot), ERR_OK);
	assert_wrong(place, "third");
}

/* Without a check, the box itself still tells a right passphrase: it knows the key that it was sealed with. */
static void a_damaged_box_is_damage(void **state)
{
	struct place *place = *state;
	size_t size = 0;
	const char *bytes;
	uint8_t slot[16];

	plant_changed(place, NULL, "check", NULL);
	assert_int_equal(open_with(place, "correct horse", slot), ERR_OK);
	bytes = (const char *)memory_target_bytes(place->target, name_of(place->slot).text, &size);
	assert_true(memory_target_corrupt(
	    place->target, name_of(place->slot).text, (size_t)(strstr(bytes, "\",\"created\"") - bytes) - 1, 0x01));
	assert_int_equal(open_with(place, "correct horse", slot), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_SLOT_BROKEN);
	assert_wrong(place, "correct horsf");
	assert_int_equal(add(place, "passphrase", "", "correct horse", 13), ERR_OK);
	assert_int_equal(open_with(place, "correct horse", slot), ERR_OK);
	assert_memory_equal(slot, place->slot, sizeof(slot));
}

static void oversized_slot_is_refused(void **state)
{
	struct place *place = *state;
	uint8_t slot[16];

	assert_true(memory_target_resize(place->target, name_of(place->slot).text, KEY_SLOT_MAX + 1));
	assert_int_equal(open_with(place, "correct horse", slot), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_OBJECT_SIZE);
}

static void too_many_slots_are_refused(void **state)
{
	struct place *place = *state;
	uint8_t slot[16];
	for (uint8_t i = 0; i < KEY_SLOTS_MAX; i++) {
		uint8_t id[16] = {0xFF, i};

		assert_true(memory_target_plant(place->target, name_of(id).text, "{", 1));
	}
	assert_int_equal(open_with(place, "correct horse", slot), ERR_LIMIT);
	assert_int_equal(failure_last()->id, PL_SLOTS);
	assert_int_equal(add(place, "passphrase", "", "x", 1), ERR_LIMIT);
	assert_int_equal(failure_last()->id, PL_SLOTS);
}

/* The slot of another repository with the same passphrase opens, and its root is not ours. */
static void slot_of_another_repository(void **state)
{
	struct place *place = *state;
	struct keys *ours = place->keys;
	uint8_t own[16], slot[16];

	memcpy(own, place->slot, sizeof(own));
	place->keys = make_keys(2);
	assert_int_equal(add(place, "passphrase", "", "correct horse", 13), ERR_OK);
	keys_free(place->keys);
	place->keys = ours;
	assert_int_equal(open_with(place, "correct horse", slot), ERR_OK);
	assert_memory_equal(slot, own, sizeof(own));
	assert_true(memory_target_delete(place->target, name_of(own).text));
	assert_int_equal(open_with(place, "correct horse", slot), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_CONFIG_BROKEN);
}

/* A sealed box in another slot's clothes, and a slot under another name. */
static void slots_cannot_be_exchanged(void **state)
{
	struct place *place = *state;
	size_t size;
	static const uint8_t other[16] = {7};
	const uint8_t *stored = memory_target_bytes(place->target, name_of(place->slot).text, &size);
	uint8_t *bytes = mem_copy(stored, size);
	uint8_t slot[16];

	assert_true(memory_target_delete(place->target, name_of(place->slot).text));
	assert_true(memory_target_plant(place->target, name_of(other).text, bytes, size));
	assert_int_equal(open_with(place, "correct horse", slot), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_SLOT_BROKEN);
	mem_free(bytes);
}

static void listing_is_newest_first(void **state)
{
	struct place *place = *state;
	struct key_slot *slots = NULL;
	size_t count = 0;

	plant_changed(place, NULL, "created", json_string("2001-01-01T00:00:00Z"));
	assert_int_equal(add(place, "recovery", "sheet", code, sizeof(code)), ERR_OK);
	assert_int_equal(key_slot_list(place->target, &slots, &count), ERR_OK);
	assert_int_equal(count, 2);
	assert_string_equal(slots[0].type, "recovery");
	assert_string_equal(slots[0].label, "sheet");
	assert_memory_equal(slots[0].id, place->slot, 16);
	assert_int_equal(slots[0].cost.memory_kib, 8192);
	assert_string_equal(slots[1].label, "first");
	assert_int_equal(slots[1].created, INT64_C(978307200) * CLOCK_SECOND);
	mem_free(slots);
}

static void removing(void **state)
{
	struct place *place = *state;
	uint8_t first[16], slot[16];
	char text[33];

	memcpy(first, place->slot, sizeof(first));
	hex_encode(text, first, sizeof(first));
	assert_int_equal(key_slot_remove(place->target, text), ERR_DENIED);
	assert_int_equal(failure_last()->id, PL_SLOT_LAST);
	assert_int_equal(add(place, "passphrase", "new", "second", 6), ERR_OK);
	text[3] = '\0';
	assert_int_equal(key_slot_remove(place->target, text), ERR_USAGE);
	assert_int_equal(failure_last()->id, PL_SLOT_UNKNOWN);
	assert_int_equal(key_slot_remove(place->target, "zzzz"), ERR_USAGE);
	hex_encode(text, first, sizeof(first));
	text[12] = '\0';
	assert_int_equal(key_slot_remove(place->target, text), ERR_OK);
	assert_int_equal(memory_target_count(place->target, "keys/"), 1);
	assert_wrong(place, "correct horse");
	assert_int_equal(open_with(place, "second", slot), ERR_OK);
}

/* A damaged slot can go, but never the last good one: what looks like a second slot may be worthless. */
static void removing_beside_a_damaged_slot(void **state)
{
	struct place *place = *state;
	static const uint8_t damaged[16] = {0xDA, 0xDA, 0xDA}, twin[16] = {0xDA, 0xDA, 0xDA, 1};
	char text[33];

	assert_true(memory_target_plant(place->target, name_of(damaged).text, "x", 1));
	assert_int_equal(key_slot_remove(place->target, hex_encode(text, place->slot, 16)), ERR_DENIED);
	assert_true(memory_target_plant(place->target, name_of(twin).text, "x", 1));
	assert_int_equal(key_slot_remove(place->target, "dadada"), ERR_USAGE);
	assert_int_equal(failure_last()->id, PL_SLOT_UNKNOWN);
	assert_int_equal(key_slot_remove(place->target, "dadada00"), ERR_OK);
	assert_int_equal(memory_target_count(place->target, "keys/"), 2);
}

static void failures_of_the_place(void **state)
{
	struct place *place = *state;
	uint8_t slot[16];

	memory_target_fail(place->target, MEMORY_LIST, 1, PL_TARGET_LIST, false);
	assert_int_equal(open_with(place, "correct horse", slot), ERR_IO);
	memory_target_fail(place->target, MEMORY_LIST, 1, PL_TARGET_LIST, false);
	assert_int_equal(key_slot_remove(place->target, "0000"), ERR_IO);
	memory_target_fail(place->target, MEMORY_PUT, 1, PL_NO_SPACE, false);
	assert_int_equal(add(place, "passphrase", "", "x", 1), ERR_NOSPACE);
	assert_int_equal(memory_target_count(place->target, "keys/"), 1);
	assert_int_equal(open_with(place, "correct horse", slot), ERR_OK);
}

static void lack_of_memory_is_told(void **state)
{
	struct place *place = *state;
	unsigned long n = 0;
	uint8_t slot[16];
	enum err err;

	do {
		mem_fail_at(++n);
		err = add(place, "passphrase", "", "second", 6);
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
		assert_int_equal(memory_target_count(place->target, "keys/"), err == ERR_OK ? 2 : 1);
	} while (err != ERR_OK);
	assert_true(n > 30);
	n = 0;
	do {
		mem_fail_at(++n);
		err = open_with(place, "second", slot);
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
	} while (err != ERR_OK);
	assert_true(n > 30);
}

static int setup(void **state)
{
	(void)state;
	return crypto_setup() == ERR_OK ? 0 : -1;
}

#define PLACE_TEST(name) cmocka_unit_test_setup_teardown(name, place_up, place_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PLACE_TEST(passphrase_opens_and_others_do_not),
	    PLACE_TEST(object_has_its_form),
	    PLACE_TEST(frozen_slots_open),
	    PLACE_TEST(recovery_code_opens_its_slot),
	    PLACE_TEST(passphrase_that_looks_like_a_code),
	    PLACE_TEST(what_cannot_be_added),
	    PLACE_TEST(every_byte_counts),
	    PLACE_TEST(every_member_is_checked),
	    PLACE_TEST(hostile_cost_is_refused),
	    PLACE_TEST(damaged_slots_do_not_lock_out),
	    PLACE_TEST(slots_of_a_later_version_are_no_damage),
	    PLACE_TEST(a_damaged_box_is_damage),
	    PLACE_TEST(oversized_slot_is_refused),
	    PLACE_TEST(too_many_slots_are_refused),
	    PLACE_TEST(slot_of_another_repository),
	    PLACE_TEST(slots_cannot_be_exchanged),
	    PLACE_TEST(listing_is_newest_first),
	    PLACE_TEST(removing),
	    PLACE_TEST(removing_beside_a_damaged_slot),
	    PLACE_TEST(failures_of_the_place),
	    PLACE_TEST(lack_of_memory_is_told),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
