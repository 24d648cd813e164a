#include "core/ssh/sftp_internal.h"

#include "core/base/mem.h"

#define VALID_PERMISSIONS 07777u

static enum err ask_attributes(struct sftp *sftp, enum sftp_type type, const char *path, struct sftp_attributes *out)
{
	struct sftp_wait wait = {.sftp = sftp};
	struct sftp_wire wire;
	bool whole;
	enum err err =
	    sftp_call(&wait, sftp_ask(sftp, type, sftp_await, &wait, "s", path), SFTP_ATTRS, "look at", path);

	if (err == ERR_OK) {
		wire = sftp_wire_of(wait.body.data, wait.body.length);
		sftp_wire_attributes(&wire, out, &whole);
		if (wire.bad || !whole)
			err = sftp_bad(sftp, "attributes without size, type or time");
	}
	sftp_wait_free(&wait);
	return err;
}

enum err sftp_stat(struct sftp *sftp, const char *path, struct sftp_attributes *out)
{
	return ask_attributes(sftp, SFTP_STAT, path, out);
}

enum err sftp_lstat(struct sftp *sftp, const char *path, struct sftp_attributes *out)
{
	return ask_attributes(sftp, SFTP_LSTAT, path, out);
}

enum err sftp_readlink(struct sftp *sftp, const char *path, char **out)
{
	struct sftp_wait wait = {.sftp = sftp};
	struct sftp_wire wire;
	const uint8_t *target;
	size_t size = 0;
	uint32_t count;
	enum err err = sftp_call(
	    &wait, sftp_ask(sftp, SFTP_READLINK, sftp_await, &wait, "s", path), SFTP_NAME, "read the link", path);

	*out = NULL;
	if (err == ERR_OK) {
		wire = sftp_wire_of(wait.body.data, wait.body.length);
		count = sftp_wire_u32(&wire);
		target = sftp_wire_string(&wire, &size);
		if (wire.bad || count != 1 || size == 0 || size > SFTP_NAME_MAX || memchr(target, '\0', size))
			err = sftp_bad(sftp, "a link that leads to nothing");
		else if (!(*out = mem_alloc(size + 1)))
			err = ERR_NOMEM;
		if (err == ERR_OK) {
			memcpy(*out, target, size);
			(*out)[size] = '\0';
		}
	}
	sftp_wait_free(&wait);
	return err;
}

enum err sftp_space(struct sftp *sftp, const char *path, struct sftp_space *out)
{
	struct sftp_wait wait = {.sftp = sftp};
	struct sftp_wire wire;
	uint64_t unit, total, available;
	enum err err;

	*out = (struct sftp_space){0};
	if (!sftp->has_statvfs)
		return fail(PL_SFTP_UNSUPPORTED, "the SFTP server of %s does not tell how much space there is",
		    sftp->ssh->name);
	err = sftp_call(&wait, sftp_ask(sftp, SFTP_EXTENDED, sftp_await, &wait, "ss", "statvfs@openssh.com", path),
	    SFTP_EXTENDED_REPLY, "look at the file system of", path);
	if (err == ERR_OK) {
		wire = sftp_wire_of(wait.body.data, wait.body.length);
		sftp_wire_u64(&wire); /* the size that is good for input and output; the next counts blocks */
		unit = sftp_wire_u64(&wire);
		total = sftp_wire_u64(&wire);
		sftp_wire_u64(&wire); /* free, for root as well */
		available = sftp_wire_u64(&wire);
		if (wire.bad || unit == 0 || total > UINT64_MAX / unit || available > UINT64_MAX / unit)
			err = sftp_bad(sftp, "a file system of a size that none has");
		else
			*out = (struct sftp_space){.total = total * unit, .available = available * unit};
	}
	sftp_wait_free(&wait);
	return err;
}

/* For what is refused without a reason: a name that is there already is one. */
static enum err explain(struct sftp *sftp, enum err err, const char *path)
{
	struct failure failure = *failure_last();
	struct sftp_attributes attributes;

	if (err == ERR_OK || failure.id != PL_SFTP_FAILED)
		return err;
	err = sftp_lstat(sftp, path, &attributes);
	if (err == ERR_OK)
		return fail(PL_SFTP_EXISTS, "%s", failure.text);
	return ssh_is_broken(sftp->ssh) || err == ERR_INTERRUPTED ? err : failure_put(&failure);
}

enum err sftp_rename(struct sftp *sftp, const char *from, const char *to)
{
	struct sftp_wait wait = {.sftp = sftp};
	enum err err = sftp_call(&wait, sftp_ask(sftp, SFTP_RENAME, sftp_await, &wait, "ss", from, to), SFTP_STATUS,
	    "give another name to", from);

	sftp_wait_free(&wait);
	return explain(sftp, err, to);
}

enum err sftp_unlink(struct sftp *sftp, const char *path)
{
	struct sftp_wait wait = {.sftp = sftp};
	enum err err =
	    sftp_call(&wait, sftp_ask(sftp, SFTP_REMOVE, sftp_await, &wait, "s", path), SFTP_STATUS, "remove", path);

	sftp_wait_free(&wait);
	return err;
}

enum err sftp_mkdir(struct sftp *sftp, const char *path, mode_t mode)
{
	struct sftp_wait wait = {.sftp = sftp};
	enum err err = sftp_call(&wait,
	    sftp_ask(sftp, SFTP_MKDIR, sftp_await, &wait, "suu", path, 4u, (uint32_t)mode & VALID_PERMISSIONS),
	    SFTP_STATUS, "make the folder", path);

	sftp_wait_free(&wait);
	return explain(sftp, err, path);
}
