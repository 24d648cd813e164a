/* Databases and commands: what is stored as a file without being one. */
#include "core/backup/reader.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/source/command.h"
#include "core/source/sqlite.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static enum err read_descriptor(void *context, void *out, size_t size, size_t *got)
{
	ssize_t done = file_read_full(*(int *)context, out, size);

	if (done < 0)
		return fail_errno(PL_SOURCE_READ, "cannot read the copy of a database");
	*got = (size_t)done;
	return ERR_OK;
}

static enum err read_command(void *context, void *out, size_t size, size_t *got)
{
	return command_read(context, out, size, got);
}

static enum err finish_extra(struct reader *reader, struct item *item, struct entry *now)
{
	enum err err = content_list(reader, now);

	return err == ERR_OK ? reader_add_entry(reader, item, now, RECORD_ENTRY) : err;
}

enum err reader_extra_sqlite(struct reader *reader, struct item *item)
{
	struct sqlite_copy copy = {.fd = -1};
	struct entry now;
	char *path = realpath(item->extra->database, NULL); /* of the database, where a link leads to it */
	enum err err = path ? meta_stat(reader->backup->names, AT_FDCWD, path, &now)
			    : fail_errno(PL_SQLITE, "%s", item->extra->database);

	now.path = item->path;
	if (err == ERR_OK)
		err = sqlite_copy_open(&copy, path, reader->backup->temporary_folder);
	if (err != ERR_OK)
		goto done;
	content_reset(reader);
	err = content_stream(
	    reader, item->extra->fine ? &chunker_fine : &chunker_standard, read_descriptor, &copy.fd, &now.size);
	now.sparse = false;
	now.links = 1;
	if (err == ERR_OK)
		err = reader_xattrs(reader, item, AT_FDCWD, path, -1);
	if (err == ERR_OK)
		err = reader_attach_xattrs(reader, &now);
	if (err == ERR_OK)
		err = finish_extra(reader, item, &now);
	if (err == ERR_OK)
		err = backup_database_add(reader->backup, item->extra->database, &copy);
done:
	sqlite_copy_close(&copy);
	free(path); /* of the C library */
	return err;
}

enum err reader_extra_command(struct reader *reader, struct item *item)
{
	struct command *command = NULL;
	struct entry now = {
	    .path = item->path, .type = ENTRY_FILE, .mode = 0600, .links = 1, .uid = geteuid(), .gid = getegid()};
	enum err err = command_start(&command, item->extra->command);

	now.mtime = now.ctime = clock_now();
	now.user = names_user(reader->backup->names, now.uid);
	now.group = names_group(reader->backup->names, now.gid);
	content_reset(reader);
	if (err == ERR_OK)
		err = content_stream(
		    reader, item->extra->fine ? &chunker_fine : &chunker_standard, read_command, command, &now.size);
	/* Its exit status decides: a command that failed is a failed backup, whatever it has said. */
	if (err == ERR_OK)
		err = command_finish(command);
	reader->backup->result->command_empty = err == ERR_OK && now.size == 0;
	if (err == ERR_OK)
		err = finish_extra(reader, item, &now);
	/* There is no backup without it. */
	if (err != ERR_OK)
		backup_stop(reader->backup);
	command_free(command);
	return err;
}
