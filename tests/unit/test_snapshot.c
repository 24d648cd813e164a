/* Snapshots: sealed, signed, listed, found. */
#include "core/base/buffer.h"
#include "core/base/mem.h"
#include "core/repo/object.h"
#include "targets/memory.h"
#include "tests/unit/snapshots.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void round_trip(void **state)
{
	struct keys *writers[] = {snapshots_full, snapshots_backup};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct snapshot snapshot = snapshots_sample(-5), back;
		struct buffer bytes = {0};

		assert_int_equal(snapshot_encode(&snapshot, writers[i], &bytes), ERR_OK);
		assert_int_equal(snapshot_decode(&back, snapshots_full, snapshot.id, bytes.data, bytes.length), ERR_OK);
		assert_summary_equal(&back, &snapshot);
		assert_true(back.has_content);
		assert_content_equal(&back, &snapshot);
		snapshot_free(&back);
		/* The backup key reads the summary only. */
		assert_int_equal(
		    snapshot_decode(&back, snapshots_backup, snapshot.id, bytes.data, bytes.length), ERR_OK);
		assert_summary_equal(&back, &snapshot);
		assert_true(
		    !back.has_content && back.paths_count == 0 && back.tags_count == 0 && back.root.levels == 0);
		snapshot_free(&back);
		snapshot_free(&snapshot);
		buffer_free(&bytes);
	}
}

static void least(void **state)
{
	struct snapshot snapshot = {0}, back;
	struct buffer bytes = {0};

	(void)state;
	assert_int_equal(snapshot_encode(&snapshot, snapshots_other, &bytes), ERR_OK);
	assert_int_equal(snapshot_decode(&back, snapshots_full, snapshot.id, bytes.data, bytes.length), ERR_OK);
	assert_true(back.has_content && !back.partial && back.paths_count == 0 && back.started == 0);
	assert_string_equal(back.host, "");
	snapshot_free(&back);
	assert_int_equal(snapshot_decode(&back, snapshots_backup, snapshot.id, bytes.data, bytes.length), ERR_KEY);
	assert_int_equal(failure_last()->id, PL_KEY_DOMAIN);
	snapshot_free(&snapshot);
	buffer_free(&bytes);
}

/* An object that the first version wrote: it must open for ever. */
static const char first_version[] =
    "50554c4948534e5001000100000000007265706f7369746f727920746573740061e183bc6673c09229e56bb3beae9ec8"
    "00000000000000000000000000000000e80100000a010000dad6daec84e42008276234f901c032e56929f665cf90d732"
    "68498aed5b3f986e8a54cb837fa158cfa12c2e1845d73b22a06a7a7e5e6f5159d88d0b112a343c82597b74c1ff541171"
    "984c0002925cae3fe08182f759e8ed8cada1e2aa80717a1f22873254824d6bb73d55d5c0da11cae6ecd83b15761e9aa3"
    "136597b02ae22f99e085f6118dd64cf634a2cd9a68ff04a861f93ef5dbfb7423abf087e8c18aeaadfa2f07ab15c44df4"
    "d1ff06fe0319c4c2f2c45153dd12d87016db19693f22e1d286e8ace10c888acb5aaef57c94be4323ba55dcc0710c29fb"
    "3a9a599782f123b8052ba90475980d265f470913a39739d6c536da11261550a30a7a971a79ea43f4f436c9f2acb01fbd"
    "bb9031e05a6388ce9cbe72bbff4799e155d7c8a15338c9fc5f44b52967787aaf29a7cb0d40d737539c44813720e646bd"
    "df595d8706793290a55025991f6985981df5b893ecfb4d483b69977bc4a0cbafc952f2b15cc41c4df6c9151f72386e2b"
    "a1331360edc26a38e1d34c668f4cfd4e1cfa7f2cc79f2920951c7d0c0e8506be261d2f60b874f4e7808b9ba37826d914"
    "47692cdaf5523fc222258d00f5c987043fe3b778cecbc501c508da3c3a5611d5a280530e209bbd290f67db1c1bf713f6"
    "45816f8911302a98def182238a32735392f520e8bfcb75b471c0e0981552814fc38ca56a35ea58ea9e60223122a93402"
    "b525408f2e64b37352e38ff2a691bc7d6121321a6042e4e3b8acea5c414f37b1e1e81fb8528b433f6eaa178775626a25"
    "530c39209523936eda31d375743ebfcb8e031a091046b8990dd089ef3f11a493734e118e1e5824e6b7f00f7cda4a3e52"
    "b3ef0a9bd38d78e043ff46aef52a2a18f0780dbfb13309878f3cf51ab7835f213166c34baaa47cef60cf0a1f39f384fa"
    "ccb02f295f349beaea1f40afa39f099e12bb3a28e2457c615f59986cfd30648f96d7c72727b9d3b10b6ea12f75593550"
    "2fe6a025b000812fc06ea59950b298fc9467b8ffaed17333aa934b1d2e294d260818d461f312d27fb892348d662790de"
    "17f60e40d0a8c2f50e4f5ecca97579a85a03ba9fdf1b478108e91c5509d5ab4a15e4b18348d15f50dd5d14bee37967d9"
    "76224cd077f74b27c3bcef5d29abf480a8cc4696c41fba502c0e";

static void known_object(void **state)
{
	uint8_t bytes[sizeof(first_version) / 2], id[OBJECT_ID_SIZE];
	struct snapshot back;

	(void)state;
	assert_true(hex_decode(bytes, sizeof(bytes), first_version));
	assert_int_equal(sha256(bytes, sizeof(bytes), id), ERR_OK);
	assert_int_equal(snapshot_decode(&back, snapshots_full, id, bytes, sizeof(bytes)), ERR_OK);
	assert_true(
	    back.started == -1 && back.ended == 2 && back.generation == 3 && back.previous[0] == 4 && !back.partial);
	assert_true(back.totals.files == 5 && back.totals.packs_new == 6 && back.root.id[0] == 7);
	assert_true(back.root.length == 8 && back.root.levels == 1 && back.root.entries == 9);
	assert_string_equal(back.host, "h");
	assert_string_equal(back.job, "j");
	assert_string_equal(back.tool, "t");
	assert_string_equal(back.paths[0], "/\xff");
	assert_string_equal(back.tags[0], "x");
	snapshot_free(&back);
}

/* ---- limits ---- */

static void expect_limit(struct snapshot *snapshot)
{
	struct buffer bytes = {0};

	failure_clear();
	assert_int_equal(snapshot_encode(snapshot, snapshots_full, &bytes), ERR_LIMIT);
	assert_int_equal(failure_last()->id, PL_SNAPSHOT_LIMIT);
	buffer_free(&bytes);
	snapshot_free(snapshot);
}

static void limits(void **state)
{
	char *text = mem_calloc(1, ENTRY_PATH_MAX + 2);
	struct snapshot snapshot = {0};
	struct buffer bytes = {0};

	(void)state;
	memset(text, 'x', ENTRY_PATH_MAX + 1);
	assert_int_equal(snapshot_add_path(&snapshot, text), ERR_OK);
	expect_limit(&snapshot);
	text[ENTRY_PATH_MAX] = '\0';
	for (int i = 0; i < 300; i++)
		assert_int_equal(snapshot_add_path(&snapshot, text), ERR_OK);
	expect_limit(&snapshot); /* too large in all */
	text[SNAPSHOT_TEXT_MAX + 1] = '\0';
	snapshot.host = mem_string(text);
	expect_limit(&snapshot);
	snapshot.job = mem_string(text);
	expect_limit(&snapshot);
	assert_int_equal(snapshot_add_tag(&snapshot, text), ERR_OK);
	expect_limit(&snapshot);
	text[SNAPSHOT_TEXT_MAX] = '\0';
	snapshot.host = mem_string(text);
	assert_int_equal(snapshot_encode(&snapshot, snapshots_full, &bytes), ERR_OK);
	snapshot_free(&snapshot);
	snapshot.generation = UINT64_MAX;
	expect_limit(&snapshot);
	snapshot.totals.chunks = UINT64_C(1) << 63;
	expect_limit(&snapshot);
	for (int i = 0; i < SNAPSHOT_TAGS_MAX + 1; i++)
		assert_int_equal(snapshot_add_tag(&snapshot, "t"), ERR_OK);
	expect_limit(&snapshot);
	for (unsigned i = 0; i < SNAPSHOT_PATHS_MAX + 1; i++)
		assert_int_equal(snapshot_add_path(&snapshot, "/p"), ERR_OK);
	expect_limit(&snapshot);
	buffer_free(&bytes);
	mem_free(text);
}

/* ---- lists ---- */

static void store(struct target *target, struct snapshot *snapshot, const struct keys *keys)
{
	struct buffer bytes = {0};

	assert_int_equal(snapshot_encode(snapshot, keys, &bytes), ERR_OK);
	assert_int_equal(target_put(target, object_snapshot(snapshot->id).text, bytes.data, bytes.length), ERR_OK);
	buffer_free(&bytes);
}

static void lists(void **state)
{
	static const int64_t times[] = {30, 10, 20, 10};
	struct target *target = NULL;
	struct snapshot_list list = {0};
	struct snapshot foreign = snapshots_sample(5), loaded;
	uint8_t damaged[OBJECT_ID_SIZE];

	(void)state;
	assert_int_equal(memory_target_new(&target), ERR_OK);
	memory_target_set_now(target, 777);
	assert_int_equal(snapshot_list_load(&list, target, snapshots_full), ERR_OK);
	assert_true(list.count == 0 && list.damaged == 0);
	snapshot_list_free(&list);
	for (size_t i = 0; i < 4; i++) {
		struct snapshot snapshot = snapshots_sample(times[i]);

		store(target, &snapshot, i % 2 ? snapshots_backup : snapshots_full);
		memcpy(damaged, snapshot.id, sizeof(damaged));
		snapshot_free(&snapshot);
	}
	store(target, &foreign, snapshots_other);
	assert_int_equal(snapshot_list_load(&list, target, snapshots_full), ERR_OK);
	assert_true(list.count == 5 && list.damaged == 0 && list.items[0].started == 5 && list.items[4].started == 30);
	for (size_t i = 1; i < list.count; i++)
		assert_true(list.items[i - 1].started < list.items[i].started ||
		    (list.items[i].started == 10 &&
			memcmp(list.items[i - 1].id, list.items[i].id, OBJECT_ID_SIZE) < 0));
	assert_true(list.items[0].arrived == 777);
	snapshot_list_free(&list);

	/* A backup key sees its domain only, and that is no damage. */
	assert_int_equal(snapshot_list_load(&list, target, snapshots_backup), ERR_OK);
	assert_true(list.count == 4 && list.damaged == 0);
	snapshot_list_free(&list);

	assert_true(memory_target_corrupt(target, object_snapshot(damaged).text, 100, 1));
	assert_int_equal(snapshot_list_load(&list, target, snapshots_full), ERR_OK);
	assert_true(list.count == 4 && list.damaged == 1);
	snapshot_list_free(&list);
	assert_int_equal(snapshot_load(&loaded, target, snapshots_full, damaged), ERR_CORRUPT);
	assert_int_equal(snapshot_load(&loaded, target, snapshots_full, foreign.id), ERR_OK);
	assert_true(loaded.arrived == 777);
	assert_summary_equal(&loaded, &foreign);
	snapshot_free(&loaded);

	/* A place that cannot be read is no empty place. */
	memory_target_fail(target, MEMORY_LIST, 1, PL_TARGET_LIST, true);
	assert_int_equal(snapshot_list_load(&list, target, snapshots_full), ERR_IO);
	memory_target_fail(target, MEMORY_LIST, 0, PL_TARGET_LIST, false);
	memory_target_fail(target, MEMORY_READ, 2, PL_TARGET_READ, true);
	assert_int_equal(snapshot_list_load(&list, target, snapshots_full), ERR_IO);
	assert_true(list.items == NULL && list.count == 0);
	memory_target_fail(target, MEMORY_READ, 0, PL_TARGET_READ, false);
	/* One that goes while the list is read. */
	memory_target_fail(target, MEMORY_READ, 1, PL_OBJECT_MISSING, false);
	assert_int_equal(snapshot_list_load(&list, target, snapshots_full), ERR_OK);
	assert_int_equal(list.count + list.damaged, 4);
	snapshot_list_free(&list);
	snapshot_free(&foreign);
	target_free(target);
}

/* The clock ran ahead, was put right, and fell back: the chain tells which came last. */
static void finding_the_latest(void **state)
{
	struct snapshot items[5] = {{.id = {5}, .previous = {4}, .started = 1},
	    {.id = {3}, .previous = {9}, .started = 2}, {.id = {4}, .previous = {3}, .started = 3},
	    {.id = {7}, .started = 4},
	    {.id = {9}, .started = INT64_MAX, .tags = (char *[]){(char[]){"x"}}, .tags_count = 1}};
	struct snapshot_list list = {.items = items, .count = 5};
	struct snapshot_filter filter = {.job = "a"};
	const struct snapshot *found;
	char host[] = "h", *jobs[] = {(char[]){"a"}, (char[]){"b"}};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		items[i].host = host;
		items[i].job = jobs[i == 3];
	}
	assert_int_equal(snapshot_resolve(&list, "latest", &filter, &found), ERR_OK);
	assert_ptr_equal(found, &items[0]);
	assert_int_equal(snapshot_resolve(&list, "latest", NULL, &found), ERR_OK);
	assert_ptr_equal(found, &items[3]);
	mem_fail_at(1);
	assert_int_equal(snapshot_resolve(&list, "latest", NULL, &found), ERR_NOMEM);
	mem_fail_at(0);
	/* Only what matches and its like count; another domain cannot put anything behind this one's. */
	filter.tag = "x";
	assert_int_equal(snapshot_resolve(&list, "latest", &filter, &found), ERR_OK);
	assert_ptr_equal(found, &items[4]);
	filter.tag = NULL;
	items[1].domain[0] = 1;
	assert_int_equal(snapshot_resolve(&list, "latest", &filter, &found), ERR_OK);
	assert_ptr_equal(found, &items[4]);
}

static void finding(void **state)
{
	struct snapshot items[3] = {{.id = {0xab, 0xcd, 0x01}}, {.id = {0xab, 0xcd, 0x02}}, {.id = {0x12, 0x34}}};
	struct snapshot_list list = {.items = items, .count = 3};
	struct snapshot_damaged damaged[1] = {{.id = {0x77, 0x77, 0x88, 0x88}, .arrived = 9}};
	struct snapshot_filter filter = {.job = "b"};
	const struct snapshot *found;
	char *hosts[] = {(char[]){"h1"}, (char[]){"h2"}}, *jobs[] = {(char[]){"a"}, (char[]){"b"}},
	     *texts[] = {(char[]){"x"}, (char[]){"y"}};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		items[i].host = hosts[i > 0];
		items[i].job = jobs[i == 1];
		items[i].tags = texts;
		items[i].tags_count = i;
		items[i].paths = texts;
		items[i].paths_count = 2 - i;
	}
	assert_int_equal(snapshot_resolve(&list, "latest", NULL, &found), ERR_OK);
	assert_ptr_equal(found, &items[2]);
	assert_int_equal(snapshot_resolve(&list, "latest", &filter, &found), ERR_OK);
	assert_ptr_equal(found, &items[1]);
	assert_int_equal(snapshot_resolve(&list, "abcd", &filter, &found), ERR_OK);
	assert_ptr_equal(found, &items[1]);
	assert_int_equal(snapshot_resolve(&list, "abcd", NULL, &found), ERR_USAGE);
	assert_int_equal(failure_last()->id, PL_SNAPSHOT_AMBIGUOUS);
	assert_null(found);
	assert_int_equal(snapshot_resolve(&list, "abcd01", NULL, &found), ERR_OK);
	assert_ptr_equal(found, &items[0]);
	assert_int_equal(snapshot_resolve(&list, "123", NULL, &found), ERR_USAGE);
	assert_int_equal(snapshot_resolve(&list, "1235", NULL, &found), ERR_MISSING);
	assert_int_equal(failure_last()->id, PL_SNAPSHOT_MISSING);
	filter = (struct snapshot_filter){.host = "h9"};
	assert_int_equal(snapshot_resolve(&list, "latest", &filter, &found), ERR_MISSING);
	items[2].arrived = 10;
	list.damaged_items = damaged;
	list.damaged = 1;
	assert_int_equal(snapshot_resolve(&list, "latest", NULL, &found), ERR_OK); /* it came before the latest */
	assert_ptr_equal(found, &items[2]);
	assert_int_equal(snapshot_resolve(&list, "abcd01", NULL, &found), ERR_OK);
	assert_int_equal(snapshot_resolve(&list, "77778888", NULL, &found), ERR_CORRUPT);
	damaged[0].arrived = 10;
	assert_int_equal(snapshot_resolve(&list, "latest", NULL, &found), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_SNAPSHOT_BROKEN);
	assert_non_null(strstr(failure_last()->text, "snapshots/77778888"));
	assert_null(found);
	assert_int_equal(snapshot_resolve(&list, "latest", &filter, &found), ERR_CORRUPT);
	damaged[0].foreign = true; /* whole, and another repository's: anybody could put it there */
	filter = (struct snapshot_filter){0};
	assert_int_equal(snapshot_resolve(&list, "latest", &filter, &found), ERR_OK);
	filter = (struct snapshot_filter){.tag = "y"};
	assert_true(!snapshot_matches(&items[0], &filter) && !snapshot_matches(&items[1], &filter) &&
	    snapshot_matches(&items[2], &filter));
	filter = (struct snapshot_filter){.path = "y", .host = "h1"};
	assert_true(snapshot_matches(&items[0], &filter) && !snapshot_matches(&items[1], &filter));
	filter.host = "h2";
	assert_false(snapshot_matches(&items[0], &filter));
}

static void memory_runs_out(void **state)
{
	struct snapshot snapshot = snapshots_sample(1), back;
	struct target *target = NULL;
	struct snapshot_list list = {0};
	enum err err = ERR_NOMEM;

	(void)state;
	assert_int_equal(memory_target_new(&target), ERR_OK);
	store(target, &snapshot, snapshots_full);
	for (unsigned long n = 1; err != ERR_OK; n++) {
		struct buffer bytes = {0};

		mem_fail_at(n);
		err = snapshot_encode(&snapshot, snapshots_full, &bytes);
		if (err == ERR_OK)
			err = snapshot_decode(&back, snapshots_full, snapshot.id, bytes.data, bytes.length);
		mem_fail_at(0);
		if (err != ERR_OK && err != ERR_NOMEM)
			fail_msg("call %lu: %s", n, failure_last()->text);
		if (err == ERR_OK)
			snapshot_free(&back);
		buffer_free(&bytes);
	}
	err = ERR_NOMEM;
	for (unsigned long n = 1; err != ERR_OK; n++) {
		mem_fail_at(n);
		err = snapshot_list_load(&list, target, snapshots_full);
		mem_fail_at(0);
		assert_true(err == ERR_OK ? list.count == 1 && n > 8 : err == ERR_NOMEM);
	}
	snapshot_list_free(&list);
	snapshot_free(&snapshot);
	target_free(target);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(round_trip),
	    cmocka_unit_test(least),
	    cmocka_unit_test(known_object),
	    cmocka_unit_test(limits),
	    cmocka_unit_test(lists),
	    cmocka_unit_test(finding),
	    cmocka_unit_test(finding_the_latest),
	    cmocka_unit_test(memory_runs_out),
	};

	return cmocka_run_group_tests(tests, snapshots_up, snapshots_down);
}
