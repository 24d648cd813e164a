/* restore --verify: everything that was restored, and synced by then, is read again, from the disk where the kernel lets go of what it has
 * in memory, and compared with the chunk ids and the metadata of the snapshot. */
#include "restore/restore_internal.h"

#include "core/base/clock.h"
#include "core/chunk/hasher.h"
#include "core/source/meta.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define CHECK_BATCH 256
#define CHECK_BYTES (8u << 20)

struct check_job {
	struct pool_job job; /* first */
	struct check *check;
	struct check_job *next;
	struct restore_entry *entries[CHECK_BATCH];
	size_t count;
	uint64_t bytes;
};

struct check {
	struct restore *run;
	struct names *names;
	int root; /* of the destination */
	struct check_job *first, *last;
	size_t jobs;
};

/* What one worker needs for a file. */
struct reading {
	struct restore *run;
	struct hmac *hasher;
	struct buffer bytes;
	struct restore_output position; /* fd is open for reading */
};

/* Opens the folder that holds `path`, one component at a time, never through a link. */
static int open_parent(int root, struct entry_bytes path)
{
	int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t at = 0;
	const uint8_t *slash;

	while (fd >= 0 && at < path.size && (slash = memchr(path.data + at, '/', path.size - at)) != NULL) {
		size_t size = (size_t)(slash - path.data) - at;
		char name[256];
		int next = -1;

		if (size < sizeof(name)) {
			memcpy(name, path.data + at, size);
			name[size] = 0;
			next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		}
		close(fd);
		fd = next;
		at += size + 1;
	}
	return fd;
}

static enum err differs(const struct entry *entry, const char *what)
{
	return fail(PL_RESTORE_DIFFERS, "%s: %s differs from the snapshot", restore_printable(entry->path), what);
}

static enum err unreadable(const struct entry *entry, const char *what)
{
	return fail_errno(PL_RESTORE_DIFFERS, "%s: %s cannot be read back", restore_printable(entry->path), what);
}

static int read_content(struct restore_output *position, uint8_t *bytes, size_t size)
{
	while (size) {
		size_t part;

		if (position->left == 0 &&
		    !entry_segments_next(&position->segments, &position->offset, &position->left))
			return -1;
		part = size < position->left ? size : (size_t)position->left;
		if (file_pread_full(position->fd, bytes, part, (off_t)position->offset) != (ssize_t)part)
			return -1;
		position->offset += part;
		position->left -= part;
		bytes += part;
		size -= part;
	}
	return 0;
}

static enum err check_chunk(void *context, const struct entry_chunk *chunk)
{
	struct reading *reading = context;
	uint8_t id[CHUNK_ID_SIZE];
	enum err err;

	if (restore_stopped(reading->run))
		return fail(PL_INTERRUPTED, "stopped");
	buffer_clear(&reading->bytes);
	err = buffer_reserve(&reading->bytes, chunk->length);
	if (err != ERR_OK)
		return err;
	if (read_content(&reading->position, reading->bytes.data, chunk->length) != 0)
		return fail(PL_RESTORE_DIFFERS, "it cannot be read back whole");
	err = hasher_id(reading->hasher, CHUNK_DATA, reading->bytes.data, chunk->length, id);
	if (err == ERR_OK && memcmp(id, chunk->id, CHUNK_ID_SIZE) != 0)
		err = fail(PL_RESTORE_DIFFERS, "its content differs from the snapshot");
	reading->run->verified_bytes += chunk->length;
	return err;
}

/* A file that was kept may have anything where the snapshot has a hole. */
static enum err check_hole(struct reading *reading, int fd, uint64_t at, uint64_t end)
{
	static const uint8_t zeros[64 << 10];
	enum err err = buffer_reserve(&reading->bytes, sizeof(zeros));

	while (err == ERR_OK && at < end) {
		off_t data = lseek(fd, (off_t)at, SEEK_DATA);
		size_t size;

		if (data < 0 && errno == ENXIO)
			break;
		/* A file system that cannot tell has data everywhere. */
		at = data < 0 ? at : (uint64_t)data;
		if (at >= end)
			break;
		if (restore_stopped(reading->run))
			return fail(PL_INTERRUPTED, "stopped");
		size = end - at < sizeof(zeros) ? (size_t)(end - at) : sizeof(zeros);
		if (file_pread_full(fd, reading->bytes.data, size, (off_t)at) != (ssize_t)size)
			return fail(PL_RESTORE_DIFFERS, "it cannot be read back whole");
		if (memcmp(reading->bytes.data, zeros, size) != 0)
			err = fail(PL_RESTORE_DIFFERS, "it has data where the snapshot has a hole");
		at += size;
	}
	return err;
}

static enum err check_holes(struct reading *reading, const struct entry *entry, int fd)
{
	struct entry_segments segments;
	uint64_t offset, size, at = 0;
	enum err err = ERR_OK;

	buffer_clear(&reading->bytes);
	entry_segments_open(&segments, entry);
	while (err == ERR_OK && entry_segments_next(&segments, &offset, &size)) {
		err = check_hole(reading, fd, at, offset);
		at = offset + size;
	}
	return err == ERR_OK ? check_hole(reading, fd, at, entry->size) : err;
}

/* Whoever restored a file that its owner may not read gives himself the right for as long as it takes to open it. */
static int open_own(int folder_fd, const char *name)
{
	struct stat stat;
	mode_t mode;
	int fd, saved;

	if (fstatat(folder_fd, name, &stat, AT_SYMLINK_NOFOLLOW) != 0)
		return -1;
	mode = stat.st_mode & 07777;
	if (!S_ISREG(stat.st_mode) || (mode & S_IRUSR) || stat.st_uid != geteuid()) {
		errno = EACCES;
		return -1;
	}
	if (fchmodat(folder_fd, name, mode | S_IRUSR, AT_SYMLINK_NOFOLLOW) != 0)
		return -1;
	fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	saved = errno;
	/* The right goes again; where it cannot, the file is not as it was, and that is an error too. */
	if (fchmodat(folder_fd, name, mode, AT_SYMLINK_NOFOLLOW) != 0) {
		saved = errno;
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	errno = saved;
	return fd;
}

static int open_to_read(int folder_fd, const char *name)
{
	int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOATIME);

	if (fd < 0 && errno == EPERM)
		fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 && errno == EACCES ? open_own(folder_fd, name) : fd;
}

static enum err check_content(struct reading *reading, const struct entry *entry, int folder_fd, const char *name)
{
	int fd = open_to_read(folder_fd, name);
	enum err err;

	if (fd < 0)
		return fail_errno(PL_RESTORE_DIFFERS, "%s cannot be read back", restore_printable(entry->path));
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	restore_output_open(&reading->position, fd, entry);
	err = restore_content_each(reading->run->view->reader, entry, check_chunk, reading);
	if (err == ERR_OK && entry->sparse)
		err = check_holes(reading, entry, fd);
	close(fd);
	return err == ERR_OK ? ERR_OK : fail_context(err, "%s", restore_printable(entry->path));
}

static enum err check_stat(const struct restore *run, const struct entry *entry, const struct entry *now)
{
	bool link = entry->type == ENTRY_SYMLINK;
	bool node = entry->type == ENTRY_CHARACTER || entry->type == ENTRY_BLOCK;

	if (now->type != entry->type)
		return differs(entry, "its type");
	if (entry->type == ENTRY_FILE && now->size != entry->size)
		return differs(entry, "its size");
	if (node && now->rdev != entry->rdev)
		return differs(entry, "its device number");
	if (!run->missing[FEATURE_OWNER] && (now->uid != entry->uid || now->gid != entry->gid))
		return differs(entry, "its owner");
	if (!link && !run->missing[FEATURE_OWNER] && now->mode != entry->mode)
		return differs(entry, "its permissions");
	if (!run->missing[FEATURE_TIME] && now->mtime != entry->mtime)
		return differs(entry, "its modification time");
	return ERR_OK;
}

static enum err check_attributes(
    const struct restore *run, const struct entry *entry, int folder_fd, const char *name, struct buffer *bytes)
{
	struct chunk_view view = {.bytes = entry->xattrs.data, .length = (uint32_t)entry->xattrs.size};
	enum err err = ERR_OK;

	if (run->missing[FEATURE_XATTR] || run->missing[FEATURE_ACL])
		return ERR_OK;
	if (entry->xattrs_chunk_size)
		err = chunk_reader_get(run->view->reader, CHUNK_XATTR, entry->xattrs_chunk, &view);
	if (err != ERR_OK || !view.length)
		return err;
	buffer_clear(bytes);
	err = meta_xattrs(folder_fd, name, -1, bytes);
	if (err == ERR_SOURCE)
		err = unreadable(entry, "its extended attributes");
	else if (err == ERR_OK && (bytes->length != view.length || memcmp(bytes->data, view.bytes, bytes->length) != 0))
		err = differs(entry, "its extended attributes");
	if (entry->xattrs_chunk_size)
		chunk_release(run->view->reader, &view);
	return err;
}

static enum err check_target(const struct entry *entry, int folder_fd, const char *name, struct buffer *bytes)
{
	enum err err;

	buffer_clear(bytes);
	err = meta_target(folder_fd, name, bytes);
	if (err == ERR_SOURCE)
		return unreadable(entry, "its target");
	if (err == ERR_OK &&
	    (bytes->length != entry->target.size || memcmp(bytes->data, entry->target.data, bytes->length) != 0))
		err = differs(entry, "its target");
	return err;
}

static enum err check_entry(struct check *check, struct reading *reading, const struct restore_entry *wanted)
{
	const struct entry *entry = &wanted->entry;
	struct entry now = {0};
	int folder_fd = open_parent(check->root, entry->path);
	enum err err;

	if (folder_fd < 0)
		return fail_errno(PL_RESTORE_DIFFERS, "%s is not there", restore_printable(entry->path));
	err = meta_stat(check->names, folder_fd, entry->path.size ? wanted->name : "", &now);
	if (err != ERR_OK)
		err = fail_errno(PL_RESTORE_DIFFERS, "%s is not there", restore_printable(entry->path));
	if (err == ERR_OK)
		err = check_stat(check->run, entry, &now);
	if (err == ERR_OK)
		err = check_attributes(
		    check->run, entry, folder_fd, entry->path.size ? wanted->name : ".", &reading->bytes);
	if (err == ERR_OK && entry->type == ENTRY_SYMLINK)
		err = check_target(entry, folder_fd, wanted->name, &reading->bytes);
	if (err == ERR_OK && entry->type == ENTRY_FILE)
		err = check_content(reading, entry, folder_fd, wanted->name);
	close(folder_fd);
	return err;
}

static void run_check(struct pool_job *pool_job, unsigned worker)
{
	struct check_job *job = (struct check_job *)pool_job;
	struct restore *run = job->check->run;
	struct reading reading = {.run = run};
	enum err err = hasher_new(&reading.hasher, run->view->domain->id_key);

	(void)worker;
	if (err != ERR_OK)
		restore_stop(run);
	for (size_t i = 0; i < job->count && !restore_stopped(run); i++) {
		err = check_entry(job->check, &reading, job->entries[i]);
		if (err != ERR_OK)
			restore_problem(run, job->entries[i]->entry.path, err);
		else if (job->entries[i]->entry.type == ENTRY_FILE)
			run->verified_files++;
	}
	hasher_free(reading.hasher);
	buffer_free(&reading.bytes);
}

static void wait_for_oldest(struct check *check)
{
	struct check_job *job = check->first;

	pool_wait(check->run->pool, &job->job);
	check->first = job->next;
	check->jobs--;
	for (size_t i = 0; i < job->count; i++)
		mem_free(job->entries[i]);
	mem_free(job);
}

static void submit(struct check *check, struct check_job *job)
{
	while (check->jobs >= (size_t)pool_workers(check->run->pool) * 2)
		wait_for_oldest(check);
	if (check->first)
		check->last->next = job;
	else
		check->first = job;
	check->last = job;
	check->jobs++;
	pool_submit(check->run->pool, &job->job);
}

static enum err add(struct check *check, struct check_job **batch, const struct entry *entry, struct entry_bytes path)
{
	struct check_job *job = *batch;

	if (!job) {
		job = *batch = mem_calloc(1, sizeof(*job));
		if (!job)
			return ERR_NOMEM;
		job->job.run = run_check;
		job->check = check;
	}
	job->entries[job->count] = restore_entry_copy(entry, path);
	if (!job->entries[job->count])
		return ERR_NOMEM;
	job->count++;
	job->bytes += entry->type == ENTRY_FILE ? restore_content_size(entry) : 0;
	if (job->count == CHECK_BATCH || job->bytes >= CHECK_BYTES) {
		submit(check, job);
		*batch = NULL;
	}
	return ERR_OK;
}

static enum err check_all(struct check *check, struct restore_select *select)
{
	struct restore *run = check->run;
	struct check_job *batch = NULL;
	const struct entry *entry = NULL;
	struct entry_bytes path = {0};
	enum restore_wanted wanted = RESTORE_UNWANTED;
	uint64_t number = 0;
	enum err err = ERR_OK;

	while (err == ERR_OK && !restore_stopped(run)) {
		err = restore_select_next(select, &entry, &path, &wanted);
		if (err != ERR_OK || !entry)
			break;
		if (wanted == RESTORE_WANTED && restore_marked(run, number++))
			err = add(check, &batch, entry, path);
	}
	if (batch)
		submit(check, batch);
	while (check->first)
		wait_for_oldest(check);
	return err;
}

enum err restore_check(struct restore *run, struct restore_select *select)
{
	struct check check = {.run = run, .root = -1};
	enum err err = names_new(&check.names);

	if (err == ERR_OK) {
		check.root = open(run->options->destination, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (check.root < 0)
			err = fail_errno(PL_RESTORE_DESTINATION, "cannot use %s", run->options->destination);
	}
	if (err == ERR_OK)
		err = check_all(&check, select);
	if (check.root >= 0)
		close(check.root);
	names_free(check.names);
	return err;
}
