/* What the program says: results on standard output, everything else on standard error; plain text for people, one JSON
 * object a line with --json. Safe to call from any thread. */
#ifndef PULIH_BASE_OUTPUT_H
#define PULIH_BASE_OUTPUT_H

#include "core/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum output_level { OUTPUT_QUIET = -1, OUTPUT_NORMAL = 0, OUTPUT_VERBOSE = 1, OUTPUT_DEBUG = 2 };

/* Called once by main. */
void output_setup(bool json, enum output_level level);
bool output_is_json(void);
enum output_level output_level(void);

/* Human form only, silent with --json: a line of the result on standard output (format ends in \n itself). */
void output_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* JSON form only, silent without --json: prints {"message_type": type, …object's members…}. Steals the reference. */
void output_object(const char *message_type, json_t *object);

/* A note, a warning, on standard error; in JSON message_type "note" / "warning" with "code" and "message". */
void output_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void output_warning(enum message id, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A remembered failure as a warning. */
void output_failure_warning(const struct failure *failure);
/* The last word of a command that failed: "pulih: PL-1203: text" and the remedy; in JSON message_type "error" with code,
 * kind, message, remedy, exit_code. */
void output_error(const struct failure *failure);

/* Adds `name`: a UTF-8 string where the bytes are UTF-8, else a readable form with \xNN escapes, and `name`_b64 with the
 * bytes. ERR_NOMEM. */
enum err output_set_bytes(json_t *object, const char *name, const void *bytes, size_t size);
bool output_is_utf8(const void *bytes, size_t size);
/* The text as a JSON string, in the readable form where it is not UTF-8: json_pack makes nothing at all of an object that holds such a
 * text. NULL after PL_NO_MEMORY. For "s:o". */
json_t *output_text(const char *text);
/* The bytes for a terminal: control characters and what is not UTF-8 as \xNN. To be released with mem_free. */
char *output_printable(const void *bytes, size_t size);

/* Progress of long work. The line is drawn at most 5 times a second, on a terminal only, never scrolls and is gone when
 * progress_end() is called; with --json a "status" object once a second. */
struct progress {
	const char *action;				 /* "backup", "restore", … */
	uint64_t files, files_total, bytes, bytes_total; /* totals 0 = unknown */
	char item[160];					 /* raw bytes of a path, cut from the left */
};
void progress_start(const char *action);
/* Copies what it needs. Cheap enough for every file. */
void progress_update(const struct progress *progress);
void progress_end(void);

/* "1.24 GiB"; the buffer must hold 32 bytes. Returns out. */
char *output_size(char out[32], uint64_t bytes);
/* "1:02:03" or "12.3 s" for nanoseconds. Returns out. */
char *output_duration(char out[32], int64_t nanoseconds);

#endif
