/* core/source: SQLite databases. */
#include "core/source/sqlite.h"
#include "core/base/buffer.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "tests/unit/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char copies[80];

static int enter(void **state)
{
	if (scratch_enter(state) != 0)
		return -1;
	snprintf(copies, sizeof(copies), "%s/copies", scratch_folder);
	return mkdir(copies, 0700);
}

static int leave(void **state)
{
	assert_int_equal(rmdir(copies), 0); /* nothing is left behind */
	return scratch_leave(state);
}

static sqlite3 *open_database(const char *path)
{
	sqlite3 *database = NULL;

	assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
	sqlite3_busy_timeout(database, 20000);
	return database;
}

static void sql(sqlite3 *database, const char *text)
{
	char *error = NULL;

	if (sqlite3_exec(database, text, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", text, error);
}

static void make_database(const char *path, const char *mode)
{
	sqlite3 *database = open_database(path);

	sql(database, mode);
	sql(database,
	    "CREATE TABLE accounts (id INTEGER PRIMARY KEY, amount INTEGER, filler BLOB);"
	    "CREATE TABLE moves (id INTEGER PRIMARY KEY AUTOINCREMENT, amount INTEGER); CREATE INDEX by_amount ON "
	    "accounts (amount);"
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
	    "INSERT INTO accounts SELECT i, 100, randomblob(500) FROM n");
	sqlite3_close(database);
}

/* One number from the copy, read as somebody who restored it would. */
static int64_t number_of(const struct sqlite_copy *copy, const char *query)
{
	struct buffer bytes = {0};
	sqlite3 *database;
	sqlite3_stmt *statement = NULL;
	int64_t number;

	assert_int_equal(buffer_reserve(&bytes, copy->size), ERR_OK);
	assert_int_equal(file_pread_full(copy->fd, bytes.data, copy->size, 0), (ssize_t)copy->size);
	assert_int_equal(file_replace("restored", bytes.data, copy->size, 0600), ERR_OK);
	database = open_database("restored");
	assert_int_equal(sqlite3_prepare_v2(database, query, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(database);
	unlink("restored");
	buffer_free(&bytes);
	return number;
}

/* Moves money between the tables for ever, in transactions: the sum over both never changes. */
static pid_t start_writer(const char *path)
{
	int ready[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		sqlite3 *database;

		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails does not stop it */
		database = open_database(path);
		for (unsigned i = 1;; i++) {
			char *text = sqlite3_mprintf("BEGIN IMMEDIATE; UPDATE accounts SET amount = amount - 1, filler "
						     "= randomblob(500) WHERE id %% 1000 = %u;"
						     "INSERT INTO moves (amount) VALUES (3); COMMIT",
			    i * 7 % 1000);

			if (sqlite3_exec(database, text, NULL, NULL, NULL) != SQLITE_OK)
				sqlite3_exec(database, "ROLLBACK", NULL, NULL, NULL);
			sqlite3_free(text);
			if (i == 20 && write(ready[1], "x", 1) != 1)
				_exit(1);
		}
	}
	assert_true(pid > 0);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void copy_beside_a_writer(const char *mode)
{
	pid_t writer;
	int64_t last = 0;
	int status;

	make_database("db", mode);
	writer = start_writer("db");
	for (int i = 0; i < 8; i++) {
		struct sqlite_copy copy = {.fd = -1};
		int64_t moves;

		if (sqlite_copy_open(&copy, "db", copies) != ERR_OK)
			fail_msg("%s", failure_last()->text);
		moves = number_of(&copy, "SELECT count(*) FROM moves");
		assert_true(moves >= last && moves > 0);
		last = moves;
		assert_int_equal(number_of(&copy, "SELECT sum(amount) FROM accounts") +
			number_of(&copy, "SELECT sum(amount) FROM moves"),
		    300000);
		assert_int_equal(copy.tables, 2);
		assert_int_equal(copy.rows, 3000 + moves);
		assert_int_equal(
		    number_of(&copy, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
		assert_string_equal(copy.consistency, "snapshot");
		assert_string_equal(copy.version, sqlite3_libversion());
		sqlite_copy_close(&copy);
	}
	kill(writer, SIGKILL);
	assert_int_equal(waitpid(writer, &status, 0), writer);
}

static void beside_a_writer_with_a_log(void **state)
{
	(void)state;
	copy_beside_a_writer("PRAGMA journal_mode = WAL");
}

static void beside_a_writer_with_a_journal(void **state)
{
	(void)state;
	copy_beside_a_writer("PRAGMA journal_mode = DELETE");
}

/* A program that was killed left its log: what was committed there is in the copy, and the log stays where it is. */
static void a_log_that_was_left_is_read(void **state)
{
	struct sqlite_copy copy = {.fd = -1};
	struct stat before, after;
	pid_t pid;
	int status;

	(void)state;
	make_database("db", "PRAGMA journal_mode = WAL");
	assert_false(exists("db-wal"));
	pid = fork();
	if (pid == 0) {
		sqlite3 *database = open_database("db");

		sql(database, "INSERT INTO moves (amount) VALUES (42)");
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(exists("db-wal"));
	assert_int_equal(stat("db", &before), 0);
	assert_int_equal(sqlite_copy_open(&copy, "db", copies), ERR_OK);
	assert_int_equal(number_of(&copy, "SELECT amount FROM moves"), 42);
	sqlite_copy_close(&copy);
	assert_true(exists("db-wal"));
	assert_int_equal(stat("db", &after), 0);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	assert_int_equal(before.st_size, after.st_size);
}

/* The same with a journal: the half transaction of the killed program is not in the copy. */
static void a_journal_that_was_left_is_rolled_back(void **state)
{
	struct sqlite_copy copy = {.fd = -1};
	pid_t pid;
	int status;

	(void)state;
	make_database("db", "PRAGMA journal_mode = DELETE");
	pid = fork();
	if (pid == 0) {
		sqlite3 *database = open_database("db");

		sql(database,
		    "PRAGMA cache_size = 10; BEGIN; UPDATE accounts SET amount = 0, filler = randomblob(500)");
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(exists("db-journal"));
	assert_int_equal(sqlite_copy_open(&copy, "db", copies), ERR_OK);
	assert_int_equal(number_of(&copy, "SELECT sum(amount) FROM accounts"), 300000);
	sqlite_copy_close(&copy);
}

/* The copy of a database that nobody uses is the database, byte for byte but for its change counters; nothing is
 * left beside it. */
static void the_log_setting_is_kept(void **state)
{
	struct sqlite_copy copy = {.fd = -1};
	uint8_t format[2];

	(void)state;
	make_database("db", "PRAGMA journal_mode = WAL");
	assert_int_equal(sqlite_copy_open(&copy, "db", copies), ERR_OK);
	assert_int_equal(file_pread_full(copy.fd, format, 2, 18), 2);
	assert_int_equal(format[0], 2);
	assert_int_equal(format[1], 2);
	sqlite_copy_close(&copy);
	assert_false(exists("db-wal"));
	assert_false(exists("db-shm"));
}

static void odd_names_and_schemas(void **state)
{
	static const char *const names[] = {"file:x?mode=memory", ":memory:", "a b%20#?.db", "\xFF.db"};
	struct sqlite_copy copy = {.fd = -1};
	sqlite3 *database;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		char path[64];

		snprintf(path, sizeof(path), "./%s", names[i]);
		database = open_database(path);
		sql(database,
		    "CREATE TABLE \"odd \"\"name\" (a); INSERT INTO \"odd \"\"name\" VALUES (1), (2); CREATE VIEW v AS "
		    "SELECT unheard_of();"
		    "CREATE TABLE w (k PRIMARY KEY) WITHOUT ROWID; CREATE TABLE sqliteX (a); INSERT INTO sqliteX "
		    "VALUES (1)");
		sqlite3_close(database);
		if (sqlite_copy_open(&copy, names[i], copies) != ERR_OK)
			fail_msg("%s", failure_last()->text);
		assert_int_equal(copy.tables, 3);
		assert_int_equal(copy.rows, 3);
		sqlite_copy_close(&copy);
	}
	/* Nothing in it at all: as SQLite leaves it, 0 bytes. */
	database = open_database("empty");
	sqlite3_close(database);
	close(open("empty", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	assert_int_equal(sqlite_copy_open(&copy, "empty", copies), ERR_OK);
	assert_int_equal(copy.tables, 0);
	sqlite_copy_close(&copy);
}

static int reverse(void *context, int left_size, const void *left, int right_size, const void *right)
{
	int order = memcmp(right, left, (size_t)(left_size < right_size ? left_size : right_size));

	(void)context;
	return order ? order : right_size - left_size;
}

/* Collations of the program that owns the database are not known here: its order of an index is no damage. */
static void own_collations_are_no_damage(void **state)
{
	struct sqlite_copy copy = {.fd = -1};
	sqlite3 *database = open_database("db");

	(void)state;
	assert_int_equal(sqlite3_create_collation(database, "backwards", SQLITE_UTF8, NULL, reverse), SQLITE_OK);
	sql(database,
	    "CREATE TABLE t (a TEXT COLLATE backwards); CREATE INDEX i ON t (a); INSERT INTO t VALUES ('a'), ('b'), "
	    "('c')");
	sqlite3_close(database);
	if (sqlite_copy_open(&copy, "db", copies) != ERR_OK)
		fail_msg("%s", failure_last()->text);
	assert_int_equal(copy.rows, 3);
	sqlite_copy_close(&copy);
}

static void damage(const char *path, off_t offset, size_t size)
{
	uint8_t bytes[4096];
	int fd = open(path, O_RDWR | O_CLOEXEC);

	memset(bytes, 0xA5, sizeof(bytes));
	assert_true(fd >= 0);
	assert_int_equal(file_pwrite_all(fd, bytes, size, offset), 0);
	close(fd);
}

static void damage_is_refused(void **state)
{
	struct sqlite_copy copy = {.fd = -1};
	int64_t page;

	(void)state;
	/* A page of the index, in the middle of the file. */
	make_database("db", "PRAGMA journal_mode = DELETE");
	assert_int_equal(sqlite_copy_open(&copy, "db", copies), ERR_OK);
	page = number_of(&copy, "SELECT rootpage FROM sqlite_schema WHERE name = 'by_amount'");
	sqlite_copy_close(&copy);
	damage("db", (page - 1) * 4096, 300);
	assert_int_equal(sqlite_copy_open(&copy, "db", copies), ERR_SOURCE);
	assert_int_equal(failure_last()->id, PL_SQLITE_DAMAGED);
	assert_non_null(strstr(failure_last()->text, "db"));
	/* The schema. */
	unlink("db");
	make_database("db", "PRAGMA journal_mode = DELETE");
	damage("db", 100, 300);
	assert_int_equal(sqlite_copy_open(&copy, "db", copies), ERR_SOURCE);
	assert_int_equal(failure_last()->id, PL_SQLITE_DAMAGED);
	/* The magic. */
	damage("db", 0, 16);
	assert_int_equal(sqlite_copy_open(&copy, "db", copies), ERR_SOURCE);
	assert_int_equal(failure_last()->id, PL_SQLITE);
}

static void what_is_no_database_is_refused(void **state)
{
	struct sqlite_copy copy = {.fd = -1};

	(void)state;
	assert_int_equal(sqlite_copy_open(&copy, "missing", copies), ERR_SOURCE);
	assert_int_equal(failure_last()->id, PL_SQLITE);
	assert_false(exists("missing"));
	assert_int_equal(sqlite_copy_open(&copy, ".", copies), ERR_SOURCE);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(sqlite_copy_open(&copy, "fifo", copies), ERR_SOURCE);
	make_database("db", "PRAGMA journal_mode = DELETE");
	assert_int_equal(sqlite_copy_open(&copy, "db", "no/such/folder"), ERR_SOURCE);
	assert_int_equal(failure_last()->id, PL_SQLITE);
}

static void a_request_to_stop_is_heard(void **state)
{
	struct sqlite_copy copy = {.fd = -1};
	sqlite3 *database;

	(void)state;
	make_database("db", "PRAGMA journal_mode = DELETE");
	database = open_database("db");
	sql(database, "BEGIN EXCLUSIVE");
	interrupt_set(true);
	assert_int_equal(sqlite_copy_open(&copy, "db", copies), ERR_INTERRUPTED);
	interrupt_set(false);
	sqlite3_close(database);
}

static void a_locked_database_is_waited_for(void **state)
{
	struct sqlite_copy copy = {.fd = -1};
	int ready[2], status;
	char byte;
	pid_t pid;

	(void)state;
	make_database("db", "PRAGMA journal_mode = DELETE");
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		sqlite3 *database = open_database("db");

		sql(database, "BEGIN EXCLUSIVE; INSERT INTO moves (amount) VALUES (7)");
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		usleep(400000);
		sql(database, "COMMIT");
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(sqlite_copy_open(&copy, "db", copies), ERR_OK);
	assert_int_equal(number_of(&copy, "SELECT amount FROM moves"), 7);
	sqlite_copy_close(&copy);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(ready[0]);
	close(ready[1]);
}

static void memory_may_run_out(void **state)
{
	struct sqlite_copy copy = {.fd = -1};
	enum err err = ERR_NOMEM;

	(void)state;
	make_database("db", "PRAGMA journal_mode = DELETE");
	for (unsigned long n = 1; err != ERR_OK; n++) {
		mem_fail_at(n);
		err = sqlite_copy_open(&copy, "db", copies);
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
		assert_true(n < 20);
	}
	sqlite_copy_close(&copy);
}

#define test(name) cmocka_unit_test_setup_teardown(name, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test(beside_a_writer_with_a_log),
	    test(beside_a_writer_with_a_journal),
	    test(a_log_that_was_left_is_read),
	    test(a_journal_that_was_left_is_rolled_back),
	    test(the_log_setting_is_kept),
	    test(odd_names_and_schemas),
	    test(own_collations_are_no_damage),
	    test(damage_is_refused),
	    test(what_is_no_database_is_refused),
	    test(a_request_to_stop_is_heard),
	    test(a_locked_database_is_waited_for),
	    test(memory_may_run_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
