#include "core/source/wildcard.h"
#include "core/base/mem.h"

enum token_kind { TOKEN_LITERAL, TOKEN_STAR, TOKEN_ANY, TOKEN_SET };

struct token {
	uint8_t kind;
	bool negated;	     /* TOKEN_SET */
	size_t first, count; /* TOKEN_LITERAL: of `bytes`; TOKEN_SET: of `ranges` */
};

struct range {
	uint32_t low, high; /* code points, both included; a byte that is not UTF-8 is BYTE_CODE + byte */
};

/* None of the arrays can need more elements than the pattern has bytes: a class of n ranges is written with more
 * than n bytes. */
struct wildcard {
	struct token *tokens;
	uint8_t *bytes;
	struct range *ranges;
	size_t tokens_count, bytes_count, ranges_count;
	bool ignore_case;
};

struct character {
	uint32_t code;
	size_t size;
};

struct parser {
	const uint8_t *at, *end;
	struct wildcard *wildcard;
};

#define BYTE_CODE 0x110000u
#define NONE SIZE_MAX

static const struct {
	const char *name;
	struct range ranges[4];
	size_t count;
} classes[] = {
    {"alnum", {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}, 3},
    {"alpha", {{'A', 'Z'}, {'a', 'z'}}, 2},
    {"blank", {{' ', ' '}, {'\t', '\t'}}, 2},
    {"cntrl", {{1, 31}, {127, 127}}, 2},
    {"digit", {{'0', '9'}}, 1},
    {"graph", {{'!', '~'}}, 1},
    {"lower", {{'a', 'z'}}, 1},
    {"print", {{' ', '~'}}, 1},
    {"punct", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}, 4},
    {"space", {{' ', ' '}, {'\t', '\r'}}, 2},
    {"upper", {{'A', 'Z'}}, 1},
    {"xdigit", {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}, 3},
};

static uint8_t lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

static bool is_continuation(uint8_t byte)
{
	return (byte & 0xC0) == 0x80;
}

/* The character at `at`; a byte that begins none stands for itself. */
static struct character character_at(const uint8_t *at, size_t left)
{
	struct character none = {BYTE_CODE + at[0], 1};
	struct character found = {at[0], 1};

	if (at[0] < 0x80)
		return found;
	if (at[0] >= 0xC2 && at[0] <= 0xDF)
		found = (struct character){at[0] & 0x1Fu, 2};
	else if (at[0] >= 0xE0 && at[0] <= 0xEF)
		found = (struct character){at[0] & 0x0Fu, 3};
	else if (at[0] >= 0xF0 && at[0] <= 0xF4)
		found = (struct character){at[0] & 0x07u, 4};
	else
		return none;
	if (found.size > left)
		return none;
	for (size_t i = 1; i < found.size; i++) {
		if (!is_continuation(at[i]))
			return none;
		found.code = found.code << 6 | (at[i] & 0x3Fu);
	}
	return found;
}

static struct token *add_token(struct wildcard *wildcard, enum token_kind kind)
{
	struct token *token = &wildcard->tokens[wildcard->tokens_count++];

	*token = (struct token){.kind = (uint8_t)kind};
	return token;
}

static void add_literal(struct wildcard *wildcard, uint8_t byte)
{
	struct token *last = wildcard->tokens_count ? &wildcard->tokens[wildcard->tokens_count - 1] : NULL;

	if (!last || last->kind != TOKEN_LITERAL) {
		last = add_token(wildcard, TOKEN_LITERAL);
		last->first = wildcard->bytes_count;
	}
	wildcard->bytes[wildcard->bytes_count++] = wildcard->ignore_case ? lower(byte) : byte;
	last->count++;
}

/* "[:name:]" at the parser's position; *known is false where it is no class at all. */
static enum err parse_class(struct parser *parser, bool *known)
{
	const uint8_t *name = parser->at + 2;
	const uint8_t *end;
	size_t left = (size_t)(parser->end - parser->at);

	*known = false;
	if (left < 4 || parser->at[0] != '[' || parser->at[1] != ':')
		return ERR_OK;
	end = memmem(name, left - 2, ":]", 2);
	if (!end)
		return ERR_OK;
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		struct wildcard *wildcard = parser->wildcard;

		if (strlen(classes[i].name) != (size_t)(end - name) ||
		    memcmp(classes[i].name, name, (size_t)(end - name)) != 0)
			continue;
		for (size_t r = 0; r < classes[i].count; r++)
			wildcard->ranges[wildcard->ranges_count++] = classes[i].ranges[r];
		parser->at = end + 2;
		*known = true;
		return ERR_OK;
	}
	return fail(PL_PATTERN, "[:%.*s:] is no class of characters", (int)(end - name), (const char *)name);
}

/* One character of a set, an escaped one included. */
static enum err parse_member(struct parser *parser, uint32_t *code)
{
	struct character character;

	if (*parser->at == '\\' && ++parser->at == parser->end)
		return fail(PL_PATTERN, "it ends in a backslash");
	character = character_at(parser->at, (size_t)(parser->end - parser->at));
	parser->at += character.size;
	*code = character.code;
	return ERR_OK;
}

static enum err parse_range(struct parser *parser)
{
	struct range *range = &parser->wildcard->ranges[parser->wildcard->ranges_count];
	enum err err = parse_member(parser, &range->low);

	range->high = range->low;
	if (err == ERR_OK && parser->end - parser->at > 1 && parser->at[0] == '-' && parser->at[1] != ']') {
		parser->at++;
		err = parse_member(parser, &range->high);
	}
	if (err == ERR_OK && range->low > range->high)
		err = fail(PL_PATTERN, "a range of a set is the wrong way round");
	if (err == ERR_OK)
		parser->wildcard->ranges_count++;
	return err;
}

/* Behind the '['. */
static enum err parse_set(struct parser *parser)
{
	struct token *token = add_token(parser->wildcard, TOKEN_SET);
	enum err err = ERR_OK;

	token->first = parser->wildcard->ranges_count;
	if (parser->at < parser->end && (*parser->at == '!' || *parser->at == '^')) {
		token->negated = true;
		parser->at++;
	}
	/* A ']' that comes first is a member: an empty set would match nothing. */
	for (bool first = true; err == ERR_OK; first = false) {
		bool known = false;

		if (parser->at == parser->end)
			return fail(PL_PATTERN, "a '[' is not closed");
		if (*parser->at == ']' && !first)
			break;
		err = parse_class(parser, &known);
		if (err == ERR_OK && !known)
			err = parse_range(parser);
	}
	parser->at++;
	token->count = parser->wildcard->ranges_count - token->first;
	return err;
}

static enum err parse(struct parser *parser)
{
	struct wildcard *wildcard = parser->wildcard;
	enum err err = ERR_OK;

	while (err == ERR_OK && parser->at < parser->end) {
		uint8_t byte = *parser->at++;

		if (byte == '*') {
			if (!wildcard->tokens_count || wildcard->tokens[wildcard->tokens_count - 1].kind != TOKEN_STAR)
				add_token(wildcard, TOKEN_STAR);
		} else if (byte == '?') {
			add_token(wildcard, TOKEN_ANY);
		} else if (byte == '[') {
			err = parse_set(parser);
		} else if (byte != '\\') {
			add_literal(wildcard, byte);
		} else if (parser->at == parser->end) {
			err = fail(PL_PATTERN, "it ends in a backslash");
		} else {
			add_literal(wildcard, *parser->at++);
		}
	}
	return err;
}

enum err wildcard_new(struct wildcard **out, const uint8_t *text, size_t size, bool ignore_case)
{
	struct wildcard *wildcard = mem_calloc(1, sizeof(*wildcard));
	struct parser parser = {text, text + size, wildcard};
	enum err err = ERR_NOMEM;

	if (!wildcard)
		goto done;
	wildcard->ignore_case = ignore_case;
	wildcard->tokens = mem_calloc(size, sizeof(*wildcard->tokens));
	wildcard->bytes = mem_calloc(size, 1);
	wildcard->ranges = mem_calloc(size, sizeof(*wildcard->ranges));
	if (!wildcard->tokens || !wildcard->bytes || !wildcard->ranges)
		goto done;
	err = parse(&parser);
	if (err == ERR_OK) {
		*out = wildcard;
		wildcard = NULL;
	}
done:
	wildcard_free(wildcard);
	return err;
}

void wildcard_free(struct wildcard *wildcard)
{
	if (!wildcard)
		return;
	mem_free(wildcard->tokens);
	mem_free(wildcard->bytes);
	mem_free(wildcard->ranges);
	mem_free(wildcard);
}

static bool literal_at(const struct wildcard *wildcard, const struct token *token, const uint8_t *name)
{
	const uint8_t *bytes = wildcard->bytes + token->first;

	if (!wildcard->ignore_case)
		return memcmp(bytes, name, token->count) == 0;
	for (size_t i = 0; i < token->count; i++)
		if (bytes[i] != lower(name[i]))
			return false;
	return true;
}

static bool in_ranges(const struct wildcard *wildcard, const struct token *token, uint32_t code)
{
	for (size_t i = token->first; i < token->first + token->count; i++)
		if (code >= wildcard->ranges[i].low && code <= wildcard->ranges[i].high)
			return true;
	return false;
}

static bool set_holds(const struct wildcard *wildcard, const struct token *token, uint32_t code)
{
	bool found = in_ranges(wildcard, token, code);
	uint32_t folded = code | 0x20;

	if (!found && wildcard->ignore_case && folded >= 'a' && folded <= 'z')
		found = in_ranges(wildcard, token, code ^ 0x20);
	return found != token->negated;
}

/* Bytes that the token takes at the start of `name`; NONE where it does not match. */
static size_t token_takes(const struct wildcard *wildcard, const struct token *token, const uint8_t *name, size_t left)
{
	struct character character;

	if (token->kind == TOKEN_LITERAL)
		return token->count <= left && literal_at(wildcard, token, name) ? token->count : NONE;
	if (left == 0)
		return NONE;
	character = character_at(name, left);
	return token->kind == TOKEN_ANY || set_holds(wildcard, token, character.code) ? character.size : NONE;
}

/* Most names end otherwise than a "*.suffix", and are refused by one comparison. */
static bool tail_differs(const struct wildcard *wildcard, const uint8_t *name, size_t size)
{
	const struct token *last = &wildcard->tokens[wildcard->tokens_count - 1];

	return last->kind == TOKEN_LITERAL &&
	    (last->count > size || !literal_at(wildcard, last, name + size - last->count));
}

bool wildcard_match(const struct wildcard *wildcard, const uint8_t *name, size_t size)
{
	size_t token = 0, at = 0, star = NONE, star_at = 0;

	if (wildcard->tokens_count == 0 || tail_differs(wildcard, name, size))
		return wildcard->tokens_count == 0 && size == 0;
	for (;;) {
		size_t taken = NONE;

		if (token < wildcard->tokens_count && wildcard->tokens[token].kind == TOKEN_STAR) {
			star = ++token;
			star_at = at;
			if (token == wildcard->tokens_count)
				return true;
			continue;
		}
		if (token == wildcard->tokens_count && at == size)
			return true;
		if (token < wildcard->tokens_count)
			taken = token_takes(wildcard, &wildcard->tokens[token], name + at, size - at);
		if (taken != NONE) {
			at += taken;
			token++;
			continue;
		}
		/* What stands between two stars matched at its first place, and an earlier star can gain nothing by
		 * taking more. */
		if (star == NONE || star_at >= size)
			return false;
		star_at += character_at(name + star_at, size - star_at).size;
		at = star_at;
		token = star;
	}
}
