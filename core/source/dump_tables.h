/* What the dump of a database server holds: databases, their tables, how many rows each has. */
#ifndef PULIH_SOURCE_DUMP_TABLES_H
#define PULIH_SOURCE_DUMP_TABLES_H

#include "core/base/error.h"

#include <stddef.h>
#include <stdint.h>

struct dump_table {
	char *name;
	size_t database;
	uint64_t rows;
};
struct dump_database {
	char *name;
	uint64_t size, tables, rows; /* size: bytes of the dump that are about it */
};

/* Bytes of a dump in their order; `table`: whose rows they are, or that. What it returns ends the feeding. */
#define DUMP_TABLES_NO_ROW SIZE_MAX
typedef enum err (*dump_tables_visit)(void *context, size_t table, const void *bytes, size_t size);

/* Starts as {0}; released with dump_tables_free. */
struct dump_tables {
	struct dump_database *databases;
	size_t databases_count, databases_capacity;
	struct dump_table *tables;
	size_t tables_count, tables_capacity;
	size_t found; /* the table that was asked for last: dumps go from one to the next */
};
void dump_tables_free(struct dump_tables *tables);

/* The database of that name, added where it is not there yet. */
enum err dump_tables_database(struct dump_tables *tables, const char *name, size_t *database);
/* The table of that name in that database, added where it is not there yet. */
enum err dump_tables_table(struct dump_tables *tables, size_t database, const char *name, size_t *table);
/* Counts a row of it. */
void dump_tables_row(struct dump_tables *tables, size_t table);

#endif
