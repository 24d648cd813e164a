/* Which medium a folder is on: what the system says of the mount, what the file system says of itself (libblkid), and what the disk is
 * called by its maker (sysfs). Each is left empty where it cannot be found out: an ordinary user may not read devices, and not every disk
 * has a serial number. */
#include "targets/disk_internal.h"

#include "core/base/mem.h"

#include <blkid/blkid.h>
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define LAYERS_MAX 8 /* of mapped devices (encryption, volumes) above a disk */
#define VPD_HEADER 4 /* bytes of a SCSI page before the serial number */

static void copy(char *out, size_t size, const char *text, size_t length)
{
	while (length > 0 && isspace((unsigned char)text[length - 1]))
		length--;
	while (length > 0 && isspace((unsigned char)*text)) {
		text++;
		length--;
	}
	snprintf(out, size, "%.*s", (int)length, text);
}

/* ---- the mount ---- */

/* "\040" and the like, as mountinfo writes spaces. */
static void unescape(char *text)
{
	char *out = text;

	for (const char *at = text; *at; at++) {
		if (at[0] == '\\' && at[1] >= '0' && at[1] <= '3' && at[2] >= '0' && at[2] <= '7' && at[3] >= '0' &&
		    at[3] <= '7') {
			*out++ = (char)((at[1] - '0') << 6 | (at[2] - '0') << 3 | (at[3] - '0'));
			at += 3;
		} else {
			*out++ = *at;
		}
	}
	*out = '\0';
}

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw": proc_pid_mountinfo(5). False where the line is of another mount. */
static bool read_mount(const char *line, uint64_t wanted, struct target_medium *out)
{
	const char *behind = strstr(line, " - ");
	char type[sizeof(out->type)], source[sizeof(out->device)];

	if (strtoull(line, NULL, 10) != wanted || !behind || sscanf(behind + 3, "%31s %255s", type, source) != 2)
		return false;
	unescape(source);
	memcpy(out->type, type, sizeof(type));
	memcpy(out->device, source, sizeof(source));
	return true;
}

static void find_mount(int fd, struct target_medium *out)
{
	struct statx status;
	FILE *file;
	char *line = NULL;
	size_t room = 0;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &status) != 0 || !(status.stx_mask & STATX_MNT_ID))
		return;
	file = fopen("/proc/self/mountinfo", "re");
	if (!file)
		return;
	while (getline(&line, &room, file) > 0 && !read_mount(line, status.stx_mnt_id, out))
		;
	free(line); /* getline's own allocation */
	fclose(file);
}

/* ---- the file system ---- */

static void take_value(blkid_probe probe, const char *name, char *out, size_t size)
{
	const char *value;
	size_t length;

	if (blkid_probe_lookup_value(probe, name, &value, &length) == 0 && length > 0)
		copy(out, size, value, strnlen(value, length));
}

static void find_file_system(struct target_medium *out)
{
	blkid_probe probe = blkid_new_probe_from_filename(out->device);

	if (!probe)
		return;
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID | BLKID_SUBLKS_TYPE);
	if (blkid_do_safeprobe(probe) == 0) {
		take_value(probe, "TYPE", out->type, sizeof(out->type)); /* the mount calls FUSE's all alike */
		take_value(probe, "LABEL", out->label, sizeof(out->label));
		take_value(probe, "UUID", out->uuid, sizeof(out->uuid));
	}
	blkid_free_probe(probe);
}

/* ---- the disk ---- */

/* A line of sysfs; false where there is none. */
static bool read_attribute(const char *folder, const char *name, size_t skip, char *out, size_t size)
{
	char *path = mem_printf("%s/%s", folder, name);
	char text[256];
	ssize_t length = -1;
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd >= 0) {
		length = read(fd, text, sizeof(text));
		close(fd);
	}
	mem_free(path);
	if (length <= (ssize_t)skip)
		return false;
	copy(out, size, text + skip, strnlen(text + skip, (size_t)length - skip));
	return *out != '\0';
}

static bool has(const char *folder, const char *name)
{
	char *path = mem_printf("%s/%s", folder, name);
	bool found = path && access(path, F_OK) == 0;

	mem_free(path);
	return found;
}

/* The one device that a mapped one lies on, as a resolved path (released with free); NULL where there is none, or several. */
static char *below(const char *disk)
{
	char *folder = mem_printf("%s/slaves", disk), *path = NULL, *found = NULL;
	DIR *listing = folder ? opendir(folder) : NULL;
	struct dirent *entry;

	while (listing && (entry = readdir(listing)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if (path) {
			mem_free(path);
			path = NULL;
			break;
		}
		path = mem_printf("%s/%s", folder, entry->d_name);
	}
	if (path)
		found = realpath(path, NULL);
	if (listing)
		closedir(listing);
	mem_free(folder);
	mem_free(path);
	return found;
}

/* A USB stick has its number on the device that was plugged in, a few folders above the disk. Above that are hubs with numbers of their own. */
static void find_usb_serial(char *path, char *out, size_t size)
{
	char *slash;

	while ((slash = strrchr(path, '/')) != NULL && slash != path) {
		*slash = '\0';
		if (has(path, "idVendor")) {
			(void)read_attribute(path, "serial", 0, out, size);
			return;
		}
	}
}

static void find_serial(dev_t device, char *out, size_t size)
{
	char *link = mem_printf("/sys/dev/block/%u:%u", major(device), minor(device));
	char *path = link ? realpath(link, NULL) : NULL;

	for (int layer = 0; path && layer < LAYERS_MAX; layer++) {
		char *lower;

		if (has(path, "partition"))
			*strrchr(path, '/') = '\0';
		lower = below(path);
		if (!lower)
			break;
		free(path);
		path = lower;
	}
	if (path && !read_attribute(path, "serial", 0, out, size) &&
	    !read_attribute(path, "device/serial", 0, out, size) &&
	    !read_attribute(path, "device/vpd_pg80", VPD_HEADER, out, size))
		find_usb_serial(path, out, size);
	free(path); /* realpath's own allocation */
	mem_free(link);
}

/* ---- */

enum err disk_medium(struct target *target, struct target_medium *out)
{
	struct disk_target *disk = disk_of(target);
	struct stat status;
	char *name = NULL;

	if (fstat(disk->root_fd, &status) != 0)
		return disk_fail(disk, PL_TARGET_READ, "ask for the medium of", "");
	find_mount(disk->root_fd, out);
	/* A file system on several devices (btrfs) has a number of its own; its mount names one of them. */
	if (major(status.st_dev) != 0)
		name = blkid_devno_to_devname(status.st_dev);
	if (name)
		snprintf(out->device, sizeof(out->device), "%s", name);
	free(name); /* libblkid's own allocation */
	if (out->device[0] == '/' && stat(out->device, &status) == 0 && S_ISBLK(status.st_mode)) {
		find_file_system(out);
		find_serial(status.st_rdev, out->serial, sizeof(out->serial));
	}
	return ERR_OK;
}
