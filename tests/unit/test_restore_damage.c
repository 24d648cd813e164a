/* Restoring from a damaged repository, and restores that are cut off. */
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "targets/memory.h"
#include "tests/unit/random_bytes.h"
#include "tests/unit/restoring.h"
#include "tests/unit/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void damage_names_the_file_and_leaves_no_half(void **state)
{
	struct restoring *at = *state;
	struct object_name packs[4];
	struct entry entry = fixture_entry_of("broken", ENTRY_FILE);
	uint8_t bytes[4000];
	size_t count;

	random_bytes(3, bytes, sizeof(bytes));
	fixture_add(&at->fixture, &entry, bytes, sizeof(bytes), 4000);
	fixture_store(&at->fixture);
	count = fixture_packs(&at->fixture, PACK_DATA, packs, 4);
	assert_int_equal(count, 1);
	fixture_file(&at->fixture, "whole", "this one is in another pack");
	fixture_store(&at->fixture);
	assert_true(memory_target_corrupt(at->fixture.repository.target, packs[0].text, 300, 0x10));
	assert_int_equal(restoring_run(at), ERR_CORRUPT);
	assert_int_equal(at->problems, 1);
	assert_string_equal(at->last.path, "broken");
	assert_int_equal(failure_last()->id, PL_RESTORE_DAMAGED);
	assert_false(exists(restoring_out(at, "broken")));
	assert_text(restoring_out(at, "whole"), "this one is in another pack");
	/* what stood there before stays */
	write_text(restoring_out(at, "broken"), "old");
	assert_int_equal(restoring_run(at), ERR_CORRUPT);
	assert_text(restoring_out(at, "broken"), "old");
}

static void a_large_damaged_file_is_removed(void **state)
{
	struct restoring *at = *state;
	struct object_name packs[4];
	struct entry entry = fixture_entry_of("large", ENTRY_FILE);
	size_t size = 12u << 20; /* fits one pack, and is written by several threads */
	uint8_t *bytes = mem_alloc(size);

	at->options.threads = 2;
	random_bytes(3, bytes, size);
	fixture_add(&at->fixture, &entry, bytes, size, 1 << 20);
	fixture_store(&at->fixture);
	assert_int_equal(fixture_packs(&at->fixture, PACK_DATA, packs, 4), 1);
	assert_true(memory_target_corrupt(at->fixture.repository.target, packs[0].text, 9 << 20, 1));
	assert_int_equal(restoring_run(at), ERR_CORRUPT);
	assert_int_equal(at->problems, 1);
	assert_false(exists(restoring_out(at, "large")));
	mem_free(bytes);
}

static void a_damaged_list_of_files_costs_only_its_part(void **state)
{
	struct restoring *at = *state;
	struct object_name packs[4];

	at->options.delete_others = true;
	for (int i = 0; i < 3000; i++) {
		char path[32];

		snprintf(path, sizeof(path), "file%05d", i);
		fixture_file(&at->fixture, path, path);
	}
	fixture_store(&at->fixture);
	assert_int_equal(fixture_packs(&at->fixture, PACK_METADATA, packs, 4), 1);
	/* Later changes put the nodes of the end and the root into a second pack; the damage is in the first. */
	fixture_file(&at->fixture, "zzz", "new");
	fixture_store(&at->fixture);
	assert_int_equal(file_make_folders(restoring_path(at, "out"), 0700), ERR_OK);
	write_text(restoring_out(at, "stranger"), "x");
	assert_true(memory_target_corrupt(at->fixture.repository.target, packs[0].text, 200, 1));
	assert_int_equal(restoring_run(at), ERR_CORRUPT);
	assert_text(restoring_out(at, "zzz"), "new");
	/* nobody knows what the lost part had */
	assert_text(restoring_out(at, "stranger"), "x");
	assert_int_equal(at->result.deleted, 0);
}

static void an_interrupt_stops_it(void **state)
{
	struct restoring *at = *state;

	interrupt_set(true);
	assert_int_equal(restoring_run(at), ERR_INTERRUPTED);
	interrupt_set(false);
	assert_int_equal(restoring_run(at), ERR_OK);
	restoring_assert_whole(at);
}

/* Every allocation fails once: an error, no crash, and nothing under its final name that is not whole. */
static void survives_without_memory(void **state)
{
	struct restoring *at = *state;
	enum err err;

	at->options.threads = 1;
	for (unsigned long n = 1;; n++) {
		mem_fail_at(n);
		err = restoring_run(at);
		mem_fail_at(0);
		file_remove_tree(restoring_path(at, "out"));
		if (err == ERR_OK)
			break;
		if (err != ERR_NOMEM && err != ERR_CORRUPT && err != ERR_FAILED && err != ERR_PARTIAL && err != ERR_IO)
			fail_msg("allocation %lu: %s", n, failure_last()->text);
	}
}

#define test(name) cmocka_unit_test_setup_teardown(name, restoring_up, restoring_down)
#define test_small(name) cmocka_unit_test_setup_teardown(name, restoring_small_up, restoring_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test(damage_names_the_file_and_leaves_no_half),
	    test(a_large_damaged_file_is_removed),
	    test(a_damaged_list_of_files_costs_only_its_part),
	    test_small(an_interrupt_stops_it),
	    test_small(survives_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
