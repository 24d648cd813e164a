/* core/source: names of users and groups. */
#include "core/base/pool.h"
#include "tests/unit/meta_place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

static void names_are_remembered(void **state)
{
	struct entry_bytes root = names_user(meta_place_names, 0), nobody = names_user(meta_place_names, 3999999999u),
			   group = names_group(meta_place_names, 0);

	(void)state;
	assert_int_equal(root.size, 4);
	assert_memory_equal(root.data, "root", 4);
	assert_int_equal(nobody.size, 0);
	assert_memory_equal(group.data, "root", 4);
	for (uint32_t id = 5000; id > 4000; id--)
		names_user(meta_place_names, id * 7919u);
	assert_ptr_equal(names_user(meta_place_names, 0).data, root.data);
	assert_ptr_equal(names_group(meta_place_names, 0).data, group.data);
	assert_int_equal(names_user(meta_place_names, 3999999999u).size, 0);
}

/* The last answer of a thread is not that of names that are gone. */
static void names_do_not_outlive_their_set(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct names *other = NULL;

		assert_int_equal(names_new(&other), ERR_OK);
		assert_memory_equal(names_user(other, 0).data, "root", 4);
		names_free(other);
	}
	assert_memory_equal(names_user(meta_place_names, 0).data, "root", 4);
}

struct asker {
	struct pool_job job;
	bool good;
};

static void ask(struct pool_job *job, unsigned worker)
{
	struct asker *asker = (struct asker *)(void *)job;

	(void)worker;
	asker->good = true;
	for (uint32_t i = 0; i < 2000; i++) {
		names_group(meta_place_names, i % 97 * 100003u);
		asker->good = asker->good && names_user(meta_place_names, 0).size == 4 &&
		    names_user(meta_place_names, 4000000000u + i % 50).size == 0;
	}
}

static void names_from_several_threads(void **state)
{
	struct asker askers[8] = {0};
	struct pool *pool = NULL;

	(void)state;
	assert_int_equal(pool_new(&pool, "ask", 4, 8), ERR_OK);
	for (size_t i = 0; i < 8; i++) {
		askers[i].job.run = ask;
		pool_submit(pool, &askers[i].job);
	}
	for (size_t i = 0; i < 8; i++) {
		pool_wait(pool, &askers[i].job);
		assert_true(askers[i].good);
	}
	pool_free(pool);
}

#define test(name) cmocka_unit_test_setup_teardown(name, meta_place_up, meta_place_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test(names_are_remembered),
	    test(names_do_not_outlive_their_set),
	    test(names_from_several_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
