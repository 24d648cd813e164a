/* Brings the cached tables up to date with the target. The folder may be shared by several processes: no table is ever changed, one
 * that another process removed is simply built again, and of two that hold the same objects one is dropped. */
#include "core/base/clock.h"
#include "core/base/output.h"
#include "core/repo/index_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOAD_TRIES \
	4 /* objects and tables may go while they are read: maintenance merges index objects, processes merge tables */
#define STALE_AFTER (24 * 3600 * CLOCK_SECOND)

/* An index object in the target. */
struct listed {
	uint8_t id[OBJECT_ID_SIZE];
	uint64_t size;
	bool covered; /* by a table */
};

struct loader {
	struct index *index;
	struct table **found; /* in the folder, the largest first; NULL once attached */
	size_t found_count, found_capacity;
	struct buffer objects; /* in the target: struct listed, ascending by id */
	struct table_builder builder;
	bool last_try;
};

static void loader_free(struct loader *loader)
{
	for (size_t i = 0; i < loader->found_count; i++)
		index_table_close(loader->found[i]);
	mem_free(loader->found);
	buffer_free(&loader->objects);
	index_builder_free(&loader->builder);
}

/* ---- what the folder holds ---- */

static enum err add_found(struct loader *loader, const char *name)
{
	char *path = mem_printf("%s/%s", loader->index->folder, name);
	enum err err = path ? ERR_OK : ERR_NOMEM;

	if (err == ERR_OK && loader->found_count == loader->found_capacity) {
		size_t capacity = loader->found_capacity ? 2 * loader->found_capacity : 16;
		struct table **found = mem_resize(loader->found, capacity, sizeof(struct table *));

		if (found) {
			loader->found = found;
			loader->found_capacity = capacity;
		} else {
			err = ERR_NOMEM;
		}
	}
	if (err == ERR_OK)
		err = index_table_open(&loader->found[loader->found_count], path, &loader->index->scope);
	if (err == ERR_OK && loader->found[loader->found_count])
		loader->found_count++;
	mem_free(path);
	return err;
}

static void remove_stale(int folder_fd, const char *name)
{
	struct stat status;

	if (fstatat(folder_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	    clock_now() - (int64_t)status.st_mtim.tv_sec * CLOCK_SECOND > STALE_AFTER)
		unlinkat(folder_fd, name, 0);
}

static int larger_first(const void *a, const void *b)
{
	const struct table *x = *(struct table *const *)a, *y = *(struct table *const *)b;

	return (x->size < y->size) - (x->size > y->size);
}

static enum err scan_folder(struct loader *loader)
{
	DIR *entries = opendir(loader->index->folder);
	struct dirent *entry;
	enum err err = ERR_OK;

	if (!entries)
		return fail_errno(PL_INDEX_CACHE, "cannot list %s", loader->index->folder);
	while (err == ERR_OK && (errno = 0, entry = readdir(entries)) != NULL) {
		size_t length = strlen(entry->d_name), suffix = strlen(TABLE_SUFFIX);

		if (strncmp(entry->d_name, TABLE_TEMPORARY, strlen(TABLE_TEMPORARY)) == 0)
			remove_stale(dirfd(entries), entry->d_name);
		else if (length > suffix && strcmp(entry->d_name + length - suffix, TABLE_SUFFIX) == 0)
			err = add_found(loader, entry->d_name);
	}
	if (err == ERR_OK && errno != 0)
		err = fail_errno(PL_INDEX_CACHE, "cannot list %s", loader->index->folder);
	closedir(entries);
	if (err == ERR_OK && loader->found_count > 1)
		qsort(loader->found, loader->found_count, sizeof(struct table *), larger_first);
	return err;
}

/* ---- what the target holds ---- */

static enum err note_object(void *context, const struct target_object *object)
{
	struct loader *loader = context;
	struct listed listed = {.size = object->size};

	return object_id_of(object->name, listed.id) ? buffer_append(&loader->objects, &listed, sizeof(listed))
						     : ERR_OK;
}

static int compare_listed(const void *a, const void *b)
{
	return memcmp(((const struct listed *)a)->id, ((const struct listed *)b)->id, OBJECT_ID_SIZE);
}

static size_t listed_count(const struct loader *loader)
{
	return loader->objects.length / sizeof(struct listed);
}

static struct listed *listed_at(const struct loader *loader, size_t number)
{
	return (struct listed *)(void *)loader->objects.data + number;
}

/* The object that a table's record names; NULL where it is not in the target with that size. */
static struct listed *find_listed(const struct loader *loader, const uint8_t record[TABLE_OBJECT_SIZE])
{
	struct listed wanted, *found = NULL;

	memcpy(wanted.id, record, OBJECT_ID_SIZE);
	if (loader->objects.length > 0)
		found = bsearch(&wanted, loader->objects.data, listed_count(loader), sizeof(wanted), compare_listed);
	return found && found->size == load_u64(record + OBJECT_ID_SIZE) ? found : NULL;
}

static enum err list_objects(struct loader *loader)
{
	char tag[2 * DOMAIN_TAG_SIZE + 1], folder[sizeof("index/") + 2 * DOMAIN_TAG_SIZE];
	enum err err;

	snprintf(folder, sizeof(folder), "index/%s", hex_encode(tag, loader->index->domain->tag, DOMAIN_TAG_SIZE));
	err = target_list(loader->index->target, folder, note_object, loader);
	if (err == ERR_OK && loader->objects.length > 0)
		qsort(loader->objects.data, listed_count(loader), sizeof(struct listed), compare_listed);
	return err;
}

/* True when all objects of a table are in the target, as long as they were, and in no table before it. */
static bool is_wanted(const struct loader *loader, struct table *table)
{
	for (uint64_t i = 0; i < table->count[TABLE_OBJECTS]; i++) {
		const uint8_t *record = index_table_record(table, TABLE_OBJECTS, i);
		const struct listed *listed = record ? find_listed(loader, record) : NULL;

		if (!listed || listed->covered)
			return false;
	}
	return true;
}

static enum err attach_found(struct loader *loader)
{
	for (size_t i = 0; i < loader->found_count; i++) {
		struct table *table = loader->found[i];
		enum err err;

		loader->found[i] = NULL;
		if (!is_wanted(loader, table)) {
			index_table_discard(table);
			continue;
		}
		for (uint64_t j = 0; j < table->count[TABLE_OBJECTS]; j++) {
			const uint8_t *record = index_table_record(table, TABLE_OBJECTS, j);

			if (record)
				find_listed(loader, record)->covered = true;
		}
		err = index_attach(loader->index, table);
		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

static enum err flush_builder(struct loader *loader)
{
	struct table *table = NULL;
	enum err err = index_builder_write(&loader->builder, loader->index->folder, &loader->index->scope, &table);

	return err == ERR_OK ? index_attach(loader->index, table) : err;
}

static enum err build_pack(void *context, const struct index_pack *pack)
{
	return index_builder_pack(context, pack);
}

static enum err fetch_object(struct loader *loader, const uint8_t id[OBJECT_ID_SIZE])
{
	struct index *index = loader->index;
	struct table_builder_mark mark = index_builder_mark(&loader->builder);
	struct buffer bytes = {0};
	enum err err = target_get(index->target, object_index(index->domain->tag, id).text, INDEX_MAX, &bytes);

	if (err == ERR_OK)
		err = index_builder_object(&loader->builder, id, bytes.length);
	/* Left out, it is an object of the table all the same: it is not read again and again. */
	if (err == ERR_OK && !(index->to_store && index_object_revoked(index->keys, bytes.data, bytes.length)))
		err = index_object_decode(
		    index->keys, index->domain, id, bytes.data, bytes.length, build_pack, &loader->builder);
	buffer_free(&bytes);
	if (err != ERR_OK)
		index_builder_back(&loader->builder, mark);
	return err;
}

/* Damage of one object, which a reader that wants what is left goes on without. */
static bool is_damage(enum err err)
{
	return err == ERR_CORRUPT || err == ERR_MISSING || err == ERR_UNSUPPORTED || err == ERR_KEY ||
	    err == ERR_LIMIT || err == ERR_IO;
}

static enum err fetch_missing(struct loader *loader)
{
	struct index *index = loader->index;
	enum err err = ERR_OK;

	for (size_t i = 0; i < listed_count(loader) && err == ERR_OK; i++) {
		if (listed_at(loader, i)->covered)
			continue;
		if (interrupt_requested())
			return fail(PL_INTERRUPTED, "stopped while the index was read");
		err = fetch_object(loader, listed_at(loader, i)->id);
		if (err == ERR_MISSING && !loader->last_try)
			return err; /* merged into another one meanwhile: list again */
		if (index->skip_damaged && is_damage(err)) {
			output_failure_warning(failure_last());
			index->damaged++;
			err = ERR_OK;
		} else if (err == ERR_OK && index_builder_chunks(&loader->builder) >= INDEX_CHUNKS_MAX / 2) {
			err = flush_builder(loader);
		}
	}
	if (err == ERR_OK && loader->builder.objects.length > 0)
		err = flush_builder(loader);
	return err;
}

/* ---- all of it ---- */

static bool any_damaged(const struct index *index)
{
	for (size_t i = 0; i < index->tables_count; i++)
		if (atomic_load(&index->tables[i]->damaged))
			return true;
	return false;
}

void index_close_tables(struct index *index)
{
	for (size_t i = 0; i < index->tables_count; i++) {
		if (atomic_load(&index->tables[i]->damaged))
			index_table_discard(index->tables[i]);
		else
			index_table_close(index->tables[i]);
	}
	index->tables_count = 0;
}

/* The folder is read before the target: a table that stands there by then has its objects in the listing, unless they went. */
static enum err load_once(struct index *index, bool last_try)
{
	struct loader loader = {.index = index, .last_try = last_try};
	enum err err = scan_folder(&loader);

	index->damaged = 0;
	if (err == ERR_OK)
		err = list_objects(&loader);
	if (err == ERR_OK)
		err = attach_found(&loader);
	if (err == ERR_OK)
		err = fetch_missing(&loader);
	loader_free(&loader);
	return err == ERR_OK ? index_merge_small(index) : err;
}

enum err index_load(struct index *index)
{
	for (int tries = 1;; tries++) {
		enum err err;

		index_close_tables(index);
		err = load_once(index, tries == LOAD_TRIES);
		mem_trim();
		if (err == ERR_OK && !any_damaged(index))
			return ERR_OK;
		if ((err != ERR_OK && err != ERR_MISSING) || tries == LOAD_TRIES)
			return err != ERR_OK
			    ? err
			    : fail(PL_INDEX_CACHE, "tables in %s are damaged again and again", index->folder);
	}
}
