/* Secrets of channels, read when they are needed and forgotten at once. */
#include "scheduler/notify_internal.h"

#include "core/crypto/crypto.h"
#include "core/crypto/secret_file.h"
#include "core/source/command.h"

#include <string.h>

#define ROOM (NOTIFY_SECRET_MAX + 3) /* a line end and the NUL */
#define COMMAND "the output of the password command"

/* Straight into secret memory: no other buffer ever holds it. */
static enum err read_command(struct command *command, char *secret)
{
	size_t length = 0, got = 1;
	enum err err = ERR_OK;

	while (err == ERR_OK && got > 0 && length < ROOM - 1) {
		err = command_read(command, secret + length, ROOM - 1 - length, &got);
		length += err == ERR_OK ? got : 0;
	}
	return err == ERR_OK && memchr(secret, '\0', length) ? fail(PL_NOTIFY_SECRET, "%s writes no text", COMMAND)
							     : err;
}

enum err notify_secret_file(const char *path, char **out)
{
	return secret_file_line(path, ROOM, true, PL_NOTIFY_SECRET, out);
}

/* timeout(1): a command that waits for something must not hold up what runs behind it. */
enum err notify_secret_command(const char *command, char **out)
{
	const char *const argv[] = {"timeout", "-k", "5", "60", "/bin/sh", "-c", command, NULL};
	char *secret = secret_new(ROOM);
	struct command *child = NULL;
	enum err err = secret ? command_start(&child, argv) : ERR_NOMEM;

	*out = NULL;
	if (err == ERR_OK)
		err = read_command(child, secret);
	if (err == ERR_OK)
		err = secret_file_cut(secret, NOTIFY_SECRET_MAX, true, PL_NOTIFY_SECRET, COMMAND);
	if (err == ERR_OK && command_finish(child) != ERR_OK)
		err = failure_last()->kind == ERR_INTERRUPTED
		    ? ERR_INTERRUPTED
		    : fail(PL_NOTIFY_SECRET, "%s cannot be used: it failed, or took more than a minute", COMMAND);
	command_free(child);
	if (err == ERR_OK)
		*out = secret;
	else
		notify_secret_free(secret);
	return err;
}

void notify_secret_free(char *secret)
{
	secret_free(secret, ROOM);
}
