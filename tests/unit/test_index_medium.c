/* The cache of the index on a disk that fails while it is in use: what cannot be read is damage, and ends nothing. */
#include "index_place.h"
#include "core/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A page of the map that lies behind the end of its file cannot be read, like one on a bad sector: a look at it is SIGBUS. */
static void cut_while_it_is_open(void **state)
{
	struct stat status;

	(void)state;
	index_place_write(1, 4, 300);
	for (off_t blocks = 0; blocks < 12; blocks++) {
		struct index *index = index_place_open();
		char *path = NULL;

		assert_int_equal(index_place_files(".table", &path), 1);
		assert_int_equal(stat(path, &status), 0);
		assert_true(status.st_size > 12 * (off_t)TABLE_BLOCK);
		assert_int_equal(truncate(path, blocks * (off_t)TABLE_BLOCK + 10), 0);
		index_place_check(index, 1, 4, 300);
		assert_int_equal(index_place_census(index).packs, 4);
		index_free(index);
		mem_free(path);
	}
}

/* A session cannot build its tables anew, for its marks are in them: what is lost counts as absent, and is stored again. */
static void cut_in_a_session(void **state)
{
	struct index *index;
	char *path = NULL;
	size_t adopted;

	(void)state;
	index_place_write(1, 4, 300);
	index = index_place_open();
	assert_int_equal(index_begin(index, &adopted), ERR_OK);
	assert_int_equal(index_place_files(".table", &path), 1);
	assert_int_equal(truncate(path, TABLE_BLOCK), 0);
	assert_false(index_place_use(index, 1, 0));
	assert_int_equal(index_heal(index), ERR_IO);
	assert_int_equal(failure_last()->id, PL_INDEX_CACHE);
	index_free(index);
	mem_free(path);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, index_place_up, index_place_down)
	const struct CMUnitTest tests[] = {
	    TEST(cut_while_it_is_open),
	    TEST(cut_in_a_session),
	};

	return cmocka_run_group_tests_name("index_medium", tests, NULL, NULL);
}
