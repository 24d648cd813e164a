/* What the files of the digest share. */
#ifndef PULIH_RESTORE_DUMP_DIGEST_INTERNAL_H
#define PULIH_RESTORE_DUMP_DIGEST_INTERNAL_H

#include "core/base/buffer.h"
#include "core/source/mariadb_count.h"
#include "core/source/postgresql_count.h"
#include "restore/dump_digest.h"

/* All but rows of one database. */
struct dump_section {
	char *name;
	struct sha256 *hash;
	uint64_t views, routines;
};
struct dump_row_hash {
	uint8_t hash[HASH_SIZE];
};

struct dump_digest {
	enum dump_kind kind;
	bool decided; /* enough of its beginning was seen to know the kind */
	struct buffer head;
	struct mariadb_count *mariadb;
	struct postgresql_count *postgresql;
	struct dump_section *sections;
	size_t sections_count, sections_capacity, section; /* section: at hand; SIZE_MAX: none yet */
	struct buffer line;				   /* at hand, without rows */
	bool long_line;					   /* its beginning went into the hash already */
	bool body;					   /* of a routine: between two DELIMITER lines */
	struct sha256 *rows;				   /* of the table at hand; NULL: none */
	size_t table;
	struct dump_row_hash *tables; /* by the number of the table */
	size_t tables_count;
	char server[64];
	char *creates;
	char **roles;
	size_t roles_count, roles_capacity;
	struct dump_digest_database *databases_found;
	struct dump_digest_table *tables_found;
	size_t databases_found_count, tables_found_count;
	struct buffer position;
};

/* dump_digest_lines.c: bytes that are no rows. */
enum err dump_digest_lines_take(struct dump_digest *digest, const char *bytes, size_t size);
/* The last line, where it has no line feed. */
enum err dump_digest_lines_end(struct dump_digest *digest);

/* Bytes of a name of PostgreSQL as SQL has it, with its quotes. */
size_t dump_digest_lines_name(const char *written);

const struct dump_tables *dump_digest_counted(const struct dump_digest *digest);

#endif
