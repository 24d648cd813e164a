/* When each pack was last read and found good: a file in the state folder, one for each target. Disposable: without it, everything is read
 * again.
 *
 *   "PULIHVER" (8), u16 version 1, 6 zero bytes, repository id (16), u64 packs
 *   per pack: id (32), i64 time of the last good SHA-256, i64 time of the last good reading of its contents (ns since 1970; 0: never)
 *   u64 XXH3-64 of all that precedes */
#include "restore/verify_internal.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/repo/config.h"

#include <xxhash.h>

#define LEDGER_MAGIC "PULIHVER"
#define LEDGER_HEADER 40
#define LEDGER_ITEM (OBJECT_ID_SIZE + 16)
#define LEDGER_MAX (1u << 30) /* bytes: 22 million packs, 700 TB */

static char *ledger_path(const struct verify *verify)
{
	const struct repository *repository = verify->repository;
	const char *place = target_place(repository->target);

	return mem_printf(
	    "%s/verify-%016llx", repository->state_folder, (unsigned long long)XXH3_64bits(place, strlen(place)));
}

static bool ledger_valid(const struct verify *verify, const struct buffer *bytes)
{
	static const uint8_t version[8] = {1};

	return bytes->length >= LEDGER_HEADER + 8 && memcmp(bytes->data, LEDGER_MAGIC, 8) == 0 &&
	    memcmp(bytes->data + 8, version, 8) == 0 &&
	    memcmp(bytes->data + 16, verify->repository->config->id, REPOSITORY_ID_SIZE) == 0 &&
	    (bytes->length - LEDGER_HEADER - 8) % LEDGER_ITEM == 0 &&
	    load_u64(bytes->data + 32) == (bytes->length - LEDGER_HEADER - 8) / LEDGER_ITEM &&
	    load_u64(bytes->data + bytes->length - 8) == XXH3_64bits(bytes->data, bytes->length - 8);
}

/* A time that is yet to come was written while the clock was ahead. Believed, the pack would be the last to be read again for as long. */
static int64_t time_read(const uint8_t *at, int64_t now)
{
	int64_t time = (int64_t)load_u64(at);

	return time <= now ? time : 0;
}

enum err verify_ledger_load(struct verify *verify)
{
	struct buffer bytes = {0};
	const int64_t now = clock_now();
	char *path = NULL;
	enum err err = ERR_OK;

	if (!verify->repository->state_folder)
		return ERR_OK;
	path = ledger_path(verify);
	if (!path)
		return ERR_NOMEM;
	err = file_read_all(path, LEDGER_MAX, &bytes);
	if (err == ERR_OK && ledger_valid(verify, &bytes)) {
		const uint8_t *item = bytes.data + LEDGER_HEADER;

		for (uint64_t left = load_u64(bytes.data + 32); left > 0; left--, item += LEDGER_ITEM) {
			struct verify_pack *pack = verify_packs_find(&verify->packs, item);

			if (pack) {
				pack->stored = time_read(item + OBJECT_ID_SIZE, now);
				pack->content = time_read(item + OBJECT_ID_SIZE + 8, now);
			}
		}
	}
	if (err != ERR_NOMEM)
		err = ERR_OK;
	buffer_free(&bytes);
	mem_free(path);
	return err;
}

/* The reason in the words of the failure that was remembered; memory that ran out stays what it is. */
static enum err not_kept(enum err err)
{
	struct failure failure;

	if (err == ERR_NOMEM)
		return err;
	failure_take(&failure);
	return fail(PL_VERIFY_STATE, "what was verified when is not remembered: %s", failure.text);
}

enum err verify_ledger_save(struct verify *verify)
{
	struct buffer bytes = {0};
	uint64_t count = 0;
	char *path = NULL;
	enum err err;

	if (!verify->repository->state_folder)
		return ERR_OK;
	err = buffer_append(&bytes, LEDGER_MAGIC, 8);
	if (err == ERR_OK)
		err = buffer_append_u64(&bytes, 1);
	if (err == ERR_OK)
		err = buffer_append(&bytes, verify->repository->config->id, REPOSITORY_ID_SIZE);
	if (err == ERR_OK)
		err = buffer_append_u64(&bytes, 0);
	for (size_t i = 0; i < verify->packs.count && err == ERR_OK; i++) {
		const struct verify_pack *pack = &verify->packs.items[i];

		if (!pack->present || (!pack->stored && !pack->content))
			continue;
		count++;
		err = buffer_append(&bytes, pack->id, OBJECT_ID_SIZE);
		if (err == ERR_OK)
			err = buffer_append_u64(&bytes, (uint64_t)pack->stored);
		if (err == ERR_OK)
			err = buffer_append_u64(&bytes, (uint64_t)pack->content);
	}
	if (err == ERR_OK) {
		store_u64(bytes.data + 32, count);
		err = buffer_append_u64(&bytes, XXH3_64bits(bytes.data, bytes.length));
	}
	if (err == ERR_OK && !(path = ledger_path(verify)))
		err = ERR_NOMEM;
	if (err == ERR_OK) {
		err = file_make_folders(verify->repository->state_folder, 0700);
		if (err == ERR_OK)
			err = file_replace(path, bytes.data, bytes.length, 0600);
		if (err != ERR_OK)
			err = not_kept(err);
	}
	mem_free(path);
	buffer_free(&bytes);
	return err;
}
