/* Backup key files: see key_slot.h. They are secret, and stay in secret memory here. */
#include "core/repo/key_slot_internal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/mem.h"

static enum err unusable(const char *path, const char *why)
{
	return fail(PL_KEY_FILE, "%s: %s", path, why);
}

static bool hex_member(void *out, size_t size, const char *text)
{
	return strlen(text) == 2 * size && hex_decode(out, size, text);
}

static enum err decode(struct keys *keys, json_t *object, const char *path)
{
	const char *type, *repository, *read_key, *owner_key, *shared, *tag, *id, *chunker, *index, *summary, *writer,
	    *seed, *label, *check;
	json_int_t suite;
	int append_only;
	enum err err = canonical_unpack(object, PL_KEY_FILE, path,
	    "{s:i, s:s, s:s, s:I, s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s}, s:{s:s, s:s}, s:s, s:b, s:s}", "format",
	    &(int){0}, "type", &type, "repository", &repository, "suite", &suite, "read_key", &read_key, "owner_key",
	    &owner_key, "shared", &shared, "domain", "tag", &tag, "id", &id, "chunker", &chunker, "index", &index,
	    "summary", &summary, "writer", "id", &writer, "seed", &seed, "label", &label, "append_only", &append_only,
	    "check", &check);

	if (err != ERR_OK)
		return err;
	if (strcmp(type, "backup") != 0)
		return unusable(path, "it is no backup key");
	err = canonical_check(object, PL_KEY_FILE, path);
	if (err != ERR_OK)
		return err;
	if (suite < 0 || suite > 255 || !suite_name((int)suite))
		return fail(PL_SUITE, "%s: cipher suite %" JSON_INTEGER_FORMAT, path, suite);
	if (!hex_member(keys->repository, REPOSITORY_ID_SIZE, repository) ||
	    !hex_member(keys->read_public, KEY_SIZE, read_key) ||
	    !hex_member(keys->owner_public, KEY_SIZE, owner_key) || !hex_member(keys->shared, KEY_SIZE, shared) ||
	    !hex_member(keys->domain.tag, DOMAIN_TAG_SIZE, tag) || !hex_member(keys->domain.id_key, KEY_SIZE, id) ||
	    !hex_member(keys->domain.chunker_key, KEY_SIZE, chunker) ||
	    !hex_member(keys->domain.index_key, KEY_SIZE, index) ||
	    !hex_member(keys->domain.summary_key, KEY_SIZE, summary) ||
	    !hex_member(keys->signer.writer, WRITER_ID_SIZE, writer) || !hex_member(keys->signer.seed, KEY_SIZE, seed))
		return unusable(path, "a member is no hexadecimal number of its size");
	keys->suite = (int)suite;
	keys->full = false;
	return ed25519_public(keys->signer.seed, keys->signer.public_key);
}

/* Opens the file once and asks the open file, so that what was checked is what is read. */
static enum err open_private(const char *path, int *fd, size_t *size)
{
	struct stat status;

	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (*fd < 0 || fstat(*fd, &status) != 0)
		return fail_errno(PL_KEY_FILE, "cannot open %s", path);
	if (!S_ISREG(status.st_mode))
		return unusable(path, "it is no file");
	if (status.st_mode & (S_IRWXG | S_IRWXO))
		return unusable(path, "others may read it (chmod 600)");
	if (status.st_uid != geteuid() && status.st_uid != 0)
		return unusable(path, "it belongs to somebody else");
	if (status.st_size <= 0 || status.st_size > KEY_SLOT_MAX)
		return unusable(path, "it does not have the size of a key file");
	*size = (size_t)status.st_size;
	return ERR_OK;
}

enum err key_file_load(struct keys *keys, const char *path)
{
	json_t *object = NULL;
	uint8_t *bytes = NULL;
	size_t size = 0;
	int fd = -1;
	enum err err = open_private(path, &fd, &size);

	if (err == ERR_OK && !(bytes = secret_new(size)))
		err = ERR_NOMEM;
	if (err == ERR_OK && file_read_full(fd, bytes, size) != (ssize_t)size)
		err = unusable(path, "it cannot be read");
	if (err == ERR_OK)
		err = canonical_read(&object, bytes, size, PL_KEY_FILE, path);
	if (err == ERR_OK)
		err = decode(keys, object, path);
	if (fd >= 0)
		close(fd);
	json_decref(object);
	secret_free(bytes, size);
	return err;
}
