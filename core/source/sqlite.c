#include "core/source/sqlite.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE (30 * CLOCK_SECOND) /* how long a writer may keep the database locked */
#define RETRY_EVERY 20		     /* milliseconds */
#define STEP_PAGES 128		     /* pages between two looks at whether the program was asked to stop */
#define PROGRESS_STEPS 10000	     /* instructions of SQLite's machine between two such looks */
#define FORMAT_OFFSET \
	18 /* of the two bytes of a database's header that say whether it uses a write-ahead log: 2, else 1 */
#define FORMAT_ROLLBACK 1

/* How the copy is made.
 *
 * The source is read inside one transaction, so that all pages are of one moment, however long it takes: in WAL mode
 * writers go on, in rollback mode they wait. (Without a transaction of ours the backup would start over with every
 * commit of another process.) It is opened for writing where that is permitted, because only such a connection can
 * roll back what a crashed writer left; nothing is written otherwise.
 *
 * The copy is opened twice while it still has a name, which it then loses at once, so that a killed program leaves
 * nothing behind: through `copy` it is written, without a journal (SQLite refuses to make one for a file without a
 * name, and a copy that breaks off is thrown away anyway); through `check` it is read afterwards. A header that asks
 * for a write-ahead log would make SQLite look for one beside the lost name, so the header says "rollback" while the
 * copy is checked; then the source's own bytes are put back. */
struct job {
	const char *database, *folder;
	sqlite3 *source, *copy, *check;
	int fd;
	int64_t deadline;
	bool other_collation; /* the schema needs a collation that only its program has */
};

static enum err refuse(struct job *job, sqlite3 *from, int code)
{
	const char *text = from ? sqlite3_errmsg(from) : sqlite3_errstr(code);

	if (interrupt_requested())
		return fail(PL_INTERRUPTED, "interrupted while the database %s was copied", job->database);
	switch (code & 0xFF) {
	case SQLITE_NOMEM:
		return fail(PL_NO_MEMORY, "no memory for copying the database %s", job->database);
	case SQLITE_CORRUPT:
		return fail(PL_SQLITE_DAMAGED, "the database %s is damaged: %s", job->database, text);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return fail(PL_SQLITE, "the database %s stayed locked by another program for %d seconds", job->database,
		    (int)(PATIENCE / CLOCK_SECOND));
	case SQLITE_FULL:
		return fail(PL_SQLITE, "no space in %s for a copy of the database %s", job->folder, job->database);
	default:
		return fail(PL_SQLITE, "cannot copy the database %s: %s", job->database, text);
	}
}

/* SQLite asks whether to try again. */
static int on_busy(void *context, int times)
{
	struct job *job = context;

	(void)times;
	if (interrupt_requested() || clock_monotonic() >= job->deadline)
		return 0;
	sqlite3_sleep(RETRY_EVERY);
	return 1;
}

static int on_progress(void *context)
{
	(void)context;
	return interrupt_requested();
}

static enum err run(struct job *job, sqlite3 *on, const char *sql)
{
	int code = sqlite3_exec(on, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? ERR_OK : refuse(job, on, code);
}

/* A path is handed to SQLite such that it is nothing else: neither "file:…" nor ":memory:" begins with '/' or '.'. */
static enum err open_database(struct job *job, const char *path, sqlite3 **out)
{
	char *plain = mem_printf("%s%s", path[0] == '/' ? "" : "./", path);
	int code;

	if (!plain)
		return ERR_NOMEM;
	code =
	    sqlite3_open_v2(plain, out, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
	if (code == SQLITE_CANTOPEN || code == SQLITE_PERM) {
		sqlite3_close(*out);
		*out = NULL;
		code = sqlite3_open_v2(
		    plain, out, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
	}
	mem_free(plain);
	if (code != SQLITE_OK)
		return refuse(job, *out, code);
	sqlite3_busy_handler(*out, on_busy, job);
	sqlite3_progress_handler(*out, PROGRESS_STEPS, on_progress, NULL);
	/* The schema is not ours: nothing in it may do more than be stored. */
	sqlite3_db_config(*out, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	return ERR_OK;
}

static enum err open_source(struct job *job)
{
	struct stat status;
	const char *log;
	enum err err;

	if (stat(job->database, &status) != 0)
		return fail_errno(PL_SQLITE, "cannot open the database %s", job->database);
	if (!S_ISREG(status.st_mode))
		return fail(PL_SQLITE, "the database %s is no regular file", job->database);
	err = open_database(job, job->database, &job->source);
	if (err != ERR_OK)
		return err;
	/* A log that somebody left is not ours to merge into the database; one that this connection makes is removed
	 * with it. */
	log = sqlite3_filename_wal(sqlite3_db_filename(job->source, "main"));
	if (log && access(log, F_OK) == 0)
		sqlite3_db_config(job->source, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	return run(job, job->source, "BEGIN; SELECT count(*) FROM sqlite_schema");
}

static enum err open_copy(struct job *job)
{
	char *path = path_join(job->folder, "pulih-copy-XXXXXX");
	enum err err = ERR_NOMEM;

	if (!path)
		return err;
	job->fd = mkostemp(path, O_CLOEXEC);
	if (job->fd < 0) {
		err = fail_errno(PL_SQLITE, "cannot make a temporary file in %s for a copy of the database %s",
		    job->folder, job->database);
		mem_free(path);
		return err;
	}
	err = open_database(job, path, &job->copy);
	if (err == ERR_OK)
		err = open_database(job, path, &job->check);
	unlink(path);
	mem_free(path);
	if (err == ERR_OK)
		err = run(job, job->copy, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF");
	return err;
}

static enum err copy_pages(struct job *job)
{
	sqlite3_backup *backup = sqlite3_backup_init(job->copy, "main", job->source, "main");
	int code = SQLITE_OK;

	if (!backup)
		return refuse(job, job->copy, sqlite3_errcode(job->copy));
	while (code == SQLITE_OK || ((code == SQLITE_BUSY || code == SQLITE_LOCKED) && on_busy(job, 0))) {
		code = interrupt_requested() ? SQLITE_INTERRUPT : sqlite3_backup_step(backup, STEP_PAGES);
		/* Our transaction keeps the source as it is, so pages that were copied are never copied again. */
	}
	sqlite3_backup_finish(backup);
	return code == SQLITE_DONE ? ERR_OK : refuse(job, NULL, code);
}

static enum err close_one(struct job *job, sqlite3 **connection)
{
	int code = sqlite3_close(*connection);

	if (code != SQLITE_OK)
		return refuse(job, *connection, code);
	*connection = NULL;
	return ERR_OK;
}

static int compare_bytes(void *context, int left_size, const void *left, int right_size, const void *right)
{
	int order = memcmp(left, right, (size_t)(left_size < right_size ? left_size : right_size));

	(void)context;
	return order ? order : left_size - right_size;
}

static void on_collation(void *context, sqlite3 *connection, int encoding, const char *name)
{
	struct job *job = context;

	job->other_collation = true;
	sqlite3_create_collation(connection, name, encoding, NULL, compare_bytes);
}

/* The first row of the check is "ok", or what is wrong. */
static enum err check_with(struct job *job, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	const char *answer = NULL;
	enum err err = ERR_OK;
	int code = sqlite3_prepare_v2(job->check, sql, -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		answer = (const char *)sqlite3_column_text(statement, 0);
	if (!answer)
		err = refuse(job, job->check, code == SQLITE_ROW ? SQLITE_NOMEM : code);
	else if (strcmp(answer, "ok") != 0)
		err = fail(PL_SQLITE_DAMAGED, "the database %s fails its integrity check: %s", job->database, answer);
	sqlite3_finalize(statement);
	return err;
}

/* Without the program's own collations the order of an index cannot be judged: the quick check leaves that out.
 * Constraints (CHECK) are the program's business, not damage. */
static enum err check_integrity(struct job *job)
{
	sqlite3_stmt *statement = NULL;
	enum err err;

	sqlite3_collation_needed(job->check, job, on_collation);
	err = run(job, job->check,
	    "PRAGMA query_only = ON; PRAGMA ignore_check_constraints = ON; PRAGMA temp_store = MEMORY");
	if (err != ERR_OK)
		return err;
	if (sqlite3_prepare_v2(job->check, "PRAGMA integrity_check(1)", -1, &statement, NULL) == SQLITE_OK)
		sqlite3_finalize(statement);
	return check_with(job, job->other_collation ? "PRAGMA quick_check(1)" : "PRAGMA integrity_check(1)");
}

static enum err count_rows(struct job *job, const char *table, uint64_t *rows)
{
	char *sql = sqlite3_mprintf("SELECT count(*) FROM \"%w\"", table);
	sqlite3_stmt *statement = NULL;
	enum err err = ERR_OK;
	int code = sql ? sqlite3_prepare_v2(job->check, sql, -1, &statement, NULL) : SQLITE_NOMEM;

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*rows += (uint64_t)sqlite3_column_int64(statement, 0);
	else
		err = refuse(job, job->check, code);
	sqlite3_finalize(statement);
	sqlite3_free(sql);
	return err;
}

/* Tables that have pages of their own: not virtual ones, whose program is not here, nor SQLite's. */
static enum err count_tables(struct job *job, struct sqlite_copy *out)
{
	static const char sql[] = "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 AND name NOT "
				  "LIKE 'sqlite\\_%' ESCAPE '\\'";
	sqlite3_stmt *statement = NULL;
	enum err err = ERR_OK;
	int code = sqlite3_prepare_v2(job->check, sql, -1, &statement, NULL);

	if (code != SQLITE_OK)
		return refuse(job, job->check, code);
	while (err == ERR_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		const char *table = (const char *)sqlite3_column_text(statement, 0);

		out->tables++;
		err = table ? count_rows(job, table, &out->rows) : refuse(job, NULL, SQLITE_NOMEM);
	}
	if (err == ERR_OK && code != SQLITE_DONE)
		err = refuse(job, job->check, code);
	sqlite3_finalize(statement);
	return err;
}

static enum err set_format(struct job *job, const uint8_t format[2])
{
	if (file_pwrite_all(job->fd, format, 2, FORMAT_OFFSET) != 0)
		return fail_errno(PL_SQLITE, "cannot write the copy of the database %s", job->database);
	return ERR_OK;
}

static enum err check_copy(struct job *job, struct sqlite_copy *out)
{
	static const uint8_t rollback[2] = {FORMAT_ROLLBACK, FORMAT_ROLLBACK};
	uint8_t format[2];
	struct stat status;
	enum err err = ERR_OK;

	if (fstat(job->fd, &status) != 0 ||
	    (status.st_size > 0 && file_pread_full(job->fd, format, 2, FORMAT_OFFSET) != 2))
		return fail_errno(PL_SQLITE, "cannot read the copy of the database %s", job->database);
	out->size = (uint64_t)status.st_size;
	if (status.st_size > 0)
		err = set_format(job, rollback);
	if (err == ERR_OK)
		err = check_integrity(job);
	if (err == ERR_OK)
		err = count_tables(job, out);
	if (err == ERR_OK)
		err = close_one(job, &job->check);
	if (err == ERR_OK && status.st_size > 0)
		err = set_format(job, format);
	return err;
}

enum err sqlite_copy_open(struct sqlite_copy *out, const char *database, const char *temporary_folder)
{
	struct job job = {
	    .database = database, .folder = temporary_folder, .fd = -1, .deadline = clock_monotonic() + PATIENCE};
	struct sqlite_copy made = {.fd = -1};
	enum err err = open_source(&job);

	if (err == ERR_OK)
		err = open_copy(&job);
	if (err == ERR_OK)
		err = copy_pages(&job);
	if (err == ERR_OK)
		err = close_one(&job, &job.copy);
	/* Writers that wait may go on: the rest concerns the copy only. */
	sqlite3_close(job.source);
	job.source = NULL;
	if (err == ERR_OK)
		err = check_copy(&job, &made);
	sqlite3_close(job.copy);
	sqlite3_close(job.check);
	if (err == ERR_OK) {
		made.fd = job.fd;
		job.fd = -1;
		snprintf(made.version, sizeof(made.version), "%s", sqlite3_libversion());
		snprintf(made.consistency, sizeof(made.consistency), "snapshot");
		*out = made;
	}
	if (job.fd >= 0)
		close(job.fd);
	return err;
}

void sqlite_copy_close(struct sqlite_copy *copy)
{
	if (copy->fd >= 0)
		close(copy->fd);
	*copy = (struct sqlite_copy){.fd = -1};
}

static enum err append_row(sqlite3_stmt *statement, struct buffer *out)
{
	enum err err = ERR_OK;

	for (int i = 0; err == ERR_OK && i < sqlite3_column_count(statement); i++) {
		const unsigned char *value = sqlite3_column_text(statement, i);

		err = buffer_append_text(out, "%s%s", i ? "|" : "", value ? (const char *)value : "");
	}
	return err == ERR_OK ? buffer_append_u8(out, '\n') : err;
}

enum err sqlite_ask(const char *database, const char *sql, struct buffer *out)
{
	struct job job = {.database = database, .folder = "", .fd = -1};
	sqlite3 *source = NULL;
	sqlite3_stmt *statement = NULL;
	enum err err = open_database(&job, database, &source);
	int code = SQLITE_OK;

	job.deadline = clock_monotonic() + PATIENCE;
	if (err == ERR_OK)
		err = run(&job, source, "PRAGMA query_only = 1");
	if (err == ERR_OK)
		code = sqlite3_prepare_v2(source, sql, -1, &statement, NULL);
	while (err == ERR_OK && code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		err = append_row(statement, out);
		code = SQLITE_OK;
	}
	if (err == ERR_OK && code != SQLITE_OK && code != SQLITE_DONE)
		err = refuse(&job, source, code);
	sqlite3_finalize(statement);
	sqlite3_close(source);
	if (err == ERR_OK && out->length > 0)
		out->length--;
	return err == ERR_OK ? buffer_append_u8(out, 0) : err;
}
