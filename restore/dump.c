#include "restore/dump.h"

#include "restore/restore_internal.h"

#include "core/base/output.h"

static enum err take_entry(struct dump *out, const struct entry *entry, const char *path)
{
	if (entry->type != ENTRY_FILE)
		return fail(PL_NOT_A_FILE, "/%s is no regular file", path);
	out->entry = restore_entry_copy(entry, entry->path);
	out->path = mem_string(path);
	out->size = entry->size;
	return out->entry && out->path ? ERR_OK : ERR_NOMEM;
}

enum err dump_find(struct dump *out, struct restore_view *view, const struct snapshot *snapshot, const char *path)
{
	const struct entry_bytes wanted = {(const uint8_t *)path, strlen(path)};
	struct tree_reader *tree = NULL;
	const struct entry *entry = NULL;
	enum err err = tree_reader_new(&tree, &snapshot->root, chunk_reader_fetch, view->reader);

	if (err == ERR_OK)
		err = tree_reader_seek(tree, wanted);
	if (err == ERR_OK)
		err = tree_reader_next(tree, &entry);
	if (err == ERR_OK && (!entry || entry_compare(entry->path, wanted) != 0))
		err = fail(PL_SNAPSHOT_PATH, "the snapshot has no /%s", restore_printable(wanted));
	if (err == ERR_OK)
		err = take_entry(out, entry, path);
	tree_reader_free(tree);
	if (err != ERR_OK)
		dump_free(out);
	return err;
}

void dump_free(struct dump *dump)
{
	mem_free(dump->entry);
	mem_free(dump->path);
	*dump = (struct dump){0};
}

enum err dump_read(const struct dump *dump, struct restore_view *view, restore_content_use use, void *context)
{
	return restore_content_read(view->reader, &dump->entry->entry, use, context);
}

static enum err feed(void *context, const void *bytes, size_t size)
{
	return dump_digest_feed(context, bytes, size);
}

/* The first piece is all that is wanted: an error ends the reading. */
struct beginning {
	struct dump_digest *digest;
	bool seen;
};

static enum err take_beginning(void *context, const void *bytes, size_t size)
{
	struct beginning *beginning = context;
	enum err err = dump_digest_feed(beginning->digest, bytes, size);

	if (err == ERR_OK)
		err = dump_digest_finish(beginning->digest);
	beginning->seen = err == ERR_OK;
	return err == ERR_OK ? ERR_INTERRUPTED : err;
}

enum err dump_kind_of(const struct dump *dump, struct restore_view *view, enum dump_kind *out)
{
	struct beginning beginning = {0};
	enum err err = dump_digest_new(&beginning.digest);

	*out = DUMP_UNKNOWN;
	if (err == ERR_OK)
		err = dump_read(dump, view, take_beginning, &beginning);
	if (beginning.seen) {
		*out = dump_digest_kind(beginning.digest);
		err = ERR_OK;
		failure_clear();
	}
	dump_digest_free(beginning.digest);
	return err;
}

enum err dump_examine(const struct dump *dump, struct restore_view *view, struct dump_digest **out)
{
	struct dump_digest *digest = NULL;
	enum err err = dump_digest_new(&digest);

	*out = NULL;
	if (err == ERR_OK)
		err = dump_read(dump, view, feed, digest);
	if (err == ERR_OK)
		err = dump_digest_finish(digest);
	if (err == ERR_OK && dump_digest_kind(digest) == DUMP_UNKNOWN)
		err = fail(PL_DUMP_UNKNOWN, "/%s does not begin as a dump of mariadb-dump, mysqldump or pg_dump does",
		    dump->path);
	if (err == ERR_OK && !dump_digest_complete(digest))
		err = fail(
		    PL_DUMP_INCOMPLETE, "/%s ends without the mark of a dump that was written to its end", dump->path);
	if (err == ERR_OK) {
		*out = digest;
		digest = NULL;
	}
	dump_digest_free(digest);
	return err;
}
