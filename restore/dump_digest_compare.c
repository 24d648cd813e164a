/* What differs between two dumps. */
#include "restore/dump_digest_internal.h"

struct comparison {
	const struct dump_digest *first, *second;
	const char *only; /* database of the first; NULL: all */
	bool structure;
	dump_digest_visit visit;
	void *context;
};

static bool is_meant(const struct comparison *comparison, const char *database)
{
	return !comparison->only || strcmp(comparison->only, database) == 0;
}

/* Whether they are the same, though it may have been restored under another name. */
static bool same_database(const struct comparison *comparison, const char *first, const char *second)
{
	return comparison->only ? is_meant(comparison, first) : strcmp(first, second) == 0;
}

static const struct dump_digest_database *find_database(const struct comparison *comparison, const char *name)
{
	const struct dump_digest_database *database;

	for (size_t i = 0; (database = dump_digest_database(comparison->second, i)) != NULL; i++)
		if (same_database(comparison, name, database->name))
			return database;
	return NULL;
}

/* From where the last one was found: both have them in the same order. */
static const struct dump_digest_table *find_table(
    const struct comparison *comparison, const struct dump_digest_table *table, size_t *at)
{
	size_t count = comparison->second->tables_found_count;

	for (size_t i = 0; i < count; i++, ++*at) {
		const struct dump_digest_table *other;

		if (*at >= count)
			*at = 0;
		other = &comparison->second->tables_found[*at];
		if (strcmp(table->name, other->name) == 0 &&
		    same_database(comparison, table->database, other->database))
			return other;
	}
	return NULL;
}

static enum err tell(const struct comparison *comparison, enum dump_difference difference, const char *database,
    const char *table, uint64_t first, uint64_t second)
{
	return comparison->visit(comparison->context, difference, database, table, first, second);
}

static enum err compare_databases(const struct comparison *comparison)
{
	const struct dump_digest_database *database, *other;
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && (database = dump_digest_database(comparison->first, i)) != NULL; i++) {
		if (!is_meant(comparison, database->name))
			continue;
		other = find_database(comparison, database->name);
		if (!other)
			err = tell(comparison, DUMP_DATABASE_MISSING, database->name, "", 0, 0);
		else if (database->views != other->views || database->routines != other->routines ||
		    (comparison->structure && memcmp(database->hash, other->hash, HASH_SIZE) != 0))
			err = tell(comparison, DUMP_STRUCTURE, database->name, "", database->views + database->routines,
			    other->views + other->routines);
	}
	for (size_t i = 0; err == ERR_OK && (other = dump_digest_database(comparison->second, i)) != NULL; i++) {
		bool known = false;

		for (size_t k = 0; (database = dump_digest_database(comparison->first, k)) != NULL; k++)
			known = known || same_database(comparison, database->name, other->name);
		if (!known)
			err = tell(comparison, DUMP_DATABASE_ADDED, other->name, "", 0, 0);
	}
	return err;
}

static enum err compare_tables(const struct comparison *comparison)
{
	const struct dump_digest_table *table, *other;
	size_t matched = 0, found = 0, at = 0;
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && (table = dump_digest_table(comparison->first, i)) != NULL; i++) {
		if (!is_meant(comparison, table->database))
			continue;
		other = find_table(comparison, table, &at);
		matched += other != NULL;
		if (!other)
			err = tell(comparison, DUMP_TABLE_MISSING, table->database, table->name, table->rows, 0);
		else if (table->rows != other->rows)
			err = tell(comparison, DUMP_ROWS_COUNT, table->database, table->name, table->rows, other->rows);
		else if (memcmp(table->hash, other->hash, HASH_SIZE) != 0)
			err = tell(comparison, DUMP_ROWS, table->database, table->name, table->rows, other->rows);
	}
	/* Those of the second that the first has not: looked for only where there must be some. */
	for (; err == ERR_OK && matched < comparison->second->tables_found_count &&
	     (other = dump_digest_table(comparison->second, found)) != NULL;
	     found++) {
		bool known = false;

		for (size_t k = 0; !known && (table = dump_digest_table(comparison->first, k)) != NULL; k++)
			known = strcmp(table->name, other->name) == 0 &&
			    same_database(comparison, table->database, other->database);
		if (!known)
			err = tell(comparison, DUMP_TABLE_ADDED, other->database, other->name, 0, other->rows);
	}
	return err;
}

enum err dump_digest_compare(const struct dump_digest *first, const struct dump_digest *second, bool structure,
    const char *only, dump_digest_visit visit, void *context)
{
	const struct comparison comparison = {first, second, only, structure, visit, context};
	enum err err = compare_databases(&comparison);

	return err == ERR_OK ? compare_tables(&comparison) : err;
}
