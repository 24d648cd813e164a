#include "cli/setup_sqlite.h"
#include "cli/setup_web.h"
#include "core/base/clock.h"
#include "core/base/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

static const char magic[16] = "SQLite format 3"; /* with its NUL: the first 16 bytes of each database */

struct search {
	struct setup_sqlite *out;
	const struct file_identity *own;
	size_t own_count;
	dev_t device; /* of the root at hand */
};

static bool begins_as_database(int folder, const char *name)
{
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char start[sizeof(magic)];
	struct stat status;
	bool is;

	if (fd < 0)
		return false;
	is = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
	    file_read_full(fd, start, sizeof(start)) == (ssize_t)sizeof(start) &&
	    memcmp(start, magic, sizeof(magic)) == 0;
	close(fd);
	return is;
}

bool setup_sqlite_is(const char *path)
{
	return begins_as_database(AT_FDCWD, path);
}

static bool is_full(const struct search *search)
{
	return search->out->entries >= SETUP_SQLITE_ENTRIES_MAX || search->out->paths.count >= SETUP_SQLITE_MAX;
}

static enum err search_folder(struct search *search, int fd, const char *path, unsigned depth);

static enum err look_at(struct search *search, int folder, const char *name, const char *path, unsigned depth)
{
	struct stat status;
	int fd;

	if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return ERR_OK;
	if (S_ISREG(status.st_mode) && status.st_size >= (off_t)sizeof(magic) && setup_web_path_usable(path) &&
	    begins_as_database(folder, name))
		return setup_list_add_new(&search->out->paths, path);
	if (!S_ISDIR(status.st_mode) || status.st_dev != search->device ||
	    file_is_among(&status, search->own, search->own_count))
		return ERR_OK;
	if (depth == SETUP_SQLITE_DEPTH_MAX) {
		search->out->cut = true;
		return ERR_OK;
	}
	fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? ERR_OK : search_folder(search, fd, path, depth + 1);
}

/* Takes the descriptor over. */
static enum err search_folder(struct search *search, int fd, const char *path, unsigned depth)
{
	DIR *listing = fdopendir(fd);
	struct dirent *entry;
	enum err err = ERR_OK;

	if (!listing) {
		close(fd);
		return ERR_OK;
	}
	while (err == ERR_OK && (entry = readdir(listing)) != NULL) {
		char *below;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (is_full(search)) {
			search->out->cut = true;
			break;
		}
		if (interrupt_requested()) {
			err = fail(PL_INTERRUPTED, "interrupted");
			break;
		}
		search->out->entries++;
		below = path_join(path, entry->d_name);
		err = below ? look_at(search, dirfd(listing), entry->d_name, below, depth) : ERR_NOMEM;
		mem_free(below);
	}
	closedir(listing);
	return err;
}

enum err setup_sqlite_find(
    struct setup_sqlite *out, const char *const *roots, size_t count, const struct file_identity *own, size_t own_count)
{
	struct search search = {.out = out, .own = own, .own_count = own_count};
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < count; i++) {
		int fd = open(roots[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		struct stat status;

		if (fd >= 0 && fstat(fd, &status) == 0 && !file_is_among(&status, own, own_count)) {
			search.device = status.st_dev;
			err = search_folder(&search, fd, roots[i], 0);
		} else if (fd >= 0) {
			close(fd);
		} else if (setup_sqlite_is(roots[i])) {
			err = setup_list_add_new(&out->paths, roots[i]);
		}
	}
	setup_list_sort(&out->paths);
	return err;
}
