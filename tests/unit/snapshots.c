#include "tests/unit/snapshots.h"
#include "core/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

const uint8_t snapshots_repository[REPOSITORY_ID_SIZE] = "repository test";
static const uint8_t root_secret[KEY_SIZE] = "root secret of the tests";
struct keys *snapshots_full;
struct keys *snapshots_backup;
struct keys *snapshots_other;
struct writer snapshots_writer = {.id = {7}};

int snapshots_up(void **state)
{
	static const uint8_t seed[KEY_SIZE] = "seed of the writer of the tests";

	(void)state;
	assert_int_equal(crypto_setup(), ERR_OK);
	snapshots_full = keys_new();
	snapshots_other = keys_new();
	snapshots_backup = keys_new();
	assert_true(snapshots_full && snapshots_other && snapshots_backup);
	assert_int_equal(
	    keys_from_root(snapshots_full, snapshots_repository, SUITE_AES_256_GCM, root_secret, "host"), ERR_OK);
	assert_int_equal(
	    keys_from_root(snapshots_other, snapshots_repository, SUITE_CHACHA20_POLY1305, root_secret, "other"),
	    ERR_OK);
	*snapshots_backup = *snapshots_full;
	snapshots_backup->full = false;
	memset(snapshots_backup->root, 0, KEY_SIZE);
	memset(snapshots_backup->read_private, 0, KEY_SIZE);
	memcpy(snapshots_backup->signer.writer, snapshots_writer.id, WRITER_ID_SIZE);
	memcpy(snapshots_backup->signer.seed, seed, KEY_SIZE);
	assert_int_equal(ed25519_public(seed, snapshots_backup->signer.public_key), ERR_OK);
	memcpy(snapshots_writer.public_key, snapshots_backup->signer.public_key, KEY_SIZE);
	memcpy(snapshots_writer.domain, snapshots_full->domain.tag, DOMAIN_TAG_SIZE);
	keys_set_writers(snapshots_full, mem_copy(&snapshots_writer, sizeof(snapshots_writer)), 1);
	keys_set_writers(snapshots_backup, mem_copy(&snapshots_writer, sizeof(snapshots_writer)), 1);
	return 0;
}

int snapshots_down(void **state)
{
	(void)state;
	keys_free(snapshots_full);
	keys_free(snapshots_other);
	keys_free(snapshots_backup);
	return 0;
}

struct snapshot snapshots_sample(int64_t started)
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

void assert_summary_equal(const struct snapshot *a, const struct snapshot *b)
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

void assert_content_equal(const struct snapshot *a, const struct snapshot *b)
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
