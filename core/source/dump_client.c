#include "core/source/dump_client.h"

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/crypto/crypto.h"
#include "core/crypto/secret_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 4096u

enum err dump_client_secret(const char *path, char **out)
{
	return secret_file_read(path, DUMP_SECRET_ROOM, PL_DATABASE_SECRET, out);
}

enum err dump_client_password(const char *path, char **out)
{
	enum err err = dump_client_secret(path, out);

	if (err != ERR_OK)
		return err;
	err = secret_file_cut(*out, DUMP_PASSWORD_MAX, false, PL_DATABASE_SECRET, path);
	if (err != ERR_OK) {
		dump_client_secret_free(*out);
		*out = NULL;
	}
	return err;
}

void dump_client_secret_free(char *secret)
{
	secret_free(secret, DUMP_SECRET_ROOM);
}

enum err dump_client_file(int *fd)
{
	int made = memfd_create("pulih", MFD_CLOEXEC), moved = made;

	/* Its number is the same in the child, whose standard descriptors have the first three. */
	if (made >= 0 && made <= STDERR_FILENO) {
		moved = fcntl(made, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		close(made);
	}
	*fd = moved;
	/* Programs refuse files that others could read or write. */
	if (moved >= 0 && fchmod(moved, 0600) == 0)
		return ERR_OK;
	return fail_errno(PL_DATABASE_SECRET, "cannot make a file in memory");
}

enum err dump_client_write(int fd, const void *bytes, size_t size)
{
	return file_write_all(fd, bytes, size) == 0 ? ERR_OK
						    : fail_errno(PL_DATABASE_SECRET, "cannot write a file in memory");
}

enum err dump_client_fail(const struct command *command, enum err err)
{
	struct failure failure = *failure_last();
	char said[COMMAND_SAID] = "", *printable;

	if (err == ERR_NOMEM || err == ERR_INTERRUPTED)
		return err;
	if (failure.id == PL_CHILD)
		return fail(PL_DATABASE_CLIENT, "%s", failure.text);
	if (command)
		command_said(command, said);
	if (!*said)
		return fail(PL_DATABASE_DUMP, "%s", failure.text);
	printable = output_printable(said, strlen(said));
	if (!printable)
		return ERR_NOMEM;
	err = fail(PL_DATABASE_DUMP, "%s: %s", failure.text, printable);
	mem_free(printable);
	return err;
}

enum err dump_client_run(const struct command_options *options, size_t limit, struct buffer *out)
{
	struct command *command = NULL;
	size_t got = 1;
	enum err err = command_start_with(&command, options);

	while (err == ERR_OK && got > 0) {
		err = buffer_reserve(out, BLOCK);
		if (err == ERR_OK)
			err = command_read(command, out->data + out->length, BLOCK, &got);
		if (err == ERR_OK)
			out->length += got;
		if (err == ERR_OK && out->length > limit)
			err = fail(PL_DATABASE_DUMP, "%s writes more than can be", options->argv[0]);
	}
	if (err == ERR_OK)
		err = command_finish(command);
	if (err != ERR_OK)
		err = dump_client_fail(command, err);
	if (err == ERR_OK)
		err = buffer_append_u8(out, 0);
	command_free(command);
	return err;
}
