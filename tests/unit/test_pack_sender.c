/* The threads that write packs: what is told of the packs that were not begun when another one failed. */
#include "core/backup/store_internal.h"

#include "core/base/mem.h"
#include "core/repo/target.h"
#include "targets/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct fixture {
	struct target *target;
	struct pool *pool;
	struct pack_sender *sender;
	struct pack_unit slow, failing;
};

/* Not finished before the one behind it has failed. */
static void finish_late(struct pool_job *job, unsigned worker)
{
	struct fixture *fixture = (struct fixture *)((char *)job - offsetof(struct fixture, slow));

	(void)worker;
	pack_sender_wait(fixture->sender, &fixture->failing);
}

static void finish_badly(struct pool_job *job, unsigned worker)
{
	struct pack_unit *unit = (struct pack_unit *)job;

	(void)worker;
	(fail)(PL_NO_SPACE, "no room for the second pack");
	failure_take(&unit->failure);
}

static int setup(void **state)
{
	struct fixture *fixture = mem_calloc(1, sizeof(*fixture));

	*state = fixture;
	assert_int_equal(memory_target_new(&fixture->target), ERR_OK);
	assert_int_equal(pool_new(&fixture->pool, "test", 2, 4), ERR_OK);
	assert_int_equal(pack_sender_new(&fixture->sender, fixture->target, fixture->pool, true, 0), ERR_OK);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	pack_sender_free(fixture->sender);
	pool_free(fixture->pool);
	target_free(fixture->target);
	mem_free(fixture);
	return 0;
}

/* The caller asks in order: what it hears first must be why the run ends. */
static void test_reason_of_the_one_behind(void **state)
{
	struct fixture *fixture = *state;

	fixture->slow.job.run = finish_late;
	fixture->failing.job.run = finish_badly;
	pool_submit(fixture->pool, &fixture->slow.job);
	pack_sender_submit(fixture->sender, &fixture->slow);
	pool_submit(fixture->pool, &fixture->failing.job);
	pack_sender_submit(fixture->sender, &fixture->failing);
	assert_int_equal(pack_sender_wait(fixture->sender, &fixture->slow), ERR_NOSPACE);
	assert_int_equal(failure_last()->id, PL_NO_SPACE);
	assert_string_equal(failure_last()->text, "no room for the second pack");
	assert_int_equal(pack_sender_wait(fixture->sender, &fixture->failing), ERR_NOSPACE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_reason_of_the_one_behind, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
