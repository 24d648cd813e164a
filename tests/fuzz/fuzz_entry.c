/* Encoded entries: whatever is accepted is in order and has exactly the spelling that was read. */
#include "core/repo/entry.h"
#include "tests/fuzz/seeds.h"

static const uint8_t one_chunk[] = "\x01"
				   "0123456789abcdef0123456789abcdef"
				   "\x07";
static const uint8_t outside[] = "\x00\x02\x01"
				 "0123456789abcdef0123456789abcdef"
				 "\x42";
static const uint8_t map[] = "\x02\x05\x03\x01\x04";
static const uint8_t attributes[] = "\x06user.a\x02xy\x06user.b\x00";

static struct entry_bytes text(const char *bytes)
{
	return (struct entry_bytes){(const uint8_t *)bytes, strlen(bytes)};
}

#define PART(array)                        \
	{                                  \
		(array), sizeof(array) - 1 \
	}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct entry entries[] = {
	    {.path = text("a"), .type = ENTRY_FOLDER, .mode = 0755, .user = text("root"), .links = 2, .mtime = -1},
	    {.path = text("a/block"), .type = ENTRY_BLOCK, .rdev = UINT64_C(8) << 32, .links = 1},
	    {.path = text("a/file"),
		.type = ENTRY_FILE,
		.size = 7,
		.content = PART(one_chunk),
		.links = 3,
		.flags = 0x10,
		.inode = 5},
	    {.path = text("a/long"),
		.type = ENTRY_FILE,
		.size = 3000000,
		.content = PART(outside),
		.content_outside = true,
		.device = 9},
	    {.path = text("a/sparse"),
		.type = ENTRY_FILE,
		.sparse = true,
		.size = 100,
		.segments = PART(map),
		.content = PART(one_chunk)},
	    {.path = text("link"),
		.type = ENTRY_SYMLINK,
		.target = text("a/file"),
		.xattrs = PART(attributes),
		.links = 1},
	    {.path = text("pipe"), .type = ENTRY_FIFO, .xattrs_chunk_size = 70000, .links = 1},
	};
	struct entry_state coder = {0};
	struct buffer all = {0};

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		MUST(entry_encode(&coder, &entries[i], &all) == ERR_OK);
	seed_write("entries", all.data, all.length);
	entry_state_free(&coder);
	buffer_free(&all);
	return 0;
}

/* Reads the lists of an accepted entry: they were checked, and must not end early. */
static void read_lists(const struct entry *entry)
{
	struct cursor cursor = cursor_of(entry->xattrs.data, entry->xattrs.size);
	struct entry_bytes name, value;
	struct entry_content content;
	struct entry_segments segments;
	struct entry_chunk chunk;
	uint64_t offset, size, data = 0, mapped = 0;

	while (entry_xattr_next(&cursor, &name, &value))
		;
	entry_content_open(&content, entry);
	while (entry_content_next(&content, &chunk))
		data += chunk.length;
	entry_segments_open(&segments, entry);
	while (entry_segments_next(&segments, &offset, &size)) {
		mapped += size;
		MUST(offset + size <= entry->size);
	}
	MUST(!cursor.bad && !content.cursor.bad && !segments.cursor.bad);
	MUST(entry->content_outside || data == (entry->sparse ? mapped : entry->size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct entry_state decoder = {0}, coder = {0};
	struct cursor cursor = cursor_of(data, size);
	struct buffer again = {0};
	struct entry entry;
	size_t good = 0;

	while (cursor_left(&cursor) > 0 && entry_decode(&decoder, &cursor, &entry) == ERR_OK) {
		MUST(entry_path_valid(entry.path));
		read_lists(&entry);
		MUST(entry_encode(&coder, &entry, &again) == ERR_OK);
		good = (size_t)(cursor.at - data);
	}
	MUST(again.length == good && (good == 0 || memcmp(again.data, data, good) == 0));
	entry_state_free(&decoder);
	entry_state_free(&coder);
	buffer_free(&again);
	return 0;
}
