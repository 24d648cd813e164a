/* Reads a dump of mariadb-dump or mysqldump while it passes, and counts what is in it: databases, tables, rows.
 *
 * It knows quoting, comments, conditional comments and DELIMITER, so that a row is counted only where the server would
 * insert one: not in texts, and not in the bodies of triggers, routines and events. It takes any bytes; what is no dump
 * counts as nothing. Memory: a name for each table. */
#ifndef PULIH_SOURCE_MARIADB_COUNT_H
#define PULIH_SOURCE_MARIADB_COUNT_H

#include "core/source/dump_tables.h"

struct mariadb_count;
enum err mariadb_count_new(struct mariadb_count **out);
void mariadb_count_free(struct mariadb_count *count);
/* From here on `visit` gets every byte that is fed, once it was counted: what lies between the parentheses of rows with its table, the rest with
 * DUMP_TABLES_NO_ROW. */
void mariadb_count_watch(struct mariadb_count *count, dump_tables_visit visit, void *context);
/* The next bytes. Only ERR_NOMEM. */
enum err mariadb_count_feed(struct mariadb_count *count, const void *bytes, size_t size);
/* Whether what was fed ends with the mark that the program writes when it is done: "-- Dump completed". */
bool mariadb_count_complete(const struct mariadb_count *count);
/* The position in the binary log that the dump names ("mariadb-bin.000003:1234 0-1-56": file, offset, GTID); "" for none. */
const char *mariadb_count_position(const struct mariadb_count *count);
const struct dump_tables *mariadb_count_tables(const struct mariadb_count *count);

#endif
