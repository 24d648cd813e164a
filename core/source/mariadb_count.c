#include "core/source/mariadb_count.h"

#include "core/base/mem.h"

#include <ctype.h>

#define NAME_BYTES \
	513 /* of a table or database: 64 characters of at most 4 bytes, each of which may be a doubled quote; a NUL */
#define WORD_BYTES 16  /* the longest word that means something has 9 letters */
#define TAIL_BYTES 128 /* of the end of the dump: the mark, perhaps with a date */
#define END_MARK "-- Dump completed"
#define COMMENT_BYTES 160 /* of a line that may name a position */
#define POSITION_BYTES 128
#define DELIMITER_BACK "DELIMITER ;"

enum state {
	CODE,
	DASH,	      /* a '-' that may begin a comment, */
	DASHES,	      /* as two of them with a blank behind do */
	SLASH,	      /* a '/' that may begin a comment */
	COMMENT_OPEN, /* behind the opening: '!', or 'M' and '!', makes it code for some servers */
	COMMENT_OPEN_M,
	COMMENT,
	COMMENT_STAR,
	LINE_COMMENT,
	STRING, /* in `quote` */
	ESCAPE,
	NAME,
	NAME_END, /* a '`' that ends the name, or is doubled */
	DELIMITER_LINE,
	BODY, /* of a trigger, a routine or an event, until the line that sets the delimiter back */
};

/* How far a statement has said what it is. */
enum statement { BEGINNING, CREATE, CREATE_TABLE, INSERT, INSERT_INTO, VALUES, USE, OTHER };

struct mariadb_count {
	struct dump_tables tables;
	enum state state;
	enum statement statement;
	bool conditional; /* in a comment that is code for some servers: quotes count, the rest does not */
	bool star;	  /* in it, behind a '*' */
	char quote;
	unsigned depth; /* of parentheses */
	char word[WORD_BYTES];
	size_t word_length;
	char name[NAME_BYTES];
	size_t name_length;
	bool name_wanted;
	bool has_database;
	size_t database, table; /* table: of the INSERT at hand */
	size_t line;		/* BODY: bytes of the line that are as in DELIMITER_BACK; SIZE_MAX: it differs */
	char tail[TAIL_BYTES];
	size_t tail_length;
	char comment[COMMENT_BYTES]; /* its line at hand */
	size_t comment_length;
	char position[POSITION_BYTES];
	dump_tables_visit visit; /* NULL: nobody watches */
	void *context;
};

enum err mariadb_count_new(struct mariadb_count **out)
{
	*out = mem_calloc(1, sizeof(**out));
	return *out ? ERR_OK : ERR_NOMEM;
}

void mariadb_count_free(struct mariadb_count *count)
{
	if (!count)
		return;
	dump_tables_free(&count->tables);
	mem_free(count);
}

const char *mariadb_count_position(const struct mariadb_count *count)
{
	return count->position;
}

const struct dump_tables *mariadb_count_tables(const struct mariadb_count *count)
{
	return &count->tables;
}

/* ---- statements ---- */

static void statement_begin(struct mariadb_count *count)
{
	count->statement = BEGINNING;
	count->depth = 0;
	count->word_length = 0;
}

static bool is_word(const struct mariadb_count *count, const char *word)
{
	return strcasecmp(count->word, word) == 0;
}

/* The word that just ended, outside of parentheses. */
static void take_word(struct mariadb_count *count)
{
	if (count->word_length >= WORD_BYTES)
		count->word_length = 0; /* longer than any that means something: it is none of them */
	count->word[count->word_length] = '\0';
	count->word_length = 0;
	switch (count->statement) {
	case BEGINNING:
		count->statement = is_word(count, "CREATE")		    ? CREATE
		    : is_word(count, "INSERT") || is_word(count, "REPLACE") ? INSERT
		    : is_word(count, "USE")				    ? USE
									    : OTHER;
		if (is_word(count, "DELIMITER")) {
			count->state = DELIMITER_LINE;
			count->line = 0;
		}
		break;
	case CREATE:
		if (is_word(count, "TABLE"))
			count->statement = CREATE_TABLE;
		else if (!is_word(count, "OR") && !is_word(count, "REPLACE"))
			count->statement = OTHER;
		break;
	case INSERT_INTO:
		if (is_word(count, "VALUES"))
			count->statement = VALUES;
		else if (is_word(count, "SELECT"))
			count->statement = OTHER;
		break;
	default:
		break;
	}
}

/* The quoted name that just ended. */
static enum err take_name(struct mariadb_count *count)
{
	enum err err = ERR_OK;

	count->name_wanted = false;
	if (count->name_length >= NAME_BYTES || memchr(count->name, '\0', count->name_length)) {
		count->statement = OTHER;
		return ERR_OK;
	}
	count->name[count->name_length] = '\0';
	if (count->statement == USE) {
		err = dump_tables_database(&count->tables, count->name, &count->database);
		count->has_database = err == ERR_OK;
		count->statement = OTHER;
	} else if (!count->has_database) {
		count->statement = OTHER;
	} else if (count->statement == CREATE_TABLE) {
		err = dump_tables_table(&count->tables, count->database, count->name, &count->table);
		count->statement = OTHER;
	} else if (count->statement == INSERT) {
		err = dump_tables_table(&count->tables, count->database, count->name, &count->table);
		count->statement = INSERT_INTO;
	}
	return err;
}

static bool wants_name(const struct mariadb_count *count)
{
	return !count->conditional && count->depth == 0 &&
	    (count->statement == USE || count->statement == CREATE_TABLE || count->statement == INSERT);
}

/* ---- the position ---- */

/* What stands in quotes behind `before`; NULL where the comment does not have it. */
static const char *quoted_behind(const char *comment, const char *before, int *length)
{
	const char *at = strstr(comment, before), *end;

	if (!at)
		return NULL;
	at += strlen(before);
	end = strchr(at, '\'');
	*length = end ? (int)(end - at) : 0;
	return end ? at : NULL;
}

/* A line of a comment ended. */
static void take_comment(struct mariadb_count *count)
{
	const char *file, *gtid, *offset;
	size_t length = strlen(count->position);
	int file_length, gtid_length;

	count->comment[count->comment_length] = '\0';
	count->comment_length = 0;
	file = quoted_behind(count->comment, "MASTER_LOG_FILE='", &file_length);
	gtid = quoted_behind(count->comment, "SET GLOBAL gtid_slave_pos='", &gtid_length);
	offset = file ? strstr(file, "MASTER_LOG_POS=") : NULL;
	if (offset && length == 0)
		snprintf(count->position, POSITION_BYTES, "%.*s:%llu", file_length, file,
		    strtoull(offset + strlen("MASTER_LOG_POS="), NULL, 10));
	else if (gtid && length > 0 && !strchr(count->position, ' '))
		snprintf(count->position + length, POSITION_BYTES - length, " %.*s", gtid_length, gtid);
}

/* ---- bytes ---- */

static bool is_word_byte(unsigned char byte)
{
	return isalnum(byte) || byte == '_' || byte >= 0x80;
}

/* A parenthesis or a ';' outside of everything. */
static void take_sign(struct mariadb_count *count, unsigned char byte)
{
	if (byte == '(') {
		if (count->statement == VALUES && count->depth == 0)
			dump_tables_row(&count->tables, count->table);
		count->depth++;
	} else if (byte == ')' && count->depth > 0) {
		count->depth--;
	} else if (byte == ';') {
		statement_begin(count);
	}
}

/* What a byte of code begins. */
static void take_code(struct mariadb_count *count, unsigned char byte)
{
	bool star = count->star;

	count->star = false;
	if (!count->conditional && count->depth == 0 && is_word_byte(byte)) {
		if (count->word_length < WORD_BYTES)
			count->word[count->word_length++] = (char)byte;
		return;
	}
	if (count->word_length > 0)
		take_word(count);
	if (count->state == DELIMITER_LINE)
		return;
	if (byte == '`') {
		count->state = NAME;
		count->name_length = 0;
		count->name_wanted = wants_name(count);
	} else if (byte == '\'' || byte == '"') {
		count->state = STRING;
		count->quote = (char)byte;
	} else if (count->conditional) {
		if (star && byte == '/')
			count->conditional = false;
		count->star = byte == '*';
	} else if (byte == '-') {
		count->state = DASH;
	} else if (byte == '/') {
		count->state = SLASH;
	} else if (byte == '#') {
		count->state = LINE_COMMENT;
	} else {
		take_sign(count, byte);
	}
}

static void take_name_byte(struct mariadb_count *count, unsigned char byte)
{
	if (count->name_wanted && count->name_length < NAME_BYTES)
		count->name[count->name_length++] = (char)byte;
}

static void take_comment_byte(struct mariadb_count *count, unsigned char byte)
{
	switch (count->state) {
	case COMMENT_OPEN:
	case COMMENT_OPEN_M:
		if (byte == '!') {
			count->state = CODE;
			count->conditional = true;
			count->star = false;
		} else if (byte == 'M' && count->state == COMMENT_OPEN) {
			count->state = COMMENT_OPEN_M;
		} else {
			count->state = byte == '*' ? COMMENT_STAR : COMMENT;
		}
		break;
	case COMMENT_STAR:
		count->state = byte == '/' ? CODE : byte == '*' ? COMMENT_STAR : COMMENT;
		break;
	default:
		count->state = byte == '*' ? COMMENT_STAR : COMMENT;
	}
}

/* The delimiter that a DELIMITER line sets: ';' or another one, which a body ends with. */
static void take_delimiter_byte(struct mariadb_count *count, unsigned char byte)
{
	if (byte == '\n') {
		count->state = count->line == 1 ? CODE : BODY;
		count->line = 0;
		statement_begin(count);
	} else if (byte != ' ' && byte != '\t' && byte != '\r') {
		count->line = byte == ';' && count->line == 0 ? 1 : SIZE_MAX;
	}
}

static void take_body_byte(struct mariadb_count *count, unsigned char byte)
{
	if (byte == '\n') {
		if (count->line == strlen(DELIMITER_BACK)) {
			count->state = CODE;
			statement_begin(count);
		}
		count->line = 0;
	} else if (count->line < strlen(DELIMITER_BACK) && (unsigned char)DELIMITER_BACK[count->line] == byte) {
		count->line++;
	} else {
		count->line = SIZE_MAX;
	}
}

/* *taken is false where the byte is to be looked at again, in the state that it led to. */
static enum err take_byte(struct mariadb_count *count, unsigned char byte, bool *taken)
{
	enum state before = count->state;

	*taken = true;
	switch (before) {
	case CODE:
		take_code(count, byte);
		break;
	case DASH:
		count->state = byte == '-' ? DASHES : CODE;
		*taken = byte == '-';
		break;
	case DASHES:
		count->state = byte == '\n' || !isspace(byte) ? CODE : LINE_COMMENT;
		*taken = isspace(byte);
		break;
	case SLASH:
		count->state = byte == '*' ? COMMENT_OPEN : CODE;
		*taken = byte == '*';
		break;
	case LINE_COMMENT:
		if (byte == '\n') {
			count->state = CODE;
			take_comment(count);
		} else if (count->comment_length < COMMENT_BYTES - 1) {
			count->comment[count->comment_length++] = (char)byte;
		}
		break;
	case STRING:
		count->state = byte == '\\' ? ESCAPE : byte == (unsigned char)count->quote ? CODE : STRING;
		break;
	case ESCAPE:
		count->state = STRING;
		break;
	case NAME:
		if (byte == '`')
			count->state = NAME_END;
		else
			take_name_byte(count, byte);
		break;
	case NAME_END:
		count->state = byte == '`' ? NAME : CODE;
		*taken = byte == '`';
		if (*taken)
			take_name_byte(count, byte);
		else if (count->name_wanted)
			return take_name(count);
		break;
	case DELIMITER_LINE:
		take_delimiter_byte(count, byte);
		break;
	case BODY:
		take_body_byte(count, byte);
		break;
	default:
		take_comment_byte(count, byte);
	}
	return ERR_OK;
}

/* Most of a dump is inside quotes: straight to the byte that may end them. */
static size_t skip(const struct mariadb_count *count, const unsigned char *bytes, size_t size)
{
	size_t at = 0;

	if (count->state == STRING)
		while (at < size && bytes[at] != (unsigned char)count->quote && bytes[at] != '\\')
			at++;
	return at;
}

static void keep_tail(struct mariadb_count *count, const void *bytes, size_t size)
{
	size_t keep = count->tail_length;

	if (size > TAIL_BYTES) {
		bytes = (const char *)bytes + size - TAIL_BYTES;
		size = TAIL_BYTES;
	}
	if (keep > TAIL_BYTES - size)
		keep = TAIL_BYTES - size;
	memmove(count->tail, count->tail + count->tail_length - keep, keep);
	memcpy(count->tail + keep, bytes, size);
	count->tail_length = keep + size;
}

void mariadb_count_watch(struct mariadb_count *count, dump_tables_visit visit, void *context)
{
	count->visit = visit;
	count->context = context;
}

/* Whose row the next byte is in. */
static size_t row_of(const struct mariadb_count *count)
{
	return count->statement == VALUES && count->depth > 0 ? count->table : DUMP_TABLES_NO_ROW;
}

static enum err show(const struct mariadb_count *count, size_t row, const unsigned char **from, const unsigned char *to)
{
	enum err err =
	    count->visit && to > *from ? count->visit(count->context, row, *from, (size_t)(to - *from)) : ERR_OK;

	*from = to;
	return err;
}

enum err mariadb_count_feed(struct mariadb_count *count, const void *bytes, size_t size)
{
	const unsigned char *at = bytes, *end = at + size, *counted = at, *shown = at;
	enum err err = ERR_OK;

	keep_tail(count, bytes, size);
	while (err == ERR_OK && at < end) {
		size_t database = count->database;
		size_t row = row_of(count);
		bool known = count->has_database, taken = true;

		at += skip(count, at, (size_t)(end - at));
		if (at == end)
			break;
		err = take_byte(count, *at, &taken);
		at += taken;
		if (err == ERR_OK && row != row_of(count))
			err = show(count, row, &shown, at);
		if (known && count->database != database) {
			count->tables.databases[database].size += (uint64_t)(at - counted);
			counted = at;
		}
	}
	if (count->has_database)
		count->tables.databases[count->database].size += (uint64_t)(at - counted);
	return err == ERR_OK ? show(count, row_of(count), &shown, at) : err;
}

bool mariadb_count_complete(const struct mariadb_count *count)
{
	size_t end = count->tail_length, begin;

	if (end == 0 || count->tail[end - 1] != '\n')
		return false;
	while (end > 0 && count->tail[end - 1] == '\n')
		end--;
	for (begin = end; begin > 0 && count->tail[begin - 1] != '\n'; begin--)
		;
	return begin > 0 && end - begin >= strlen(END_MARK) &&
	    memcmp(count->tail + begin, END_MARK, strlen(END_MARK)) == 0;
}
