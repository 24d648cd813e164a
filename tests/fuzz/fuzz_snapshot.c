/* Snapshots: bytes that are signed as they are, or JSON that is sealed and signed as a writer would. The first byte chooses. */
#include "core/base/mem.h"
#include "core/repo/seal.h"
#include "core/repo/snapshot.h"
#include "tests/fuzz/seeds.h"

#define HEADER_SIZE 72

static struct keys *keys;

static void put_seed(void)
{
	static const char json[] =
	    "{\"host\":\"h\",\"job\":\"\",\"tool\":\"t\",\"started\":-1,\"ended\":2,\"previous\":"
	    "\"0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20\",\"generation\":3,\"partial\":false,"
	    "\"totals\":{"
	    "\"files\":1,\"folders\":2,\"others\":3,\"bytes\":4,\"new_files\":5,\"changed_files\":6,\"unchanged_"
	    "files\":7,"
	    "\"unreadable\":8,\"changed_while_read\":9,\"vanished\":10,\"bytes_read\":11,\"bytes_new\":12,\"bytes_"
	    "stored\":13,"
	    "\"chunks\":14,\"chunks_new\":15,\"packs_new\":16}}\0"
	    "{\"root\":{\"id\":\"0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20\",\"length\":2,"
	    "\"levels\":1,"
	    "\"entries\":0},\"paths\":[\"/a\",{\"hex\":\"2fff\"}],\"tags\":[\"x\"]}";
	struct buffer seed = {0};

	MUST(buffer_append_u8(&seed, 0) == ERR_OK && buffer_append(&seed, json, sizeof(json) - 1) == ERR_OK);
	seed_write("json", seed.data, seed.length);
	buffer_free(&seed);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint8_t repository[REPOSITORY_ID_SIZE] = "repository", root[KEY_SIZE] = "root";
	struct snapshot empty = {0};
	struct buffer object = {0}, seed = {0};

	(void)argc;
	(void)argv;
	MUST(crypto_setup() == ERR_OK);
	keys = keys_new();
	MUST(keys && keys_from_root(keys, repository, SUITE_CHACHA20_POLY1305, root, "host") == ERR_OK);
	MUST(snapshot_encode(&empty, keys, &object) == ERR_OK);
	MUST(buffer_append_u8(&seed, 1) == ERR_OK && buffer_append(&seed, object.data, object.length) == ERR_OK);
	seed_write("object", seed.data, seed.length);
	put_seed();
	buffer_free(&object);
	buffer_free(&seed);
	return 0;
}

/* Seals what stands before the first NUL as summary, what stands behind it as content. */
static void seal(const uint8_t *data, size_t size, struct buffer *out)
{
	const uint8_t *nul = size ? memchr(data, '\0', size) : NULL;
	size_t summary = nul ? (size_t)(nul - data) : size, content = nul ? size - summary - 1 : 0;
	uint8_t header[HEADER_SIZE] = "PULIHSNP\x01";

	header[10] = SUITE_CHACHA20_POLY1305;
	memcpy(header + 16, keys->repository, REPOSITORY_ID_SIZE);
	memcpy(header + 32, keys->domain.tag, DOMAIN_TAG_SIZE);
	store_u32(header + 64, (uint32_t)(summary + BOX_OVERHEAD));
	store_u32(header + 68, (uint32_t)(content + PUBLIC_BOX_OVERHEAD));
	MUST(buffer_append(out, header, sizeof(header)) == ERR_OK);
	MUST(box_seal(out, keys->suite, keys->domain.summary_key, "summary", header, sizeof(header), data, summary) ==
	    ERR_OK);
	MUST(public_box_seal(out, keys, "content", header, sizeof(header), data + size - content, content) == ERR_OK);
	MUST(buffer_reserve(out, SIGNATURE_SIZE) == ERR_OK);
	out->length += SIGNATURE_SIZE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer object = {0}, again = {0};
	struct snapshot snapshot, back;
	uint8_t hash[HASH_SIZE], id[HASH_SIZE];

	if (size == 0)
		return 0;
	if (data[0] & 1)
		MUST(buffer_append(&object, data + 1, size - 1) == ERR_OK);
	else
		seal(data + 1, size - 1, &object);
	if (object.length >= SIGNATURE_SIZE) {
		uint8_t *signature = object.data + object.length - SIGNATURE_SIZE;

		MUST(sha256(object.data, object.length - SIGNATURE_SIZE, hash) == ERR_OK);
		MUST(ed25519_sign(keys->signer.seed, hash, sizeof(hash), signature) == ERR_OK);
	}
	MUST(sha256(object.data, object.length, id) == ERR_OK);
	if (snapshot_decode(&snapshot, keys, id, object.data, object.length) == ERR_OK) {
		/* What was read can be written, and reads the same. */
		MUST(snapshot_encode(&snapshot, keys, &again) == ERR_OK);
		MUST(snapshot_decode(&back, keys, snapshot.id, again.data, again.length) == ERR_OK);
		MUST(strcmp(back.host, snapshot.host) == 0 && back.paths_count == snapshot.paths_count &&
		    back.ended == snapshot.ended);
		snapshot_free(&back);
	}
	snapshot_free(&snapshot);
	buffer_free(&object);
	buffer_free(&again);
	return 0;
}
