/* How long nobody has read what the target holds. */
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "restore/verify.h"
#include "targets/memory.h"
#include "tests/unit/repo_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void open_with_packs(struct fixture *fixture, size_t stores)
{
	fixture_open(fixture);
	for (size_t i = 0; i < stores; i++) {
		char name[] = {'f', (char)('a' + i), 0};

		fixture_file(fixture, name, name);
		fixture_store(fixture);
	}
}

static void no_pack_has_no_age(void **state)
{
	struct fixture fixture;
	struct verify_age age = {1, 1, 1, 1};

	(void)state;
	open_with_packs(&fixture, 0);
	assert_int_equal(verify_age_of(&fixture.repository, &age), ERR_OK);
	assert_int_equal(age.packs, 0);
	assert_int_equal(age.never, 0);
	assert_int_equal(age.damaged, 0);
	assert_int_equal(age.since, 0);
	fixture_close(&fixture);
}

/* Written counts as read; a verification of part of it makes that part younger, and the oldest rest is what counts. */
static void the_oldest_counts(void **state)
{
	struct verify_options options = {.tier = VERIFY_STORED, .budget = 1};
	struct fixture fixture;
	struct object_name packs[16];
	struct verify_result result;
	struct verify_age before, after;
	int64_t first = INT64_MAX;
	size_t count;

	(void)state;
	open_with_packs(&fixture, 3);
	count = fixture_packs(&fixture, 0, packs, 16);
	for (size_t i = 0; i < count; i++) {
		uint64_t size;
		int64_t changed;

		assert_int_equal(target_stat(fixture.repository.target, packs[i].text, &size, &changed), ERR_OK);
		first = changed < first ? changed : first;
	}
	assert_int_equal(verify_age_of(&fixture.repository, &before), ERR_OK);
	assert_int_equal(before.packs, count);
	assert_int_equal(before.never, count);
	assert_int_equal(before.since, first);
	assert_int_equal(verify_run(&fixture.repository, &options, &result), ERR_OK);
	assert_int_equal(result.packs_read, 1);
	assert_int_equal(verify_age_of(&fixture.repository, &after), ERR_OK);
	assert_int_equal(after.never, count - 1);
	assert_true(after.since >= before.since);
	options.budget = 0;
	assert_int_equal(verify_run(&fixture.repository, &options, &result), ERR_OK);
	assert_int_equal(verify_age_of(&fixture.repository, &after), ERR_OK);
	assert_int_equal(after.never, 0);
	assert_int_equal(after.since, result.oldest_unread);
	/* without the list, what was written is what is known */
	mem_free(fixture.repository.state_folder);
	fixture.repository.state_folder = NULL;
	assert_int_equal(verify_age_of(&fixture.repository, &after), ERR_OK);
	assert_int_equal(after.never, count);
	assert_int_equal(after.since, first);
	fixture_close(&fixture);
}

static void failures_are_told(void **state)
{
	struct fixture fixture;
	struct verify_age age;
	enum err err = ERR_NOMEM;

	(void)state;
	open_with_packs(&fixture, 2);
	memory_target_fail(fixture.repository.target, MEMORY_LIST, 1, PL_TARGET_LIST, false);
	assert_int_equal(verify_age_of(&fixture.repository, &age), ERR_IO);
	assert_int_equal(age.packs, 0);
	for (unsigned long n = 1; err != ERR_OK; n++) {
		mem_fail_at(n);
		err = verify_age_of(&fixture.repository, &age);
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
	}
	assert_true(age.packs > 0);
	fixture_close(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_pack_has_no_age),
	    cmocka_unit_test(the_oldest_counts),
	    cmocka_unit_test(failures_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
