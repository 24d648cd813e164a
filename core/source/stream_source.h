/* What is stored as a file without being one: the output of a command, a dump of databases. It is read from its beginning to its end, and counts
 * only when it says itself that it was whole. */
#ifndef PULIH_SOURCE_STREAM_SOURCE_H
#define PULIH_SOURCE_STREAM_SOURCE_H

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a record says of one database; texts are the caller's to keep before the stream is closed. */
struct stream_database {
	const char *name;
	uint64_t size, tables, rows; /* size: bytes of its dump; 0: not known */
	char version[32];	     /* of the server */
	char client[32];	     /* of the program that made the dump */
	char consistency[16];	     /* "snapshot", "locked" or "none": konsistensi tidak dijamin */
	char position
	    [128]; /* of the server's log of changes at that moment; "" where there is none, or it may not be asked for */
};
typedef enum err (*stream_database_visit)(void *context, const struct stream_database *database);

struct stream_kind {
	const char *name; /* as records have it: "command", "mariadb" */
	/* *stream is the kind's own; NULL after a failure. `config`: what the kind wants to know, alive until close. */
	enum err (*open)(void **stream, const void *config);
	/* Up to `size` bytes; 0 at the end. */
	enum err (*read)(void *stream, void *out, size_t size, size_t *got);
	/* After the end, or instead of reading on: whether all of it came. Anything but ERR_OK: what was read is not stored. Visits the databases
	 * that were in it, if any. */
	enum err (*finish)(void *stream, stream_database_visit visit, void *context);
	/* Ends what still runs; of NULL nothing. */
	void (*close)(void *stream);
	bool once; /* cannot be opened again: what it gave is gone */
};

struct stream_source {
	const struct stream_kind *kind;
	const void *config;
	const char *path; /* stored path */
	bool fine;	  /* fine chunks: dumps, of which little changes */
	bool required;	  /* without it there is no backup; else it is named as unreadable, and the rest is stored */
	bool database;	  /* databases: where they are missing the rest is stored, but the result says so */
};

#endif
