/* A paper as a list of blocks. What makes a paper (record_report.h, report_recap.h, …) fills one of these; text, HTML and PDF only render it,
 * so that the three never say different things.
 *
 * Texts are copied and made printable when they are put in: control characters, bytes that are not UTF-8, and characters that would
 * turn the direction of writing or break the line become visible escapes. Errors are kept, and every later call does nothing: look at `err` once,
 * before rendering. Functions that return a text return "" then, never NULL. */
#ifndef PULIH_RECORD_REPORT_MODEL_H
#define PULIH_RECORD_REPORT_MODEL_H

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/record/record_words.h"

enum report_kind {
	REPORT_HEADING,	   /* text */
	REPORT_PARAGRAPH,  /* text */
	REPORT_FIELDS,	   /* label : value */
	REPORT_TABLE,	   /* its head is repeated on every page */
	REPORT_SIGNATURES, /* never parted by the end of a page */
	REPORT_PROOF,	   /* text: what the QR code at its side holds; fields. Never parted either. */
	REPORT_ANNEX,	   /* text: its heading, on a new page; note: what it belongs to */
};

struct report_field {
	const char *label; /* "": goes on with the field above */
	const char *value; /* "" is shown as "-" */
	bool strong;
};

struct report_column {
	const char *title;
	const char *group; /* columns side by side with the same group have that title over theirs; NULL: none */
	unsigned weight;   /* share of the width, as in 3 of the sum of all */
	bool right;	   /* numbers */
};

struct report_signature {
	const char *place; /* "Ternate, ....", above the last of them */
	const char *role, *position, *name, *nip;
};

struct report_block {
	enum report_kind kind;
	const char *text, *note;
	bool boxed; /* fields with lines around them */
	struct report_field *fields;
	size_t fields_count, fields_room;
	struct report_column *columns;
	size_t columns_count;
	const char **cells; /* rows × columns */
	bool *strong;	    /* of each row */
	size_t rows_count, rows_room;
	struct report_signature *signatures;
	size_t signatures_count;
};

/* Starts as {.english = …}; released with report_model_free. */
struct report_model {
	bool english;
	struct arena arena;
	enum err err;
	const char *office;	      /* its name, at the top */
	const char *address;	      /* lines of the letterhead under it, parted by '\n'; "" for none */
	const char *title, *subtitle; /* subtitle "": none */
	const char *letter;	      /* label of the letter number that people fill in; NULL: the paper has none */
	const char *foot;	      /* at the foot of each page */
	const char *created;	      /* RFC 3339, or "": the date in the properties of a PDF */
	struct report_block *blocks;
	size_t blocks_count, blocks_room;
	unsigned headings, annexes; /* so far */
};
void report_model_free(struct report_model *model);

/* For people to write on. */
#define REPORT_BLANK "........................................"
#define REPORT_SIGN_BLANK \
	"....................." /* a name, or the number behind "NIP": as wide as a third of a text page */
#define REPORT_DATE_BLANK ".............."

/* ---- texts, owned by the model ---- */
const char *report_model_text(struct report_model *model, const char *text);
const char *report_model_format(struct report_model *model, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
const char *report_model_word(const struct report_model *model, enum word word);
const char *report_model_fill(struct report_model *model, enum word word, const char *const arguments[]);

/* ---- blocks, in the order of the paper; what they are given is copied ---- */

/* Name and address of the office, title. */
void report_model_head(
    struct report_model *model, const char *office, const char *address, enum word title, const char *subtitle);
/* "A. TEXT"; the letters count up. */
void report_model_heading(struct report_model *model, enum word text);
void report_model_paragraph(struct report_model *model, const char *text);
/* Begins a block of fields; report_model_field does so by itself where there is none. */
void report_model_fields(struct report_model *model, bool boxed);
void report_model_field(struct report_model *model, enum word label, const char *value);
/* As report_model_field; nothing where the value is "". */
void report_model_field_given(struct report_model *model, enum word label, const char *value);
void report_model_field_strong(struct report_model *model, enum word label, const char *value);
/* One more line under the field before it. */
void report_model_field_more(struct report_model *model, const char *value);
/* Titles of columns are words; `group` WORD_COUNT: none. */
struct report_heading {
	enum word title, group;
	unsigned weight;
	bool right;
};
#define REPORT_NO_GROUP WORD_COUNT
void report_model_table(struct report_model *model, const struct report_heading *columns, size_t count);
/* One cell for each column. */
void report_model_row(struct report_model *model, const char *const *cells, bool strong);
/* Side by side, from the left; above the last of them place and date ("": only the date). `place` of what is given is not looked at. A name that
 * is "" becomes a blank to fill in, and so does the NIP that goes with it; "-" where only the NIP is missing. */
#define REPORT_SIGNATURES_MAX 3
void report_model_signatures(
    struct report_model *model, const char *place, const struct report_signature *signatures, size_t count);
/* One for each paper. */
void report_model_proof(struct report_model *model, const char *qr);
/* Returns its number, from 1. */
unsigned report_model_annex(struct report_model *model, enum word title, const char *note);

/* Where each column of a block begins, as a share of 1, and where the last ends: `out` holds columns_count + 1. */
void report_model_edges(const struct report_block *block, double *out);
/* Columns from `first` on that stand under one group title; 1 where it has none. */
size_t report_model_group(const struct report_block *block, size_t first);
/* Blocks behind the heading `at` that must stand on the same page: signatures with what leads to them, the proof. 0: none. */
size_t report_model_kept(const struct report_model *model, size_t at);
/* Whether people write into the row: nothing stands in it but its number. */
bool report_model_row_is_blank(const struct report_block *block, size_t row);

#define REPORT_COLUMNS_MAX 12

#endif
