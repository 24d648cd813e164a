#include "core/base/database.h"
#include "core/base/buffer.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#define RETRY_EVERY 10 /* milliseconds */

struct database {
	sqlite3 *connection;
	char *path;
	const struct database_form *form;
	int64_t deadline;
};

struct database_query {
	struct database *database;
	sqlite3_stmt *statement;
	int code; /* of a parameter that could not be set; SQLITE_OK: none */
};

/* ---- errors ---- */

static enum err refuse(const struct database *database, int code)
{
	const char *text = database->connection ? sqlite3_errmsg(database->connection) : sqlite3_errstr(code);
	const char *what = database->form->what, *path = database->path;
	int extended = database->connection ? sqlite3_extended_errcode(database->connection) : code;

	if ((extended & 0xFF) == code) /* opening returns no more than that */
		code = extended;
	if (code == SQLITE_IOERR_NOMEM)
		code = SQLITE_NOMEM;
	/* EIO of a read: what a sector held that is lost is not there again at the next attempt */
	if (code == SQLITE_IOERR_CORRUPTFS)
		code = SQLITE_CORRUPT;
	switch (code & 0xFF) {
	case SQLITE_NOMEM:
		return fail(PL_NO_MEMORY, "no memory for the %s %s", what, path);
	case SQLITE_FULL:
		return fail(PL_NO_SPACE, "no space for the %s %s", what, path);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return fail(PL_DATABASE_DAMAGED, "the %s %s is damaged: %s", what, path, text);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		if (interrupt_requested())
			return fail(PL_INTERRUPTED, "interrupted while the %s %s was locked", what, path);
		return fail(PL_DATABASE_BUSY, "the %s %s stayed locked by another process for %d seconds", what, path,
		    DATABASE_PATIENCE);
	case SQLITE_CONSTRAINT:
		return fail(PL_DATABASE_REFUSED, "the %s %s refuses this: %s", what, path, text);
	default:
		return fail(PL_DATABASE, "cannot use the %s %s: %s", what, path, text);
	}
}

/* SQLite asks whether to try again; `times` counts the attempts of one lock from 0. */
static int on_busy(void *context, int times)
{
	struct database *database = context;

	if (times == 0)
		database->deadline = clock_monotonic() + DATABASE_PATIENCE * CLOCK_SECOND;
	if (interrupt_requested() || clock_monotonic() >= database->deadline)
		return 0;
	sqlite3_sleep(RETRY_EVERY);
	return 1;
}

/* ---- statements ---- */

enum err database_run(struct database *database, const char *sql)
{
	int code = sqlite3_exec(database->connection, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? ERR_OK : refuse(database, code);
}

enum err database_prepare(struct database_query **out, struct database *database, const char *sql)
{
	struct database_query *query = mem_calloc(1, sizeof(*query));
	int code;

	*out = NULL;
	if (!query)
		return ERR_NOMEM;
	query->database = database;
	code = sqlite3_prepare_v2(database->connection, sql, -1, &query->statement, NULL);
	if (code != SQLITE_OK) {
		mem_free(query);
		return refuse(database, code);
	}
	*out = query;
	return ERR_OK;
}

void database_query_free(struct database_query *query)
{
	if (!query)
		return;
	sqlite3_finalize(query->statement);
	mem_free(query);
}

static void keep_code(struct database_query *query, int code)
{
	if (query->code == SQLITE_OK)
		query->code = code;
}

void database_set_number(struct database_query *query, int at, int64_t value)
{
	keep_code(query, sqlite3_bind_int64(query->statement, at, value));
}

void database_set_text(struct database_query *query, int at, const char *text)
{
	keep_code(query, sqlite3_bind_text(query->statement, at, text, -1, SQLITE_TRANSIENT));
}

void database_set_bytes(struct database_query *query, int at, const void *bytes, size_t size)
{
	keep_code(query, sqlite3_bind_blob64(query->statement, at, bytes, size, SQLITE_TRANSIENT));
}

enum err database_step(struct database_query *query, bool *row)
{
	int code = query->code;
	enum err err;

	*row = false;
	if (code == SQLITE_OK)
		code = sqlite3_step(query->statement);
	*row = code == SQLITE_ROW;
	if (*row)
		return ERR_OK;
	err = code == SQLITE_DONE ? ERR_OK : refuse(query->database, code);
	sqlite3_reset(query->statement);
	query->code = SQLITE_OK;
	return err;
}

enum err database_execute(struct database_query *query)
{
	bool row;
	enum err err = database_step(query, &row);

	database_reset(query);
	return err;
}

void database_reset(struct database_query *query)
{
	sqlite3_reset(query->statement);
}

int64_t database_number(struct database_query *query, int column)
{
	return sqlite3_column_int64(query->statement, column);
}

const char *database_text(struct database_query *query, int column)
{
	const char *text = (const char *)sqlite3_column_text(query->statement, column);

	return text ? text : "";
}

const void *database_bytes(struct database_query *query, int column, size_t *size)
{
	const void *bytes = sqlite3_column_blob(query->statement, column);

	*size = bytes ? (size_t)sqlite3_column_bytes(query->statement, column) : 0;
	return bytes;
}

bool database_is_null(struct database_query *query, int column)
{
	return sqlite3_column_type(query->statement, column) == SQLITE_NULL;
}

/* ---- transactions ---- */

enum err database_begin(struct database *database)
{
	return database_run(database, "BEGIN IMMEDIATE");
}

enum err database_commit(struct database *database)
{
	enum err err = database_run(database, "COMMIT");

	if (err != ERR_OK)
		database_rollback(database);
	return err;
}

void database_rollback(struct database *database)
{
	/* SQLite undoes some transactions by itself when they fail. */
	if (!sqlite3_get_autocommit(database->connection))
		sqlite3_exec(database->connection, "ROLLBACK", NULL, NULL, NULL);
}

/* ---- opening ---- */

static enum err read_number(struct database *database, const char *sql, int64_t *out)
{
	struct database_query *query;
	bool row = false;
	enum err err = database_prepare(&query, database, sql);

	if (err == ERR_OK)
		err = database_step(query, &row);
	if (err == ERR_OK)
		*out = row ? database_number(query, 0) : 0;
	database_query_free(query);
	return err;
}

static int64_t newest_version(const struct database_form *form)
{
	int64_t version = 0;

	while (form->steps[version])
		version++;
	return version;
}

/* Inside a transaction: two processes may both find the file old. */
static enum err apply_step(struct database *database, int64_t version)
{
	char pragmas[96];
	int64_t now;
	enum err err = database_begin(database);

	if (err != ERR_OK)
		return err;
	err = read_number(database, "PRAGMA user_version", &now);
	if (err == ERR_OK && now < version) {
		snprintf(pragmas, sizeof(pragmas), "PRAGMA application_id = %d; PRAGMA user_version = %lld",
		    (int)database->form->application, (long long)version);
		err = database_run(database, database->form->steps[version - 1]);
		if (err == ERR_OK)
			err = database_run(database, pragmas);
	}
	if (err == ERR_OK)
		return database_commit(database);
	database_rollback(database);
	return err;
}

static enum err make_current(struct database *database, bool create)
{
	int64_t version = 0, application = 0, tables = 0, newest = newest_version(database->form);
	enum err err = read_number(database, "PRAGMA user_version", &version);

	if (err == ERR_OK)
		err = read_number(database, "PRAGMA application_id", &application);
	if (err == ERR_OK)
		err = read_number(database, "SELECT count(*) FROM sqlite_schema", &tables);
	if (err != ERR_OK)
		return err;
	if (version == 0 && application == 0 && tables == 0) {
		if (!create)
			return fail(PL_FILE_MISSING, "%s is empty", database->path);
		err = database_run(database, "PRAGMA journal_mode = WAL");
	} else if (application != database->form->application) {
		return fail(PL_DATABASE_DAMAGED, "%s is no %s", database->path, database->form->what);
	}
	if (version > newest)
		return fail(PL_DATABASE_VERSION, "the %s %s has version %lld, this program knows up to %lld",
		    database->form->what, database->path, (long long)version, (long long)newest);
	for (version++; err == ERR_OK && version <= newest; version++)
		err = apply_step(database, version);
	return err;
}

/* No descriptor of the file may ever be opened and closed beside SQLite's own: that would drop the locks that this process holds. A file
 * that O_EXCL has just made is locked by nobody. */
static enum err look_at_file(const char *path, bool create)
{
	struct stat status;
	int fd;

	if (create) {
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0 && errno != EEXIST)
			return fail_errno(PL_FILE_WRITE, "cannot create %s", path);
		if (fd >= 0) {
			close(fd);
			return file_sync_folder_of(path);
		}
	}
	if (lstat(path, &status) != 0)
		return fail_errno(errno == ENOENT ? PL_FILE_MISSING : PL_FILE_READ, "cannot open %s", path);
	if (!S_ISREG(status.st_mode))
		return fail(PL_DATABASE, "%s is no regular file", path);
	return ERR_OK;
}

/* Crash story: a commit is one append to the log beside the file, synced before it counts; the file itself is changed only afterwards, from a
 * log that is on the disk already. (Where a file system cannot share memory between processes, SQLite keeps to its rollback journal, which
 * gives the same promise with EXTRA.) */
static enum err set_up(struct database *database)
{
	sqlite3 *connection = database->connection;

	sqlite3_extended_result_codes(connection, 1);
	sqlite3_busy_handler(connection, on_busy, database);
	/* Whatever somebody wrote into the schema may do no more than be stored; nobody changes it behind its back. */
	sqlite3_db_config(connection, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(connection, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(connection, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_db_config(connection, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	/* recursive_triggers: REPLACE is a delete that triggers must see. */
	return database_run(database,
	    "PRAGMA synchronous = EXTRA; PRAGMA cell_size_check = ON; PRAGMA recursive_triggers = ON; "
	    "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY");
}

enum err database_open(struct database **out, const char *path, const struct database_form *form, bool create)
{
	struct database *database;
	char *plain = NULL;
	int code = SQLITE_OK;
	enum err err = look_at_file(path, create);

	*out = NULL;
	if (err != ERR_OK)
		return err;
	database = mem_calloc(1, sizeof(*database));
	if (!database)
		return ERR_NOMEM;
	database->form = form;
	database->path = mem_string(path);
	/* Neither "file:…" nor ":memory:" begins with '/' or '.'. */
	plain = mem_printf("%s%s", path[0] == '/' ? "" : "./", path);
	err = database->path && plain ? ERR_OK : ERR_NOMEM;
	if (err == ERR_OK)
		code = sqlite3_open_v2(plain, &database->connection,
		    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
	if (err == ERR_OK)
		err = code == SQLITE_OK ? set_up(database) : refuse(database, code);
	if (err == ERR_OK)
		err = make_current(database, create);
	mem_free(plain);
	if (err == ERR_OK)
		*out = database;
	else
		database_close(database);
	return err;
}

void database_close(struct database *database)
{
	if (!database)
		return;
	sqlite3_close_v2(database->connection);
	mem_free(database->path);
	mem_free(database);
}

/* ---- the check ---- */

static enum err check_pages(struct database *database)
{
	struct database_query *query;
	bool row = false;
	enum err err = database_prepare(&query, database, "PRAGMA integrity_check(1)");

	if (err == ERR_OK)
		err = database_step(query, &row);
	if (err == ERR_OK && strcmp(row ? database_text(query, 0) : "", "ok") != 0)
		err = fail(PL_DATABASE_DAMAGED, "the %s %s is damaged: %s", database->form->what, database->path,
		    database_text(query, 0));
	database_query_free(query);
	return err;
}

/* Appends what the schema says, in an order of its own. */
static enum err describe_schema(struct database *database, struct buffer *out)
{
	struct database_query *query;
	bool row = false;
	enum err err = database_prepare(&query, database,
	    "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_stat%' ESCAPE '\\' "
	    "ORDER BY type, name");

	if (err == ERR_OK)
		err = database_step(query, &row);
	while (err == ERR_OK && row) {
		err = buffer_append_text(out, "%s %s %s %s\n", database_text(query, 0), database_text(query, 1),
		    database_text(query, 2), database_text(query, 3));
		if (err == ERR_OK)
			err = database_step(query, &row);
	}
	database_query_free(query);
	return err;
}

/* A database of the same form in memory says what the schema must be. */
static enum err check_schema(struct database *database)
{
	struct database model = {.path = database->path, .form = database->form};
	struct buffer wanted = {0}, found = {0};
	int code = sqlite3_open_v2(":memory:", &model.connection,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
	enum err err = code == SQLITE_OK ? ERR_OK : refuse(&model, code);

	for (size_t i = 0; err == ERR_OK && database->form->steps[i]; i++)
		err = database_run(&model, database->form->steps[i]);
	if (err == ERR_OK)
		err = describe_schema(&model, &wanted);
	if (err == ERR_OK)
		err = describe_schema(database, &found);
	if (err == ERR_OK && (wanted.length != found.length || memcmp(wanted.data, found.data, wanted.length) != 0))
		err = fail(PL_DATABASE_DAMAGED, "tables, indexes or triggers of the %s %s were changed",
		    database->form->what, database->path);
	sqlite3_close_v2(model.connection);
	buffer_free(&wanted);
	buffer_free(&found);
	return err;
}

enum err database_check(struct database *database)
{
	enum err err = check_pages(database);

	return err == ERR_OK ? check_schema(database) : err;
}
