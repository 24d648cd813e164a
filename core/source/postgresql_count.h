/* Reads a plain dump of pg_dump while it passes, and counts what is in it: tables, and rows in COPY blocks.
 *
 * It knows quoting, dollar quoting, comments and psql's own commands, so that a COPY in the body of a function is none.
 * It takes any bytes; what is no dump counts as nothing. Memory: a name for each table. */
#ifndef PULIH_SOURCE_POSTGRESQL_COUNT_H
#define PULIH_SOURCE_POSTGRESQL_COUNT_H

#include "core/source/dump_tables.h"

struct postgresql_count;
enum err postgresql_count_new(struct postgresql_count **out);
void postgresql_count_free(struct postgresql_count *count);
/* From here on `visit` gets every byte that is fed, once it was counted: rows with their table, the rest with DUMP_TABLES_NO_ROW. */
void postgresql_count_watch(struct postgresql_count *count, dump_tables_visit visit, void *context);
/* The next bytes. Only ERR_NOMEM. */
enum err postgresql_count_feed(struct postgresql_count *count, const void *bytes, size_t size);
/* Whether what was fed ends with the mark that the program writes when it is done: "-- PostgreSQL database dump
 * complete", or that of a cluster. */
bool postgresql_count_complete(const struct postgresql_count *count);
/* All tables are of one database, whose name is "". */
const struct dump_tables *postgresql_count_tables(const struct postgresql_count *count);
/* Versions that the dump names; "" where it does not. */
const char *postgresql_count_server(const struct postgresql_count *count);
const char *postgresql_count_client(const struct postgresql_count *count);

#endif
