/* pulih diff: merges the entry streams of two snapshots. */
#include "cli/access.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/selection.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/crypto/crypto.h"

#include <string.h>

static const struct option_spec options[] = {SELECTION_OPTIONS, {0}};

/* One snapshot, or a part of one. */
struct side {
	struct selection selection;
	struct selection_reader reader;
	struct entry_bytes top;	   /* paths are compared below it */
	const struct entry *entry; /* NULL at the end */
};

struct difference {
	struct repository *repository;
	struct side sides[2];
	bool same_domain; /* chunk ids can be compared */
	uint64_t added, removed, modified, metadata, types;
	uint64_t bytes_added, bytes_removed;
};

static enum err advance(struct side *side)
{
	enum err err = selection_reader_next(&side->reader, &side->entry);

	if (err == ERR_OK && side->entry && !entry_within(side->entry->path, side->top))
		side->entry = NULL;
	return err;
}

/* The path below the top that is compared. */
static struct entry_bytes relative(const struct side *side)
{
	struct entry_bytes path = side->entry->path;
	size_t skip = side->top.size;

	if (skip && path.size > skip)
		skip++; /* the slash */
	return (struct entry_bytes){path.data + skip, path.size - skip};
}

static bool same_bytes(struct entry_bytes a, struct entry_bytes b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static enum err hash_piece(void *context, const void *bytes, size_t size)
{
	return sha256_update(context, bytes, size);
}

static enum err hash_content(struct side *side, uint8_t out[HASH_SIZE])
{
	struct sha256 *hash = NULL;
	enum err err = sha256_new(&hash);

	if (err == ERR_OK)
		err = restore_content_read(side->reader.view.reader, side->entry, hash_piece, hash);
	if (err == ERR_OK)
		err = sha256_final(hash, out);
	sha256_free(hash);
	return err;
}

/* Chunk ids of one domain tell whether contents are the same; between domains they are unrelated, and the contents are read. */
static enum err same_content(struct difference *difference, bool *same)
{
	const struct entry *a = difference->sides[0].entry, *b = difference->sides[1].entry;
	uint8_t hashes[2][HASH_SIZE];
	enum err err = ERR_OK;

	*same = a->size == b->size && same_bytes(a->target, b->target) && a->rdev == b->rdev;
	if (!*same || a->type != ENTRY_FILE)
		return ERR_OK;
	if (difference->same_domain && a->sparse == b->sparse && same_bytes(a->segments, b->segments)) {
		*same = same_bytes(a->content, b->content);
		return ERR_OK;
	}
	for (int i = 0; err == ERR_OK && i < 2; i++)
		err = hash_content(&difference->sides[i], hashes[i]);
	*same = err == ERR_OK && memcmp(hashes[0], hashes[1], HASH_SIZE) == 0;
	return err;
}

static bool same_metadata(const struct difference *difference)
{
	const struct entry *a = difference->sides[0].entry, *b = difference->sides[1].entry;

	return a->mode == b->mode && a->uid == b->uid && a->gid == b->gid && same_bytes(a->user, b->user) &&
	    same_bytes(a->group, b->group) && a->mtime == b->mtime && a->flags == b->flags &&
	    same_bytes(a->xattrs, b->xattrs) && a->xattrs_chunk_size == b->xattrs_chunk_size &&
	    (!difference->same_domain || memcmp(a->xattrs_chunk, b->xattrs_chunk, CHUNK_ID_SIZE) == 0);
}

static enum err show(const struct side *side, char modifier)
{
	char text[2] = {modifier, '\0'};
	char *path;

	if (output_is_json()) {
		json_t *object = json_pack("{s:s, s:s}", "modifier", text, "type", entry_type_name(side->entry->type));

		if (!object || !describe_set_path(object, side->entry->path)) {
			json_decref(object);
			return ERR_NOMEM;
		}
		output_object("change", object);
		return ERR_OK;
	}
	path = describe_path(side->entry->path);
	if (!path)
		return ERR_NOMEM;
	output_print(
	    "%c  %s%s\n", modifier, path, side->entry->type == ENTRY_FOLDER && side->entry->path.size ? "/" : "");
	mem_free(path);
	return ERR_OK;
}

static enum err compare_entries(struct difference *difference)
{
	const struct side *before = &difference->sides[0], *after = &difference->sides[1];
	bool same;
	enum err err;

	if (before->entry->type != after->entry->type) {
		difference->types++;
		return show(after, 'T');
	}
	err = same_content(difference, &same);
	if (err != ERR_OK)
		return err;
	if (!same) {
		difference->modified++;
		difference->bytes_removed += before->entry->size;
		difference->bytes_added += after->entry->size;
		return show(after, 'M');
	}
	if (same_metadata(difference))
		return ERR_OK;
	difference->metadata++;
	return show(after, 'U');
}

static enum err merge(struct difference *difference)
{
	struct side *before = &difference->sides[0], *after = &difference->sides[1];
	enum err err = ERR_OK;

	while (err == ERR_OK && (before->entry || after->entry)) {
		int order = !before->entry ? 1 : !after->entry ? -1 : entry_compare(relative(before), relative(after));

		if (order < 0) {
			difference->removed++;
			difference->bytes_removed += before->entry->size;
			err = show(before, '-');
		} else if (order > 0) {
			difference->added++;
			difference->bytes_added += after->entry->size;
			err = show(after, '+');
		} else {
			err = compare_entries(difference);
		}
		if (err == ERR_OK && order <= 0)
			err = advance(before);
		if (err == ERR_OK && order >= 0)
			err = advance(after);
	}
	return err;
}

static enum err open_side(struct difference *difference, struct side *side, const char *spec)
{
	const struct entry *top;
	enum err err = selection_open(&side->selection, difference->repository, spec);

	if (err != ERR_OK)
		return err;
	side->top = selection_path_bytes(&side->selection.path);
	err = selection_reader_open(&side->reader, difference->repository, side->selection.snapshot);
	if (err == ERR_OK)
		err = selection_reader_find(&side->reader, side->top, &top);
	if (err == ERR_OK)
		err = tree_reader_seek(side->reader.tree, side->top);
	return err == ERR_OK ? advance(side) : err;
}

static void summarise(const struct difference *difference)
{
	char added[32], removed[32];

	output_print(
	    "%llu added, %llu removed, %llu modified, %llu with other metadata, %llu of another type; +%s, -%s\n",
	    (unsigned long long)difference->added, (unsigned long long)difference->removed,
	    (unsigned long long)difference->modified, (unsigned long long)difference->metadata,
	    (unsigned long long)difference->types, output_size(added, difference->bytes_added),
	    output_size(removed, difference->bytes_removed));
	output_object("summary",
	    json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "source_snapshot",
		describe_hex(difference->sides[0].selection.snapshot->id, OBJECT_ID_SIZE), "target_snapshot",
		describe_hex(difference->sides[1].selection.snapshot->id, OBJECT_ID_SIZE), "added",
		(json_int_t)difference->added, "removed", (json_int_t)difference->removed, "modified",
		(json_int_t)difference->modified, "metadata", (json_int_t)difference->metadata, "type_changed",
		(json_int_t)difference->types, "bytes_added", (json_int_t)difference->bytes_added, "bytes_removed",
		(json_int_t)difference->bytes_removed));
}

static enum err diff_run(const struct arguments *arguments)
{
	struct repository repository = {0};
	struct difference difference = {.repository = &repository};
	enum err err = access_open_full(&repository, "comparing snapshots");

	for (size_t i = 0; err == ERR_OK && i < 2; i++)
		err = open_side(&difference, &difference.sides[i], arguments->items[i]);
	if (err == ERR_OK) {
		difference.same_domain = memcmp(difference.sides[0].selection.snapshot->domain,
					     difference.sides[1].selection.snapshot->domain, DOMAIN_TAG_SIZE) == 0;
		err = merge(&difference);
	}
	if (err == ERR_OK)
		summarise(&difference);
	for (size_t i = 0; i < 2; i++) {
		selection_reader_close(&difference.sides[i].reader);
		selection_free(&difference.sides[i].selection);
	}
	repository_close(&repository);
	return err;
}

const struct command diff_command = {
    .name = "diff",
    .purpose = "show what differs between two snapshots",
    .arguments = "SNAPSHOT[:PATH] SNAPSHOT[:PATH]",
    .least = 2,
    .most = 2,
    .options = options,
    .details = "+ added   - removed   M other content   U other metadata   T another type",
    .examples = "pulih diff 1a2b3c4d latest\npulih diff 1a2b3c4d:/etc 5e6f7a8b:/etc",
    .run = diff_run,
};
