/* Key slots: who gets in, who does not, and which may go. */
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/repo/canonical.h"
#include "core/repo/object.h"
#include "targets/memory.h"
#include "tests/unit/repository_place.h"
#include "tests/unit/slot_place.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void passphrase_opens_and_others_do_not(void **state)
{
	struct slot_place *place = *state;
	uint8_t slot[16];

	assert_int_equal(slot_place_open(place, "correct horse", slot), ERR_OK);
	assert_memory_equal(slot, place->slot, sizeof(slot));
	slot_place_refuses(place, "correct horsf");
	slot_place_refuses(place, "correct hors");
	slot_place_refuses(place, "correct horse ");
	assert_int_equal(slot_place_open(place, "", slot), ERR_KEY);
	assert_int_equal(failure_last()->id, PL_PASSPHRASE_EMPTY);
}

/* The text of the stored object is what key_slot.h says. */
static void object_has_its_form(void **state)
{
	struct slot_place *place = *state;
	size_t size;
	const uint8_t *bytes = memory_target_bytes(place->target, object_key_slot(place->slot).text, &size);
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
	struct slot_place *place = *state;
	static const uint8_t id[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	uint8_t slot[16];

	for (size_t i = 0; i < 2; i++) {
		assert_true(memory_target_plant(place->target, object_key_slot(id).text, frozen[i], strlen(frozen[i])));
		assert_int_equal(slot_place_open(place, "frozen passphrase", slot), ERR_OK);
		assert_memory_equal(slot, id, sizeof(id));
	}
}

static void recovery_code_opens_its_slot(void **state)
{
	struct slot_place *place = *state;
	uint8_t slot[16];
	char text[RECOVERY_TEXT], loose[2 * RECOVERY_TEXT];

	assert_int_equal(slot_place_add(place, "recovery", "sheet", slot_place_code, sizeof(slot_place_code)), ERR_OK);
	assert_non_null(recovery_format(slot_place_code, text));
	assert_int_equal(slot_place_open(place, text, slot), ERR_OK);
	assert_memory_equal(slot, place->slot, sizeof(slot));
	snprintf(loose, sizeof(loose), " %s ", text);
	for (char *at = loose; *at; at++)
		*at = *at == '-' ? ' ' : *at >= 'A' && *at <= 'Z' ? (char)(*at + 32) : *at;
	assert_int_equal(slot_place_open(place, loose, slot), ERR_OK);
	assert_int_equal(slot_place_open(place, "correct horse", slot), ERR_OK);
	assert_memory_not_equal(slot, place->slot, sizeof(slot));
	text[0] = text[0] == '0' ? '2' : '0';
	slot_place_refuses(place, text);
}

/* A passphrase may look like a code: it is still a passphrase. */
static void passphrase_that_looks_like_a_code(void **state)
{
	struct slot_place *place = *state;
	char text[RECOVERY_TEXT];
	uint8_t slot[16];

	assert_non_null(recovery_format(slot_place_code, text));
	assert_int_equal(slot_place_add(place, "passphrase", "", text, strlen(text)), ERR_OK);
	assert_int_equal(slot_place_open(place, text, slot), ERR_OK);
	assert_memory_equal(slot, place->slot, sizeof(slot));
}

static void what_cannot_be_added(void **state)
{
	struct slot_place *place = *state;
	char label[LABEL_SIZE + 1];
	const struct kdf_cost terabyte = {.memory_kib = 1u << 30, .passes = 1, .lanes = 1};

	assert_int_equal(slot_place_add(place, "passphrase", "", "", 0), ERR_KEY);
	assert_int_equal(failure_last()->id, PL_PASSPHRASE_EMPTY);
	assert_int_equal(slot_place_add(place, "recovery", "", "short", 5), ERR_UNSUPPORTED);
	assert_int_equal(slot_place_add(place, "palm", "", "x", 1), ERR_UNSUPPORTED);
	memset(label, 'x', sizeof(label));
	label[LABEL_SIZE] = '\0';
	assert_int_equal(slot_place_add(place, "passphrase", label, "x", 1), ERR_USAGE);
	assert_int_equal(failure_last()->id, PL_LABEL);
	assert_int_equal(slot_place_add(place, "passphrase", "a\tb", "x", 1), ERR_USAGE);
	assert_int_equal(
	    key_slot_add(place->target, place->keys, "passphrase", "", &terabyte, "x", 1, place->slot), ERR_LIMIT);
	place->keys->full = false;
	assert_int_equal(slot_place_add(place, "passphrase", "", "x", 1), ERR_KEY);
	assert_int_equal(failure_last()->id, PL_KEY_FULL);
	assert_int_equal(memory_target_count(place->target, "keys/"), 1);
}

static void listing_is_newest_first(void **state)
{
	struct slot_place *place = *state;
	struct key_slot *slots = NULL;
	size_t count = 0;

	slot_place_change(place, NULL, "created", json_string("2001-01-01T00:00:00Z"));
	assert_int_equal(slot_place_add(place, "recovery", "sheet", slot_place_code, sizeof(slot_place_code)), ERR_OK);
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
	struct slot_place *place = *state;
	uint8_t first[16], slot[16];
	char text[33];

	memcpy(first, place->slot, sizeof(first));
	hex_encode(text, first, sizeof(first));
	assert_int_equal(key_slot_remove(place->target, text), ERR_DENIED);
	assert_int_equal(failure_last()->id, PL_SLOT_LAST);
	assert_int_equal(slot_place_add(place, "passphrase", "new", "second", 6), ERR_OK);
	text[3] = '\0';
	assert_int_equal(key_slot_remove(place->target, text), ERR_USAGE);
	assert_int_equal(failure_last()->id, PL_SLOT_UNKNOWN);
	assert_int_equal(key_slot_remove(place->target, "zzzz"), ERR_USAGE);
	hex_encode(text, first, sizeof(first));
	text[12] = '\0';
	assert_int_equal(key_slot_remove(place->target, text), ERR_OK);
	assert_int_equal(memory_target_count(place->target, "keys/"), 1);
	slot_place_refuses(place, "correct horse");
	assert_int_equal(slot_place_open(place, "second", slot), ERR_OK);
}

/* A damaged slot can go, but never the last good one: what looks like a second slot may be worthless. */
static void removing_beside_a_damaged_slot(void **state)
{
	struct slot_place *place = *state;
	static const uint8_t damaged[16] = {0xDA, 0xDA, 0xDA}, twin[16] = {0xDA, 0xDA, 0xDA, 1};
	char text[33];

	assert_true(memory_target_plant(place->target, object_key_slot(damaged).text, "x", 1));
	assert_int_equal(key_slot_remove(place->target, hex_encode(text, place->slot, 16)), ERR_DENIED);
	assert_true(memory_target_plant(place->target, object_key_slot(twin).text, "x", 1));
	assert_int_equal(key_slot_remove(place->target, "dadada"), ERR_USAGE);
	assert_int_equal(failure_last()->id, PL_SLOT_UNKNOWN);
	assert_int_equal(key_slot_remove(place->target, "dadada00"), ERR_OK);
	assert_int_equal(memory_target_count(place->target, "keys/"), 2);
}

static void failures_of_the_place(void **state)
{
	struct slot_place *place = *state;
	uint8_t slot[16];

	memory_target_fail(place->target, MEMORY_LIST, 1, PL_TARGET_LIST, false);
	assert_int_equal(slot_place_open(place, "correct horse", slot), ERR_IO);
	memory_target_fail(place->target, MEMORY_LIST, 1, PL_TARGET_LIST, false);
	assert_int_equal(key_slot_remove(place->target, "0000"), ERR_IO);
	memory_target_fail(place->target, MEMORY_PUT, 1, PL_NO_SPACE, false);
	assert_int_equal(slot_place_add(place, "passphrase", "", "x", 1), ERR_NOSPACE);
	assert_int_equal(memory_target_count(place->target, "keys/"), 1);
	assert_int_equal(slot_place_open(place, "correct horse", slot), ERR_OK);
}

/* A place where somebody else removes another slot while one is being removed. */
static struct {
	struct target_operations operations;
	const struct target_operations *under;
	uint8_t other[16];
} racing;

static enum err remove_racing(struct target *target, const char *name)
{
	memory_target_delete(target, object_key_slot(racing.other).text);
	return racing.under->remove(target, name);
}

static void race(struct slot_place *place, const uint8_t other[16])
{
	racing.under = place->target->operations;
	racing.operations = *racing.under;
	racing.operations.remove = remove_racing;
	memcpy(racing.other, other, sizeof(racing.other));
	place->target->operations = &racing.operations;
}

/* Each of two people who remove a slot counts on the other's. */
static void removing_at_once_leaves_one(void **state)
{
	struct slot_place *place = *state;
	uint8_t first[16], slot[16];
	char text[33];

	memcpy(first, place->slot, sizeof(first));
	assert_int_equal(slot_place_add(place, "passphrase", "", "second", 6), ERR_OK);
	race(place, place->slot);
	assert_int_equal(key_slot_remove(place->target, hex_encode(text, first, sizeof(first))), ERR_DENIED);
	assert_int_equal(failure_last()->id, PL_SLOT_LAST);
	assert_non_null(strstr(failure_last()->text, "was put back"));
	assert_int_equal(slot_place_open(place, "correct horse", slot), ERR_OK);
	assert_memory_equal(slot, first, sizeof(first));
	slot_place_refuses(place, "second");
	place->target->operations = racing.under;
}

/* So it is where nobody can say whether another is left. */
static void a_slot_is_put_back_where_the_others_cannot_be_seen(void **state)
{
	struct slot_place *place = *state;
	uint8_t first[16], slot[16];
	char text[33];

	memcpy(first, place->slot, sizeof(first));
	assert_int_equal(slot_place_add(place, "passphrase", "", "second", 6), ERR_OK);
	memory_target_fail(place->target, MEMORY_LIST, 3, PL_TARGET_LIST, false);
	assert_int_equal(key_slot_remove(place->target, hex_encode(text, first, sizeof(first))), ERR_IO);
	assert_int_equal(slot_place_open(place, "correct horse", slot), ERR_OK);
	assert_int_equal(key_slot_remove(place->target, text), ERR_OK);
	slot_place_refuses(place, "correct horse");
	assert_int_equal(slot_place_open(place, "second", slot), ERR_OK);
}

static void lack_of_memory_is_told(void **state)
{
	struct slot_place *place = *state;
	unsigned long n = 0;
	uint8_t slot[16];
	enum err err;

	do {
		mem_fail_at(++n);
		err = slot_place_add(place, "passphrase", "", "second", 6);
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
		assert_int_equal(memory_target_count(place->target, "keys/"), err == ERR_OK ? 2 : 1);
	} while (err != ERR_OK);
	assert_true(n > 30);
	n = 0;
	do {
		mem_fail_at(++n);
		err = slot_place_open(place, "second", slot);
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
	} while (err != ERR_OK);
	assert_true(n > 30);
}

#define test(name) cmocka_unit_test_setup_teardown(name, slot_place_up, slot_place_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test(passphrase_opens_and_others_do_not),
	    test(object_has_its_form),
	    test(frozen_slots_open),
	    test(recovery_code_opens_its_slot),
	    test(passphrase_that_looks_like_a_code),
	    test(what_cannot_be_added),
	    test(listing_is_newest_first),
	    test(removing),
	    test(removing_beside_a_damaged_slot),
	    test(failures_of_the_place),
	    test(removing_at_once_leaves_one),
	    test(a_slot_is_put_back_where_the_others_cannot_be_seen),
	    test(lack_of_memory_is_told),
	};

	return cmocka_run_group_tests(tests, place_crypto, NULL);
}
