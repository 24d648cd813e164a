#include "core/repo/bad_packs.h"

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/repo/config.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

#define MAGIC "PULIHBAD"
#define VERSION 1u
#define HEADER (8 + 8 + REPOSITORY_ID_SIZE)
#define ITEM (OBJECT_ID_SIZE + 1)
#define BAD_PACKS_MAX (64u << 20) /* bytes: two million packs, 30 TB that are damaged */

static char *path_of(const struct repository *repository)
{
	const char *place = target_place(repository->target);

	return mem_printf(
	    "%s/bad-%016llx", repository->state_folder, (unsigned long long)XXH3_64bits(place, strlen(place)));
}

static int compare(const void *left, const void *right)
{
	return memcmp(left, right, OBJECT_ID_SIZE);
}

static bool is_valid(const struct buffer *bytes, const struct repository *repository)
{
	size_t end = bytes->length - 8;

	if (bytes->length < HEADER + 8 || (end - HEADER) % ITEM != 0 || memcmp(bytes->data, MAGIC, 8) != 0 ||
	    load_u64(bytes->data + 8) != VERSION ||
	    memcmp(bytes->data + 16, repository->config->id, REPOSITORY_ID_SIZE) != 0 ||
	    load_u64(bytes->data + end) != XXH3_64bits(bytes->data, end))
		return false;
	for (size_t at = HEADER; at < end; at += ITEM) {
		uint8_t damage = bytes->data[at + OBJECT_ID_SIZE];

		if (damage != PACK_BYTES_DAMAGED && damage != PACK_CONTENT_DAMAGED)
			return false;
		if (at > HEADER && compare(bytes->data + at - ITEM, bytes->data + at) >= 0)
			return false;
	}
	return true;
}

enum err bad_packs_load(struct bad_packs *out, const struct repository *repository)
{
	struct buffer bytes = {0};
	char *path;
	enum err err;

	*out = (struct bad_packs){0};
	if (!repository->state_folder)
		return ERR_OK;
	path = path_of(repository);
	err = path ? file_read_all(path, BAD_PACKS_MAX, &bytes) : ERR_NOMEM;
	if (err == ERR_MISSING) {
		failure_clear();
		err = ERR_OK;
	} else if (err == ERR_OK && !is_valid(&bytes, repository)) {
		err = fail(PL_BAD_PACKS, "%s is not what it must be", path);
	} else if (err == ERR_OK) {
		err = buffer_append(&out->items, bytes.data + HEADER, bytes.length - HEADER - 8);
	}
	buffer_free(&bytes);
	mem_free(path);
	return err;
}

enum pack_damage bad_packs_find(const struct bad_packs *packs, const uint8_t id[OBJECT_ID_SIZE])
{
	const uint8_t *item =
	    packs->items.length ? bsearch(id, packs->items.data, packs->items.length / ITEM, ITEM, compare) : NULL;

	return item ? (enum pack_damage)item[OBJECT_ID_SIZE] : PACK_WHOLE;
}

const uint8_t *bad_packs_at(const struct bad_packs *packs, size_t number)
{
	return number < packs->items.length / ITEM ? packs->items.data + number * ITEM : NULL;
}

enum err bad_packs_add(struct bad_packs *packs, const uint8_t id[OBJECT_ID_SIZE], enum pack_damage damage)
{
	enum err err = buffer_append(&packs->items, id, OBJECT_ID_SIZE);

	return err == ERR_OK ? buffer_append_u8(&packs->items, (uint8_t)damage) : err;
}

static enum err write_all(const struct bad_packs *packs, const struct repository *repository, const char *path)
{
	struct buffer bytes = {0};
	enum err err = buffer_append(&bytes, MAGIC, 8);

	if (err == ERR_OK)
		err = buffer_append_u64(&bytes, VERSION);
	if (err == ERR_OK)
		err = buffer_append(&bytes, repository->config->id, REPOSITORY_ID_SIZE);
	if (err == ERR_OK)
		err = buffer_append(&bytes, packs->items.data, packs->items.length);
	if (err == ERR_OK)
		err = buffer_append_u64(&bytes, XXH3_64bits(bytes.data, bytes.length));
	if (err == ERR_OK)
		err = file_make_folders(repository->state_folder, 0700);
	if (err == ERR_OK)
		err = file_replace(path, bytes.data, bytes.length, 0600);
	buffer_free(&bytes);
	return err;
}

enum err bad_packs_save(struct bad_packs *packs, const struct repository *repository)
{
	char *path = repository->state_folder ? path_of(repository) : NULL;
	enum err err = ERR_OK;

	if (!repository->state_folder)
		return ERR_OK;
	if (!path)
		return ERR_NOMEM;
	if (packs->items.length > 0) {
		qsort(packs->items.data, packs->items.length / ITEM, ITEM, compare);
		err = write_all(packs, repository, path);
	} else if (unlink(path) != 0 && errno != ENOENT) {
		err = fail_errno(PL_FILE_WRITE, "cannot remove %s", path);
	}
	mem_free(path);
	return err;
}

void bad_packs_free(struct bad_packs *packs)
{
	buffer_free(&packs->items);
}
