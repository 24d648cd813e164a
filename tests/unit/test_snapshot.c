/* Snapshots: sealed, signed, listed, found; and each field wrong once. */
#include "core/base/mem.h"
#include "core/repo/object.h"
#include "core/repo/seal.h"
#include "core/repo/snapshot.h"
#include "targets/memory.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define HEADER_SIZE 72

static const uint8_t repository[REPOSITORY_ID_SIZE] = "repository test";
static const uint8_t root_secret[KEY_SIZE] = "root secret of the tests";
static struct keys *full;   /* domain "host" */
static struct keys *backup; /* a writer of domain "host" */
static struct keys *other;  /* the full key, writing to domain "other" */
static struct writer writer = {.id = {7}};

static int up(void **state)
{
	static const uint8_t seed[KEY_SIZE] = "seed of the writer of the tests";

	(void)state;
	assert_int_equal(crypto_setup(), ERR_OK);
	full = keys_new();
	other = keys_new();
	backup = keys_new();
	assert_true(full && other && backup);
	assert_int_equal(keys_from_root(full, repository, SUITE_AES_256_GCM, root_secret, "host"), ERR_OK);
	assert_int_equal(keys_from_root(other, repository, SUITE_CHACHA20_POLY1305, root_secret, "other"), ERR_OK);
	*backup = *full;
	backup->full = false;
	memset(backup->root, 0, KEY_SIZE);
	memset(backup->read_private, 0, KEY_SIZE);
	memcpy(backup->signer.writer, writer.id, WRITER_ID_SIZE);
	memcpy(backup->signer.seed, seed, KEY_SIZE);
	assert_int_equal(ed25519_public(seed, backup->signer.public_key), ERR_OK);
	memcpy(writer.public_key, backup->signer.public_key, KEY_SIZE);
	memcpy(writer.domain, full->domain.tag, DOMAIN_TAG_SIZE);
	assert_int_equal(keys_set_writers(full, &writer, 1), ERR_OK);
	assert_int_equal(keys_set_writers(backup, &writer, 1), ERR_OK);
	return 0;
}

static int down(void **state)
{
	(void)state;
	keys_free(full);
	keys_free(other);
	keys_free(backup);
	return 0;
}

static struct snapshot sample(int64_t started)
{
	struct snapshot snapshot = {.started = started,
	    .ended = started + 5,
	    .previous = {1, 2, 3},
	    .generation = 12,
	    .partial = true,
	    .totals = {.files = 1,
		.folders = 2,
		.others = 3,
		.bytes = INT64_MAX,
		.new_files = 5,
		.changed_files = 6,
		.unchanged_files = 7,
		.unreadable = 8,
		.changed_while_read = 9,
		.vanished = 10,
		.bytes_read = 11,
		.bytes_new = 12,
		.bytes_stored = 13,
		.chunks = 14,
		.chunks_new = 15,
		.packs_new = 16},
	    .root = {.id = {9, 8, 7}, .length = 1234, .levels = 3, .entries = 99}};

	snapshot.host = mem_string("host-1");
	snapshot.job = mem_string("nightly");
	snapshot.tool = mem_string("pulih 0.1.0");
	assert_int_equal(snapshot_add_path(&snapshot, "/home/ö \"q\""), ERR_OK);
	assert_int_equal(snapshot_add_path(&snapshot, "/no utf-8 \xff\xfe"), ERR_OK);
	assert_int_equal(snapshot_add_path(&snapshot, "/etc"), ERR_OK);
	assert_int_equal(snapshot_add_tag(&snapshot, "monthly"), ERR_OK);
	return snapshot;
}

static void assert_summary_equal(const struct snapshot *a, const struct snapshot *b)
{
	assert_memory_equal(a->id, b->id, OBJECT_ID_SIZE);
	assert_memory_equal(a->domain, b->domain, DOMAIN_TAG_SIZE);
	assert_memory_equal(a->writer, b->writer, WRITER_ID_SIZE);
	assert_string_equal(a->host, b->host);
	assert_string_equal(a->job, b->job);
	assert_string_equal(a->tool, b->tool);
	assert_true(a->started == b->started && a->ended == b->ended && a->generation == b->generation &&
	    a->partial == b->partial);
	assert_memory_equal(a->previous, b->previous, OBJECT_ID_SIZE);
	assert_memory_equal(&a->totals, &b->totals, sizeof(a->totals));
}

static void assert_content_equal(const struct snapshot *a, const struct snapshot *b)
{
	assert_memory_equal(a->root.id, b->root.id, CHUNK_ID_SIZE);
	assert_true(
	    a->root.length == b->root.length && a->root.levels == b->root.levels && a->root.entries == b->root.entries);
	assert_int_equal(a->paths_count, b->paths_count);
	assert_int_equal(a->tags_count, b->tags_count);
	for (size_t i = 0; i < a->paths_count; i++)
		assert_string_equal(a->paths[i], b->paths[i]);
	for (size_t i = 0; i < a->tags_count; i++)
		assert_string_equal(a->tags[i], b->tags[i]);
}

static void round_trip(void **state)
{
	struct keys *writers[] = {full, backup};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct snapshot snapshot = sample(-5), back;
		struct buffer bytes = {0};

		assert_int_equal(snapshot_encode(&snapshot, writers[i], &bytes), ERR_OK);
		assert_int_equal(snapshot_decode(&back, full, snapshot.id, bytes.data, bytes.length), ERR_OK);
		assert_summary_equal(&back, &snapshot);
		assert_true(back.has_content);
		assert_content_equal(&back, &snapshot);
		snapshot_free(&back);
		/* The backup key reads the summary only. */
		assert_int_equal(snapshot_decode(&back, backup, snapshot.id, bytes.data, bytes.length), ERR_OK);
		assert_summary_equal(&back, &snapshot);
		assert_true(
		    !back.has_content && back.paths_count == 0 && back.tags_count == 0 && back.root.levels == 0);
		snapshot_free(&back);
		snapshot_free(&snapshot);
		buffer_free(&bytes);
	}
}

static void least(void **state)
{
	struct snapshot snapshot = {0}, back;
	struct buffer bytes = {0};

	(void)state;
	assert_int_equal(snapshot_encode(&snapshot, other, &bytes), ERR_OK);
	assert_int_equal(snapshot_decode(&back, full, snapshot.id, bytes.data, bytes.length), ERR_OK);
	assert_true(back.has_content && !back.partial && back.paths_count == 0 && back.started == 0);
	assert_string_equal(back.host, "");
	snapshot_free(&back);
	assert_int_equal(snapshot_decode(&back, backup, snapshot.id, bytes.data, bytes.length), ERR_KEY);
	assert_int_equal(failure_last()->id, PL_KEY_DOMAIN);
	snapshot_free(&snapshot);
	buffer_free(&bytes);
}

/* An object that the first version wrote: it must open for ever. */
static const char first_version[] =
    "50554c4948534e5001000100000000007265706f7369746f727920746573740061e183bc6673c09229e56bb3beae9ec8"
    "00000000000000000000000000000000e80100000a010000dad6daec84e42008276234f901c032e56929f665cf90d732"
    "68498aed5b3f986e8a54cb837fa158cfa12c2e1845d73b22a06a7a7e5e6f5159d88d0b112a343c82597b74c1ff541171"
    "984c0002925cae3fe08182f759e8ed8cada1e2aa80717a1f22873254824d6bb73d55d5c0da11cae6ecd83b15761e9aa3"
    "136597b02ae22f99e085f6118dd64cf634a2cd9a68ff04a861f93ef5dbfb7423abf087e8c18aeaadfa2f07ab15c44df4"
    "d1ff06fe0319c4c2f2c45153dd12d87016db19693f22e1d286e8ace10c888acb5aaef57c94be4323ba55dcc0710c29fb"
    "3a9a599782f123b8052ba90475980d265f470913a39739d6c536da11261550a30a7a971a79ea43f4f436c9f2acb01fbd"
    "bb9031e05a6388ce9cbe72bbff4799e155d7c8a15338c9fc5f44b52967787aaf29a7cb0d40d737539c44813720e646bd"
    "df595d8706793290a55025991f6985981df5b893ecfb4d483b69977bc4a0cbafc952f2b15cc41c4df6c9151f72386e2b"
    "a1331360edc26a38e1d34c668f4cfd4e1cfa7f2cc79f2920951c7d0c0e8506be261d2f60b874f4e7808b9ba37826d914"
    "47692cdaf5523fc222258d00f5c987043fe3b778cecbc501c508da3c3a5611d5a280530e209bbd290f67db1c1bf713f6"
    "45816f8911302a98def182238a32735392f520e8bfcb75b471c0e0981552814fc38ca56a35ea58ea9e60223122a93402"
    "b525408f2e64b37352e38ff2a691bc7d6121321a6042e4e3b8acea5c414f37b1e1e81fb8528b433f6eaa178775626a25"
    "530c39209523936eda31d375743ebfcb8e031a091046b8990dd089ef3f11a493734e118e1e5824e6b7f00f7cda4a3e52"
    "b3ef0a9bd38d78e043ff46aef52a2a18f0780dbfb13309878f3cf51ab7835f213166c34baaa47cef60cf0a1f39f384fa"
    "ccb02f295f349beaea1f40afa39f099e12bb3a28e2457c615f59986cfd30648f96d7c72727b9d3b10b6ea12f75593550"
    "2fe6a025b000812fc06ea59950b298fc9467b8ffaed17333aa934b1d2e294d260818d461f312d27fb892348d662790de"
    "17f60e40d0a8c2f50e4f5ecca97579a85a03ba9fdf1b478108e91c5509d5ab4a15e4b18348d15f50dd5d14bee37967d9"
    "76224cd077f74b27c3bcef5d29abf480a8cc4696c41fba502c0e";

static void known_object(void **state)
{
	uint8_t bytes[sizeof(first_version) / 2], id[OBJECT_ID_SIZE];
	struct snapshot back;

	(void)state;
	assert_true(hex_decode(bytes, sizeof(bytes), first_version));
	assert_int_equal(sha256(bytes, sizeof(bytes), id), ERR_OK);
	assert_int_equal(snapshot_decode(&back, full, id, bytes, sizeof(bytes)), ERR_OK);
	assert_true(
	    back.started == -1 && back.ended == 2 && back.generation == 3 && back.previous[0] == 4 && !back.partial);
	assert_true(back.totals.files == 5 && back.totals.packs_new == 6 && back.root.id[0] == 7);
	assert_true(back.root.length == 8 && back.root.levels == 1 && back.root.entries == 9);
	assert_string_equal(back.host, "h");
	assert_string_equal(back.job, "j");
	assert_string_equal(back.tool, "t");
	assert_string_equal(back.paths[0], "/\xff");
	assert_string_equal(back.tags[0], "x");
	snapshot_free(&back);
}

/* ---- limits ---- */

static void expect_limit(struct snapshot *snapshot)
{
	struct buffer bytes = {0};

	failure_clear();
	assert_int_equal(snapshot_encode(snapshot, full, &bytes), ERR_LIMIT);
	assert_int_equal(failure_last()->id, PL_SNAPSHOT_LIMIT);
	buffer_free(&bytes);
	snapshot_free(snapshot);
}

static void limits(void **state)
{
	char *text = mem_calloc(1, ENTRY_PATH_MAX + 2);
	struct snapshot snapshot = {0};
	struct buffer bytes = {0};

	(void)state;
	memset(text, 'x', ENTRY_PATH_MAX + 1);
	assert_int_equal(snapshot_add_path(&snapshot, text), ERR_OK);
	expect_limit(&snapshot);
	text[ENTRY_PATH_MAX] = '\0';
	for (int i = 0; i < 300; i++)
		assert_int_equal(snapshot_add_path(&snapshot, text), ERR_OK);
	expect_limit(&snapshot); /* too large in all */
	text[SNAPSHOT_TEXT_MAX + 1] = '\0';
	snapshot.host = mem_string(text);
	expect_limit(&snapshot);
	snapshot.job = mem_string(text);
	expect_limit(&snapshot);
	assert_int_equal(snapshot_add_tag(&snapshot, text), ERR_OK);
	expect_limit(&snapshot);
	text[SNAPSHOT_TEXT_MAX] = '\0';
	snapshot.host = mem_string(text);
	assert_int_equal(snapshot_encode(&snapshot, full, &bytes), ERR_OK);
	snapshot_free(&snapshot);
	snapshot.generation = UINT64_MAX;
	expect_limit(&snapshot);
	snapshot.totals.chunks = UINT64_C(1) << 63;
	expect_limit(&snapshot);
	for (int i = 0; i < SNAPSHOT_TAGS_MAX + 1; i++)
		assert_int_equal(snapshot_add_tag(&snapshot, "t"), ERR_OK);
	expect_limit(&snapshot);
	for (unsigned i = 0; i < SNAPSHOT_PATHS_MAX + 1; i++)
		assert_int_equal(snapshot_add_path(&snapshot, "/p"), ERR_OK);
	expect_limit(&snapshot);
	buffer_free(&bytes);
	mem_free(text);
}

/* ---- damage ---- */

static enum err decode(const uint8_t *bytes, size_t size)
{
	struct snapshot back;
	uint8_t id[HASH_SIZE];
	enum err err;

	failure_clear();
	assert_int_equal(sha256(bytes, size, id), ERR_OK);
	err = snapshot_decode(&back, full, id, bytes, size);
	if (err != ERR_OK)
		assert_true(!back.host && !back.paths && !back.has_content);
	snapshot_free(&back);
	return err;
}

static void sign_again(struct buffer *bytes)
{
	uint8_t hash[HASH_SIZE];

	assert_int_equal(sha256(bytes->data, bytes->length - SIGNATURE_SIZE, hash), ERR_OK);
	assert_int_equal(
	    ed25519_sign(full->signer.seed, hash, sizeof(hash), bytes->data + bytes->length - SIGNATURE_SIZE), ERR_OK);
}

static void every_byte(void **state)
{
	struct snapshot snapshot = sample(1), back;
	struct buffer bytes = {0};

	(void)state;
	assert_int_equal(snapshot_encode(&snapshot, full, &bytes), ERR_OK);
	for (size_t at = 0; at < bytes.length; at++) {
		enum err err;

		bytes.data[at] ^= 0x20;
		assert_int_equal(snapshot_decode(&back, full, snapshot.id, bytes.data, bytes.length), ERR_CORRUPT);
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
	struct snapshot snapshot = sample(1);
	struct buffer bytes = {0};

	assert_int_equal(snapshot_encode(&snapshot, full, &bytes), ERR_OK);
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
	struct snapshot snapshot = sample(1);
	struct buffer bytes = {0};
	struct writer changed = writer;

	(void)state;
	assert_int_equal(snapshot_encode(&snapshot, backup, &bytes), ERR_OK);
	/* Revoked later: what it made stays readable. */
	changed.revoked = true;
	assert_int_equal(keys_set_writers(full, &changed, 1), ERR_OK);
	assert_int_equal(decode(bytes.data, bytes.length), ERR_OK);
	changed.domain[0] ^= 1;
	assert_int_equal(keys_set_writers(full, &changed, 1), ERR_OK);
	assert_int_equal(decode(bytes.data, bytes.length), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_WRITER_UNKNOWN);
	changed = writer;
	changed.public_key[0] ^= 1;
	assert_int_equal(keys_set_writers(full, &changed, 1), ERR_OK);
	assert_int_equal(decode(bytes.data, bytes.length), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_SIGNATURE);
	assert_int_equal(keys_set_writers(full, &writer, 1), ERR_OK);
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

	memcpy(header + 16, repository, 16);
	memcpy(header + 32, full->domain.tag, 16);
	store_u32(header + 64, (uint32_t)(strlen(summary) + BOX_OVERHEAD));
	store_u32(header + 68, (uint32_t)(strlen(content) + PUBLIC_BOX_OVERHEAD));
	assert_int_equal(buffer_append(&bytes, header, sizeof(header)), ERR_OK);
	assert_int_equal(box_seal(&bytes, SUITE_AES_256_GCM, full->domain.summary_key, "summary", header,
			     sizeof(header), summary, strlen(summary)),
	    ERR_OK);
	assert_int_equal(
	    public_box_seal(&bytes, full, "content", header, sizeof(header), content, strlen(content)), ERR_OK);
	assert_int_equal(sha256(bytes.data, bytes.length, hash), ERR_OK);
	assert_int_equal(ed25519_sign(full->signer.seed, hash, sizeof(hash), signature), ERR_OK);
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

/* ---- lists ---- */

static void store(struct target *target, struct snapshot *snapshot, const struct keys *keys)
{
	struct buffer bytes = {0};

	assert_int_equal(snapshot_encode(snapshot, keys, &bytes), ERR_OK);
	assert_int_equal(target_put(target, object_snapshot(snapshot->id).text, bytes.data, bytes.length), ERR_OK);
	buffer_free(&bytes);
}

static void lists(void **state)
{
	static const int64_t times[] = {30, 10, 20, 10};
	struct target *target = NULL;
	struct snapshot_list list = {0};
	struct snapshot foreign = sample(5), loaded;
	uint8_t damaged[OBJECT_ID_SIZE];

	(void)state;
	assert_int_equal(memory_target_new(&target), ERR_OK);
	memory_target_set_now(target, 777);
	assert_int_equal(snapshot_list_load(&list, target, full), ERR_OK);
	assert_true(list.count == 0 && list.damaged == 0);
	snapshot_list_free(&list);
	for (size_t i = 0; i < 4; i++) {
		struct snapshot snapshot = sample(times[i]);

		store(target, &snapshot, i % 2 ? backup : full);
		memcpy(damaged, snapshot.id, sizeof(damaged));
		snapshot_free(&snapshot);
	}
	store(target, &foreign, other);
	assert_int_equal(snapshot_list_load(&list, target, full), ERR_OK);
	assert_true(list.count == 5 && list.damaged == 0 && list.items[0].started == 5 && list.items[4].started == 30);
	for (size_t i = 1; i < list.count; i++)
		assert_true(list.items[i - 1].started < list.items[i].started ||
		    (list.items[i].started == 10 &&
			memcmp(list.items[i - 1].id, list.items[i].id, OBJECT_ID_SIZE) < 0));
	assert_true(list.items[0].arrived == 777);
	snapshot_list_free(&list);

	/* A backup key sees its domain only, and that is no damage. */
	assert_int_equal(snapshot_list_load(&list, target, backup), ERR_OK);
	assert_true(list.count == 4 && list.damaged == 0);
	snapshot_list_free(&list);

	assert_true(memory_target_corrupt(target, object_snapshot(damaged).text, 100, 1));
	assert_int_equal(snapshot_list_load(&list, target, full), ERR_OK);
	assert_true(list.count == 4 && list.damaged == 1);
	snapshot_list_free(&list);
	assert_int_equal(snapshot_load(&loaded, target, full, damaged), ERR_CORRUPT);
	assert_int_equal(snapshot_load(&loaded, target, full, foreign.id), ERR_OK);
	assert_true(loaded.arrived == 777);
	assert_summary_equal(&loaded, &foreign);
	snapshot_free(&loaded);

	/* A place that cannot be read is no empty place. */
	memory_target_fail(target, MEMORY_LIST, 1, PL_TARGET_LIST, true);
	assert_int_equal(snapshot_list_load(&list, target, full), ERR_IO);
	memory_target_fail(target, MEMORY_LIST, 0, PL_TARGET_LIST, false);
	memory_target_fail(target, MEMORY_READ, 2, PL_TARGET_READ, true);
	assert_int_equal(snapshot_list_load(&list, target, full), ERR_IO);
	assert_true(list.items == NULL && list.count == 0);
	memory_target_fail(target, MEMORY_READ, 0, PL_TARGET_READ, false);
	/* One that goes while the list is read. */
	memory_target_fail(target, MEMORY_READ, 1, PL_OBJECT_MISSING, false);
	assert_int_equal(snapshot_list_load(&list, target, full), ERR_OK);
	assert_int_equal(list.count + list.damaged, 4);
	snapshot_list_free(&list);
	snapshot_free(&foreign);
	target_free(target);
}

static void finding(void **state)
{
	struct snapshot items[3] = {{.id = {0xab, 0xcd, 0x01}}, {.id = {0xab, 0xcd, 0x02}}, {.id = {0x12, 0x34}}};
	struct snapshot_list list = {.items = items, .count = 3};
	struct snapshot_filter filter = {.job = "b"};
	const struct snapshot *found;
	char *hosts[] = {(char[]){"h1"}, (char[]){"h2"}}, *jobs[] = {(char[]){"a"}, (char[]){"b"}},
	     *texts[] = {(char[]){"x"}, (char[]){"y"}};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		items[i].host = hosts[i > 0];
		items[i].job = jobs[i == 1];
		items[i].tags = texts;
		items[i].tags_count = i;
		items[i].paths = texts;
		items[i].paths_count = 2 - i;
	}
	assert_int_equal(snapshot_resolve(&list, "latest", NULL, &found), ERR_OK);
	assert_ptr_equal(found, &items[2]);
	assert_int_equal(snapshot_resolve(&list, "latest", &filter, &found), ERR_OK);
	assert_ptr_equal(found, &items[1]);
	assert_int_equal(snapshot_resolve(&list, "abcd", &filter, &found), ERR_OK);
	assert_ptr_equal(found, &items[1]);
	assert_int_equal(snapshot_resolve(&list, "abcd", NULL, &found), ERR_USAGE);
	assert_int_equal(failure_last()->id, PL_SNAPSHOT_AMBIGUOUS);
	assert_null(found);
	assert_int_equal(snapshot_resolve(&list, "abcd01", NULL, &found), ERR_OK);
	assert_ptr_equal(found, &items[0]);
	assert_int_equal(snapshot_resolve(&list, "123", NULL, &found), ERR_USAGE);
	assert_int_equal(snapshot_resolve(&list, "1235", NULL, &found), ERR_MISSING);
	assert_int_equal(failure_last()->id, PL_SNAPSHOT_MISSING);
	filter = (struct snapshot_filter){.host = "h9"};
	assert_int_equal(snapshot_resolve(&list, "latest", &filter, &found), ERR_MISSING);
	filter = (struct snapshot_filter){.tag = "y"};
	assert_true(!snapshot_matches(&items[0], &filter) && !snapshot_matches(&items[1], &filter) &&
	    snapshot_matches(&items[2], &filter));
	filter = (struct snapshot_filter){.path = "y", .host = "h1"};
	assert_true(snapshot_matches(&items[0], &filter) && !snapshot_matches(&items[1], &filter));
	filter.host = "h2";
	assert_false(snapshot_matches(&items[0], &filter));
}

static void memory_runs_out(void **state)
{
	struct snapshot snapshot = sample(1), back;
	struct target *target = NULL;
	struct snapshot_list list = {0};
	enum err err = ERR_NOMEM;

	(void)state;
	assert_int_equal(memory_target_new(&target), ERR_OK);
	store(target, &snapshot, full);
	for (unsigned long n = 1; err != ERR_OK; n++) {
		struct buffer bytes = {0};

		mem_fail_at(n);
		err = snapshot_encode(&snapshot, full, &bytes);
		if (err == ERR_OK)
			err = snapshot_decode(&back, full, snapshot.id, bytes.data, bytes.length);
		mem_fail_at(0);
		if (err != ERR_OK && err != ERR_NOMEM)
			fail_msg("call %lu: %s", n, failure_last()->text);
		if (err == ERR_OK)
			snapshot_free(&back);
		buffer_free(&bytes);
	}
	err = ERR_NOMEM;
	for (unsigned long n = 1; err != ERR_OK; n++) {
		mem_fail_at(n);
		err = snapshot_list_load(&list, target, full);
		mem_fail_at(0);
		assert_true(err == ERR_OK ? list.count == 1 && n > 8 : err == ERR_NOMEM);
	}
	snapshot_list_free(&list);
	snapshot_free(&snapshot);
	target_free(target);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(round_trip),
	    cmocka_unit_test(least),
	    cmocka_unit_test(known_object),
	    cmocka_unit_test(limits),
	    cmocka_unit_test(every_byte),
	    cmocka_unit_test(headers),
	    cmocka_unit_test(writers),
	    cmocka_unit_test(members),
	    cmocka_unit_test(lists),
	    cmocka_unit_test(finding),
	    cmocka_unit_test(memory_runs_out),
	};

	return cmocka_run_group_tests(tests, up, down);
}
