/* Secrets of channels, read when they are needed and forgotten at once. */
#include "scheduler/notify_internal.h"

#include "core/base/mem.h"
#include "core/crypto/crypto.h"
#include "core/source/command.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOM (NOTIFY_SECRET_MAX + 2) /* a line end and the NUL */

/* One byte stream or the other. 0 at the end; PL_NOTIFY_SECRET. */
struct source {
	int fd;
	struct command *command;
	const char *name;
};

static enum err read_some(const struct source *source, char *out, size_t size, size_t *got)
{
	ssize_t done;

	if (source->command)
		return command_read(source->command, out, size, got);
	do
		done = read(source->fd, out, size);
	while (done < 0 && errno == EINTR);
	*got = done > 0 ? (size_t)done : 0;
	return done < 0 ? fail_errno(PL_NOTIFY_SECRET, "cannot read %s", source->name) : ERR_OK;
}

/* Straight into secret memory: no other buffer ever holds it. */
static enum err read_line(const struct source *source, char **out)
{
	char *secret = secret_new(ROOM);
	size_t length = 0, got = 1;
	enum err err = secret ? ERR_OK : ERR_NOMEM;

	while (err == ERR_OK && got > 0 && length < ROOM - 1) {
		err = read_some(source, secret + length, ROOM - 1 - length, &got);
		length += err == ERR_OK ? got : 0;
	}
	if (err == ERR_OK && length > 0 && secret[length - 1] == '\n')
		length--;
	if (err == ERR_OK && length > 0 && secret[length - 1] == '\r')
		length--;
	if (err == ERR_OK && length == 0)
		err = fail(PL_NOTIFY_SECRET, "the secret from %s is empty", source->name);
	if (err == ERR_OK && length > NOTIFY_SECRET_MAX)
		err = fail(
		    PL_NOTIFY_SECRET, "the secret from %s has more than %d bytes", source->name, NOTIFY_SECRET_MAX);
	for (size_t i = 0; err == ERR_OK && i < length; i++)
		if ((unsigned char)secret[i] < ' ' || secret[i] == 0x7f)
			err = fail(
			    PL_NOTIFY_SECRET, "the secret from %s is more than one line, or no text", source->name);
	if (err != ERR_OK) {
		notify_secret_free(secret);
		return err;
	}
	secret[length] = '\0';
	*out = secret;
	return ERR_OK;
}

enum err notify_secret_file(const char *path, char **out)
{
	struct source source = {.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), .name = path};
	struct stat status;
	enum err err;

	*out = NULL;
	if (source.fd < 0)
		return fail_errno(PL_NOTIFY_SECRET, "cannot open %s", path);
	/* Asked again at each use: a scheduler runs for months after it read its configuration. */
	if (fstat(source.fd, &status) != 0)
		err = fail_errno(PL_NOTIFY_SECRET, "cannot look at %s", path);
	else if (!S_ISREG(status.st_mode))
		err = fail(PL_NOTIFY_SECRET, "%s is no regular file", path);
	else if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		err = fail(PL_CONFIG_SECRET, "other users may read or change %s (mode %04o)", path,
		    (unsigned)(status.st_mode & 07777));
	else if (status.st_uid != geteuid() && status.st_uid != 0)
		err = fail(PL_CONFIG_SECRET, "%s belongs to another user (%u)", path, (unsigned)status.st_uid);
	else
		err = read_line(&source, out);
	close(source.fd);
	return err;
}

/* timeout(1): a command that waits for something must not hold up what runs behind it. */
enum err notify_secret_command(const char *command, char **out)
{
	const char *const argv[] = {"timeout", "-k", "5", "60", "/bin/sh", "-c", command, NULL};
	struct source source = {.fd = -1, .name = "the password command"};
	enum err err = command_start(&source.command, argv);

	*out = NULL;
	if (err == ERR_OK)
		err = read_line(&source, out);
	if (err == ERR_OK && command_finish(source.command) != ERR_OK)
		err = failure_last()->kind == ERR_INTERRUPTED
		    ? ERR_INTERRUPTED
		    : fail(PL_NOTIFY_SECRET, "the password command failed, or took more than a minute");
	command_free(source.command);
	if (err != ERR_OK) {
		notify_secret_free(*out);
		*out = NULL;
	}
	return err;
}

void notify_secret_free(char *secret)
{
	secret_free(secret, ROOM);
}
