/* Dumps of MariaDB: any bytes give the same counts however they are cut, and never more rows than bytes. */
#include "core/source/mariadb_count.h"
#include "core/base/mem.h"
#include "core/source/mariadb_internal.h"
#include "tests/fuzz/seeds.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const seeds[] = {"USE `a`;CREATE TABLE `t` (`x` int);INSERT INTO `t` (`x`) VALUES "
					    "(1,'it\\'s'),\n(2,\"''\");\n-- Dump completed\n",
	    "/*M!9\\- x */ -- MASTER_LOG_FILE='m.3', MASTER_LOG_POS=742;\n-- SET GLOBAL gtid_slave_pos='0-7-5';\n# x\n",
	    "USE `a``b`;/*!50001 VIEW `v` AS '*/' */;DELIMITER ;;\nTRIGGER INSERT INTO `t` VALUES (1);;\nDELIMITER "
	    ";\n/* y */",
	    "version\t3130\ndatabase\t61\t0\nunsafe\t61\nhistory\t61\nlog\t1\npacket\t16777216\nend\n"};

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		seed_write((char[]){(char)('a' + i), '\0'}, seeds[i], strlen(seeds[i]));
	return 0;
}

static struct mariadb_count *count_in_pieces(const uint8_t *data, size_t size, size_t piece)
{
	struct mariadb_count *count;

	MUST(mariadb_count_new(&count) == ERR_OK);
	for (size_t at = 0; at < size; at += piece)
		MUST(mariadb_count_feed(count, data + at, piece < size - at ? piece : size - at) == ERR_OK);
	return count;
}

static uint64_t check(const struct mariadb_count *count, size_t size)
{
	const struct dump_tables *tables = mariadb_count_tables(count);
	uint64_t rows = 0, of_tables = 0, bytes = 0;

	for (size_t i = 0; i < tables->databases_count; i++) {
		rows += tables->databases[i].rows;
		bytes += tables->databases[i].size;
	}
	for (size_t i = 0; i < tables->tables_count; i++) {
		MUST(tables->tables[i].database < tables->databases_count);
		of_tables += tables->tables[i].rows;
	}
	MUST(rows == of_tables && rows <= size && bytes <= size);
	return rows;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mariadb_count *whole = count_in_pieces(data, size, size + 1), *pieces = count_in_pieces(data, size, 3);
	struct mariadb_server server = {0};
	char *answer = mem_printf("%.*s", (int)size, (const char *)data);

	MUST(check(whole, size) == check(pieces, size));
	MUST(mariadb_count_tables(whole)->tables_count == mariadb_count_tables(pieces)->tables_count);
	MUST(mariadb_count_complete(whole) == mariadb_count_complete(pieces));
	MUST(strcmp(mariadb_count_position(whole), mariadb_count_position(pieces)) == 0);
	mariadb_count_free(whole);
	mariadb_count_free(pieces);
	MUST(answer != NULL);
	MUST(mariadb_server_parse(&server, answer) != ERR_OK || server.version[0] != '\0');
	mariadb_server_free(&server);
	mem_free(answer);
	return 0;
}
