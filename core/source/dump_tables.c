#include "core/source/dump_tables.h"

#include "core/base/mem.h"

void dump_tables_free(struct dump_tables *tables)
{
	for (size_t i = 0; i < tables->databases_count; i++)
		mem_free(tables->databases[i].name);
	for (size_t i = 0; i < tables->tables_count; i++)
		mem_free(tables->tables[i].name);
	mem_free(tables->databases);
	mem_free(tables->tables);
	*tables = (struct dump_tables){0};
}

enum err dump_tables_database(struct dump_tables *tables, const char *name, size_t *database)
{
	struct dump_database *more;
	char *copy;

	for (size_t i = 0; i < tables->databases_count; i++)
		if (strcmp(tables->databases[i].name, name) == 0) {
			*database = i;
			return ERR_OK;
		}
	more = mem_more(tables->databases, tables->databases_count, &tables->databases_capacity, sizeof(*more));
	if (!more)
		return ERR_NOMEM;
	tables->databases = more;
	copy = mem_string(name);
	if (!copy)
		return ERR_NOMEM;
	*database = tables->databases_count++;
	more[*database] = (struct dump_database){.name = copy};
	return ERR_OK;
}

/* From the one that was found last onwards, and around. */
static bool find(struct dump_tables *tables, size_t database, const char *name)
{
	size_t at = tables->found;

	for (size_t i = 0; i < tables->tables_count; i++, at++) {
		if (at >= tables->tables_count)
			at = 0;
		if (tables->tables[at].database == database && strcmp(tables->tables[at].name, name) == 0) {
			tables->found = at;
			return true;
		}
	}
	return false;
}

enum err dump_tables_table(struct dump_tables *tables, size_t database, const char *name, size_t *table)
{
	struct dump_table *more;
	char *copy;

	if (find(tables, database, name)) {
		*table = tables->found;
		return ERR_OK;
	}
	more = mem_more(tables->tables, tables->tables_count, &tables->tables_capacity, sizeof(*more));
	if (!more)
		return ERR_NOMEM;
	tables->tables = more;
	copy = mem_string(name);
	if (!copy)
		return ERR_NOMEM;
	*table = tables->found = tables->tables_count++;
	more[*table] = (struct dump_table){.name = copy, .database = database};
	tables->databases[database].tables++;
	return ERR_OK;
}

void dump_tables_row(struct dump_tables *tables, size_t table)
{
	tables->tables[table].rows++;
	tables->databases[tables->tables[table].database].rows++;
}
