/* Databases of the program's own state: what is committed stays, what is not never was; strangers, damage and full memory. */
#include "core/base/buffer.h"
#include "core/base/clock.h"
#include "core/base/database.h"
#include "core/base/file.h"
#include "core/base/mem.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], path[96];

static const char *const steps[] = {
    "CREATE TABLE thing (number INTEGER PRIMARY KEY, name TEXT UNIQUE, bytes BLOB) STRICT;"
    "CREATE INDEX thing_bytes ON thing (bytes);"
    "CREATE TRIGGER thing_delete BEFORE DELETE ON thing BEGIN SELECT RAISE(ABORT, 'a thing stays'); END;",
    "CREATE TABLE further (number INTEGER) STRICT; INSERT INTO further VALUES (7);",
    NULL,
};
static const char *const first_step[] = {
    "CREATE TABLE thing (number INTEGER PRIMARY KEY, name TEXT UNIQUE, bytes BLOB) STRICT;"
    "CREATE INDEX thing_bytes ON thing (bytes);"
    "CREATE TRIGGER thing_delete BEFORE DELETE ON thing BEGIN SELECT RAISE(ABORT, 'a thing stays'); END;",
    NULL,
};
static const char *const broken_step[] = {"CREATE TABLE thing (number INTEGER) STRICT; CREATE TABLE thing (x)", NULL};
static const struct database_form form = {.what = "list", .application = 7, .steps = steps};
static const struct database_form older = {.what = "list", .application = 7, .steps = first_step};
static const struct database_form other = {.what = "other list", .application = 8, .steps = steps};
static const struct database_form broken = {.what = "list", .application = 7, .steps = broken_step};

static enum err add(struct database *database, int64_t number, const char *name)
{
	struct database_query *query;
	enum err err = database_prepare(&query, database, "INSERT INTO thing (number, name, bytes) VALUES (?, ?, ?)");

	if (err != ERR_OK)
		return err;
	database_set_number(query, 1, number);
	database_set_text(query, 2, name);
	database_set_bytes(query, 3, name, name ? strlen(name) : 0);
	err = database_execute(query);
	database_query_free(query);
	return err;
}

static int64_t count(struct database *database)
{
	struct database_query *query;
	int64_t found = -1;
	bool row;

	assert_int_equal(database_prepare(&query, database, "SELECT count(*) FROM thing"), ERR_OK);
	assert_int_equal(database_step(query, &row), ERR_OK);
	assert_true(row);
	found = database_number(query, 0);
	database_query_free(query);
	return found;
}

static void test_rows_come_back(void **state)
{
	struct database *database;
	struct database_query *query;
	struct stat status;
	bool row;
	size_t size;

	(void)state;
	assert_int_equal(database_open(&database, path, &form, false), ERR_MISSING);
	assert_int_equal(database_open(&database, path, &form, true), ERR_OK);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(add(database, 1, "one"), ERR_OK);
	assert_int_equal(add(database, 2, NULL), ERR_OK);
	database_close(database);
	assert_int_equal(database_open(&database, path, &form, false), ERR_OK);
	assert_int_equal(
	    database_prepare(&query, database, "SELECT number, name, bytes FROM thing ORDER BY number"), ERR_OK);
	for (int round = 0; round < 2; round++) { /* a statement that is done starts again */
		assert_int_equal(database_step(query, &row), ERR_OK);
		assert_true(row);
		assert_int_equal(database_number(query, 0), 1);
		assert_string_equal(database_text(query, 1), "one");
		assert_memory_equal(database_bytes(query, 2, &size), "one", 3);
		assert_int_equal(size, 3);
		assert_int_equal(database_step(query, &row), ERR_OK);
		assert_true(row && database_is_null(query, 1) && database_is_null(query, 2));
		assert_string_equal(database_text(query, 1), "");
		assert_null(database_bytes(query, 2, &size));
		assert_int_equal(size, 0);
		assert_int_equal(database_step(query, &row), ERR_OK);
		assert_false(row);
	}
	database_query_free(query);
	assert_int_equal(database_prepare(&query, database, "SELECT nothing FROM nowhere"), ERR_IO);
	assert_int_equal(failure_last()->id, PL_DATABASE);
	assert_non_null(strstr(failure_last()->text, path));
	database_close(database);
	database_close(NULL);
	database_query_free(NULL);
}

static void test_transactions(void **state)
{
	struct database *database, *second;

	(void)state;
	assert_int_equal(database_open(&database, path, &form, true), ERR_OK);
	assert_int_equal(database_begin(database), ERR_OK);
	assert_int_equal(add(database, 1, "one"), ERR_OK);
	assert_int_equal(database_open(&second, path, &form, false), ERR_OK);
	assert_int_equal(count(second), 0);
	assert_int_equal(database_commit(database), ERR_OK);
	assert_int_equal(count(second), 1);
	assert_int_equal(database_begin(database), ERR_OK);
	assert_int_equal(add(database, 2, "two"), ERR_OK);
	(fail)(PL_INTERRUPTED, "x");
	database_rollback(database);
	assert_int_equal(failure_last()->id, PL_INTERRUPTED);
	database_rollback(database);
	assert_int_equal(count(second), 1);
	assert_int_equal(database_begin(database), ERR_OK);
	assert_int_equal(add(database, 2, "two"), ERR_OK);
	database_close(database); /* what was not committed never was */
	assert_int_equal(count(second), 1);
	database_close(second);
}

static void test_refusals(void **state)
{
	struct database *database;

	(void)state;
	assert_int_equal(database_open(&database, path, &form, true), ERR_OK);
	assert_int_equal(add(database, 1, "one"), ERR_OK);
	assert_int_equal(add(database, 2, "one"), ERR_EXISTS);
	assert_int_equal(failure_last()->id, PL_DATABASE_REFUSED);
	assert_int_equal(database_run(database, "DELETE FROM thing"), ERR_EXISTS);
	assert_non_null(strstr(failure_last()->text, "a thing stays"));
	/* REPLACE deletes: the trigger sees that, too */
	assert_int_equal(database_run(database, "INSERT OR REPLACE INTO thing (number) VALUES (1)"), ERR_EXISTS);
	assert_int_equal(add(database, 3, "three"), ERR_OK);
	assert_int_equal(count(database), 2);
	database_close(database);
}

static void test_versions(void **state)
{
	struct database *database;
	struct database_query *query;
	bool row;

	(void)state;
	assert_int_equal(database_open(&database, path, &broken, true), ERR_IO);
	assert_int_equal(database_open(&database, path, &older, false), ERR_MISSING); /* nothing of it remained */
	assert_int_equal(database_open(&database, path, &older, true), ERR_OK);
	assert_int_equal(add(database, 1, "one"), ERR_OK);
	database_close(database);
	assert_int_equal(database_open(&database, path, &form, false), ERR_OK); /* brought up to date, once */
	database_close(database);
	assert_int_equal(database_open(&database, path, &form, false), ERR_OK);
	assert_int_equal(count(database), 1);
	assert_int_equal(database_prepare(&query, database, "SELECT number FROM further"), ERR_OK);
	assert_int_equal(database_step(query, &row), ERR_OK);
	assert_true(row);
	assert_int_equal(database_number(query, 0), 7);
	assert_int_equal(database_step(query, &row), ERR_OK);
	assert_false(row);
	database_query_free(query);
	assert_int_equal(database_check(database), ERR_OK);
	database_close(database);
	assert_int_equal(database_open(&database, path, &older, false), ERR_UNSUPPORTED);
	assert_int_equal(database_open(&database, path, &other, false), ERR_CORRUPT);
	assert_non_null(strstr(failure_last()->text, "is no other list"));
}

static void test_strangers(void **state)
{
	struct database *database;
	char link[128];

	(void)state;
	assert_int_equal(file_replace(path, "no database at all, but long enough to be read as one", 53, 0600), ERR_OK);
	assert_int_equal(database_open(&database, path, &form, true), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_DATABASE_DAMAGED);
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(database_open(&database, path, &form, true), ERR_IO);
	rmdir(path);
	snprintf(link, sizeof(link), "%s-elsewhere", path);
	assert_int_equal(symlink(link, path), 0);
	assert_int_equal(database_open(&database, path, &form, true), ERR_IO);
	assert_int_equal(access(link, F_OK), -1);
	unlink(path);
	assert_int_equal(
	    file_replace(path, "", 0, 0600), ERR_OK); /* what a power cut leaves of one that was just made */
	assert_int_equal(database_open(&database, path, &form, false), ERR_MISSING);
	assert_int_equal(database_open(&database, path, &form, true), ERR_OK);
	database_close(database);
	assert_int_equal(database_open(&database, "/proc/nothing/here", &form, true), ERR_IO);
}

static void *commit_later(void *context)
{
	struct database *database = context;

	usleep(100000);
	return database_commit(database) == ERR_OK ? database : NULL;
}

static void test_two_writers(void **state)
{
	struct database *first, *second;
	pthread_t thread;
	void *result;

	(void)state;
	assert_int_equal(database_open(&first, path, &form, true), ERR_OK);
	assert_int_equal(database_open(&second, path, &form, true), ERR_OK);
	assert_int_equal(database_begin(first), ERR_OK);
	assert_int_equal(add(first, 1, "one"), ERR_OK);
	interrupt_set(true); /* who waits can be stopped */
	assert_int_equal(database_begin(second), ERR_INTERRUPTED);
	interrupt_set(false);
	assert_int_equal(pthread_create(&thread, NULL, commit_later, first), 0);
	assert_int_equal(database_begin(second), ERR_OK);
	assert_int_equal(count(second), 1);
	pthread_join(thread, &result);
	assert_ptr_equal(result, first);
	database_rollback(second);
	database_close(first);
	database_close(second);
}

static void plain(const char *sql)
{
	sqlite3 *connection;

	assert_int_equal(sqlite3_open(path, &connection), SQLITE_OK);
	assert_int_equal(sqlite3_exec(connection, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(connection), SQLITE_OK);
}

static void test_check(void **state)
{
	static const char *const changes[] = {"DROP TRIGGER thing_delete", "DROP INDEX thing_bytes",
	    "CREATE TRIGGER more AFTER INSERT ON thing BEGIN DELETE FROM further; END",
	    "DROP TRIGGER thing_delete; CREATE TRIGGER thing_delete BEFORE DELETE ON thing WHEN 0 BEGIN SELECT 1; END",
	    "CREATE TABLE stranger (x)"};
	struct database *database;
	char name[32];

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		assert_int_equal(database_open(&database, path, &form, true), ERR_OK);
		assert_int_equal(database_check(database), ERR_OK);
		database_close(database);
		plain(changes[i]);
		assert_int_equal(database_open(&database, path, &form, true), ERR_OK);
		assert_int_equal(database_check(database), ERR_CORRUPT);
		database_close(database);
		unlink(path);
	}
	/* a page of an index, behind the back of everybody */
	assert_int_equal(database_open(&database, path, &form, true), ERR_OK);
	assert_int_equal(database_begin(database), ERR_OK);
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "name %d", i);
		assert_int_equal(add(database, i + 1, name), ERR_OK);
	}
	assert_int_equal(database_commit(database), ERR_OK);
	assert_int_equal(database_check(database), ERR_OK);
	database_close(database);
	{
		struct buffer bytes = {0};
		uint8_t *at;

		assert_int_equal(file_read_all(path, 1 << 24, &bytes), ERR_OK);
		at = memmem(bytes.data, bytes.length, "name 1234", 9);
		assert_non_null(at);
		at[5] = '9';
		assert_int_equal(file_replace(path, bytes.data, bytes.length, 0600), ERR_OK);
		buffer_free(&bytes);
	}
	assert_int_equal(database_open(&database, path, &form, false), ERR_OK);
	assert_int_equal(database_check(database), ERR_CORRUPT);
	database_close(database);
}

/* ---- memory ---- */

/* SQLite's own memory, through the functions that can be told to fail. */
static void *sqlite_alloc(int size)
{
	size_t *memory = mem_alloc((size_t)size + sizeof(size_t) * 2);

	if (!memory)
		return NULL;
	*memory = (size_t)size;
	return memory + 2;
}

static void sqlite_free(void *memory)
{
	if (memory)
		mem_free((size_t *)memory - 2);
}

static void *sqlite_resize(void *memory, int size)
{
	size_t *old = (size_t *)memory - 2;
	size_t *grown = mem_resize(old, 1, (size_t)size + sizeof(size_t) * 2);

	if (!grown)
		return NULL;
	*grown = (size_t)size;
	return grown + 2;
}

static int sqlite_size(void *memory)
{
	return (int)((size_t *)memory)[-2];
}

static int sqlite_round(int size)
{
	return (size + 7) & ~7;
}

static int sqlite_start(void *context)
{
	(void)context;
	return SQLITE_OK;
}

static void sqlite_stop(void *context)
{
	(void)context;
}

static const sqlite3_mem_methods methods = {
    sqlite_alloc, sqlite_free, sqlite_resize, sqlite_size, sqlite_round, sqlite_start, sqlite_stop, NULL};

static enum err work(void)
{
	struct database *database;
	struct database_query *query = NULL;
	bool row = true;
	enum err err = database_open(&database, path, &form, true);

	if (err != ERR_OK)
		return err;
	err = database_begin(database);
	if (err == ERR_OK)
		err = database_run(database, "INSERT INTO thing (bytes) VALUES (x'00')");
	if (err == ERR_OK)
		err = database_commit(database);
	else
		database_rollback(database);
	if (err == ERR_OK)
		err =
		    database_prepare(&query, database, "SELECT number, name FROM thing WHERE bytes <> ? ORDER BY name");
	if (err == ERR_OK)
		database_set_bytes(query, 1, "x", 1);
	while (err == ERR_OK && row)
		err = database_step(query, &row);
	database_query_free(query);
	if (err == ERR_OK)
		err = database_check(database);
	database_close(database);
	return err;
}

/* Whatever allocation fails, SQLite's own too: the result says so, and what was committed is whole. */
static void test_memory_runs_out(void **state)
{
	struct database *database;
	enum err err = ERR_NOMEM;
	int64_t before;

	(void)state;
	assert_int_equal(work(), ERR_OK);
	for (unsigned long n = 1; err != ERR_OK; n++) {
		assert_int_equal(database_open(&database, path, &form, false), ERR_OK);
		before = count(database);
		database_close(database);
		mem_fail_at(n);
		err = work();
		mem_fail_at(0);
		if (err != ERR_OK && err != ERR_NOMEM)
			fail_msg("allocation %lu: %s", n, failure_last()->text);
		assert_int_equal(database_open(&database, path, &form, false), ERR_OK);
		if (err == ERR_OK)
			assert_int_equal(count(database), before + 1);
		else
			assert_in_range(count(database), before, before + 1);
		assert_int_equal(database_check(database), ERR_OK);
		database_close(database);
	}
}

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/pulih-test-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/list.sqlite", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	interrupt_set(false);
	return file_remove_tree(folder) == ERR_OK ? 0 : -1;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_rows_come_back),
	    TEST(test_transactions),
	    TEST(test_refusals),
	    TEST(test_versions),
	    TEST(test_strangers),
	    TEST(test_two_writers),
	    TEST(test_check),
	    TEST(test_memory_runs_out),
	};

	if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
