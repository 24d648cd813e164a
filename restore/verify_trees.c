/* Trees of snapshots. First every node once, over all snapshots: is it readable, and is each chunk that it names stored? Only where something
 * is wrong, every snapshot in full: which files does it touch? */
#include "restore/verify_internal.h"

#include "core/base/clock.h"
#include "core/base/output.h"

#define BROKEN_MAX 256 /* damaged nodes of one snapshot that are passed over; each costs another look at the tree */
#define NAMES_SHOWN 3

struct walk_state {
	struct verify *verify;
	struct restore_view view;
	uint8_t domain[DOMAIN_TAG_SIZE];
	bool open;
	const struct snapshot *snapshot;
	uint32_t number;	 /* of the snapshot, from 1 */
	struct verify_set nodes; /* visited; value: the snapshot in which first */
	struct verify_set files; /* of a finding: counted already */
	bool full;		 /* second look: nothing is passed over, findings are counted */
	uint64_t entries;
	uint64_t lost_chunks, lost_files;
	char lost_path[256];
};

static enum err open_domain(struct walk_state *walk)
{
	enum err err;

	if (walk->open && memcmp(walk->domain, walk->snapshot->domain, DOMAIN_TAG_SIZE) == 0)
		return ERR_OK;
	restore_view_close(&walk->view);
	walk->open = false;
	err = restore_view_open(&walk->view, walk->verify->repository, walk->snapshot->domain);
	if (err == ERR_OK) {
		memcpy(walk->domain, walk->snapshot->domain, DOMAIN_TAG_SIZE);
		walk->open = true;
	}
	return err;
}

/* Counts a file (or with an empty path the snapshot's list of files itself) that a finding touches. */
static enum err touch(struct walk_state *walk, uint32_t finding, const struct entry *entry)
{
	struct verify_note *note = &walk->verify->notes[finding - 1];
	uint8_t key[VERIFY_KEY];
	uint64_t hash = 1469598103934665603u; /* FNV-1a of the path */
	char *printable;
	bool added;

	if (note->last_snapshot != walk->number) {
		note->last_snapshot = walk->number;
		note->snapshots++;
	}
	if (!entry)
		return ERR_OK;
	for (size_t i = 0; i < entry->path.size; i++)
		hash = (hash ^ entry->path.data[i]) * 1099511628211u;
	store_u64(key, hash);
	store_u64(key + 8, finding);
	if (!verify_set_add(&walk->files, key, 0, &added))
		return ERR_NOMEM;
	if (!added || ++note->files > NAMES_SHOWN + 1)
		return ERR_OK;
	if (note->files > NAMES_SHOWN)
		return buffer_append_text(&note->names, ", …");
	printable = output_printable(entry->path.data, entry->path.size);
	if (!printable)
		return ERR_NOMEM;
	if (buffer_append_text(&note->names, "%s%.100s", note->files > 1 ? ", " : "", printable) != ERR_OK) {
		mem_free(printable);
		return ERR_NOMEM;
	}
	mem_free(printable);
	return ERR_OK;
}

/* ---- one entry ---- */

/* The finding that a chunk suffers from: that of its pack. 0 where it has none, or the chunk stands in another pack without one as well. */
static uint32_t finding_of(struct walk_state *walk, const uint8_t id[CHUNK_ID_SIZE])
{
	struct index_location location;
	uint32_t finding = 0;

	for (size_t copy = 0; index_find_copy(walk->view.index, id, copy, &location) == ERR_OK; copy++) {
		const struct verify_pack *pack = verify_packs_find(&walk->verify->packs, location.pack);

		if (!pack || !pack->finding)
			return 0;
		if (!finding)
			finding = pack->finding;
	}
	failure_clear();
	return finding;
}

/* Where a chunk should be. *lost: in no index. */
static enum err check_chunk(struct walk_state *walk, const uint8_t *id, const struct entry *entry, bool *lost)
{
	struct index_location location;
	uint32_t finding;
	enum err err = index_find(walk->view.index, id, &location);

	if (err == ERR_MISSING) {
		failure_clear();
		*lost = true;
		walk->lost_chunks++;
		return ERR_OK;
	}
	if (err != ERR_OK || !walk->full)
		return err;
	finding = finding_of(walk, id);
	return finding ? touch(walk, finding, entry) : ERR_OK;
}

/* Every copy was tried. */
static void mark_copies(struct walk_state *walk, const uint8_t id[CHUNK_ID_SIZE])
{
	struct verify *verify = walk->verify;
	struct index_location location;

	for (size_t copy = 0; index_find_copy(walk->view.index, id, copy, &location) == ERR_OK; copy++) {
		struct verify_pack *pack = verify_packs_find(&verify->packs, location.pack);

		if (pack && pack->present && pack->damage == PACK_WHOLE)
			pack->damage = verify_bad_look(verify, pack);
	}
	failure_clear();
}

/* A node or list of chunks that cannot be read is a finding about its pack, or, where no index knows it, about the snapshot. */
static enum err note_unreadable(struct walk_state *walk, const uint8_t id[CHUNK_ID_SIZE])
{
	struct verify *verify = walk->verify;
	struct object_name name = object_snapshot(walk->snapshot->id);
	struct index_location location;
	struct verify_pack *pack = NULL;
	struct verify_slot *slot;
	struct failure failure;
	enum err err = ERR_OK;
	bool added;

	failure_take(&failure);
	slot = verify_set_add(&verify->broken, id, 0, &added);
	if (!slot || !added)
		return slot ? ERR_OK : ERR_NOMEM;
	mark_copies(walk, id);
	/* No copy of it can be read. Of those, one is named whose pack has no finding yet. */
	for (size_t copy = 0; !pack || pack->finding; copy++) {
		if (index_find_copy(walk->view.index, id, copy, &location) != ERR_OK)
			break;
		name = object_pack(location.pack);
		pack = verify_packs_find(&verify->packs, location.pack);
	}
	if (!pack || !pack->finding) {
		(void)fail(PL_VERIFY_SNAPSHOT_TREE, "part of a list of files cannot be read: %s", failure.text);
		err = verify_found(verify, name.text, pack);
	}
	slot->value = pack && pack->finding ? pack->finding : (uint32_t)verify->notes_count;
	return err;
}

static enum err check_list(
    struct walk_state *walk, const struct entry_chunk *list, const struct entry *entry, bool *lost)
{
	struct entry_content content;
	struct entry_chunk chunk;
	struct chunk_view view;
	enum err err = check_chunk(walk, list->id, entry, lost);

	if (err != ERR_OK || *lost)
		return err;
	err = chunk_reader_get(walk->view.reader, CHUNK_LIST, list->id, &view);
	if (err != ERR_OK)
		return verify_is_finding(err) ? note_unreadable(walk, list->id) : err;
	entry_content_of_list(&content, view.bytes, view.length);
	while (err == ERR_OK && entry_content_next(&content, &chunk))
		err = check_chunk(walk, chunk.id, entry, lost);
	if (content.cursor.bad)
		*lost = true;
	chunk_release(walk->view.reader, &view);
	return err;
}

static enum err visit_entry(void *context, const struct entry *entry)
{
	struct walk_state *walk = context;
	struct entry_content content;
	struct entry_chunk chunk;
	bool lost = false;
	enum err err = ERR_OK;

	if (interrupt_requested())
		return fail(PL_INTERRUPTED, "the verification was interrupted");
	walk->entries++;
	if (entry->xattrs_chunk_size)
		err = check_chunk(walk, entry->xattrs_chunk, entry, &lost);
	if (entry->type == ENTRY_FILE) {
		entry_content_open(&content, entry);
		while (err == ERR_OK && entry_content_next(&content, &chunk))
			err = content.outside ? check_list(walk, &chunk, entry, &lost)
					      : check_chunk(walk, chunk.id, entry, &lost);
	}
	if (lost && walk->lost_files++ == 0)
		snprintf(walk->lost_path, sizeof(walk->lost_path), "%s", restore_printable(entry->path));
	return err;
}

/* ---- nodes ---- */

static bool known(void *context, const uint8_t id[CHUNK_ID_SIZE])
{
	struct walk_state *walk = context;
	const struct verify_slot *slot = verify_set_find(&walk->verify->broken, id);

	if (slot) {
		if (walk->full)
			(void)touch(walk, slot->value, NULL);
		return true;
	}
	slot = walk->full ? NULL : verify_set_find(&walk->nodes, id);
	return slot && slot->value != walk->number;
}

static enum err visit_node(void *context, const uint8_t id[CHUNK_ID_SIZE], uint32_t length)
{
	struct walk_state *walk = context;
	uint32_t finding;
	bool added;

	(void)length;
	if (!walk->full)
		return verify_set_add(&walk->nodes, id, walk->number, &added) ? ERR_OK : ERR_NOMEM;
	finding = finding_of(walk, id);
	return finding ? touch(walk, finding, NULL) : ERR_OK;
}

static enum err fetch(void *context, enum chunk_type type, const uint8_t id[CHUNK_ID_SIZE], struct buffer *out)
{
	struct walk_state *walk = context;
	enum err err = chunk_reader_fetch(walk->view.reader, type, id, out);

	if (err == ERR_OK || !verify_is_finding(err))
		return err;
	if (note_unreadable(walk, id) != ERR_OK)
		return ERR_NOMEM;
	return fail(PL_VERIFY_SNAPSHOT_TREE, "part of a list of files cannot be read");
}

/* ---- one snapshot ---- */

static enum err walk_snapshot(struct walk_state *walk)
{
	struct object_name name = object_snapshot(walk->snapshot->id);
	struct verify *verify = walk->verify;
	size_t tries = 0, broken;
	enum err err = open_domain(walk);

	if (err != ERR_OK)
		return verify_is_finding(err) && !restore_view_failed_locally() ? verify_found(verify, name.text, NULL)
										: err;
	do {
		broken = verify->broken.count;
		walk->entries = walk->lost_chunks = walk->lost_files = 0;
		err = tree_walk(&walk->snapshot->root, fetch, known, visit_node, visit_entry, walk);
	} while (err == ERR_CORRUPT && verify->broken.count > broken && ++tries < BROKEN_MAX);
	if (err == ERR_CORRUPT && verify->broken.count == broken && !walk->full)
		err = verify_found(verify, name.text, NULL); /* readable, and not what a tree must be */
	else if (err == ERR_CORRUPT)
		err = ERR_OK;
	if (err != ERR_OK)
		return err;
	if (!walk->full)
		verify->result->entries += walk->entries;
	if (walk->lost_files && !walk->full)
		verify->lost = true;
	if (!walk->lost_files || !walk->full)
		return ERR_OK;
	(void)fail(PL_VERIFY_CHUNKS_LOST, "%llu chunks of %llu files are in no index or cannot be read; the first: %s",
	    (unsigned long long)walk->lost_chunks, (unsigned long long)walk->lost_files, walk->lost_path);
	err = verify_found(verify, name.text, NULL);
	if (err == ERR_OK) {
		struct verify_note *note = &verify->notes[verify->notes_count - 1];

		note->snapshots = 1;
		note->files = walk->lost_files;
	}
	return err;
}

static enum err walk_all(struct verify *verify, bool full)
{
	struct walk_state walk = {.verify = verify, .full = full};
	enum err err = ERR_OK;

	for (size_t i = 0; i < verify->snapshots_count && err == ERR_OK; i++) {
		struct progress progress = {.action = "verify", .files = i, .files_total = verify->snapshots_count};

		if (!verify->snapshots[i].has_content)
			continue;
		progress_update(&progress);
		walk.snapshot = &verify->snapshots[i];
		walk.number = (uint32_t)i + 1;
		err = walk_snapshot(&walk);
	}
	restore_view_close(&walk.view);
	verify_set_free(&walk.nodes);
	verify_set_free(&walk.files);
	return err;
}

enum err verify_trees(struct verify *verify)
{
	return walk_all(verify, false);
}

enum err verify_touches(struct verify *verify)
{
	return walk_all(verify, true);
}
