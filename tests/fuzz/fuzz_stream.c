/* The local stream: a file with anything in it. The hashes of the header and of nodes are made right first where the first byte is odd, so that what is
 * behind them is reached, too. */
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/repo/stream.h"
#include "tests/fuzz/seeds.h"

#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#define HEADER_SIZE 96 /* the last 8: hash of what precedes */
#define NODE_HEADER 44

static const struct keys keys = {.repository = "repository", .domain = {.tag = "domain"}};
static const char *path_of(int fd)
{
	static char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return path;
}

static void repair(uint8_t *file, size_t size)
{
	size_t at = HEADER_SIZE;
	XXH3_state_t *hashes = XXH3_createState();

	MUST(hashes);
	XXH3_64bits_reset(hashes);
	if (size >= HEADER_SIZE)
		store_u64(file + HEADER_SIZE - 8, XXH3_64bits(file, HEADER_SIZE - 8));
	while (size >= at + 12) {
		uint32_t length = load_u32(file + at);

		if (length == 0) {
			store_u64(file + at + 4, XXH3_64bits_digest(hashes));
			break;
		}
		if (size - at < NODE_HEADER || size - at - NODE_HEADER < length)
			break;
		store_u64(file + at + 4, XXH3_64bits(file + at + NODE_HEADER, length));
		XXH3_64bits_update(hashes, file + at + 4, 8);
		at += NODE_HEADER + length;
	}
	XXH3_freeState(hashes);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint8_t id[OBJECT_ID_SIZE] = {1};
	struct entry entries[] = {{.path = {(const uint8_t *)"a", 1}, .type = ENTRY_FIFO, .links = 1},
	    {.path = {(const uint8_t *)"a/b", 3}, .type = ENTRY_FOLDER, .links = 2}};
	uint8_t input[HEADER_SIZE + 1] = "\x01PULIHSTR\x02";
	struct buffer node = {0}, seed = {0};
	struct entry_state coder = {0};

	(void)argc;
	(void)argv;
	MUST(buffer_append(&node, "\x01\x00", 2) == ERR_OK);
	MUST(entry_encode(&coder, &entries[0], &node) == ERR_OK && entry_encode(&coder, &entries[1], &node) == ERR_OK);
	memcpy(input + 17, keys.repository, REPOSITORY_ID_SIZE);
	memcpy(input + 33, keys.domain.tag, DOMAIN_TAG_SIZE);
	memcpy(input + 57, id, OBJECT_ID_SIZE);
	MUST(buffer_append(&seed, input, sizeof(input)) == ERR_OK);
	MUST(buffer_append_u32(&seed, (uint32_t)node.length) == ERR_OK && buffer_append_u64(&seed, 0) == ERR_OK);
	MUST(buffer_append(&seed, id, CHUNK_ID_SIZE) == ERR_OK &&
	    buffer_append(&seed, node.data, node.length) == ERR_OK);
	MUST(buffer_append_u32(&seed, 0) == ERR_OK && buffer_append_u64(&seed, 0) == ERR_OK);
	seed_write("one node", seed.data, seed.length);
	entry_state_free(&coder);
	buffer_free(&node);
	buffer_free(&seed);
	return 0;
}

static void read_stream(struct stream_reader *reader)
{
	const struct entry *entry = NULL;
	struct buffer last = {0};
	bool damaged = false, any = false;

	while (stream_reader_next(reader, &entry, &damaged) == ERR_OK && entry) {
		MUST(!damaged && entry_path_valid(entry->path));
		MUST(!any || entry_compare((struct entry_bytes){last.data, last.length}, entry->path) < 0);
		buffer_clear(&last);
		MUST(buffer_append(&last, entry->path.data, entry->path.size) == ERR_OK);
		any = true;
	}
	buffer_free(&last);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stream_reader *reader = NULL;
	uint8_t *file;
	int fd;

	if (size == 0)
		return 0;
	file = mem_copy(data + 1, size - 1);
	fd = memfd_create("stream", MFD_CLOEXEC);
	MUST(file && fd >= 0);
	if (data[0] & 1)
		repair(file, size - 1);
	MUST(file_write_all(fd, file, size - 1) == 0);
	if (stream_reader_new(&reader, path_of(fd), &keys) == ERR_OK && reader)
		read_stream(reader);
	stream_reader_free(reader);
	close(fd);
	mem_free(file);
	return 0;
}
