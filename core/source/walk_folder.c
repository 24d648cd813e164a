#include "core/source/walk_internal.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

static unsigned folders_open; /* atomic */

enum err walk_folder_new(struct walk_folder **out, int fd)
{
	struct walk_folder *folder = mem_alloc(sizeof(*folder));

	if (!folder) {
		close(fd);
		return ERR_NOMEM;
	}
	*folder = (struct walk_folder){.fd = fd, .references = 1};
	__atomic_add_fetch(&folders_open, 1, __ATOMIC_RELAXED);
	*out = folder;
	return ERR_OK;
}

void walk_folder_keep(struct walk_folder *folder)
{
	__atomic_add_fetch(&folder->references, 1, __ATOMIC_RELAXED);
}

void walk_folder_drop(struct walk_folder *folder)
{
	if (!folder || __atomic_sub_fetch(&folder->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	close(folder->fd);
	mem_free(folder);
	__atomic_sub_fetch(&folders_open, 1, __ATOMIC_RELAXED);
}

unsigned walk_folders_open(void)
{
	return __atomic_load_n(&folders_open, __ATOMIC_RELAXED);
}

int walk_open_folder(int parent, const char *name)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(parent, name, flags | O_NOATIME);

	/* Only the owner and root may leave the time of access alone. */
	if (fd < 0 && errno == EPERM)
		fd = openat(parent, name, flags);
	return fd;
}

int walk_open_place(int parent, const char *name)
{
	return openat(parent, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int open_next(int fd, const char *name)
{
	int next = walk_open_place(fd, name);
	int saved = errno;

	close(fd);
	errno = saved;
	return next;
}

int walk_open_chain(int base, struct entry_bytes path)
{
	int fd = walk_open_place(AT_FDCWD, base == PLAN_ABSOLUTE ? "/" : ".");

	for (int i = 0; fd >= 0 && i < base; i++)
		fd = open_next(fd, "..");
	for (size_t at = 0; fd >= 0 && at < path.size;) {
		const uint8_t *slash = memchr(path.data + at, '/', path.size - at);
		size_t size = slash ? (size_t)(slash - path.data) - at : path.size - at;
		char name[NAME_MAX + 1];

		if (size > NAME_MAX) {
			close(fd);
			errno = ENAMETOOLONG;
			return -1;
		}
		memcpy(name, path.data + at, size);
		name[size] = '\0';
		fd = open_next(fd, name);
		at += size + 1;
	}
	return fd;
}

enum err walk_report(const struct walk_options *options, struct entry_bytes path, enum err err)
{
	struct failure failure;

	if (err != ERR_SOURCE || !options->problem)
		return err;
	failure_take(&failure);
	return options->problem(options->context, path, &failure);
}

struct entry_bytes walk_path(const struct walk *walk)
{
	return (struct entry_bytes){walk->path.data, walk->path.length};
}

static char *printable(const struct walk *walk)
{
	return walk->path.length ? output_printable(walk->path.data, walk->path.length) : mem_string("the root folder");
}

enum err walk_report_errno(struct walk *walk, int error)
{
	char *name = printable(walk);
	enum err err = ERR_NOMEM;

	errno = error;
	/* ELOOP, ENOTDIR: it was a folder when it was listed, and is a link or a file now. */
	if (name && (error == ENOENT || error == ENOTDIR || error == ELOOP))
		err = fail(PL_SOURCE_VANISHED, "%s was gone when it was to be read", name);
	else if (name)
		err = fail_errno(PL_SOURCE_READ, "cannot read %s", name);
	mem_free(name);
	return walk_report(&walk->options, walk_path(walk), err);
}

enum err walk_report_text(struct walk *walk, const char *text)
{
	char *name = printable(walk);
	enum err err = name ? fail(PL_SOURCE_READ, "%s %s", name, text) : ERR_NOMEM;

	mem_free(name);
	return walk_report(&walk->options, walk_path(walk), err);
}
