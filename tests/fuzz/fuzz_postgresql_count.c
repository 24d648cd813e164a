/* Dumps of PostgreSQL: any bytes give the same counts however they are cut, and never more rows than bytes. */
#include "core/source/postgresql_count.h"
#include "tests/fuzz/seeds.h"

#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const seeds[] = {"-- Dumped from database version 15.18\nCREATE TABLE a.t (x int);\nCOPY "
					    "a.t (x) FROM stdin;\n1\n\\\\.\n\\.\n"
					    "--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict x\n",
	    "CREATE FUNCTION f() AS $b$ $$ COPY t FROM stdin;\n$b $b$;\\connect x\nSELECT E'\\'', $1, \"a\"\"b\" - "
	    "1;\n",
	    "CREATE UNLOGGED TABLE \"a (\" ();COPY \"a (\" FROM stdin;\n\n\\.\n-- PostgreSQL database cluster dump "
	    "complete\n"};

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		seed_write((char[]){(char)('a' + i), '\0'}, seeds[i], strlen(seeds[i]));
	return 0;
}

static struct postgresql_count *count_in_pieces(const uint8_t *data, size_t size, size_t piece)
{
	struct postgresql_count *count;

	MUST(postgresql_count_new(&count) == ERR_OK);
	for (size_t at = 0; at < size; at += piece)
		MUST(postgresql_count_feed(count, data + at, piece < size - at ? piece : size - at) == ERR_OK);
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct postgresql_count *whole = count_in_pieces(data, size, size + 1),
				*pieces = count_in_pieces(data, size, 3);
	const struct dump_tables *one = postgresql_count_tables(whole), *other = postgresql_count_tables(pieces);
	uint64_t rows = 0;

	for (size_t i = 0; i < one->tables_count; i++)
		rows += one->tables[i].rows;
	MUST(one->databases_count == 1 && one->databases[0].size == size);
	MUST(rows == one->databases[0].rows && rows <= size);
	MUST(one->tables_count == other->tables_count && rows == other->databases[0].rows);
	MUST(postgresql_count_complete(whole) == postgresql_count_complete(pieces));
	MUST(strcmp(postgresql_count_server(whole), postgresql_count_server(pieces)) == 0);
	MUST(strcmp(postgresql_count_client(whole), postgresql_count_client(pieces)) == 0);
	postgresql_count_free(whole);
	postgresql_count_free(pieces);
	return 0;
}
