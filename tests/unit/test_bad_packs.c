/* What is remembered of damaged packs: kept, sorted, and thrown away by name where a byte of it is wrong. */
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/repo/bad_packs.h"
#include "tests/unit/repository_place.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PACKS 3

static void make_id(uint8_t id[OBJECT_ID_SIZE], int number)
{
	memset(id, 0x40 * number + 7, OBJECT_ID_SIZE);
}

/* Kept in falling order; every second one has damaged contents. */
static void remember(const struct repository *repository)
{
	struct bad_packs packs = {0};
	uint8_t id[OBJECT_ID_SIZE];

	for (int i = PACKS; i > 0; i--) {
		make_id(id, i);
		assert_int_equal(bad_packs_add(&packs, id, i % 2 ? PACK_BYTES_DAMAGED : PACK_CONTENT_DAMAGED), ERR_OK);
	}
	assert_int_equal(bad_packs_save(&packs, repository), ERR_OK);
	bad_packs_free(&packs);
}

/* The only file in the state folder whose name starts so; to be freed. NULL where there is none. */
static char *find_file(const struct repository *repository)
{
	DIR *folder = opendir(repository->state_folder);
	struct dirent *entry;
	char *path = NULL;

	while (folder && (entry = readdir(folder)) != NULL)
		if (strncmp(entry->d_name, "bad-", 4) == 0)
			path = path_join(repository->state_folder, entry->d_name);
	if (folder)
		closedir(folder);
	return path;
}

static void kept_and_found(void **state)
{
	struct place *place = *state;
	struct repository *repository = &place->repository;
	struct bad_packs packs;
	uint8_t id[OBJECT_ID_SIZE];

	assert_int_equal(bad_packs_load(&packs, repository), ERR_OK);
	make_id(id, 1);
	assert_int_equal(bad_packs_find(&packs, id), PACK_WHOLE);
	bad_packs_free(&packs);
	remember(repository);
	assert_int_equal(bad_packs_load(&packs, repository), ERR_OK);
	for (int i = 1; i <= PACKS; i++) {
		make_id(id, i);
		assert_int_equal(bad_packs_find(&packs, id), i % 2 ? PACK_BYTES_DAMAGED : PACK_CONTENT_DAMAGED);
	}
	id[31] ^= 1;
	assert_int_equal(bad_packs_find(&packs, id), PACK_WHOLE);
	bad_packs_free(&packs);
	packs = (struct bad_packs){0};
	/* Nothing left to remember: no file. */
	assert_int_equal(bad_packs_save(&packs, repository), ERR_OK);
	assert_null(find_file(repository));
	assert_int_equal(bad_packs_save(&packs, repository), ERR_OK);
}

static void every_byte_counts(void **state)
{
	struct place *place = *state;
	struct buffer bytes = {0};
	struct bad_packs packs;
	char *path;

	remember(&place->repository);
	path = find_file(&place->repository);
	assert_non_null(path);
	assert_int_equal(file_read_all(path, 1 << 20, &bytes), ERR_OK);
	for (size_t i = 0; i < bytes.length; i++) {
		bytes.data[i] ^= 0x01;
		assert_int_equal(file_replace(path, bytes.data, bytes.length, 0600), ERR_OK);
		assert_int_equal(bad_packs_load(&packs, &place->repository), ERR_CORRUPT);
		assert_int_equal(failure_last()->id, PL_BAD_PACKS);
		assert_int_equal(packs.items.length, 0);
		bytes.data[i] ^= 0x01;
	}
	for (size_t length = 0; length < bytes.length; length++) {
		assert_int_equal(file_replace(path, bytes.data, length, 0600), ERR_OK);
		assert_int_equal(bad_packs_load(&packs, &place->repository), ERR_CORRUPT);
	}
	buffer_free(&bytes);
	mem_free(path);
}

static void without_a_state_folder(void **state)
{
	struct place *place = *state;
	struct repository blind = place->repository;
	struct bad_packs packs = {0};
	uint8_t id[OBJECT_ID_SIZE];

	blind.state_folder = NULL;
	make_id(id, 1);
	assert_int_equal(bad_packs_add(&packs, id, PACK_BYTES_DAMAGED), ERR_OK);
	assert_int_equal(bad_packs_save(&packs, &blind), ERR_OK);
	bad_packs_free(&packs);
	assert_int_equal(bad_packs_load(&packs, &blind), ERR_OK);
	assert_int_equal(bad_packs_find(&packs, id), PACK_WHOLE);
}

/* Memory that runs out is said, and what was remembered stays. */
static void memory_may_run_out(void **state)
{
	struct place *place = *state;
	struct bad_packs packs;
	uint8_t id[OBJECT_ID_SIZE];
	size_t failed = 0;

	remember(&place->repository);
	make_id(id, 2);
	for (enum err err = ERR_NOMEM; err != ERR_OK; failed++) {
		mem_fail_at(failed + 1);
		err = bad_packs_load(&packs, &place->repository);
		if (err == ERR_OK)
			err = bad_packs_save(&packs, &place->repository);
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
		bad_packs_free(&packs);
		assert_int_equal(bad_packs_load(&packs, &place->repository), ERR_OK);
		assert_int_equal(bad_packs_find(&packs, id), PACK_CONTENT_DAMAGED);
		bad_packs_free(&packs);
	}
	assert_true(failed > 2);
}

#define PLACE_TEST(name) cmocka_unit_test_setup_teardown(name, place_up, place_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PLACE_TEST(kept_and_found),
	    PLACE_TEST(every_byte_counts),
	    PLACE_TEST(without_a_state_folder),
	    PLACE_TEST(memory_may_run_out),
	};

	return cmocka_run_group_tests(tests, place_crypto, NULL);
}
