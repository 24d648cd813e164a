#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/chunk/hasher.h"
#include "core/repo/index.h"
#include "core/repo/object.h"
#include "core/source/meta.h"
#include "targets/memory.h"
#include "tests/unit/repo_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define FRAME_FULL (1u << 20)

struct fixture_entry {
	struct entry entry; /* its pointers go into the buffers */
	struct buffer path, target, xattrs, segments, content, bytes;
	size_t chunk;
};

/* A pack that is being filled. */
struct fixture_pack {
	struct pack_writer *writer;
	struct buffer raw;
	struct pack_chunk *chunks;
	uint32_t count;
};

static enum err ask(void *context, char **passphrase, size_t *size)
{
	(void)context;
	*size = 4;
	*passphrase = secret_new(*size);
	memcpy(*passphrase, "test", 4);
	return ERR_OK;
}

void fixture_open(struct fixture *fixture)
{
	struct target *target = NULL;
	char state[96];
	struct repository_access access = {.ask = ask, .domain = "test", .state_folder = state};

	*fixture = (struct fixture){.next_inode = 1000};
	assert_int_equal(crypto_setup(), ERR_OK);
	snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/pulih-test-XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	snprintf(state, sizeof(state), "%s/state", fixture->folder);
	assert_int_equal(memory_target_new(&target), ERR_OK);
	assert_int_equal(repository_init(&fixture->repository, target, &access, (int)suite_for_this_machine()), ERR_OK);
}

static void entry_release(struct fixture_entry *entry)
{
	buffer_free(&entry->path);
	buffer_free(&entry->target);
	buffer_free(&entry->xattrs);
	buffer_free(&entry->segments);
	buffer_free(&entry->content);
	buffer_free(&entry->bytes);
}

void fixture_close(struct fixture *fixture)
{
	for (size_t i = 0; i < fixture->count; i++)
		entry_release(&fixture->entries[i]);
	for (size_t i = 0; i < fixture->packs_count; i++)
		directory_free(&fixture->packs[i].directory);
	mem_free(fixture->packs);
	mem_free(fixture->entries);
	snapshot_free(&fixture->snapshot);
	repository_close(&fixture->repository);
	file_remove_tree(fixture->folder);
}

struct entry fixture_entry_of(const char *path, uint8_t type)
{
	return (struct entry){.path = {(const uint8_t *)path, strlen(path)},
	    .type = type,
	    .mode = type == ENTRY_FOLDER ? 0755
		: type == ENTRY_SYMLINK	 ? 0777
					 : 0644,
	    .uid = geteuid(),
	    .gid = getegid(),
	    .mtime = INT64_C(1700000000123456789),
	    .ctime = INT64_C(1700000000123456789),
	    .links = 1};
}

static struct entry_bytes keep(struct buffer *buffer, struct entry_bytes bytes)
{
	assert_int_equal(buffer_append(buffer, bytes.data, bytes.size), ERR_OK);
	return (struct entry_bytes){buffer->data, buffer->length};
}

void fixture_add(struct fixture *fixture, const struct entry *entry, const void *content, size_t size, size_t chunk)
{
	struct fixture_entry *added;

	if (fixture->count == fixture->capacity) {
		fixture->capacity = fixture->capacity ? fixture->capacity * 2 : 64;
		fixture->entries = mem_resize(fixture->entries, fixture->capacity, sizeof(*fixture->entries));
		assert_non_null(fixture->entries);
	}
	added = &fixture->entries[fixture->count++];
	*added = (struct fixture_entry){.entry = *entry, .chunk = chunk};
	added->entry.path = keep(&added->path, entry->path);
	added->entry.target = keep(&added->target, entry->target);
	added->entry.xattrs = keep(&added->xattrs, entry->xattrs);
	added->entry.segments = keep(&added->segments, entry->segments);
	keep(&added->bytes, (struct entry_bytes){content, size});
	if (!entry->sparse && entry->type == ENTRY_FILE)
		added->entry.size = size;
	if (!entry->inode)
		added->entry.inode = fixture->next_inode++;
}

void fixture_file(struct fixture *fixture, const char *path, const char *content)
{
	struct entry entry = fixture_entry_of(path, ENTRY_FILE);

	fixture_add(fixture, &entry, content, strlen(content), CHUNK_MAX);
}

void fixture_folder(struct fixture *fixture, const char *path)
{
	struct entry entry = fixture_entry_of(path, ENTRY_FOLDER);

	fixture_add(fixture, &entry, NULL, 0, 0);
}

void fixture_symlink(struct fixture *fixture, const char *path, const char *target)
{
	struct entry entry = fixture_entry_of(path, ENTRY_SYMLINK);

	entry.target = (struct entry_bytes){(const uint8_t *)target, strlen(target)};
	fixture_add(fixture, &entry, NULL, 0, 0);
}

/* ---- storing ---- */

static void end_frame(struct fixture_pack *pack)
{
	struct frame_compressor *compressor = NULL;
	struct buffer stored = {0};
	struct pack_frame frame = {
	    .raw_size = (uint32_t)pack->raw.length, .chunks = pack->chunks, .chunks_count = pack->count};

	if (!pack->count)
		return;
	assert_int_equal(frame_compressor_new(&compressor, 1), ERR_OK);
	assert_int_equal(frame_compress(compressor, pack->raw.data, pack->raw.length, &stored, &frame.codec), ERR_OK);
	frame.stored = frame.codec == CODEC_STORED ? pack->raw.data : stored.data;
	frame.stored_size = (uint32_t)(frame.codec == CODEC_STORED ? pack->raw.length : stored.length);
	assert_int_equal(pack_writer_add(pack->writer, &frame), ERR_OK);
	pack->count = 0;
	buffer_clear(&pack->raw);
	buffer_free(&stored);
	frame_compressor_free(compressor);
}

static void end_pack(struct fixture *fixture, int type)
{
	struct fixture_pack *open = fixture->open[type];
	const struct pack *pack = NULL;
	struct object_name name;
	struct index_pack *indexed;

	if (!open)
		return;
	end_frame(open);
	assert_int_equal(pack_writer_finish(open->writer, true, &pack), ERR_OK);
	assert_int_equal(pack_writer_check(open->writer), ERR_OK);
	name = object_pack(pack->id);
	assert_int_equal(target_put(fixture->repository.target, name.text, pack->bytes, pack->size), ERR_OK);
	fixture->packs = mem_resize(fixture->packs, fixture->packs_count + 1, sizeof(*fixture->packs));
	assert_non_null(fixture->packs);
	indexed = &fixture->packs[fixture->packs_count++];
	*indexed = (struct index_pack){.size = pack->size};
	memcpy(indexed->id, pack->id, OBJECT_ID_SIZE);
	indexed->directory = pack->directory;
	((struct pack *)(uintptr_t)pack)->directory = (struct directory){0};
	pack_writer_free(open->writer, NULL);
	mem_free(open->chunks);
	buffer_free(&open->raw);
	mem_free(open);
	fixture->open[type] = NULL;
}

static bool stored_already(const struct fixture *fixture, const uint8_t *id)
{
	for (int type = 1; type < 3; type++)
		for (uint32_t i = 0; fixture->open[type] && i < fixture->open[type]->count; i++)
			if (memcmp(fixture->open[type]->chunks[i].id, id, CHUNK_ID_SIZE) == 0)
				return true;
	for (size_t p = 0; p < fixture->packs_count; p++)
		for (size_t i = 0; i < fixture->packs[p].directory.chunks_count; i++)
			if (memcmp(fixture->packs[p].directory.chunks[i].key, id, CHUNK_KEY_SIZE) == 0)
				return true;
	return false;
}

static enum err store(void *context, enum chunk_type type, const void *bytes, size_t size, uint8_t id[CHUNK_ID_SIZE])
{
	struct fixture *fixture = context;
	int pack_type = type == CHUNK_DATA ? PACK_DATA : PACK_METADATA;
	struct fixture_pack *open = fixture->open[pack_type];
	struct hmac *hasher = NULL;

	assert_int_equal(hasher_new(&hasher, fixture->repository.keys->domain.id_key), ERR_OK);
	assert_int_equal(hasher_id(hasher, type, bytes, size, id), ERR_OK);
	hasher_free(hasher);
	if (stored_already(fixture, id))
		return ERR_OK;
	if (!open) {
		open = fixture->open[pack_type] = mem_calloc(1, sizeof(*open));
		assert_non_null(open);
		assert_int_equal(
		    pack_writer_new(&open->writer, fixture->repository.keys, (enum pack_type)pack_type, NULL), ERR_OK);
	}
	if (open->raw.length + size > FRAME_FULL)
		end_frame(open);
	open->chunks = mem_resize(open->chunks, open->count + 1, sizeof(*open->chunks));
	assert_non_null(open->chunks);
	open->chunks[open->count] = (struct pack_chunk){
	    .length = (uint32_t)size, .type = (uint8_t)type, .sum = hasher_sum((uint8_t)type, id, bytes, size)};
	memcpy(open->chunks[open->count++].id, id, CHUNK_ID_SIZE);
	assert_int_equal(buffer_append(&open->raw, bytes, size), ERR_OK);
	if (pack_writer_full(open->writer, FRAME_RAW_MAX))
		end_pack(fixture, pack_type);
	return ERR_OK;
}

static void append_pair(struct buffer *out, const uint8_t id[CHUNK_ID_SIZE], size_t size)
{
	assert_int_equal(buffer_append(out, id, CHUNK_ID_SIZE), ERR_OK);
	assert_int_equal(buffer_append_varint(out, size), ERR_OK);
}

static void store_content(struct fixture *fixture, struct fixture_entry *entry)
{
	size_t chunk = entry->chunk ? entry->chunk : CHUNK_MAX;
	size_t chunks = (entry->bytes.length + chunk - 1) / chunk;
	bool outside = chunks > ENTRY_INLINE_CHUNKS;
	struct buffer pairs = {0};
	uint8_t id[CHUNK_ID_SIZE];

	buffer_clear(&entry->content);
	for (size_t at = 0; at < entry->bytes.length; at += chunk) {
		size_t size = entry->bytes.length - at < chunk ? entry->bytes.length - at : chunk;

		assert_int_equal(store(fixture, CHUNK_DATA, entry->bytes.data + at, size, id), ERR_OK);
		append_pair(&pairs, id, size);
	}
	if (outside) {
		assert_int_equal(buffer_append_varint(&entry->content, 0), ERR_OK);
		assert_int_equal(buffer_append_varint(&entry->content, chunks), ERR_OK);
		assert_int_equal(buffer_append_varint(&entry->content, 1), ERR_OK);
		assert_int_equal(store(fixture, CHUNK_LIST, pairs.data, pairs.length, id), ERR_OK);
		append_pair(&entry->content, id, pairs.length);
	} else {
		assert_int_equal(buffer_append_varint(&entry->content, chunks), ERR_OK);
		assert_int_equal(buffer_append(&entry->content, pairs.data, pairs.length), ERR_OK);
	}
	entry->entry.content_outside = outside;
	entry->entry.content = (struct entry_bytes){entry->content.data, entry->content.length};
	buffer_free(&pairs);
}

static void store_xattrs(struct fixture *fixture, struct fixture_entry *entry)
{
	if (entry->xattrs.length <= ENTRY_XATTR_INLINE)
		return;
	assert_int_equal(
	    store(fixture, CHUNK_XATTR, entry->xattrs.data, entry->xattrs.length, entry->entry.xattrs_chunk), ERR_OK);
	entry->entry.xattrs_chunk_size = (uint32_t)entry->xattrs.length;
	entry->entry.xattrs = (struct entry_bytes){0};
}

static int by_path(const void *a, const void *b)
{
	return entry_compare(
	    ((const struct fixture_entry *)a)->entry.path, ((const struct fixture_entry *)b)->entry.path);
}

static void publish(struct fixture *fixture)
{
	struct repository *repository = &fixture->repository;
	struct buffer bytes = {0};
	struct object_name name;
	uint8_t id[OBJECT_ID_SIZE];

	assert_int_equal(
	    index_object_encode(repository->keys, fixture->packs, fixture->packs_count, &bytes, id), ERR_OK);
	name = object_index(repository->keys->domain.tag, id);
	assert_int_equal(target_put(repository->target, name.text, bytes.data, bytes.length), ERR_OK);
	assert_int_equal(snapshot_encode(&fixture->snapshot, repository->keys, &bytes), ERR_OK);
	name = object_snapshot(fixture->snapshot.id);
	assert_int_equal(target_put(repository->target, name.text, bytes.data, bytes.length), ERR_OK);
	buffer_free(&bytes);
}

void fixture_forget_packs(struct fixture *fixture)
{
	while (fixture->packs_count > 0)
		directory_free(&fixture->packs[--fixture->packs_count].directory);
}

void fixture_store(struct fixture *fixture)
{
	struct tree_writer *tree = NULL;
	struct snapshot *snapshot = &fixture->snapshot;

	snapshot_free(snapshot);
	*snapshot = (struct snapshot){.host = mem_string("test"),
	    .job = mem_string(""),
	    .tool = mem_string("pulih test"),
	    .started = INT64_C(1700000000000000000) + (int64_t)fixture->packs_count,
	    .has_content = true};
	memcpy(snapshot->domain, fixture->repository.keys->domain.tag, DOMAIN_TAG_SIZE);
	assert_int_equal(snapshot_add_path(snapshot, "."), ERR_OK);
	qsort(fixture->entries, fixture->count, sizeof(*fixture->entries), by_path);
	assert_int_equal(
	    tree_writer_new(&tree, fixture->repository.keys->domain.chunker_key, store, fixture, NULL), ERR_OK);
	for (size_t i = 0; i < fixture->count; i++) {
		if (fixture->entries[i].entry.type == ENTRY_FILE)
			store_content(fixture, &fixture->entries[i]);
		store_xattrs(fixture, &fixture->entries[i]);
		assert_int_equal(tree_writer_add(tree, &fixture->entries[i].entry), ERR_OK);
	}
	assert_int_equal(tree_writer_finish(tree, &snapshot->root), ERR_OK);
	tree_writer_free(tree);
	end_pack(fixture, PACK_DATA);
	end_pack(fixture, PACK_METADATA);
	publish(fixture);
}

size_t fixture_packs(const struct fixture *fixture, uint8_t type, struct object_name *out, size_t max)
{
	size_t count = 0;

	for (size_t i = 0; i < fixture->packs_count && count < max; i++)
		if (!type || fixture->packs[i].directory.type == type)
			out[count++] = object_pack(fixture->packs[i].id);
	return count;
}

/* ---- comparing ---- */

static void assert_content(const struct fixture_entry *entry, const char *path)
{
	struct buffer bytes = {0};
	struct entry_segments segments;
	uint64_t offset, size, at = 0;
	static const uint8_t zeros[4096];

	assert_int_equal(file_read_all(path, 1u << 30, &bytes), ERR_OK);
	assert_int_equal(bytes.length, entry->entry.size);
	if (!entry->entry.sparse) {
		assert_memory_equal(
		    bytes.data ? bytes.data : zeros, entry->bytes.data ? entry->bytes.data : zeros, bytes.length);
	} else {
		uint64_t position = 0;

		entry_segments_open(&segments, &entry->entry);
		while (entry_segments_next(&segments, &offset, &size)) {
			for (; position < offset; position++)
				assert_int_equal(bytes.data[position], 0);
			assert_memory_equal(bytes.data + offset, entry->bytes.data + at, size);
			at += size;
			position = offset + size;
		}
		for (; position < bytes.length; position++)
			assert_int_equal(bytes.data[position], 0);
	}
	buffer_free(&bytes);
}

static void assert_same(const struct fixture_entry *wanted, const char *path, struct names *names)
{
	const struct entry *entry = &wanted->entry;
	struct entry now = {0};
	struct buffer bytes = {0};
	int fd;

	if (meta_stat(names, AT_FDCWD, path, &now) != ERR_OK)
		fail_msg("%s is not there", path);
	assert_int_equal(now.type, entry->type);
	assert_int_equal(now.uid, entry->uid);
	assert_int_equal(now.gid, entry->gid);
	if (now.mtime != entry->mtime)
		fail_msg("%s: mtime %lld, wanted %lld", path, (long long)now.mtime, (long long)entry->mtime);
	if (entry->type != ENTRY_SYMLINK && now.mode != entry->mode)
		fail_msg("%s: mode %o, wanted %o", path, now.mode, entry->mode);
	if (entry->type == ENTRY_CHARACTER || entry->type == ENTRY_BLOCK)
		assert_int_equal(now.rdev, entry->rdev);
	if (entry->type == ENTRY_SYMLINK) {
		assert_int_equal(meta_target(AT_FDCWD, path, &bytes), ERR_OK);
		assert_int_equal(bytes.length, entry->target.size);
		assert_memory_equal(bytes.data, entry->target.data, bytes.length);
	}
	buffer_clear(&bytes);
	if (entry->type == ENTRY_FILE || entry->type == ENTRY_FOLDER) {
		fd = open(path, O_RDONLY);
		assert_true(fd >= 0);
		assert_int_equal(meta_xattrs(AT_FDCWD, path, fd, &bytes), ERR_OK);
		assert_int_equal(meta_flags(fd), entry->flags);
		close(fd);
		assert_int_equal(bytes.length, wanted->xattrs.length);
		if (bytes.length)
			assert_memory_equal(bytes.data, wanted->xattrs.data, bytes.length);
	}
	if (entry->type == ENTRY_FILE)
		assert_content(wanted, path);
	buffer_free(&bytes);
}

static size_t count_below(const char *folder)
{
	DIR *listing = opendir(folder);
	struct dirent *found;
	size_t count = 0;

	assert_non_null(listing);
	while ((found = readdir(listing)) != NULL) {
		char path[4096];
		struct stat stat;

		if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0)
			continue;
		count++;
		snprintf(path, sizeof(path), "%s/%s", folder, found->d_name);
		assert_int_equal(lstat(path, &stat), 0);
		if (S_ISDIR(stat.st_mode))
			count += count_below(path);
	}
	closedir(listing);
	return count;
}

void fixture_assert_restored(const struct fixture *fixture, const char *folder)
{
	struct names *names = NULL;
	struct stat first, second;
	size_t named = 0;

	assert_int_equal(names_new(&names), ERR_OK);
	for (size_t i = 0; i < fixture->count; i++) {
		const struct fixture_entry *entry = &fixture->entries[i];
		char path[4096];

		snprintf(path, sizeof(path), "%s/%.*s", folder, (int)entry->entry.path.size,
		    entry->entry.path.size ? (const char *)entry->entry.path.data : "");
		assert_same(entry, path, names);
		named += entry->entry.path.size > 0;
		for (size_t k = 0; k < i && entry->entry.links > 1; k++) {
			char other[4096];

			if (fixture->entries[k].entry.inode != entry->entry.inode)
				continue;
			snprintf(other, sizeof(other), "%s/%.*s", folder, (int)fixture->entries[k].entry.path.size,
			    (const char *)fixture->entries[k].entry.path.data);
			assert_int_equal(lstat(path, &first), 0);
			assert_int_equal(lstat(other, &second), 0);
			assert_int_equal(first.st_ino, second.st_ino);
		}
	}
	assert_int_equal(count_below(folder), named);
	names_free(names);
}
