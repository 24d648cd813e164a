#include "core/source/postgresql_count.h"

#include "core/base/mem.h"

#include <ctype.h>

#define HEAD_BYTES 4096u /* of a statement: a COPY names every column, 1,600 at most, but most have few */
#define END_BYTES 16u	 /* of the end of a statement */
#define TAIL_BYTES 512u	 /* of the end of the dump: the mark, and what \unrestrict says */
#define TAG_BYTES 66u	 /* of a dollar quote: a name of at most 63 bytes between two '$' */
#define VERSION_BYTES 32
#define COMMENT_BYTES 96u
#define FROM_STDIN " FROM stdin"

enum state {
	CODE,
	DASH,
	LINE,	 /* a comment, or a command of psql: to the end of the line */
	STRING,	 /* '…' */
	ESCAPED, /* E'…' */
	ESCAPE,
	NAME, /* "…" */
	TAG,  /* "$…": perhaps a dollar quote */
	DOLLAR,
	COPY_LINE, /* what is left of the line of a COPY */
	ROWS,
};

struct postgresql_count {
	struct dump_tables tables;
	enum state state;
	char head[HEAD_BYTES];
	size_t head_length; /* of the statement at hand, HEAD_BYTES at most */
	char end[END_BYTES];
	size_t end_length;
	char previous; /* byte of code */
	char tag[TAG_BYTES];
	size_t tag_length, tag_matched;
	size_t table;
	size_t row_length;
	bool dot; /* the row at hand is "\." so far */
	char comment[COMMENT_BYTES];
	size_t comment_length;
	char server[VERSION_BYTES], client[VERSION_BYTES];
	char tail[TAIL_BYTES];
	size_t tail_length;
	dump_tables_visit visit; /* NULL: nobody watches */
	void *context;
};

enum err postgresql_count_new(struct postgresql_count **out)
{
	size_t database;
	enum err err;

	*out = mem_calloc(1, sizeof(**out));
	if (!*out)
		return ERR_NOMEM;
	err = dump_tables_database(&(*out)->tables, "", &database);
	if (err != ERR_OK) {
		postgresql_count_free(*out);
		*out = NULL;
	}
	return err;
}

void postgresql_count_free(struct postgresql_count *count)
{
	if (!count)
		return;
	dump_tables_free(&count->tables);
	mem_free(count);
}

const struct dump_tables *postgresql_count_tables(const struct postgresql_count *count)
{
	return &count->tables;
}

const char *postgresql_count_server(const struct postgresql_count *count)
{
	return count->server;
}

const char *postgresql_count_client(const struct postgresql_count *count)
{
	return count->client;
}

/* ---- statements ---- */

/* Bytes of a name as it is written: schema.table, each perhaps in quotes. */
static size_t name_length(const char *text, size_t size)
{
	bool quoted = false;
	size_t at = 0;

	while (at < size && (quoted || (text[at] != ' ' && text[at] != '(' && text[at] != '\n'))) {
		if (text[at] == '"')
			quoted = !quoted;
		at++;
	}
	return at;
}

static bool begins(const struct postgresql_count *count, const char *with)
{
	return count->head_length > strlen(with) && memcmp(count->head, with, strlen(with)) == 0;
}

static enum err take_table(struct postgresql_count *count, const char *behind)
{
	size_t from = strlen(behind), length = name_length(count->head + from, count->head_length - from);
	char *name = mem_printf("%.*s", (int)length, count->head + from);
	enum err err = name ? dump_tables_table(&count->tables, 0, name, &count->table) : ERR_NOMEM;

	mem_free(name);
	return err;
}

/* At its ';'. */
static enum err take_statement(struct postgresql_count *count)
{
	static const char *const creates[] = {"CREATE TABLE ", "CREATE UNLOGGED TABLE "};
	enum err err = ERR_OK;

	for (size_t i = 0; i < 2; i++)
		if (begins(count, creates[i]))
			err = take_table(count, creates[i]);
	if (begins(count, "COPY ") && count->end_length >= strlen(FROM_STDIN) &&
	    memcmp(count->end + count->end_length - strlen(FROM_STDIN), FROM_STDIN, strlen(FROM_STDIN)) == 0) {
		err = take_table(count, "COPY ");
		count->state = COPY_LINE;
	}
	count->head_length = count->end_length = 0;
	return err;
}

static void keep_statement(struct postgresql_count *count, char byte)
{
	if (count->head_length == 0 && isspace((unsigned char)byte))
		return;
	if (count->head_length < HEAD_BYTES)
		count->head[count->head_length++] = byte;
	if (count->end_length == END_BYTES) {
		memmove(count->end, count->end + 1, END_BYTES - 1);
		count->end_length--;
	}
	count->end[count->end_length++] = byte;
}

/* ---- bytes ---- */

static enum err take_code(struct postgresql_count *count, char byte)
{
	char previous = count->previous;

	count->previous = byte;
	if (byte == ';')
		return take_statement(count);
	if (byte == '\\' && count->head_length == 0) {
		count->state = LINE;
		return ERR_OK;
	}
	if (byte == '-') {
		count->state = DASH;
		return ERR_OK;
	}
	if (byte == '\'')
		count->state = previous == 'E' || previous == 'e' ? ESCAPED : STRING;
	else if (byte == '"')
		count->state = NAME;
	else if (byte == '$' && !isalnum((unsigned char)previous) && previous != '_' && previous != '$') {
		count->state = TAG;
		count->tag[0] = '$';
		count->tag_length = 1;
	}
	keep_statement(count, byte);
	return ERR_OK;
}

/* "$1" and "$$" and "$body$": whether a dollar quote begins. *taken is false for what is code again. */
static void take_tag(struct postgresql_count *count, char byte, bool *taken)
{
	bool letter = isalpha((unsigned char)byte) || byte == '_' || (unsigned char)byte >= 0x80 ||
	    (isdigit((unsigned char)byte) && count->tag_length > 1);

	*taken = (letter || byte == '$') && count->tag_length < TAG_BYTES;
	if (!*taken) {
		count->state = CODE;
		return;
	}
	count->tag[count->tag_length++] = byte;
	if (byte == '$') {
		count->state = DOLLAR;
		count->tag_matched = 0;
	}
}

static void take_dollar(struct postgresql_count *count, char byte)
{
	/* '$' stands at both ends of a tag only, so a match that fails can begin again with its last byte, or not at all. */
	if (byte == count->tag[count->tag_matched])
		count->tag_matched++;
	else
		count->tag_matched = byte == '$' ? 1 : 0;
	if (count->tag_matched == count->tag_length) {
		count->state = CODE;
		count->previous = '$';
	}
}

static void take_comment_end(struct postgresql_count *count)
{
	static const char server[] = "- Dumped from database version ", client[] = "- Dumped by pg_dump version ";

	count->comment[count->comment_length] = '\0';
	count->comment_length = 0;
	if (!*count->server && strncmp(count->comment, server, sizeof(server) - 1) == 0)
		snprintf(count->server, VERSION_BYTES, "%s", count->comment + sizeof(server) - 1);
	if (!*count->client && strncmp(count->comment, client, sizeof(client) - 1) == 0)
		snprintf(count->client, VERSION_BYTES, "%s", count->comment + sizeof(client) - 1);
}

static void take_line(struct postgresql_count *count, char byte)
{
	if (byte == '\n') {
		count->state = CODE;
		take_comment_end(count);
	} else if (count->comment_length < COMMENT_BYTES - 1) {
		count->comment[count->comment_length++] = byte;
	}
}

static void take_row_byte(struct postgresql_count *count, char byte)
{
	if (byte != '\n') {
		count->dot = count->row_length < 2 && (count->row_length == 0 || count->dot) &&
		    byte == (count->row_length == 0 ? '\\' : '.');
		count->row_length++;
		return;
	}
	if (count->dot && count->row_length == 2)
		count->state = CODE;
	else
		dump_tables_row(&count->tables, count->table);
	count->row_length = 0;
	count->dot = false;
}

static enum err take_byte(struct postgresql_count *count, char byte, bool *taken)
{
	*taken = true;
	switch (count->state) {
	case CODE:
		return take_code(count, byte);
	case DASH:
		/* The second '-' is kept as the first byte of the comment. */
		count->state = byte == '-' ? LINE : CODE;
		count->comment_length = 0;
		*taken = false;
		if (byte != '-')
			keep_statement(count, '-');
		break;
	case LINE:
		take_line(count, byte);
		break;
	case STRING:
	case NAME:
		if (byte == (count->state == STRING ? '\'' : '"'))
			count->state = CODE;
		keep_statement(count, byte);
		break;
	case ESCAPED:
		count->state = byte == '\\' ? ESCAPE : byte == '\'' ? CODE : ESCAPED;
		keep_statement(count, byte);
		break;
	case ESCAPE:
		count->state = ESCAPED;
		keep_statement(count, byte);
		break;
	case TAG:
		take_tag(count, byte, taken);
		break;
	case DOLLAR:
		take_dollar(count, byte);
		break;
	case COPY_LINE:
		if (byte == '\n')
			count->state = ROWS;
		break;
	default:
		take_row_byte(count, byte);
	}
	return ERR_OK;
}

static void keep_tail(struct postgresql_count *count, const char *bytes, size_t size)
{
	size_t keep = count->tail_length;

	if (size > TAIL_BYTES) {
		bytes += size - TAIL_BYTES;
		size = TAIL_BYTES;
	}
	if (keep > TAIL_BYTES - size)
		keep = TAIL_BYTES - size;
	memmove(count->tail, count->tail + count->tail_length - keep, keep);
	memcpy(count->tail + keep, bytes, size);
	count->tail_length = keep + size;
}

void postgresql_count_watch(struct postgresql_count *count, dump_tables_visit visit, void *context)
{
	count->visit = visit;
	count->context = context;
}

/* Whose row the next byte is in. */
static size_t row_of(const struct postgresql_count *count)
{
	return count->state == ROWS ? count->table : DUMP_TABLES_NO_ROW;
}

static enum err show(const struct postgresql_count *count, size_t row, const char **from, const char *to)
{
	enum err err =
	    count->visit && to > *from ? count->visit(count->context, row, *from, (size_t)(to - *from)) : ERR_OK;

	*from = to;
	return err;
}

enum err postgresql_count_feed(struct postgresql_count *count, const void *bytes, size_t size)
{
	const char *at = bytes, *end = at + size, *shown = at;
	enum err err = ERR_OK;

	keep_tail(count, bytes, size);
	count->tables.databases[0].size += size;
	while (err == ERR_OK && at < end) {
		/* Most of a dump is rows: straight to the end of the line. */
		if (count->state == ROWS && count->row_length > 2) {
			const char *line_end = memchr(at, '\n', (size_t)(end - at));

			at = line_end ? line_end : end;
		}
		if (at < end) {
			size_t row = row_of(count);
			bool taken;

			err = take_byte(count, *at, &taken);
			at += taken;
			if (err == ERR_OK && row != row_of(count))
				err = show(count, row, &shown, at);
		}
	}
	return err == ERR_OK ? show(count, row_of(count), &shown, at) : err;
}

/* From the last line backwards: what may stand behind the mark is blank lines, "--" and "\unrestrict KEY". */
bool postgresql_count_complete(const struct postgresql_count *count)
{
	static const char *const marks[] = {
	    "-- PostgreSQL database dump complete", "-- PostgreSQL database cluster dump complete"};
	size_t end = count->tail_length;

	if (end == 0 || count->tail[end - 1] != '\n')
		return false;
	while (end > 0) {
		size_t begin = --end; /* of the line, whose '\n' is at `end` */
		const char *line;
		size_t length;

		while (begin > 0 && count->tail[begin - 1] != '\n')
			begin--;
		line = count->tail + begin;
		length = end - begin;
		for (size_t i = 0; begin > 0 && i < 2; i++)
			if (length == strlen(marks[i]) && memcmp(line, marks[i], length) == 0)
				return true;
		if (length > 0 && !(length == 2 && memcmp(line, "--", 2) == 0) &&
		    !(length >= 12 && memcmp(line, "\\unrestrict ", 12) == 0))
			return false;
		end = begin;
	}
	return false;
}
