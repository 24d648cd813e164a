#include "restore/scratch_internal.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Locked before it has its name: whoever finds it without a lock finds one whose process is gone. */
static enum err make_marker(struct scratch *scratch)
{
	char *fresh = path_join(scratch->folder, ".new"), *marker = path_join(scratch->folder, SCRATCH_MARKER);
	enum err err = fresh && marker ? ERR_OK : ERR_NOMEM;

	if (err == ERR_OK) {
		scratch->lock = open(fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (scratch->lock < 0 || flock(scratch->lock, LOCK_EX | LOCK_NB) != 0 || rename(fresh, marker) != 0)
			err = fail_errno(PL_SCRATCH, "cannot make %s", marker);
	}
	mem_free(fresh);
	mem_free(marker);
	return err;
}

static enum err make_folder(struct scratch *scratch)
{
	char *folder = path_join(scratch->parent, SCRATCH_PREFIX "XXXXXX");
	enum err err;

	if (!folder)
		return ERR_NOMEM;
	if (!mkdtemp(folder)) {
		err = fail_errno(PL_SCRATCH, "cannot make a folder in %s", scratch->parent);
		mem_free(folder);
		return err;
	}
	scratch->folder = folder;
	scratch->name = mem_string(strrchr(folder, '/') + 1);
	scratch->files = path_join(folder, "files");
	err = scratch->name && scratch->files ? make_marker(scratch) : ERR_NOMEM;
	/* A server of another user has to get to its own folder, which is in this one. */
	if (err == ERR_OK && (chmod(folder, 0711) != 0 || mkdir(scratch->files, 0700) != 0))
		err = fail_errno(PL_SCRATCH, "cannot make %s", scratch->files);
	return err;
}

static enum err open_parent(struct scratch *scratch, const char *parent)
{
	char *whole = realpath(parent, NULL);

	if (!whole)
		return fail_errno(PL_SCRATCH, "cannot use %s", parent);
	scratch->parent = mem_string(whole);
	free(whole); /* the C library's own allocation */
	if (!scratch->parent)
		return ERR_NOMEM;
	scratch->parent_fd = open(scratch->parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return scratch->parent_fd >= 0 ? ERR_OK : fail_errno(PL_SCRATCH, "cannot open %s", scratch->parent);
}

enum err scratch_open(struct scratch **out, const struct scratch_options *options)
{
	struct scratch *scratch = mem_calloc(1, sizeof(*scratch));
	enum err err;

	*out = NULL;
	if (!scratch)
		return ERR_NOMEM;
	scratch->parent_fd = scratch->lock = -1;
	scratch->reserve = options->reserve;
	err = open_parent(scratch, options->parent);
	if (err == ERR_OK)
		err = scratch_clear(scratch->parent, scratch->parent_fd);
	if (err == ERR_OK)
		err = make_folder(scratch);
	if (err == ERR_OK) {
		*out = scratch;
		return ERR_OK;
	}
	{
		struct failure kept = *failure_last();

		(void)scratch_close(scratch);
		return failure_put(&kept);
	}
}

/* Also where the program was asked to stop: what is left behind takes room from everybody. */
enum err scratch_close(struct scratch *scratch)
{
	bool interrupted = interrupt_requested();
	enum err err = ERR_OK;

	if (!scratch)
		return ERR_OK;
	interrupt_set(false);
	if (scratch->folder) {
		scratch_end_processes(scratch->folder);
		err = scratch_remove(scratch->parent_fd, strrchr(scratch->folder, '/') + 1);
	}
	if (interrupted)
		interrupt_set(true);
	if (scratch->lock >= 0)
		close(scratch->lock);
	if (scratch->parent_fd >= 0)
		close(scratch->parent_fd);
	mem_free(scratch->parent);
	mem_free(scratch->name);
	mem_free(scratch->folder);
	mem_free(scratch->files);
	mem_free(scratch);
	return err;
}

const char *scratch_files(const struct scratch *scratch)
{
	return scratch->files;
}

enum err scratch_room(const struct scratch *scratch, uint64_t bytes)
{
	struct statvfs space;
	uint64_t available;
	char needed[32], there[32];

	if (fstatvfs(scratch->parent_fd, &space) != 0)
		return fail_errno(PL_SCRATCH, "cannot ask for the room in %s", scratch->parent);
	available = (uint64_t)space.f_bavail * space.f_frsize;
	if (available >= scratch->reserve && available - scratch->reserve >= bytes)
		return ERR_OK;
	return fail(PL_SCRATCH_SPACE, "%s has %s free; the drill needs %s there, and leaves %s to others",
	    scratch->parent, output_size(there, available), output_size(needed, bytes),
	    output_size((char[32]){""}, scratch->reserve));
}
