#include "core/repo/bad_packs.h"

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/repo/config.h"

#include <errno.h>
#include <unistd.h>
#include <xxhash.h>

#define MAGIC "PULIHBAD"
#define VERSION 1u
#define HEADER (8 + 8 + REPOSITORY_ID_SIZE)
#define BAD_PACKS_MAX (64u << 20) /* bytes: two million packs, 30 TB that are damaged */

static char *path_of(const struct repository *repository)
{
	const char *place = target_place(repository->target);

	return mem_printf(
	    "%s/bad-%016llx", repository->state_folder, (unsigned long long)XXH3_64bits(place, strlen(place)));
}

static bool is_valid(const struct buffer *bytes, const struct repository *repository)
{
	return bytes->length >= HEADER + 8 && (bytes->length - HEADER - 8) % OBJECT_ID_SIZE == 0 &&
	    memcmp(bytes->data, MAGIC, 8) == 0 && load_u64(bytes->data + 8) == VERSION &&
	    memcmp(bytes->data + 16, repository->config->id, REPOSITORY_ID_SIZE) == 0 &&
	    load_u64(bytes->data + bytes->length - 8) == XXH3_64bits(bytes->data, bytes->length - 8);
}

enum err bad_packs_load(struct bad_packs *out, const struct repository *repository)
{
	struct buffer bytes = {0};
	char *path = repository->state_folder ? path_of(repository) : NULL;
	enum err err = ERR_OK;

	*out = (struct bad_packs){0};
	if (!repository->state_folder)
		return ERR_OK;
	err = path ? file_read_all(path, BAD_PACKS_MAX, &bytes) : ERR_NOMEM;
	if (err == ERR_MISSING) {
		failure_clear();
		err = ERR_OK;
	} else if (err == ERR_OK && !is_valid(&bytes, repository)) {
		err = fail(PL_BAD_PACKS, "%s is not what it must be", path);
	} else if (err == ERR_OK) {
		err = buffer_append(&out->ids, bytes.data + HEADER, bytes.length - HEADER - 8);
	}
	buffer_free(&bytes);
	mem_free(path);
	return err;
}

bool bad_packs_has(const struct bad_packs *packs, const uint8_t id[OBJECT_ID_SIZE])
{
	for (size_t at = 0; at < packs->ids.length; at += OBJECT_ID_SIZE)
		if (memcmp(packs->ids.data + at, id, OBJECT_ID_SIZE) == 0)
			return true;
	return false;
}

enum err bad_packs_add(struct bad_packs *packs, const uint8_t id[OBJECT_ID_SIZE])
{
	return bad_packs_has(packs, id) ? ERR_OK : buffer_append(&packs->ids, id, OBJECT_ID_SIZE);
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
		err = buffer_append(&bytes, packs->ids.data, packs->ids.length);
	if (err == ERR_OK)
		err = buffer_append_u64(&bytes, XXH3_64bits(bytes.data, bytes.length));
	if (err == ERR_OK)
		err = file_make_folders(repository->state_folder, 0700);
	if (err == ERR_OK)
		err = file_replace(path, bytes.data, bytes.length, 0600);
	buffer_free(&bytes);
	return err;
}

enum err bad_packs_save(const struct bad_packs *packs, const struct repository *repository)
{
	char *path = repository->state_folder ? path_of(repository) : NULL;
	enum err err = ERR_OK;

	if (!repository->state_folder)
		return ERR_OK;
	if (!path)
		return ERR_NOMEM;
	if (packs->ids.length > 0)
		err = write_all(packs, repository, path);
	else if (unlink(path) != 0 && errno != ENOENT)
		err = fail_errno(PL_FILE_WRITE, "cannot remove %s", path);
	mem_free(path);
	return err;
}

void bad_packs_free(struct bad_packs *packs)
{
	buffer_free(&packs->ids);
}
