#include "cli/passphrase.h"
#include "cli/settings.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/crypto/crypto.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define LOOK_AROUND 200 /* ms: a signal that comes just before a read would wait with it for ever */

static void wait_for_input(int fd)
{
	struct pollfd input = {.fd = fd, .events = POLLIN};

	while (!interrupt_requested() && poll(&input, 1, LOOK_AROUND) == 0)
		;
}

/* Reads up to the end of the file, or of the line where `line` is set, straight into secret memory: no buffer of stdio ever
 * holds it. One trailing line end is taken off. */
static enum err read_secret(int fd, const char *name, bool line, char **out, size_t *size)
{
	char *secret = secret_new(PASSPHRASE_MAX + 1);
	size_t length = 0;
	enum err err = ERR_OK;

	if (!secret)
		return ERR_NOMEM;
	while (length <= PASSPHRASE_MAX) {
		/* A terminal gives one line a call and keeps the rest. */
		ssize_t got;

		wait_for_input(fd);
		got = interrupt_requested() ? 0 : read(fd, secret + length, PASSPHRASE_MAX + 1 - length);
		if (got < 0 && errno == EINTR && !interrupt_requested())
			continue;
		if (interrupt_requested())
			err = fail(PL_INTERRUPTED, "interrupted");
		else if (got < 0)
			err = fail_errno(PL_FILE_READ, "cannot read the passphrase from %s", name);
		if (err != ERR_OK || got <= 0)
			break;
		length += (size_t)got;
		if (line && secret[length - 1] == '\n')
			break;
	}
	if (err == ERR_OK && length > PASSPHRASE_MAX)
		err = fail(PL_FILE_LIMIT, "%s holds more than %d bytes: that is no passphrase", name, PASSPHRASE_MAX);
	if (err != ERR_OK) {
		secret_free(secret, PASSPHRASE_MAX + 1);
		return err;
	}
	if (length > 0 && secret[length - 1] == '\n')
		length--;
	if (length > 0 && secret[length - 1] == '\r')
		length--;
	if (length == 0)
		err = fail(PL_PASSPHRASE_EMPTY, "the passphrase from %s is empty", name);
	else if (!(*out = secret_new(length))) /* exactly its size, because that is how it is freed */
		err = ERR_NOMEM;
	if (err == ERR_OK) {
		memcpy(*out, secret, length);
		*size = length;
	}
	secret_free(secret, PASSPHRASE_MAX + 1);
	return err;
}

static void discard(char **secret, size_t size)
{
	secret_free(*secret, size);
	*secret = NULL;
}

/* One that the configuration names must be its user's own: runs go on for months, and nobody reads their warnings. Who names one by hand is
 * told. */
static enum err check_private(int fd, const char *path, bool configured)
{
	struct stat status;

	if (fstat(fd, &status) != 0)
		return fail_errno(PL_FILE_READ, "cannot look at the password file %s", path);
	if (configured && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return fail(PL_CONFIG_SECRET, "other users may read or change the password file %s (mode %04o)", path,
		    (unsigned)(status.st_mode & 07777));
	if (configured && status.st_uid != geteuid() && status.st_uid != 0)
		return fail(PL_CONFIG_SECRET, "the password file %s belongs to another user (%u)", path,
		    (unsigned)status.st_uid);
	if (S_ISREG(status.st_mode) && (status.st_mode & (S_IRGRP | S_IROTH)) != 0)
		output_warning(PL_PASSWORD_FILE_OPEN, "other users can read the password file %s: chmod 600 it", path);
	return ERR_OK;
}

static enum err read_file(const char *path, bool configured, char **out, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum err err;

	if (fd < 0)
		return fail_errno(
		    errno == ENOENT ? PL_FILE_MISSING : PL_FILE_READ, "cannot open the password file %s", path);
	err = check_private(fd, path, configured);
	if (err == ERR_OK)
		err = read_secret(fd, path, false, out, size);
	close(fd);
	return err;
}

/* In this process group, on this terminal: the command may ask there. */
static enum err start_command(const char *command, pid_t *pid, int *out)
{
	const char *const argv[] = {"sh", "-c", command, NULL};
	posix_spawn_file_actions_t actions;
	int ends[2], error;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return fail_errno(PL_CHILD, "cannot run the password command \"%s\"", command);
	error = posix_spawn_file_actions_init(&actions);
	if (error == 0) {
		error = posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
		if (error == 0)
			error = posix_spawn(pid, "/bin/sh", &actions, NULL, (char *const *)(uintptr_t)argv, environ);
		posix_spawn_file_actions_destroy(&actions);
	}
	close(ends[1]);
	*out = ends[0];
	if (error == 0)
		return ERR_OK;
	close(ends[0]);
	errno = error;
	return fail_errno(PL_CHILD, "cannot run the password command \"%s\"", command);
}

static enum err read_command(const char *command, char **out, size_t *size)
{
	int fd = -1, status = 0;
	pid_t pid = 0;
	enum err err = start_command(command, &pid, &fd);

	if (err != ERR_OK)
		return err;
	err = read_secret(fd, "the password command", false, out, size);
	close(fd);
	if (err == ERR_INTERRUPTED) {
		kill(pid, SIGTERM); /* nobody waits for one that goes on all the same */
		return err;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status == 0)
		return err;
	if (err == ERR_OK)
		discard(out, *size);
	return fail(PL_PASSWORD_COMMAND, "the password command \"%s\" failed", command);
}

/* Asks on the terminal itself, so that standard input and output stay free. */
static enum err ask(const char *question, char **out, size_t *size)
{
	struct termios kept, silent;
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	enum err err;

	if (fd < 0 || tcgetattr(fd, &kept) != 0) {
		if (fd >= 0)
			close(fd);
		return fail(PL_PASSPHRASE_NONE, "a passphrase is needed, and there is no terminal to ask on");
	}
	silent = kept;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK);
	silent.c_lflag |= ECHONL;
	tcsetattr(fd, TCSAFLUSH, &silent);
	dprintf(fd, "%s", question);
	err = read_secret(fd, "the terminal", true, out, size);
	tcsetattr(fd, TCSAFLUSH, &kept);
	if (err == ERR_INTERRUPTED)
		dprintf(fd, "\n");
	close(fd);
	return err;
}

static enum err ask_twice(char **out, size_t *size)
{
	char *again = NULL;
	size_t again_size = 0;
	enum err err = ask("New passphrase: ", out, size);

	if (err != ERR_OK)
		return err;
	err = ask("Once more: ", &again, &again_size);
	if (err == ERR_OK && (again_size != *size || !crypto_equal(again, *out, *size)))
		err = fail(PL_PASSPHRASE_MISMATCH, "the two passphrases are not the same");
	discard(&again, again_size);
	if (err != ERR_OK)
		discard(out, *size);
	return err;
}

enum err passphrase_current(void *context, char **out, size_t *size)
{
	(void)context;
	if (settings.password_file)
		return read_file(settings.password_file, settings.secret_configured, out, size);
	if (settings.password_command)
		return read_command(settings.password_command, out, size);
	return ask("Passphrase: ", out, size);
}

enum err passphrase_first(void *context, char **out, size_t *size)
{
	if (settings.password_file || settings.password_command)
		return passphrase_current(context, out, size);
	return ask_twice(out, size);
}

enum err passphrase_new(const char *file, char **out, size_t *size)
{
	return file ? read_file(file, false, out, size) : ask_twice(out, size);
}
