#include "cli/setup_checks.h"
#include "cli/setup_web.h"
#include "conf/address.h"
#include "conf/configuration.h"
#include "conf/recurrence.h"
#include "conf/zone.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/repo/target.h"
#include "targets/registry.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#define NIP_MAX 30 /* digits and spaces: a NIP has 18 digits, in groups or not */

/* ---- texts ---- */

bool setup_checks_text(const char *text)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return false;
	return output_is_utf8(text, length);
}

bool setup_checks_zone(const char *text)
{
	return zone_known(text);
}

bool setup_checks_nip(const char *text)
{
	return strspn(text, "0123456789 ") == strlen(text) && strlen(text) <= NIP_MAX;
}

bool setup_checks_email(const char *text)
{
	return address_valid(text);
}

bool setup_checks_name(const char *text)
{
	return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(text) &&
	    strlen(text) <= CONFIGURATION_NAME_MAX;
}

bool setup_checks_time(const char *text)
{
	unsigned minute;

	return recurrence_time(text, &minute);
}

bool setup_checks_host(const char *text)
{
	return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-") == strlen(text) &&
	    strlen(text) <= 253 && *text != '-';
}

bool setup_checks_secret(const char *text)
{
	struct stat status;

	return text[0] == '/' && access(text, R_OK) == 0 && stat(text, &status) == 0 && S_ISREG(status.st_mode) &&
	    (status.st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

static const char *next_letter(const char *at)
{
	while (*at == ' ' || *at == '.' || *at == ',')
		at++;
	return at;
}

bool setup_checks_same(const char *a, const char *b)
{
	for (a = next_letter(a), b = next_letter(b); *a && *b; a = next_letter(a + 1), b = next_letter(b + 1))
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return false;
	return *a == *b;
}

const char *setup_checks_host_zone(char *out, size_t size)
{
	const char *named = getenv("TZ"), *behind;
	char link[PATH_MAX];
	ssize_t length;
	FILE *file;
	bool read = false;

	if (named && zone_known(named)) {
		snprintf(out, size, "%s", named);
		return out;
	}
	file = fopen("/etc/timezone", "re");
	if (file) {
		read = fgets(out, (int)size, file) != NULL;
		fclose(file);
	}
	if (read)
		out[strcspn(out, "\r\n ")] = '\0';
	if (read && zone_known(out))
		return out;
	length = readlink("/etc/localtime", link, sizeof(link) - 1);
	link[length > 0 ? length : 0] = '\0';
	behind = strstr(link, "/zoneinfo/");
	if (!behind || !zone_known(behind + strlen("/zoneinfo/")))
		return NULL;
	snprintf(out, size, "%s", behind + strlen("/zoneinfo/"));
	return out;
}

/* ---- places ---- */

enum err setup_checks_path(const char *option, const char *text, char *real)
{
	if (!setup_web_path_usable(text))
		return fail(PL_OPTION_VALUE,
		    "--%s: that is no absolute path (from '/') in UTF-8 without control characters", option);
	if (!realpath(text, real))
		return fail(PL_OPTION_VALUE, "--%s: cannot look at %s: %s", option, text, strerror(errno));
	if (!setup_web_path_usable(real))
		return fail(PL_OPTION_VALUE, "--%s: %s leads to a name that no configuration can hold", option, text);
	if (access(real, R_OK) != 0)
		return fail(PL_OPTION_VALUE, "--%s: cannot read %s: %s", option, text, strerror(errno));
	return ERR_OK;
}

/* The folder itself, or the nearest above it that is there. To be released with mem_free. */
static char *nearest_folder(const char *path)
{
	char *at = mem_string(path);
	struct stat status;

	while (at && (stat(at, &status) != 0 || !S_ISDIR(status.st_mode)) && strcmp(at, "/") != 0) {
		char *above = path_folder(at);

		mem_free(at);
		at = above;
	}
	return at;
}

/* What file systems put into an empty disk, and what an interrupted setup leaves. */
static bool is_of_no_account(const char *name)
{
	static const char *const names[] = {
	    "lost+found", "System Volume Information", "keys", "packs", "index", "snapshots", "records", "sessions"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return name[0] == '.';
}

static enum err check_content(const char *target)
{
	DIR *listing = opendir(target);
	struct dirent *entry;
	enum err err = ERR_OK;

	if (!listing)
		return fail(PL_OPTION_VALUE, "--target: cannot read the folder %s: %s", target, strerror(errno));
	while (err == ERR_OK && (entry = readdir(listing)) != NULL)
		if (!is_of_no_account(entry->d_name))
			err = fail(PL_OPTION_VALUE,
			    "--target: the folder %s holds other files; name a new folder in it, as %s%spulih", target,
			    target, target[strlen(target) - 1] == '/' ? "" : "/");
	closedir(listing);
	return err;
}

enum err setup_checks_target(const struct setup_list *paths, const char *text)
{
	struct stat status;
	char *folder = NULL;
	enum err err = ERR_OK;

	if (!setup_web_path_usable(text))
		return fail(PL_OPTION_VALUE,
		    "--target: that is no absolute path (from '/') in UTF-8 without control characters");
	for (size_t i = 0; i < paths->count; i++)
		if (strcmp(paths->items[i], text) == 0)
			return fail(
			    PL_OPTION_VALUE, "--target: %s is to be backed up; backups go to another folder", text);
	if (stat(text, &status) == 0) {
		if (!S_ISDIR(status.st_mode))
			return fail(PL_OPTION_VALUE, "--target: %s is no folder", text);
		if (setup_checks_place(text) == PLACE_NEW)
			err = check_content(text);
	} else if (errno != ENOENT) {
		return fail(PL_OPTION_VALUE, "--target: cannot look at %s: %s", text, strerror(errno));
	}
	folder = err == ERR_OK ? nearest_folder(text) : NULL;
	if (err == ERR_OK && !folder)
		err = ERR_NOMEM;
	if (err == ERR_OK && access(folder, W_OK | X_OK) != 0)
		err = fail(PL_OPTION_VALUE, "--target: cannot write in %s: %s", folder, strerror(errno));
	mem_free(folder);
	return err;
}

enum setup_place setup_checks_place(const char *target)
{
	char *config = path_join(target, "config");
	struct stat status;
	bool there = config && lstat(config, &status) == 0;

	mem_free(config);
	return there ? PLACE_REPOSITORY : PLACE_NEW;
}

/* ---- what speaks against a place ---- */

/* The medium that a path lies on, or would; nothing of it where it cannot be found out. */
static enum err look_at_medium(const char *path, struct target_medium *out, dev_t *device)
{
	char *folder = nearest_folder(path);
	struct target *target = NULL;
	struct stat status;
	enum err err = folder ? target_open(&target, folder, false) : ERR_NOMEM;

	*out = (struct target_medium){0};
	*device = 0;
	if (err == ERR_OK)
		err = target_medium(target, out);
	if (folder && stat(folder, &status) == 0)
		*device = status.st_dev;
	target_free(target);
	mem_free(folder);
	if (err == ERR_OK || err == ERR_NOMEM)
		return err;
	failure_clear();
	return ERR_OK;
}

static enum err add(struct setup_list *out, const char *format, const char *a, const char *b)
{
	char *text = mem_printf(format, a, b);
	enum err err = text ? setup_list_add(out, text) : ERR_NOMEM;

	mem_free(text);
	return err;
}

static bool is_one_of(const char *type, const char *a, const char *b)
{
	return strcmp(type, a) == 0 || strcmp(type, b) == 0;
}

enum err setup_checks_concerns(struct setup_list *out, const char *target, const struct setup_list *paths)
{
	struct target_medium there, here;
	dev_t device_there, device_here;
	enum err err = look_at_medium(target, &there, &device_there);

	if (err == ERR_OK && is_one_of(there.type, "exfat", "vfat"))
		err = add(out,
		    "%s is on a disk with the file system %s, which has no journal: a power cut, or unplugging without "
		    "umount, can damage it; run pulih verify after that, and prefer ext4 where no Windows must read "
		    "the disk",
		    target, there.type);
	if (err == ERR_OK && is_one_of(there.type, "tmpfs", "ramfs"))
		err = add(
		    out, "%s is in memory (%s): all backups are gone when the machine restarts", target, there.type);
	for (size_t i = 0; err == ERR_OK && i < paths->count; i++) {
		err = look_at_medium(paths->items[i], &here, &device_here);
		if (err != ERR_OK)
			break;
		if (device_there == device_here)
			return add(out,
			    "%s is on the same file system as %s: when that disk fails, the data and all backups are "
			    "lost "
			    "together",
			    target, paths->items[i]);
		if (*there.serial && strcmp(there.serial, here.serial) == 0)
			return add(out,
			    "%s is on the same disk as %s, in another partition: when it fails, the data and all "
			    "backups are "
			    "lost together",
			    target, paths->items[i]);
	}
	return err;
}

const char *setup_checks_passphrase(const char *text, size_t size)
{
	size_t digits = 0, words = 1;

	for (size_t i = 0; i < size; i++) {
		digits += isdigit((unsigned char)text[i]) != 0;
		words += text[i] == ' ' && i > 0 && text[i - 1] != ' ';
	}
	if (size < 12)
		return "it has fewer than 12 characters; take five words or more that nobody guesses";
	if (digits == size)
		return "it is a number; take five words or more that nobody guesses";
	if (words < 4 && size < 20)
		return "it is short; take five words or more that nobody guesses";
	return NULL;
}
