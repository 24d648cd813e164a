#include "restore/dump_digest_internal.h"

#include "core/base/mem.h"

#define HEAD_BYTES 512u /* of a dump: its first comment says what it is */

enum err dump_digest_new(struct dump_digest **out)
{
	*out = mem_calloc(1, sizeof(**out));
	if (!*out)
		return ERR_NOMEM;
	(*out)->section = SIZE_MAX;
	return ERR_OK;
}

void dump_digest_free(struct dump_digest *digest)
{
	if (!digest)
		return;
	for (size_t i = 0; i < digest->sections_count; i++) {
		mem_free(digest->sections[i].name);
		sha256_free(digest->sections[i].hash);
	}
	for (size_t i = 0; i < digest->roles_count; i++)
		mem_free(digest->roles[i]);
	sha256_free(digest->rows);
	mariadb_count_free(digest->mariadb);
	postgresql_count_free(digest->postgresql);
	buffer_free(&digest->head);
	buffer_free(&digest->line);
	buffer_free(&digest->position);
	mem_free(digest->sections);
	mem_free(digest->creates);
	mem_free(digest->roles);
	mem_free(digest->tables);
	mem_free(digest->databases_found);
	mem_free(digest->tables_found);
	mem_free(digest);
}

const struct dump_tables *dump_digest_counted(const struct dump_digest *digest)
{
	static const struct dump_tables none;

	return digest->mariadb	 ? mariadb_count_tables(digest->mariadb)
	    : digest->postgresql ? postgresql_count_tables(digest->postgresql)
				 : &none;
}

/* ---- rows ---- */

/* A table whose rows do not stand all together has a hash of hashes. */
static enum err end_rows(struct dump_digest *digest)
{
	static const uint8_t none[HASH_SIZE];
	uint8_t both[2 * HASH_SIZE];
	uint8_t *hash;
	enum err err = ERR_OK;

	if (!digest->rows)
		return ERR_OK;
	hash = digest->tables[digest->table].hash;
	err = sha256_final(digest->rows, both + HASH_SIZE);
	sha256_free(digest->rows);
	digest->rows = NULL;
	if (err != ERR_OK)
		return err;
	if (memcmp(hash, none, HASH_SIZE) == 0) {
		memcpy(hash, both + HASH_SIZE, HASH_SIZE);
		return ERR_OK;
	}
	memcpy(both, hash, HASH_SIZE);
	return sha256(both, sizeof(both), hash);
}

static enum err begin_rows(struct dump_digest *digest, size_t table)
{
	if (table >= digest->tables_count) {
		size_t count = 2 * (table + 8);
		struct dump_row_hash *more = mem_resize(digest->tables, count, sizeof(*more));

		if (!more)
			return ERR_NOMEM;
		memset(more + digest->tables_count, 0, (count - digest->tables_count) * sizeof(*more));
		digest->tables = more;
		digest->tables_count = count;
	}
	digest->table = table;
	return sha256_new(&digest->rows);
}

static enum err take(void *context, size_t table, const void *bytes, size_t size)
{
	struct dump_digest *digest = context;
	enum err err = ERR_OK;

	if (table == DUMP_TABLES_NO_ROW)
		return dump_digest_lines_take(digest, bytes, size);
	if (digest->rows && digest->table != table)
		err = end_rows(digest);
	if (err == ERR_OK && !digest->rows)
		err = begin_rows(digest, table);
	return err == ERR_OK ? sha256_update(digest->rows, bytes, size) : err;
}

/* ---- from the first byte to the last ---- */

static enum err pass(struct dump_digest *digest, const void *bytes, size_t size)
{
	return digest->mariadb	 ? mariadb_count_feed(digest->mariadb, bytes, size)
	    : digest->postgresql ? postgresql_count_feed(digest->postgresql, bytes, size)
				 : ERR_OK;
}

static bool says(const struct dump_digest *digest, const char *text)
{
	return memmem(digest->head.data, digest->head.length, text, strlen(text)) != NULL;
}

static enum err decide(struct dump_digest *digest)
{
	enum err err = ERR_OK;

	digest->decided = true;
	if (digest->head.length == 0)
		return ERR_OK;
	if (says(digest, "-- PostgreSQL database"))
		digest->kind = DUMP_POSTGRESQL;
	else if (says(digest, "-- MariaDB dump") || says(digest, "-- MySQL dump"))
		digest->kind = DUMP_MARIADB;
	if (digest->kind == DUMP_MARIADB)
		err = mariadb_count_new(&digest->mariadb);
	if (digest->kind == DUMP_POSTGRESQL)
		err = postgresql_count_new(&digest->postgresql);
	if (err != ERR_OK)
		return err;
	if (digest->mariadb)
		mariadb_count_watch(digest->mariadb, take, digest);
	if (digest->postgresql)
		postgresql_count_watch(digest->postgresql, take, digest);
	return pass(digest, digest->head.data, digest->head.length);
}

enum err dump_digest_feed(struct dump_digest *digest, const void *bytes, size_t size)
{
	enum err err;

	if (digest->decided)
		return pass(digest, bytes, size);
	err = buffer_append(&digest->head, bytes, size);
	return err == ERR_OK && digest->head.length >= HEAD_BYTES ? decide(digest) : err;
}

/* The section of a database; where the dump has names of databases, it is found by that. */
static struct dump_section *section_of(struct dump_digest *digest, const char *name)
{
	for (size_t i = 0; i < digest->sections_count; i++)
		if (strcmp(digest->sections[i].name, name) == 0)
			return &digest->sections[i];
	return NULL;
}

static enum err list_databases(struct dump_digest *digest)
{
	const struct dump_tables *counted = dump_digest_counted(digest);
	enum err err = ERR_OK;

	digest->databases_found = mem_calloc(counted->databases_count + 1, sizeof(*digest->databases_found));
	if (!digest->databases_found)
		return ERR_NOMEM;
	for (size_t i = 0; err == ERR_OK && i < counted->databases_count; i++) {
		const struct dump_database *from = &counted->databases[i];
		struct dump_digest_database *database = &digest->databases_found[digest->databases_found_count++];
		struct dump_section *section = section_of(digest, from->name);

		*database =
		    (struct dump_digest_database){.name = from->name, .tables = from->tables, .rows = from->rows};
		if (!section)
			continue;
		database->views = section->views;
		database->routines = section->routines;
		err = sha256_final(section->hash, database->hash);
	}
	return err;
}

static enum err list_tables(struct dump_digest *digest)
{
	const struct dump_tables *counted = dump_digest_counted(digest);

	digest->tables_found = mem_calloc(counted->tables_count + 1, sizeof(*digest->tables_found));
	if (!digest->tables_found)
		return ERR_NOMEM;
	for (size_t i = 0; i < counted->tables_count; i++) {
		const struct dump_table *from = &counted->tables[i];
		struct dump_digest_table *table = &digest->tables_found[i];

		*table = (struct dump_digest_table){
		    .database = counted->databases[from->database].name, .name = from->name, .rows = from->rows};
		if (i < digest->tables_count)
			memcpy(table->hash, digest->tables[i].hash, HASH_SIZE);
	}
	digest->tables_found_count = counted->tables_count;
	return ERR_OK;
}

enum err dump_digest_finish(struct dump_digest *digest)
{
	enum err err = digest->decided ? ERR_OK : decide(digest);

	if (err == ERR_OK)
		err = end_rows(digest);
	if (err == ERR_OK)
		err = dump_digest_lines_end(digest);
	if (err == ERR_OK)
		err = list_databases(digest);
	return err == ERR_OK ? list_tables(digest) : err;
}

/* ---- what is known of it ---- */

enum dump_kind dump_digest_kind(const struct dump_digest *digest)
{
	return digest->kind;
}

bool dump_digest_complete(const struct dump_digest *digest)
{
	return digest->mariadb ? mariadb_count_complete(digest->mariadb)
			       : digest->postgresql && postgresql_count_complete(digest->postgresql);
}

const char *dump_digest_server(const struct dump_digest *digest)
{
	return digest->server;
}

const char *dump_digest_creates(const struct dump_digest *digest)
{
	return digest->creates ? digest->creates : "";
}

const struct dump_digest_database *dump_digest_database(const struct dump_digest *digest, size_t at)
{
	return at < digest->databases_found_count ? &digest->databases_found[at] : NULL;
}

const struct dump_digest_table *dump_digest_table(const struct dump_digest *digest, size_t at)
{
	return at < digest->tables_found_count ? &digest->tables_found[at] : NULL;
}

const char *dump_digest_role(const struct dump_digest *digest, size_t at)
{
	return at < digest->roles_count ? digest->roles[at] : NULL;
}

const char *dump_digest_position(struct dump_digest *digest)
{
	const struct dump_tables *counted = dump_digest_counted(digest);
	const struct dump_table *table = counted->tables_count > 0 ? &counted->tables[counted->tables_count - 1] : NULL;
	const char *database = table ? counted->databases[table->database].name : "";

	buffer_clear(&digest->position);
	if (!table ||
	    buffer_append_text(&digest->position, "%s%s%s", database, *database ? "." : "", table->name) != ERR_OK ||
	    buffer_append_u8(&digest->position, 0) != ERR_OK)
		return "";
	return (const char *)digest->position.data;
}
