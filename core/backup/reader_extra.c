/* Databases and streams: what is stored as a file without being one. */
#include "core/backup/reader.h"

#include "core/base/clock.h"
#include "core/base/file.h"
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

struct reading_stream {
	const struct stream_source *source;
	void *stream;
	struct backup *backup;
};

static enum err read_stream(void *context, void *out, size_t size, size_t *got)
{
	struct reading_stream *reading = context;

	return reading->source->kind->read(reading->stream, out, size, got);
}

static enum err take_database(void *context, const struct stream_database *database)
{
	struct reading_stream *reading = context;

	return backup_database_add(reading->backup, reading->source->kind->name, database);
}

static enum err finish_extra(struct reader *reader, struct item *item, struct entry *now)
{
	enum err err = content_list(reader, now);

	return err == ERR_OK ? reader_add_entry(reader, item, now, RECORD_ENTRY) : err;
}

static enum err add_copy(struct backup *backup, const char *path, const struct sqlite_copy *copy)
{
	struct stream_database database = {
	    .name = path, .size = copy->size, .tables = copy->tables, .rows = copy->rows};

	memcpy(database.version, copy->version, sizeof(database.version));
	memcpy(database.consistency, copy->consistency, sizeof(database.consistency));
	return backup_database_add(backup, "sqlite", &database);
}

enum err reader_extra_sqlite(struct reader *reader, struct item *item)
{
	struct sqlite_copy copy = {.fd = -1};
	struct entry now;
	char *path = realpath(item->extra->sqlite, NULL); /* of the database, where a link leads to it */
	enum err err = path ? meta_stat(reader->backup->names, AT_FDCWD, path, &now)
			    : fail_errno(PL_SQLITE, "%s", item->extra->sqlite);

	now.path = item->path;
	if (err == ERR_OK)
		err = sqlite_copy_open(&copy, path, reader->backup->temporary_folder);
	if (err != ERR_OK)
		goto done;
	content_reset(reader);
	err = content_stream(reader, &chunker_fine, read_descriptor, &copy.fd, &now.size);
	now.sparse = false;
	now.links = 1;
	if (err == ERR_OK)
		err = reader_xattrs(reader, item, AT_FDCWD, path, -1);
	if (err == ERR_OK)
		err = reader_attach_xattrs(reader, &now);
	if (err == ERR_OK)
		err = finish_extra(reader, item, &now);
	if (err == ERR_OK)
		err = add_copy(reader->backup, item->extra->sqlite, &copy);
done:
	sqlite_copy_close(&copy);
	free(path); /* of the C library */
	return err;
}

enum err reader_extra_stream(struct reader *reader, struct item *item)
{
	struct reading_stream reading = {.source = item->extra->stream, .backup = reader->backup};
	const struct stream_kind *kind = reading.source->kind;
	struct entry now = {
	    .path = item->path, .type = ENTRY_FILE, .mode = 0600, .links = 1, .uid = geteuid(), .gid = getegid()};
	enum err err = kind->open(&reading.stream, reading.source->config);

	now.mtime = now.ctime = clock_now();
	now.user = names_user(reader->backup->names, now.uid);
	now.group = names_group(reader->backup->names, now.gid);
	content_reset(reader);
	if (err == ERR_OK)
		err = content_stream(
		    reader, reading.source->fine ? &chunker_fine : &chunker_standard, read_stream, &reading, &now.size);
	if (err == ERR_OK)
		err = kind->finish(reading.stream, take_database, &reading);
	if (err == ERR_OK && now.size == 0)
		reader->backup->result->stream_empty = true;
	if (err == ERR_OK)
		err = finish_extra(reader, item, &now);
	if (err == ERR_SOURCE && reading.source->database)
		backup_database_missing(reader->backup);
	if (err != ERR_OK && reading.source->required)
		backup_stop(reader->backup);
	kind->close(reading.stream);
	return err;
}
