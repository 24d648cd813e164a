/* The config: one spelling, one signer, every member checked. */
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/repo/canonical.h"
#include "core/repo/config.h"
#include "core/repo/object.h"
#include "targets/memory.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define WRITERS 2
#define CREATED (INT64_C(1790000000) * CLOCK_SECOND)

static struct keys *owner;
static struct writer writers[WRITERS];
static struct config config = {
    .created = CREATED, .suite = SUITE_AES_256_GCM, .serial = 7, .writers = writers, .writers_count = WRITERS};

static int setup(void **state)
{
	static const uint8_t repository[REPOSITORY_ID_SIZE] = {1, 2, 3}, root[KEY_SIZE] = {9};

	(void)state;
	if (crypto_setup() != ERR_OK || !(owner = keys_new()) ||
	    keys_from_root(owner, repository, SUITE_AES_256_GCM, root, "server") != ERR_OK)
		return -1;
	memcpy(config.id, repository, sizeof(config.id));
	memcpy(config.read_public, owner->read_public, KEY_SIZE);
	memcpy(config.owner_public, owner->owner_public, KEY_SIZE);
	for (uint8_t i = 0; i < WRITERS; i++) {
		memset(writers[i].id, 0x10 + i, WRITER_ID_SIZE);
		memset(writers[i].public_key, 0x20 + i, KEY_SIZE);
		memset(writers[i].domain, 0x30 + i, DOMAIN_TAG_SIZE);
		memset(writers[i].label, 0x40 + i, WRITER_LABEL_SIZE);
		writers[i].append_only = i == 0;
		writers[i].revoked = i == 1;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	keys_free(owner);
	return 0;
}

static void encode(struct buffer *bytes)
{
	assert_int_equal(config_encode(&config, owner, bytes), ERR_OK);
}

static void what_is_written_is_read(void **state)
{
	struct buffer bytes = {0};
	struct config *read = NULL;

	(void)state;
	encode(&bytes);
	assert_int_equal(config_decode(&read, bytes.data, bytes.length), ERR_OK);
	assert_memory_equal(read->id, config.id, sizeof(config.id));
	assert_int_equal(read->created, CREATED);
	assert_int_equal(read->suite, config.suite);
	assert_int_equal(read->serial, 7);
	assert_memory_equal(read->read_public, config.read_public, KEY_SIZE);
	assert_memory_equal(read->owner_public, config.owner_public, KEY_SIZE);
	assert_int_equal(read->writers_count, WRITERS);
	assert_memory_equal(read->writers, writers, sizeof(writers));
	config_free(read);
	config_free(NULL);
	buffer_free(&bytes);
}

/* The bytes on disk: members sorted, nothing between them. Ed25519 is deterministic, so the whole object is frozen. */
static void bytes_are_frozen(void **state)
{
	static const char start[] = "{\"created\":\"2026-09-21T14:13:20Z\",\"format\":1,\"id\":"
				    "\"01020300000000000000000000000000\",\"owner_key\":\"";
	struct buffer bytes = {0};
	uint8_t hash[HASH_SIZE];
	char text[2 * HASH_SIZE + 1];

	(void)state;
	encode(&bytes);
	assert_memory_equal(bytes.data, start, sizeof(start) - 1);
	assert_int_equal(sha256(bytes.data, bytes.length, hash), ERR_OK);
	assert_string_equal(
	    hex_encode(text, hash, sizeof(hash)), "aa1acb5eed3abadf5788f5ed13da98fa3f375a8af373c4a2989843a08030ea7f");
	buffer_free(&bytes);
}

static void every_byte_counts(void **state)
{
	struct buffer bytes = {0};

	(void)state;
	encode(&bytes);
	for (size_t i = 0; i < bytes.length; i++) {
		struct config *read = NULL;
		enum err err;

		bytes.data[i] ^= 0x01;
		err = config_decode(&read, bytes.data, bytes.length);
		assert_true(err == ERR_CORRUPT || err == ERR_UNSUPPORTED);
		assert_null(read);
		bytes.data[i] ^= 0x01;
	}
	for (size_t size = 0; size < bytes.length; size++) {
		struct config *read = NULL;

		assert_int_equal(config_decode(&read, bytes.data, size), ERR_CORRUPT);
		assert_int_equal(failure_last()->id, PL_CONFIG_BROKEN);
	}
	buffer_free(&bytes);
}

/* Changes a member, signs again as the owner would, and expects what the reader says. */
static void expect_signed(const char *member, json_t *value, enum message id)
{
	struct buffer bytes = {0}, changed = {0};
	struct config *read = NULL;
	json_t *object = NULL;

	encode(&bytes);
	assert_int_equal(canonical_parse(&object, bytes.data, bytes.length, PL_CONFIG_BROKEN, "config"), ERR_OK);
	assert_int_equal(json_object_del(object, "signature"), 0);
	if (value)
		assert_int_equal(json_object_set_new(object, member, value), 0);
	else
		assert_int_equal(json_object_del(object, member), 0);
	assert_int_equal(canonical_sign(object, "config", owner->signer.seed), ERR_OK);
	assert_int_equal(canonical_write(object, &changed), ERR_OK);
	assert_int_not_equal(config_decode(&read, changed.data, changed.length), ERR_OK);
	assert_int_equal(failure_last()->id, id);
	assert_null(read);
	json_decref(object);
	buffer_free(&bytes);
	buffer_free(&changed);
}

static void every_member_is_checked(void **state)
{
	static const char *const members[] = {
	    "created", "format", "id", "owner_key", "read_key", "serial", "suite", "writers"};

	(void)state;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		expect_signed(members[i], NULL, PL_CONFIG_BROKEN);
		expect_signed(members[i], json_true(), PL_CONFIG_BROKEN);
		expect_signed(members[i], json_real(1.5), PL_CONFIG_BROKEN);
	}
	expect_signed("stranger", json_true(), PL_CONFIG_BROKEN);
	expect_signed("format", json_integer(2), PL_FORMAT_VERSION);
	expect_signed("suite", json_integer(3), PL_SUITE);
	expect_signed("suite", json_integer(-1), PL_SUITE);
	expect_signed("suite", json_integer(0x100000001), PL_SUITE);
	expect_signed("serial", json_integer(0), PL_CONFIG_BROKEN);
	expect_signed("serial", json_integer(-1), PL_CONFIG_BROKEN);
	expect_signed("id", json_string("0102030000000000000000000000000"), PL_CONFIG_BROKEN);
	expect_signed("id", json_string("0102030000000000000000000000000g"), PL_CONFIG_BROKEN);
	expect_signed("id", json_string("010203000000000000000000000000000"), PL_CONFIG_BROKEN);
	expect_signed("read_key", json_string(""), PL_CONFIG_BROKEN);
	expect_signed("owner_key", json_string("00"), PL_CONFIG_BROKEN);
	expect_signed("created", json_string("2026-09-21T14:13:20+00:00"), PL_CONFIG_BROKEN);
	expect_signed("created", json_string("9999-09-21T14:13:20Z"), PL_CONFIG_BROKEN);
	expect_signed("created", json_string("2026-02-31T14:13:20Z"), PL_CONFIG_BROKEN);
	expect_signed("created", json_string("yesterday"), PL_CONFIG_BROKEN);
}

/* A list of one writer with one member changed; NULL removes it. */
static json_t *list_with(const char *member, json_t *value, size_t copies)
{
	struct buffer bytes = {0};
	json_t *object = NULL, *list = json_array(), *writer;

	encode(&bytes);
	assert_int_equal(canonical_parse(&object, bytes.data, bytes.length, PL_CONFIG_BROKEN, "config"), ERR_OK);
	writer = json_deep_copy(json_array_get(json_object_get(object, "writers"), 0));
	if (value)
		assert_int_equal(json_object_set_new(writer, member, value), 0);
	else
		json_object_del(writer, member);
	while (copies-- > 0)
		assert_int_equal(json_array_append(list, writer), 0);
	json_decref(writer);
	json_decref(object);
	buffer_free(&bytes);
	return list;
}

static void every_member_of_a_writer_is_checked(void **state)
{
	static const char *const members[] = {"id", "key", "domain", "append_only", "revoked", "label"};

	(void)state;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		expect_signed("writers", list_with(members[i], NULL, 1), PL_CONFIG_BROKEN);
		expect_signed("writers", list_with(members[i], json_integer(1), 1), PL_CONFIG_BROKEN);
		expect_signed("writers", list_with(members[i], json_string("00"), 1), PL_CONFIG_BROKEN);
	}
	expect_signed("writers", list_with("stranger", json_true(), 1), PL_CONFIG_BROKEN);
	expect_signed("writers", list_with("id", json_string("00000000000000000000000000000000"), 1),
	    PL_CONFIG_BROKEN);							    /* the owner's */
	expect_signed("writers", list_with("stranger", NULL, 2), PL_CONFIG_BROKEN); /* one id twice */
	expect_signed("writers", list_with("stranger", NULL, WRITERS_MAX + 1), PL_CONFIG_BROKEN);
}

static void refuse_spelling(const struct buffer *bytes)
{
	struct config *read = NULL;

	assert_int_equal(config_decode(&read, bytes->data, bytes->length), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_CONFIG_BROKEN);
	assert_null(read);
}

/* A space, a line end, two members in another order: the signature would match, the text is another one. */
static void other_spellings_are_refused(void **state)
{
	static const char member[] = "\"format\":1,";
	const size_t length = sizeof(member) - 1;
	struct buffer bytes = {0}, other = {0};
	size_t at;

	(void)state;
	encode(&bytes);
	assert_int_equal(buffer_append(&other, "{ ", 2), ERR_OK);
	assert_int_equal(buffer_append(&other, bytes.data + 1, bytes.length - 1), ERR_OK);
	refuse_spelling(&other);
	buffer_clear(&other);
	at = (size_t)((uint8_t *)memmem(bytes.data, bytes.length, member, length) - bytes.data);
	assert_int_equal(buffer_append_text(&other, "{%s", member), ERR_OK);
	assert_int_equal(buffer_append(&other, bytes.data + 1, at - 1), ERR_OK);
	assert_int_equal(buffer_append(&other, bytes.data + at + length, bytes.length - at - length), ERR_OK);
	assert_int_equal(other.length, bytes.length);
	refuse_spelling(&other);
	assert_int_equal(buffer_append(&bytes, "\n", 1), ERR_OK);
	refuse_spelling(&bytes);
	buffer_free(&bytes);
	buffer_free(&other);
}

/* Nests deeper than any parser should follow. */
static void deep_nesting_is_refused(void **state)
{
	struct buffer bytes = {0};
	struct config *read = NULL;

	(void)state;
	assert_int_equal(buffer_reserve(&bytes, CONFIG_MAX + 1), ERR_OK);
	bytes.length = CONFIG_MAX;
	memset(bytes.data, '[', bytes.length);
	assert_int_equal(config_decode(&read, bytes.data, bytes.length), ERR_CORRUPT);
	assert_int_equal(config_decode(&read, bytes.data, bytes.length + 1), ERR_CORRUPT);
	buffer_free(&bytes);
}

/* A signature of another kind of object, or of another key, is none. */
static void signature_is_for_configs_of_this_owner(void **state)
{
	struct buffer bytes = {0}, changed = {0};
	struct config *read = NULL;
	json_t *object = NULL;

	(void)state;
	encode(&bytes);
	assert_int_equal(canonical_parse(&object, bytes.data, bytes.length, PL_CONFIG_BROKEN, "config"), ERR_OK);
	assert_int_equal(canonical_sign(object, "session", owner->signer.seed), ERR_OK);
	assert_int_equal(canonical_write(object, &changed), ERR_OK);
	assert_int_equal(config_decode(&read, changed.data, changed.length), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_SIGNATURE);
	buffer_clear(&changed);
	assert_int_equal(canonical_sign(object, "config", owner->root), ERR_OK);
	assert_int_equal(canonical_write(object, &changed), ERR_OK);
	assert_int_equal(config_decode(&read, changed.data, changed.length), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_SIGNATURE);
	json_decref(object);
	buffer_free(&bytes);
	buffer_free(&changed);
}

static void only_the_owner_signs(void **state)
{
	struct buffer bytes = {0};

	(void)state;
	owner->full = false;
	assert_int_equal(config_encode(&config, owner, &bytes), ERR_KEY);
	assert_int_equal(failure_last()->id, PL_KEY_FULL);
	owner->full = true;
	buffer_free(&bytes);
}

static void keys_must_be_those_of_the_config(void **state)
{
	struct config other;

	(void)state;
	assert_int_equal(config_check_keys(&config, owner), ERR_OK);
	for (int i = 0; i < 4; i++) {
		other = config;
		if (i == 0)
			other.id[15] ^= 1;
		else if (i == 1)
			other.read_public[31] ^= 1;
		else if (i == 2)
			other.owner_public[0] ^= 1;
		else
			other.suite = SUITE_CHACHA20_POLY1305;
		assert_int_equal(config_check_keys(&other, owner), i == 0 ? ERR_KEY : ERR_CORRUPT);
		assert_int_equal(failure_last()->id, i == 0 ? PL_KEY_WRONG : PL_CONFIG_BROKEN);
	}
}

static void loading_and_replacing(void **state)
{
	struct target *target = NULL;
	struct config *read = NULL, *again = NULL;
	struct buffer bytes = {0};

	(void)state;
	assert_int_equal(memory_target_new(&target), ERR_OK);
	assert_int_equal(config_load(&read, target), ERR_NO_REPOSITORY);
	assert_int_equal(failure_last()->id, PL_NO_REPOSITORY);
	assert_non_null(strstr(failure_last()->text, target->url));
	encode(&bytes);
	assert_int_equal(target_put(target, OBJECT_CONFIG, bytes.data, bytes.length), ERR_OK);
	assert_int_equal(config_load(&read, target), ERR_OK);
	assert_int_equal(config_replace(read, owner, target), ERR_OK);
	assert_int_equal(read->serial, 8);
	assert_int_equal(config_load(&again, target), ERR_OK);
	assert_int_equal(again->serial, 8);
	memory_target_fail(target, MEMORY_REPLACE, 1, PL_TARGET_WRITE, false);
	assert_int_equal(config_replace(read, owner, target), ERR_IO);
	assert_int_equal(read->serial, 8);
	memory_target_fail(target, MEMORY_READ, 1, PL_TARGET_READ, true);
	memory_target_fail(target, MEMORY_STAT, 1, PL_TARGET_READ, true);
	config_free(again);
	assert_int_equal(config_load(&again, target), ERR_IO);
	config_free(read);
	buffer_free(&bytes);
	target_free(target);
}

/* Another admin's replace arrives between ours and the reading back. */
static enum err (*real_replace)(
    struct target *target, const char *name, const uint8_t before[HASH_SIZE], const void *bytes, size_t size);
static struct buffer rival;

static enum err replace_twice(
    struct target *target, const char *name, const uint8_t before[HASH_SIZE], const void *bytes, size_t size)
{
	enum err err = real_replace(target, name, before, bytes, size);

	return err == ERR_OK ? real_replace(target, name, NULL, rival.data, rival.length) : err;
}

/* Another admin's replace arrived since we looked: his change must not be lost. */
static void what_changed_is_not_replaced(void **state)
{
	struct target *target = NULL;
	struct config *read = NULL, *other = NULL;

	(void)state;
	assert_int_equal(memory_target_new(&target), ERR_OK);
	encode(&rival);
	assert_int_equal(target_put(target, OBJECT_CONFIG, rival.data, rival.length), ERR_OK);
	assert_int_equal(config_load(&read, target), ERR_OK);
	assert_int_equal(config_load(&other, target), ERR_OK);
	other->writers[0].revoked = true;
	assert_int_equal(config_replace(other, owner, target), ERR_OK);
	assert_int_equal(config_replace(read, owner, target), ERR_BUSY);
	assert_int_equal(failure_last()->id, PL_CONFIG_CHANGED);
	config_free(read);
	assert_int_equal(config_load(&read, target), ERR_OK);
	assert_true(read->writers[0].revoked);
	config_free(read);
	config_free(other);
	buffer_free(&rival);
	target_free(target);
}

static void losing_a_race_is_told(void **state)
{
	struct target *target = NULL;
	struct target_operations operations;
	struct config *read = NULL;

	(void)state;
	assert_int_equal(memory_target_new(&target), ERR_OK);
	encode(&rival);
	assert_int_equal(target_put(target, OBJECT_CONFIG, rival.data, rival.length), ERR_OK);
	assert_int_equal(config_load(&read, target), ERR_OK);
	operations = *target->operations;
	real_replace = operations.replace;
	operations.replace = replace_twice;
	target->operations = &operations;
	assert_int_equal(config_replace(read, owner, target), ERR_BUSY);
	assert_int_equal(failure_last()->id, PL_CONFIG_CHANGED);
	assert_int_equal(read->serial, 7);
	config_free(read);
	buffer_free(&rival);
	target_free(target);
}

/* Somebody else changes it between ours and the reading back: what he made from ours is no loss of it. */
static void what_is_made_of_ours_is_no_race_lost(void **state)
{
	(void)state;
	for (int kept = 0; kept < 2; kept++) {
		struct target *target = NULL;
		struct target_operations operations;
		struct config *read = NULL, *other = NULL;
		struct buffer before = {0};

		assert_int_equal(memory_target_new(&target), ERR_OK);
		encode(&before);
		assert_int_equal(target_put(target, OBJECT_CONFIG, before.data, before.length), ERR_OK);
		assert_int_equal(config_load(&read, target), ERR_OK);
		assert_int_equal(config_load(&other, target), ERR_OK);
		read->writers[0].revoked = true;
		other->writers[0].revoked = kept;
		other->serial = read->serial + 2;
		assert_int_equal(config_encode(other, owner, &rival), ERR_OK);
		operations = *target->operations;
		real_replace = operations.replace;
		operations.replace = replace_twice;
		target->operations = &operations;
		assert_int_equal(config_replace(read, owner, target), kept ? ERR_OK : ERR_BUSY);
		config_free(read);
		config_free(other);
		buffer_free(&rival);
		buffer_free(&before);
		target_free(target);
	}
}

static enum err encode_and_decode(void)
{
	struct buffer bytes = {0};
	struct config *read = NULL;
	enum err err = config_encode(&config, owner, &bytes);

	if (err == ERR_OK)
		err = config_decode(&read, bytes.data, bytes.length);
	config_free(read);
	buffer_free(&bytes);
	return err;
}

static void lack_of_memory_is_told(void **state)
{
	unsigned long n = 0;
	enum err err;

	(void)state;
	do {
		mem_fail_at(++n);
		err = encode_and_decode();
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
	} while (err != ERR_OK);
	assert_true(n > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_written_is_read),
	    cmocka_unit_test(bytes_are_frozen),
	    cmocka_unit_test(every_byte_counts),
	    cmocka_unit_test(every_member_is_checked),
	    cmocka_unit_test(every_member_of_a_writer_is_checked),
	    cmocka_unit_test(other_spellings_are_refused),
	    cmocka_unit_test(deep_nesting_is_refused),
	    cmocka_unit_test(signature_is_for_configs_of_this_owner),
	    cmocka_unit_test(only_the_owner_signs),
	    cmocka_unit_test(keys_must_be_those_of_the_config),
	    cmocka_unit_test(loading_and_replacing),
	    cmocka_unit_test(what_changed_is_not_replaced),
	    cmocka_unit_test(losing_a_race_is_told),
	    cmocka_unit_test(what_is_made_of_ours_is_no_race_lost),
	    cmocka_unit_test(lack_of_memory_is_told),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
