/* The collector: takes what the readers found, in path order, into the store and the entry stream. The only thread that uses the index. */
#include "core/backup/backup_internal.h"

#include "core/base/mem.h"
#include "core/repo/tree.h"

/* ---- unchanged files ---- */

/* Relies on every chunk of the content of last time; false where one is gone from the repository (collected, or its pack is condemned): the
 * file has to be read again. */
static bool use_content(struct backup *backup, const struct entry *entry)
{
	struct entry_content content;
	struct entry_chunk chunk;
	struct buffer list = {0};
	bool good = true;

	entry_content_open(&content, entry);
	while (good && entry_content_next(&content, &chunk)) {
		struct entry_content inner;
		struct entry_chunk data;

		good = index_use(backup->index, chunk.id);
		if (!good || !content.outside)
			continue;
		good = backup->lists && lists_find(backup->lists, chunk.id, &list);
		if (!good)
			break;
		lists_keep(backup->lists, chunk.id, list.data, list.length);
		entry_content_of_list(&inner, list.data, list.length);
		while (good && entry_content_next(&inner, &data))
			good = index_use(backup->index, data.id);
		good = good && !inner.cursor.bad;
	}
	buffer_free(&list);
	if (good && entry->xattrs_chunk_size > 0)
		good = index_use(backup->index, entry->xattrs_chunk);
	return good && !content.cursor.bad;
}

/* ---- entries ---- */

/* Also true for a file that was read for nothing. */
static bool same_as_before(const struct entry *entry, const struct item *item)
{
	const struct entry *before = item->previous;

	return before && meta_same_attributes(entry, before) && entry->content.size == before->content.size &&
	    memcmp(entry->content.data, before->content.data, before->content.size) == 0;
}

static void count_entry(struct backup *backup, const struct entry *entry, const struct item *item, bool unchanged)
{
	struct snapshot_totals *totals = &backup->result->snapshot.totals;

	if (entry->type == ENTRY_FOLDER) {
		totals->folders++;
	} else if (entry->type != ENTRY_FILE) {
		totals->others++;
	} else {
		totals->files++;
		totals->bytes += entry->size;
		if (unchanged || same_as_before(entry, item))
			totals->unchanged_files++;
		else if (item->previous)
			totals->changed_files++;
		else
			totals->new_files++;
	}
}

static void show_progress(struct backup *backup, const struct entry *entry)
{
	struct progress *progress = &backup->progress;
	size_t room = sizeof(progress->item) - 2;
	size_t cut = entry->path.size > room ? entry->path.size - room : 0;

	progress->files++;
	progress->bytes += entry->type == ENTRY_FILE ? entry->size : 0;
	if ((progress->files & 63) != 1)
		return;
	progress->item[0] = '/';
	memcpy(progress->item + 1, entry->path.data + cut, entry->path.size - cut);
	progress->item[1 + entry->path.size - cut] = '\0';
	progress_update(progress);
}

static enum err add_entry(struct backup *backup, const struct entry *entry, const struct item *item, bool unchanged)
{
	enum err err = tree_writer_add(backup->tree, entry);

	if (err == ERR_LIMIT) {
		backup_problem(backup, BACKUP_UNREADABLE, entry->path, failure_last()->id, failure_last()->text);
		return ERR_OK;
	}
	if (err == ERR_OK) {
		count_entry(backup, entry, item, unchanged);
		show_progress(backup, entry);
	}
	return err;
}

static bool keep_bytes(struct backup *backup, struct entry_bytes *bytes)
{
	bytes->data = arena_copy(&backup->extra_entries, bytes->data, bytes->size);
	return bytes->data != NULL;
}

/* For its place in the order; part and batch do not last until then. The stored path does. */
static enum err keep_extra(struct backup *backup, struct extra *extra, const struct entry *entry)
{
	struct entry *kept = arena_copy(&backup->extra_entries, entry, sizeof(*entry));

	if (!kept || !keep_bytes(backup, &kept->path) || !keep_bytes(backup, &kept->xattrs) ||
	    !keep_bytes(backup, &kept->content))
		return ERR_NOMEM;
	extra->entry = kept;
	return ERR_OK;
}

static enum err take_part(struct backup *backup, struct part *part);

static enum err take_record(struct backup *backup, const struct record *record)
{
	enum err err;

	switch (record->kind) {
	case RECORD_CHUNK:
		err = store_chunk(backup->store, record->type, record->id, record->sum, record->bytes, record->size);
		if (err == ERR_OK && record->type == CHUNK_LIST && backup->lists)
			lists_keep(backup->lists, record->id, record->bytes, record->size);
		return err;
	case RECORD_UNCHANGED:
		if (!use_content(backup, record->entry))
			return reader_read_again(
			    backup->reader[pool_workers(backup->readers)], record->item, take_part);
		return add_entry(backup, record->entry, record->item, true);
	case RECORD_ENTRY:
		if (record->item->first)
			return keep_extra(backup, record->item->extra, record->entry);
		/* Attributes taken over from last time may live in a chunk of their own. */
		if (record->entry->xattrs_chunk_size > 0 && !index_use(backup->index, record->entry->xattrs_chunk))
			return reader_read_again(
			    backup->reader[pool_workers(backup->readers)], record->item, take_part);
		return add_entry(backup, record->entry, record->item, false);
	}
	return ERR_OK;
}

static enum err take_part(struct backup *backup, struct part *part)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < part->count; i++)
		err = take_record(backup, &part->records[i]);
	part_recycle(backup, part);
	return err;
}

static enum err collect_batch(struct backup *backup, struct batch *batch)
{
	struct part *part;
	enum err err = ERR_OK;

	while ((part = batch_next_part(batch)) != NULL) {
		if (err == ERR_OK)
			err = take_part(backup, part);
		else
			part_recycle(backup, part);
		if (err != ERR_OK)
			backup_stop(backup);
	}
	return err;
}

enum err collect_all(struct backup *backup)
{
	struct batch *batch;
	enum err err = ERR_OK;

	/* Every batch is taken, also after a failure: its worker may be waiting to hand over a part. */
	while ((batch = queue_pop(backup->batches)) != NULL) {
		enum err one = collect_batch(backup, batch);

		if (err == ERR_OK)
			err = one;
		pool_wait(backup->readers, &batch->job);
		batch_recycle(backup, batch);
	}
	return backup_stopped(backup) ? failure_put(&backup->failure) : err;
}
