/* The read stage: decides what an item is now, reads what has to be read. */
#include "core/backup/reader.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define SMALL_FILE CHUNK_MAX /* bytes; read in one go */
#define CTIME_UNKNOWN \
	0 /* an entry that has it is never taken for unchanged; file systems that keep no ctime say it too */

enum err reader_new(struct reader **out, struct backup *backup)
{
	struct reader *reader = mem_calloc(1, sizeof(*reader));

	*out = reader;
	if (!reader)
		return ERR_NOMEM;
	reader->backup = backup;
	return hasher_new(&reader->hasher, backup->repository->keys->domain.id_key);
}

void reader_free(struct reader *reader)
{
	if (!reader)
		return;
	hasher_free(reader->hasher);
	buffer_free(&reader->xattrs);
	buffer_free(&reader->target);
	buffer_free(&reader->segments);
	buffer_free(&reader->content);
	part_free(reader->part);
	mem_free(reader);
}

enum err reader_hand_over(struct reader *reader)
{
	struct part *part = reader->part;

	reader->part = NULL;
	if (!part)
		return ERR_OK;
	if (reader->take)
		return reader->take(reader->backup, part);
	return batch_hand_over(reader->batch, part) ? ERR_OK : fail(PL_INTERRUPTED, "interrupted");
}

enum err reader_room(struct reader *reader, size_t size, size_t carried)
{
	struct part *full = reader->part;
	struct part *part;
	enum err err;

	if (full && full->used + size <= PART_BYTES && full->used - carried < PART_FULL)
		return ERR_OK;
	part = part_take(reader->backup);
	if (!part)
		return ERR_NOMEM;
	if (full && carried > 0) {
		full->used -= carried;
		memcpy(part->data, full->data + full->used, carried);
	}
	err = reader_hand_over(reader);
	part->used = carried;
	reader->part = part;
	return err;
}

enum err reader_name_chunk(struct reader *reader, struct record *record)
{
	enum err err = hasher_id(reader->hasher, record->type, record->bytes, record->size, record->id);

	if (err == ERR_OK)
		record->sum = hasher_sum((uint8_t)record->type, record->id, record->bytes, record->size);
	return err;
}

/* ---- entries ---- */

enum err reader_add_entry(struct reader *reader, struct item *item, const struct entry *entry, enum record_kind kind)
{
	struct record *record;
	struct entry *kept;

	if (!reader->part && !(reader->part = part_take(reader->backup)))
		return ERR_NOMEM;
	record = part_record(reader->part, kind);
	kept = record ? arena_copy(&reader->part->arena, entry, sizeof(*entry)) : NULL;
	if (!kept)
		return ERR_NOMEM;
	record->entry = kept;
	record->item = item;
	return ERR_OK;
}

static enum err keep_bytes(struct reader *reader, struct entry_bytes *out, const struct buffer *bytes)
{
	if (!reader->part && !(reader->part = part_take(reader->backup)))
		return ERR_NOMEM;
	out->size = bytes->length;
	out->data = arena_copy(&reader->part->arena, bytes->data, bytes->length);
	return out->data ? ERR_OK : ERR_NOMEM;
}

/* Attributes too long for an entry become a chunk of their own. */
enum err reader_attach_xattrs(struct reader *reader, struct entry *entry)
{
	struct record *record;
	enum err err;

	/* The next run must try again: taken over as unchanged, what is missing would no longer be named. */
	if (reader->xattrs_missing)
		entry->ctime = CTIME_UNKNOWN;
	entry->xattrs_chunk_size = 0;
	if (reader->xattrs.length <= ENTRY_XATTR_INLINE)
		return keep_bytes(reader, &entry->xattrs, &reader->xattrs);
	if (reader->xattrs.length > CHUNK_MAX)
		return fail(PL_SOURCE_READ, "its extended attributes are longer than %u bytes", CHUNK_MAX);
	entry->xattrs = (struct entry_bytes){0};
	err = keep_bytes(reader, &entry->xattrs, &reader->xattrs);
	if (err != ERR_OK)
		return err;
	record = part_record(reader->part, RECORD_CHUNK);
	if (!record)
		return ERR_NOMEM;
	record->type = CHUNK_XATTR;
	record->bytes = entry->xattrs.data;
	record->size = entry->xattrs.size;
	err = reader_name_chunk(reader, record);
	memcpy(entry->xattrs_chunk, record->id, CHUNK_ID_SIZE);
	entry->xattrs_chunk_size = (uint32_t)record->size;
	entry->xattrs = (struct entry_bytes){0};
	return err;
}

static void take_attributes(struct entry *now, const struct entry *before)
{
	now->flags = before->flags;
	now->xattrs = before->xattrs;
	now->xattrs_chunk_size = before->xattrs_chunk_size;
	memcpy(now->xattrs_chunk, before->xattrs_chunk, CHUNK_ID_SIZE);
}

/* True for what concerns this one file: it is named, and the backup goes on. */
static bool source_problem(struct reader *reader, struct item *item, enum err err)
{
	const struct failure *failure = failure_last();
	bool vanished = failure->id == PL_SOURCE_VANISHED;

	if (err != ERR_SOURCE && failure->id != PL_ENTRY)
		return false;
	backup_problem(
	    reader->backup, vanished ? BACKUP_VANISHED : BACKUP_UNREADABLE, item->path, failure->id, failure->text);
	return true;
}

/* Attributes that cannot be read are named; the rest of the file is worth keeping all the same. */
enum err reader_xattrs(struct reader *reader, struct item *item, int folder_fd, const char *name, int fd)
{
	enum err err;

	buffer_clear(&reader->xattrs);
	reader->xattrs_missing = false;
	err = meta_xattrs(folder_fd, name, fd, &reader->xattrs);
	if (err == ERR_OK || !source_problem(reader, item, err))
		return err;
	buffer_clear(&reader->xattrs);
	reader->xattrs_missing = true;
	return ERR_OK;
}

/* ---- regular files ---- */

static int open_file(const struct item *item)
{
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
	int fd = openat(item->folder->fd, item->name, flags | O_NOATIME);

	/* Only the owner may ask for O_NOATIME. */
	if (fd < 0 && errno == EPERM)
		fd = openat(item->folder->fd, item->name, flags);
	return fd;
}

static enum err fail_item(const struct item *item)
{
	char *name = output_printable(item->path.data, item->path.size);
	enum err err = fail_errno(
	    errno == ENOENT || errno == ELOOP ? PL_SOURCE_VANISHED : PL_SOURCE_READ, "/%s", name ? name : "?");

	mem_free(name);
	return err;
}

/* The data bytes of an open file: everything, or the segments of a sparse one. */
struct file_source {
	int fd;
	const struct item *item;
	bool sparse;
	struct entry_segments segments;
	uint64_t offset;
	uint64_t left; /* of the segment at hand; of the whole file where it is not sparse */
};

static enum err read_file(void *context, void *out, size_t size, size_t *got)
{
	struct file_source *file = context;
	ssize_t done;

	*got = 0;
	while (file->sparse && file->left == 0)
		if (!entry_segments_next(&file->segments, &file->offset, &file->left))
			return ERR_OK;
	/* Never beyond the size that was seen: the end of a file that somebody writes to may run away faster than it is read. */
	if (size > file->left)
		size = (size_t)file->left;
	done = file_pread_full(file->fd, out, size, (off_t)file->offset);
	if (done < 0)
		return fail_item(file->item);
	file->offset += (uint64_t)done;
	file->left -= (uint64_t)done;
	*got = (size_t)done;
	return ERR_OK;
}

/* One read into the part. That the file grew meanwhile shows in its times and size afterwards. */
static enum err read_small(struct reader *reader, struct file_source *file, size_t size, uint64_t *total)
{
	enum err err = reader_room(reader, size, 0);
	size_t got = 0;

	if (err == ERR_OK)
		err = read_file(file, reader->part->data + reader->part->used, size, &got);
	*total = got;
	if (err != ERR_OK)
		return err;
	reader->part->used += got;
	atomic_fetch_add_explicit(&reader->backup->bytes_read, got, memory_order_relaxed);
	return content_small(reader, &chunker_standard, got);
}

/* Files of /proc, and of some file systems in user space, say that they are empty and are not: such a reading never counts as whole. */
static enum err read_empty(const struct item *item, int fd, uint64_t *expected, uint64_t *total)
{
	uint8_t byte;
	ssize_t got = file_pread_full(fd, &byte, sizeof(byte), 0);

	*total = 0;
	*expected = got > 0;
	return got < 0 ? fail_item(item) : ERR_OK;
}

static enum err read_content(
    struct reader *reader, const struct item *item, int fd, struct entry *now, uint64_t *expected, uint64_t *total)
{
	struct file_source file = {.fd = fd, .item = item, .sparse = now->sparse, .left = now->sparse ? 0 : now->size};
	enum err err;

	content_reset(reader);
	*expected = now->size;
	if (now->sparse) {
		buffer_clear(&reader->segments);
		err = meta_segments(fd, now->size, &reader->segments, expected);
		if (err != ERR_OK)
			return err;
		now->segments = (struct entry_bytes){.data = reader->segments.data, .size = reader->segments.length};
		entry_segments_open(&file.segments, now);
	} else if (now->size == 0) {
		return read_empty(item, fd, expected, total);
	} else if (now->size <= SMALL_FILE) {
		return read_small(reader, &file, (size_t)now->size, total);
	} else {
		posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	}
	return content_stream(reader, &chunker_standard, read_file, &file, total);
}

/* What is written through a map of the file stamps it only with the first change of a page since the kernel wrote that page out, half a minute
 * apart. Written out now, the page stamps the file with the next change too: then this reading, or the next run, notices it. */
static void stamp_next_change(int fd)
{
	(void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE);
}

static bool same_file(const struct entry *a, const struct entry *b)
{
	return meta_same_content(a, b) && a->device == b->device;
}

/* Reads the file until a reading is not disturbed. *changed: it never was; the last reading is kept, with the size that was read. */
static enum err read_stable(struct reader *reader, struct item *item, struct entry *now, bool *changed)
{
	struct names *names = reader->backup->names;
	uint64_t expected = 0, total = 0;
	enum err err = ERR_OK;
	int fd = open_file(item);

	*changed = false;
	if (fd < 0)
		return fail_item(item);
	for (unsigned try = 1; err == ERR_OK; try++) {
		struct entry after = *now;
		bool grew;

		/* Kernels before 6.13, and some file systems, give two changes in one tick the same time: the second would be seen by
		 * nobody, and half of it stored. */
		clock_outlive_tick(now->ctime);
		stamp_next_change(fd);
		err = read_content(reader, item, fd, now, &expected, &total);
		if (err == ERR_OK)
			err = meta_fstat(names, fd, &after);
		if (err != ERR_OK)
			break;
		if (after.type != ENTRY_FILE) {
			errno = ENOENT; /* another kind of thing has taken its place */
			err = fail_item(item);
			break;
		}
		if (total == expected && same_file(&after, now))
			break;
		/* A long file that grows is a log: it will have grown the next time too, and by more the longer it is read. */
		grew = total == expected && after.size > now->size && now->size > SMALL_FILE;
		if (try == READ_TRIES || grew) {
			*changed = true;
			break;
		}
		after.path = now->path;
		/* Holes that move between two readings would put data in the wrong place: the last reading takes everything. */
		if (try + 1 == READ_TRIES)
			after.sparse = false;
		*now = after;
	}
	/* A last reading that was disturbed is stored with the length that it had. */
	if (err == ERR_OK && *changed && total != expected) {
		now->sparse = false;
		now->segments = (struct entry_bytes){0};
		now->size = total;
	}
	if (err == ERR_OK) {
		now->flags = meta_flags(fd);
		err = reader_xattrs(reader, item, item->folder->fd, item->name, fd);
	}
	close(fd);
	return err;
}

static enum err process_changed_file(struct reader *reader, struct item *item, struct entry *now)
{
	bool changed;
	enum err err = read_stable(reader, item, now, &changed);

	if (err != ERR_OK)
		return err;
	if (!reader->part && !(reader->part = part_take(reader->backup)))
		return ERR_NOMEM;
	/* Not what the file is, and the next run must not take it for that. */
	if (changed)
		now->ctime = CTIME_UNKNOWN;
	err = reader_attach_xattrs(reader, now);
	if (err == ERR_OK && now->sparse)
		err = keep_bytes(reader, &now->segments, &reader->segments);
	if (err == ERR_OK)
		err = content_list(reader, now);
	if (err == ERR_OK)
		err = reader_add_entry(reader, item, now, RECORD_ENTRY);
	if (err == ERR_OK && changed)
		backup_problem(reader->backup, BACKUP_CHANGED_WHILE_READ, item->path, PL_SOURCE_CHANGED,
		    "it changed each time it was read");
	return err;
}

/* ---- everything else ---- */

static enum err process_other(struct reader *reader, struct item *item, const struct entry *before, struct entry *now)
{
	enum err err = ERR_OK;

	buffer_clear(&reader->target);
	if (now->type == ENTRY_SYMLINK)
		err = meta_target(item->folder->fd, item->name, &reader->target);
	if (err == ERR_OK)
		err = keep_bytes(reader, &now->target, &reader->target);
	if (err == ERR_OK && before && meta_same_attributes(now, before)) {
		take_attributes(now, before);
		return reader_add_entry(reader, item, now, RECORD_ENTRY);
	}
	if (err == ERR_OK && now->type == ENTRY_FOLDER) {
		int fd = openat(item->folder->fd, item->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (fd >= 0)
			now->flags = meta_flags(fd);
		if (fd >= 0)
			close(fd);
	}
	if (err == ERR_OK)
		err = reader_xattrs(reader, item, item->folder->fd, item->name, -1);
	if (err == ERR_OK)
		err = reader_attach_xattrs(reader, now);
	if (err == ERR_OK)
		err = reader_add_entry(reader, item, now, RECORD_ENTRY);
	return err;
}

/* A folder that is on no disk, above what a stream says: always the same, so that it costs nothing from run to run. */
static enum err process_made_up_folder(struct reader *reader, struct item *item)
{
	struct entry now = {
	    .path = item->path, .type = ENTRY_FOLDER, .mode = 0755, .links = 1, .uid = geteuid(), .gid = getegid()};

	now.user = names_user(reader->backup->names, now.uid);
	now.group = names_group(reader->backup->names, now.gid);
	return reader_add_entry(reader, item, &now, RECORD_ENTRY);
}

static enum err process_file_system(struct reader *reader, struct item *item, bool again)
{
	/* Nothing is taken over when the item is read again: what the last run stored of it may be what is gone. */
	const struct entry *before = again || item->racy || reader->backup->options->force ? NULL : item->previous;
	struct entry now;
	enum err err = meta_stat(reader->backup->names, item->folder->fd, item->name, &now);

	if (err != ERR_OK)
		return err;
	if (before && before->ctime == CTIME_UNKNOWN)
		before = NULL;
	now.path = item->path;
	/* What was walked as a folder and is a link by now (or the other way round) must not be stored as either. */
	if (item->is_folder != (now.type == ENTRY_FOLDER)) {
		errno = ENOENT;
		return fail_item(item);
	}
	if (now.type != ENTRY_FILE)
		return process_other(reader, item, before, &now);
	if (!before || !meta_same_content(&now, before))
		return process_changed_file(reader, item, &now);
	take_attributes(&now, before);
	now.sparse = before->sparse;
	now.segments = before->segments;
	now.content = before->content;
	now.content_outside = before->content_outside;
	return reader_add_entry(reader, item, &now, RECORD_UNCHANGED);
}

static enum err process(struct reader *reader, struct item *item, bool again)
{
	if (!item->extra)
		return item->folder ? process_file_system(reader, item, again) : process_made_up_folder(reader, item);
	if (!item->first && !again)
		return item->extra->entry ? reader_add_entry(reader, item, item->extra->entry, RECORD_ENTRY) : ERR_OK;
	return item->extra->sqlite ? reader_extra_sqlite(reader, item) : reader_extra_stream(reader, item);
}

void read_batch(struct pool_job *job, unsigned worker)
{
	struct batch *batch = (struct batch *)job;
	struct backup *backup = batch->backup;
	struct reader *reader = backup->reader[worker];
	enum err err = ERR_OK;

	reader->batch = batch;
	for (size_t i = 0; i < batch->count && !backup_stopped(backup); i++) {
		err = process(reader, &batch->items[i], false);
		if (err != ERR_OK && !source_problem(reader, &batch->items[i], err))
			break;
		err = ERR_OK;
	}
	if (err == ERR_OK)
		err = reader_hand_over(reader);
	if (err != ERR_OK)
		backup_stop(backup);
	batch_finish(batch);
}

enum err reader_read_again(
    struct reader *reader, struct item *item, enum err (*take)(struct backup *backup, struct part *part))
{
	enum err err;

	reader->take = take;
	err = process(reader, item, true);
	if (err != ERR_OK && source_problem(reader, item, err))
		err = ERR_OK;
	if (err == ERR_OK)
		err = reader_hand_over(reader);
	return err;
}
