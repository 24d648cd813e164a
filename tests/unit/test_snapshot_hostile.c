/* Snapshots that nobody of good will wrote: each field wrong once, and every byte. */
#include "core/base/buffer.h"
#include "core/base/mem.h"
#include "core/repo/seal.h"
#include "core/repo/signed_object.h"
#include "tests/unit/snapshots.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define HEADER_SIZE 72

static enum err decode(const uint8_t *bytes, size_t size)
{
	struct snapshot back;
	uint8_t id[HASH_SIZE];
	enum err err;

	failure_clear();
	assert_int_equal(sha256(bytes, size, id), ERR_OK);
	err = snapshot_decode(&back, snapshots_full, id, bytes, size);
	if (err != ERR_OK)
		assert_true(!back.host && !back.paths && !back.has_content);
	snapshot_free(&back);
	return err;
}

static void sign_again(struct buffer *bytes)
{
	bytes->length -= SIGNATURE_SIZE;
	assert_int_equal(signed_object_sign(snapshots_full, 0, bytes), ERR_OK);
}

static void every_byte(void **state)
{
	struct snapshot snapshot = snapshots_sample(1), back;
	struct buffer bytes = {0};

	(void)state;
	assert_int_equal(snapshot_encode(&snapshot, snapshots_full, &bytes), ERR_OK);
	for (size_t at = 0; at < bytes.length; at++) {
		enum err err;

		bytes.data[at] ^= 0x20;
		assert_int_equal(
		    snapshot_decode(&back, snapshots_full, snapshot.id, bytes.data, bytes.length), ERR_CORRUPT);
		assert_int_equal(failure_last()->id, PL_SNAPSHOT_BROKEN);
		/* Under a name that fits, the signature or the header says no. */
		err = decode(bytes.data, bytes.length);
		assert_true(err == ERR_CORRUPT || (err == ERR_UNSUPPORTED && at < 16));
		/* Signed by the owner himself, the boxes say no: all of the header is authenticated by both. */
		if (at >= HEADER_SIZE && at < bytes.length - SIGNATURE_SIZE) {
			sign_again(&bytes);
			assert_int_equal(decode(bytes.data, bytes.length), ERR_CORRUPT);
		}
		bytes.data[at] ^= 0x20;
		sign_again(&bytes);
	}
	assert_int_equal(decode(bytes.data, bytes.length), ERR_OK);
	for (size_t size = 0; size < bytes.length; size += size < 300 ? 1 : 37)
		assert_int_equal(decode(bytes.data, size), ERR_CORRUPT);
	snapshot_free(&snapshot);
	buffer_free(&bytes);
}

static void header_field(size_t at, const void *value, size_t size, enum message expected)
{
	struct snapshot snapshot = snapshots_sample(1);
	struct buffer bytes = {0};

	assert_int_equal(snapshot_encode(&snapshot, snapshots_full, &bytes), ERR_OK);
	memcpy(bytes.data + at, value, size);
	sign_again(&bytes);
	assert_int_not_equal(decode(bytes.data, bytes.length), ERR_OK);
	if (failure_last()->id != expected)
		fail_msg("offset %zu: %d %s", at, failure_last()->id, failure_last()->text);
	snapshot_free(&snapshot);
	buffer_free(&bytes);
}

static void headers(void **state)
{
	(void)state;
	header_field(0, "PULIHSNQ", 8, PL_SNAPSHOT_BROKEN);
	header_field(8, "\x02", 1, PL_FORMAT_VERSION);
	header_field(10, "\x09", 1, PL_SUITE);
	header_field(10, "\x02", 1, PL_SEAL_BROKEN); /* the other suite: opens nothing */
	header_field(11, "\x01", 1, PL_FORMAT_VERSION);
	header_field(12, "\0\0\0\x80", 4, PL_FORMAT_VERSION);
	header_field(16, "x", 1, PL_SNAPSHOT_BROKEN);	     /* repository */
	header_field(32, "\0\0\0\0", 4, PL_SNAPSHOT_BROKEN); /* another domain's summary key does not fit */
	header_field(48, "\x01", 1, PL_WRITER_UNKNOWN);
	header_field(64, "\xff\xff\xff\xff", 4, PL_SNAPSHOT_BROKEN);
	header_field(68, "\0\0\0\0", 4, PL_SNAPSHOT_BROKEN);
}

static void writers(void **state)
{
	struct snapshot snapshot = snapshots_sample(1);
	struct buffer bytes = {0};
	struct writer changed = snapshots_writer;

	(void)state;
	assert_int_equal(snapshot_encode(&snapshot, snapshots_backup, &bytes), ERR_OK);
	/* Revoked later: what it made stays readable. */
	changed.revoked = true;
	keys_set_writers(snapshots_full, mem_copy(&changed, sizeof(changed)), 1);
	assert_int_equal(decode(bytes.data, bytes.length), ERR_OK);
	changed.domain[0] ^= 1;
	keys_set_writers(snapshots_full, mem_copy(&changed, sizeof(changed)), 1);
	assert_int_equal(decode(bytes.data, bytes.length), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_WRITER_UNKNOWN);
	changed = snapshots_writer;
	changed.public_key[0] ^= 1;
	keys_set_writers(snapshots_full, mem_copy(&changed, sizeof(changed)), 1);
	assert_int_equal(decode(bytes.data, bytes.length), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_SIGNATURE);
	keys_set_writers(snapshots_full, mem_copy(&snapshots_writer, sizeof(snapshots_writer)), 1);
	snapshot_free(&snapshot);
	buffer_free(&bytes);
}

/* Seals what the test says, signed by the owner. */
static enum err forge(const char *summary, const char *content)
{
	uint8_t header[HEADER_SIZE] = "PULIHSNP\x01\x00\x01";
	struct buffer bytes = {0};
	uint8_t hash[HASH_SIZE], signature[SIGNATURE_SIZE];
	enum err err;

	memcpy(header + 16, snapshots_repository, 16);
	memcpy(header + 32, snapshots_full->domain.tag, 16);
	store_u32(header + 64, (uint32_t)(strlen(summary) + BOX_OVERHEAD));
	store_u32(header + 68, (uint32_t)(strlen(content) + PUBLIC_BOX_OVERHEAD));
	assert_int_equal(buffer_append(&bytes, header, sizeof(header)), ERR_OK);
	assert_int_equal(box_seal(&bytes, SUITE_AES_256_GCM, snapshots_full->domain.summary_key, "summary", header,
			     sizeof(header), summary, strlen(summary)),
	    ERR_OK);
	assert_int_equal(
	    public_box_seal(&bytes, snapshots_full, "content", header, sizeof(header), content, strlen(content)),
	    ERR_OK);
	assert_int_equal(sha256(bytes.data, bytes.length, hash), ERR_OK);
	assert_int_equal(ed25519_sign(snapshots_full->signer.seed, hash, sizeof(hash), signature), ERR_OK);
	assert_int_equal(buffer_append(&bytes, signature, sizeof(signature)), ERR_OK);
	err = decode(bytes.data, bytes.length);
	buffer_free(&bytes);
	return err;
}

#define HEX64 "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
#define TOTALS                                                                                                        \
	"\"files\":1,\"folders\":2,\"others\":3,\"bytes\":4,\"new_files\":5,\"changed_files\":6,\"unchanged_files\":" \
	"7,"                                                                                                          \
	"\"unreadable\":8,\"changed_while_read\":9,\"vanished\":10,\"bytes_read\":11,\"bytes_new\":12,\"bytes_"       \
	"stored\":13,"                                                                                                \
	"\"chunks\":14,\"chunks_new\":15,\"packs_new\":16"
#define SUMMARY                                                                                        \
	"{\"host\":\"h\",\"job\":\"\",\"tool\":\"t\",\"started\":-1,\"ended\":2,\"previous\":\"" HEX64 \
	"\",\"generation\":3,\"partial\":false,\"totals\":{" TOTALS "}}"
#define CONTENT                      \
	"{\"root\":{\"id\":\"" HEX64 \
	"\",\"length\":2,\"levels\":1,\"entries\":0},\"paths\":[\"/a\",{\"hex\":\"2fff\"}],\"tags\":[\"x\"]}"

/* Replaces `from`, which must be there, with `to`; in the summary or in the content. */
static void member(const char *from, const char *to, enum message expected)
{
	bool in_summary = strstr(SUMMARY, from) != NULL;
	const char *whole = in_summary ? SUMMARY : CONTENT, *at = strstr(whole, from);
	char *json;

	assert_non_null(at);
	json = mem_printf("%.*s%s%s", (int)(at - whole), whole, to, at + strlen(from));
	(void)(in_summary ? forge(json, CONTENT) : forge(SUMMARY, json));
	if (failure_last()->id != expected)
		fail_msg("%s: %d %s", json, failure_last()->id, failure_last()->text);
	mem_free(json);
}

static void members(void **state)
{
	static const char *const needed[] = {"\"host\":", "\"job\":", "\"tool\":", "\"started\":", "\"ended\":",
	    "\"previous\":", "\"generation\":", "\"partial\":", "\"totals\":", "\"files\":", "\"chunks_new\":",
	    "\"root\":", "\"id\":", "\"length\":", "\"levels\":", "\"entries\":", "\"paths\":", "\"tags\":"};

	(void)state;
	assert_int_equal(forge(SUMMARY, CONTENT), ERR_OK);
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		member(needed[i], "\"stranger\":", PL_SNAPSHOT_BROKEN);
	member("{\"host\"", "{\"stranger\":[1],\"host\"", PL_NONE);
	member("{\"root\"", "{\"stranger\":{},\"root\"", PL_NONE);
	member("{\"host\"", "{\"!new\":1,\"host\"", PL_FORMAT_VERSION);
	member("{\"root\"", "{\"!new\":1,\"root\"", PL_FORMAT_VERSION);
	member("{\"id\"", "{\"!new\":1,\"id\"", PL_FORMAT_VERSION);
	member("{\"files\"", "{\"!new\":1,\"files\"", PL_FORMAT_VERSION);
	member("\"ended\":2", "\"ended\":2,\"ended\":2", PL_SNAPSHOT_BROKEN);
	member("\"started\":-1", "\"started\":1.5", PL_SNAPSHOT_BROKEN);
	member("\"started\":-1", "\"started\":99999999999999999999", PL_SNAPSHOT_BROKEN);
	member("\"generation\":3", "\"generation\":-3", PL_SNAPSHOT_BROKEN);
	member("\"files\":1", "\"files\":\"1\"", PL_SNAPSHOT_BROKEN);
	member("\"partial\":false", "\"partial\":0", PL_SNAPSHOT_BROKEN);
	member("\"previous\":\"01", "\"previous\":\"0A", PL_SNAPSHOT_BROKEN);
	member("\"previous\":\"01", "\"previous\":\"", PL_SNAPSHOT_BROKEN);
	member("\"host\":\"h\"", "\"host\":\"\\u0000\"", PL_SNAPSHOT_BROKEN);
	member("\"host\":\"h\"", "\"host\":null", PL_SNAPSHOT_BROKEN);
	member("\"hex\":\"2fff\"", "\"hex\":\"2ff\"", PL_SNAPSHOT_BROKEN);
	member("\"hex\":\"2fff\"", "\"hex\":\"2f00\"", PL_SNAPSHOT_BROKEN);
	member("\"hex\":\"2fff\"", "\"hexa\":\"2fff\"", PL_SNAPSHOT_BROKEN);
	member("\"length\":2", "\"length\":2097153", PL_SNAPSHOT_BROKEN);
	member("\"levels\":1", "\"levels\":9", PL_SNAPSHOT_BROKEN);
	member("\"tags\":[\"x\"]", "\"tags\":\"x\"", PL_SNAPSHOT_BROKEN);
	member("\"tags\":[\"x\"]", "\"tags\":[1]", PL_SNAPSHOT_BROKEN);
	member("}}", "}", PL_SNAPSHOT_BROKEN);
	member("}}", "}}}", PL_SNAPSHOT_BROKEN);
	assert_int_equal(forge("[]", CONTENT), ERR_CORRUPT);
	assert_int_equal(forge("", CONTENT), ERR_CORRUPT);
	assert_int_equal(forge(SUMMARY, "7"), ERR_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_byte),
	    cmocka_unit_test(headers),
	    cmocka_unit_test(writers),
	    cmocka_unit_test(members),
	};

	return cmocka_run_group_tests(tests, snapshots_up, snapshots_down);
}
