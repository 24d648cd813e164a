/* What is no regular file: symbolic links, devices, fifos, sockets, and further names of what is there already. */
#include "restore/restore_internal.h"

#include "core/base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static int make_node(const struct restore_entry *entry, int folder_fd, const char *name)
{
	static const mode_t kinds[] = {
	    [ENTRY_CHARACTER] = S_IFCHR, [ENTRY_BLOCK] = S_IFBLK, [ENTRY_FIFO] = S_IFIFO, [ENTRY_SOCKET] = S_IFSOCK};
	mode_t kind = kinds[entry->entry.type];
	dev_t device = makedev((unsigned)(entry->entry.rdev >> 32), (unsigned)entry->entry.rdev);

	return mknodat(folder_fd, name, kind | (entry->entry.mode & 0777), device);
}

static int make(const struct restore_entry *entry, int folder_fd, const char *name)
{
	if (entry->entry.type != ENTRY_SYMLINK)
		return make_node(entry, folder_fd, name);
	if (strlen(entry->target) != entry->entry.target.size) {
		errno = EINVAL;
		return -1;
	}
	return symlinkat(entry->target, folder_fd, name);
}

/* Gives what was made under `name` its final one. */
static enum err put_in_place(const struct restore_item *item, int folder_fd, const char *name)
{
	if (name == item->entry->name)
		return ERR_OK;
	if (restore_protected_rename(folder_fd, name, item->entry->name) != 0) {
		enum err err =
		    restore_protected_fail("cannot replace", item->entry->entry.path, folder_fd, item->entry->name);

		(void)unlinkat(folder_fd, name, 0);
		return err;
	}
	(void)unlinkat(folder_fd, name, 0); /* renaming onto another name of the same file leaves both */
	return ERR_OK;
}

/* What the probe of the destination found that it, or this user, cannot have is named, and no failure: it is not there. */
static bool is_exception(const struct restore *run, const struct entry *entry)
{
	if (!run->missing[entry->type == ENTRY_SYMLINK ? FEATURE_SYMLINK : FEATURE_DEVICE])
		return false;
	/* File systems refuse in many ways, EIO among them; these ways mean something else. */
	return errno != ENOSPC && errno != EDQUOT && errno != ENOMEM && errno != EINTR && errno != EACCES &&
	    errno != EROFS && errno != ENAMETOOLONG;
}

static void name_exception(struct restore *run, const struct restore_entry *entry)
{
	static const char *const kinds[] = {[ENTRY_CHARACTER] = "devices",
	    [ENTRY_BLOCK] = "devices",
	    [ENTRY_FIFO] = "fifos",
	    [ENTRY_SOCKET] = "sockets"};
	char why[FAILURE_TEXT];
	char *target = NULL;

	if (entry->entry.type == ENTRY_SYMLINK) {
		target = output_printable(entry->entry.target.data, entry->entry.target.size);
		snprintf(why, sizeof(why), "the destination cannot have symbolic links (it leads to %s)",
		    target ? target : "?");
	} else {
		snprintf(why, sizeof(why), "the destination, or this user, cannot have %s", kinds[entry->entry.type]);
	}
	restore_absent(run, entry->entry.path, why);
	mem_free(target);
}

/* *made: it is there. ERR_OK without it: it cannot be, and was named. */
static enum err make_other(struct restore *run, struct restore_item *item, int folder_fd, const char *name, bool *made)
{
	const struct entry *entry = &item->entry->entry;
	struct restore_has has = {.uid = run->needs.uid,
	    .gid = restore_folder_group(run, item->folder),
	    .mode = entry->mode & 0777,
	    .fresh = true};

	if (make(item->entry, folder_fd, name) != 0) {
		if (errno == EEXIST)
			return fail(PL_RESTORE_CLASH, "the destination takes %s for another name that is there",
			    restore_printable(entry->path));
		if (is_exception(run, entry)) {
			name_exception(run, item->entry);
			return ERR_OK;
		}
		return restore_protected_fail("cannot make", entry->path, folder_fd, name);
	}
	if (item->folder->default_acl && entry->type != ENTRY_SYMLINK) {
		char path[320];

		snprintf(path, sizeof(path), "/proc/self/fd/%d/%.255s", folder_fd, name);
		(void)lremovexattr(path, "system.posix_acl_access");
		has.mode = (mode_t)-1; /* as the ACL made it */
	}
	restore_metadata_set(run, entry, -1, folder_fd, name, &has, 0);
	*made = true;
	return put_in_place(item, folder_fd, name);
}

/* *made where the item is now a further name of its group's first member. Else it is to be restored by itself, perhaps as the first. */
static enum err make_link(struct restore *run, struct restore_item *item, int folder_fd, const char *name, bool *made)
{
	struct restore_link *link = item->link;
	bool there = false;
	enum err err = restore_link_join(run, item, &there);
	int first_fd, failed;

	*made = false;
	if (err != ERR_OK || !there)
		return err;
	first_fd = restore_folder_enter(run, link->folder);
	if (first_fd < 0)
		return failure_last()->kind;
	failed = linkat(first_fd, link->name, folder_fd, name, 0);
	restore_folder_leave(run, link->folder);
	if (failed) {
		/* EMLINK and the like: a file of its own is better than none. */
		restore_metadata_problem(run, FEATURE_HARDLINK, item->entry->entry.path, "hard link");
		return ERR_OK;
	}
	*made = true;
	return put_in_place(item, folder_fd, name);
}

static void count(struct restore *run, const struct restore_item *item)
{
	if (item->entry->entry.type == ENTRY_FILE)
		run->files++;
	else
		run->others++;
	restore_mark(run, item->number);
}

static void make_alone(struct restore *run, struct restore_item *item, int folder_fd, const char *name)
{
	bool made = false;
	enum err err = make_other(run, item, folder_fd, name, &made);

	if (err != ERR_OK)
		restore_problem(run, item->entry->entry.path, err);
	else if (made)
		count(run, item);
	if (item->link && item->first)
		restore_link_done(run, item->link, err == ERR_OK && made ? LINK_DONE : LINK_FAILED);
}

void restore_other_make(struct restore *run, struct restore_item *item, int folder_fd)
{
	char temporary[RESTORE_NAME_SIZE];
	const char *name = item->entry->name;
	enum restore_place place;
	bool linked = false;
	enum err err = restore_place_look(run, item, folder_fd, &place);

	if (err == ERR_OK && place == PLACE_TAKEN) {
		restore_temporary_name(run, temporary);
		name = temporary;
	}
	if (err == ERR_OK && place == PLACE_KEEP) {
		restore_keep(run, item);
	} else if (err == ERR_OK && item->link && !item->first) {
		err = make_link(run, item, folder_fd, name, &linked);
		if (err == ERR_OK && linked) {
			count(run, item);
		} else if (err == ERR_OK && item->entry->entry.type == ENTRY_FILE) {
			restore_file_write(run, item, folder_fd);
			return;
		} else if (err == ERR_OK) {
			make_alone(run, item, folder_fd, name);
			return;
		}
	} else if (err == ERR_OK) {
		make_alone(run, item, folder_fd, name);
		return;
	}
	if (err != ERR_OK)
		restore_problem(run, item->entry->entry.path, err);
	if (item->link && item->first)
		restore_link_done(run, item->link, LINK_FAILED);
}
