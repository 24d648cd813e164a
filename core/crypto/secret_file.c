#include "core/crypto/secret_file.h"

#include "core/base/file.h"
#include "core/crypto/crypto.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err open_file(const char *path, enum message wrong, int *fd)
{
	struct stat status;
	enum err err = ERR_OK;

	/* Without O_NONBLOCK a FIFO would be waited for. */
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (*fd < 0)
		return fail_errno(wrong, "cannot open %s", path);
	if (fstat(*fd, &status) != 0)
		err = fail_errno(wrong, "cannot look at %s", path);
	else if (!S_ISREG(status.st_mode))
		err = fail(wrong, "%s is no regular file", path);
	else if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		err = fail(
		    wrong, "other users may read or change %s (mode %04o)", path, (unsigned)(status.st_mode & 07777));
	else if (status.st_uid != geteuid() && status.st_uid != 0)
		err = fail(wrong, "%s belongs to another user (%u)", path, (unsigned)status.st_uid);
	if (err != ERR_OK) {
		close(*fd);
		*fd = -1;
	}
	return err;
}

enum err secret_file_read(const char *path, size_t room, enum message wrong, char **out)
{
	char *secret = NULL;
	ssize_t got = 0;
	int fd;
	enum err err = open_file(path, wrong, &fd);

	*out = NULL;
	if (err != ERR_OK)
		return err;
	secret = secret_new(room);
	if (secret)
		got = file_read_full(fd, secret, room);
	if (!secret)
		err = ERR_NOMEM;
	else if (got < 0)
		err = fail_errno(wrong, "cannot read %s", path);
	else if ((size_t)got >= room)
		err = fail(wrong, "%s is too large for what it should be", path);
	else if (memchr(secret, '\0', (size_t)got))
		err = fail(wrong, "%s is no text", path);
	close(fd);
	if (err != ERR_OK) {
		secret_free(secret, room);
		return err;
	}
	secret[got] = '\0';
	*out = secret;
	return ERR_OK;
}

enum err secret_file_cut(char *text, size_t max, bool alone, enum message wrong, const char *name)
{
	size_t all = strlen(text), length = strcspn(text, "\n");
	bool more = all > length + 1;

	if (length > 0 && text[length - 1] == '\r')
		length--;
	crypto_wipe(text + length, all - length);
	if (length == 0)
		return fail(wrong, "the first line of %s is empty", name);
	if (length > max)
		return fail(wrong, "the first line of %s has more than %zu bytes", name, max);
	if (alone && more)
		return fail(wrong, "%s holds more than one line", name);
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return fail(wrong, "the first line of %s holds a control character", name);
	return ERR_OK;
}

enum err secret_file_line(const char *path, size_t room, bool alone, enum message wrong, char **out)
{
	enum err err = secret_file_read(path, room, wrong, out);

	if (err != ERR_OK)
		return err;
	err = secret_file_cut(*out, room - 3, alone, wrong, path);
	if (err != ERR_OK) {
		secret_free(*out, room);
		*out = NULL;
	}
	return err;
}
