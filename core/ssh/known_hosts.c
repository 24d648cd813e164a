#include "core/ssh/known_hosts.h"

#include "core/base/mem.h"

#include <ctype.h>
#include <libssh2.h>
#include <strings.h>

#define NAME_MAX_BYTES 512u /* of a host as "[host]:port"; names of the DNS have 253 */
#define DIGEST_TEXT 28u	    /* characters of the 20 bytes of SHA-1 in base64 */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct text {
	const char *at;
	size_t size;
};

struct line {
	size_t number;
	bool revoked, authority;
	struct text names, type, key;
};

/* The host that is looked for; hashed names are libssh2's business, which has HMAC-SHA1. */
struct wanted {
	char full[NAME_MAX_BYTES], plain[NAME_MAX_BYTES]; /* the same for port 22 */
	LIBSSH2_SESSION *session;
};

/* ---- lines ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The next word of [*at, end). */
static struct text word_of(const char **at, const char *end)
{
	struct text word;

	while (*at < end && is_blank(**at))
		(*at)++;
	word.at = *at;
	while (*at < end && !is_blank(**at))
		(*at)++;
	word.size = (size_t)(*at - word.at);
	return word;
}

static bool text_is(struct text text, const char *word)
{
	return text.size == strlen(word) && memcmp(text.at, word, text.size) == 0;
}

/* One line without its end. False: it says nothing. */
static bool read_line(const char *at, const char *end, struct line *line)
{
	struct text first = word_of(&at, end);

	line->revoked = line->authority = false;
	if (first.size == 0 || first.at[0] == '#')
		return false;
	if (first.at[0] == '@') {
		line->revoked = text_is(first, "@revoked");
		line->authority = text_is(first, "@cert-authority");
		if (!line->revoked && !line->authority)
			return false;
		first = word_of(&at, end);
	}
	line->names = first;
	line->type = word_of(&at, end);
	line->key = word_of(&at, end);
	return line->key.size > 0 && !memchr(line->type.at, 0, line->type.size);
}

/* ---- names ---- */

/* Patterns with * and ?, without regard to case; `name` is in lower case. Goes back to the last star only, so it takes no more than
 * the product of the lengths. */
static bool pattern_matches(struct text pattern, const char *name)
{
	size_t at = 0, star = SIZE_MAX, from = 0, i = 0;

	while (name[i] != '\0') {
		if (at < pattern.size && pattern.at[at] == '*') {
			star = at++;
			from = i;
		} else if (at < pattern.size &&
		    (pattern.at[at] == '?' || tolower((unsigned char)pattern.at[at]) == name[i])) {
			at++;
			i++;
		} else if (star != SIZE_MAX) {
			at = star + 1;
			i = ++from;
		} else {
			return false;
		}
	}
	while (at < pattern.size && pattern.at[at] == '*')
		at++;
	return at == pattern.size;
}

/* 20 bytes in base64, as a salt and a hash have to be; libssh2 loses memory over others. */
static bool is_digest(struct text text, char out[DIGEST_TEXT + 1])
{
	if (text.size != DIGEST_TEXT || text.at[DIGEST_TEXT - 1] != '=')
		return false;
	memcpy(out, text.at, DIGEST_TEXT);
	out[DIGEST_TEXT] = '\0';
	return strspn(out, digits) == DIGEST_TEXT - 1;
}

/* |1|salt|hash, both in base64. */
static bool hash_matches(struct text hashed, const struct wanted *wanted, const char *name)
{
	static const char some_key[] = "AAAA";
	const int type = LIBSSH2_KNOWNHOST_KEYENC_BASE64 | LIBSSH2_KNOWNHOST_KEY_SSHRSA;
	char salt[DIGEST_TEXT + 1], hash[DIGEST_TEXT + 1];
	const char *from = hashed.at + 3, *end = hashed.at + hashed.size,
		   *bar = memchr(from, '|', (size_t)(end - from));
	LIBSSH2_KNOWNHOSTS *hosts;
	bool matches;

	if (!bar || !wanted->session || !is_digest((struct text){from, (size_t)(bar - from)}, salt) ||
	    !is_digest((struct text){bar + 1, (size_t)(end - bar - 1)}, hash))
		return false;
	hosts = libssh2_knownhost_init(wanted->session);
	if (!hosts)
		return false;
	matches =
	    libssh2_knownhost_add(hosts, hash, salt, some_key, 0, LIBSSH2_KNOWNHOST_TYPE_SHA1 | type, NULL) == 0 &&
	    libssh2_knownhost_check(hosts, name, some_key, 0, LIBSSH2_KNOWNHOST_TYPE_PLAIN | type, NULL) ==
		LIBSSH2_KNOWNHOST_CHECK_MATCH;
	libssh2_knownhost_free(hosts);
	return matches;
}

/* Whether a line is about a name: one of its patterns matches, and none that is negated. */
static bool names_match(struct text names, const struct wanted *wanted, const char *name)
{
	const char *end = names.at + names.size;
	bool matches = false;

	if (names.size > 3 && memcmp(names.at, "|1|", 3) == 0)
		return hash_matches(names, wanted, name);
	while (names.at < end) {
		const char *comma = memchr(names.at, ',', (size_t)(end - names.at));
		struct text pattern = {names.at, (size_t)((comma ? comma : end) - names.at)};
		bool negated = pattern.size > 0 && pattern.at[0] == '!';

		if (negated)
			pattern = (struct text){pattern.at + 1, pattern.size - 1};
		if (pattern.size > 0 && pattern_matches(pattern, name)) {
			if (negated)
				return false;
			matches = true;
		}
		names.at = comma ? comma + 1 : end;
	}
	return matches;
}

static void wanted_setup(struct wanted *wanted, const char *host, unsigned port)
{
	size_t i = 0;

	*wanted = (struct wanted){.session = libssh2_session_init()};
	for (; host[i] && i < sizeof(wanted->plain) - 1; i++)
		wanted->plain[i] = (char)tolower((unsigned char)host[i]);
	if (port == 22)
		snprintf(wanted->full, sizeof(wanted->full), "%s", wanted->plain);
	else
		snprintf(wanted->full, sizeof(wanted->full), "[%.*s]:%u", (int)(sizeof(wanted->full) - 16),
		    wanted->plain, port);
}

static void wanted_end(struct wanted *wanted)
{
	if (wanted->session)
		libssh2_session_free(wanted->session);
}

/* ---- the file ---- */

/* The next line that says something. *at moves behind it. */
static bool next_line(const char **at, const char *end, size_t *number, struct line *line)
{
	while (*at < end) {
		const char *from = *at, *stop = memchr(from, '\n', (size_t)(end - from));

		*at = stop ? stop + 1 : end;
		line->number = ++*number;
		if (read_line(from, stop ? stop : end, line))
			return true;
	}
	return false;
}

static void keep(struct known_answer *answer, enum known_verdict verdict, const struct line *line)
{
	size_t size = line->type.size < sizeof(answer->type) - 1 ? line->type.size : sizeof(answer->type) - 1;

	if (answer->verdict == verdict)
		return;
	*answer = (struct known_answer){.verdict = verdict, .line = line->number};
	memcpy(answer->type, line->type.at, size);
}

static struct known_answer ask_for(
    const char *text, size_t length, const struct wanted *wanted, const char *name, const char *type, const char *key)
{
	struct known_answer answer = {0};
	const char *at = text, *end = text + length;
	struct line line;
	size_t number = 0;

	while (answer.verdict != KNOWN_REVOKED && next_line(&at, end, &number, &line)) {
		bool same = text_is(line.type, type) && text_is(line.key, key);

		if (line.authority || !names_match(line.names, wanted, name))
			continue;
		if (line.revoked && same)
			keep(&answer, KNOWN_REVOKED, &line);
		else if (!line.revoked && same)
			keep(&answer, KNOWN_MATCH, &line);
		else if (!line.revoked && answer.verdict == KNOWN_NOTHING)
			keep(&answer, KNOWN_CHANGED, &line);
	}
	return answer;
}

struct known_answer known_hosts_ask(
    const char *text, size_t length, const char *host, unsigned port, const char *type, const char *key)
{
	struct wanted wanted;
	struct known_answer answer, plain;

	wanted_setup(&wanted, host, port);
	answer = ask_for(text, length, &wanted, wanted.full, type, key);
	if (port != 22 && answer.verdict != KNOWN_REVOKED) {
		plain = ask_for(text, length, &wanted, wanted.plain, type, key);
		if (plain.verdict == KNOWN_REVOKED || (answer.verdict == KNOWN_NOTHING && plain.verdict == KNOWN_MATCH))
			answer = plain;
	}
	wanted_end(&wanted);
	return answer;
}

static bool visit_types(const char *text, size_t length, const struct wanted *wanted, const char *name,
    void (*visit)(void *context, const char *type), void *context)
{
	const char *at = text, *end = text + length;
	char type[sizeof(((struct known_answer *)0)->type)];
	struct line line;
	size_t number = 0;
	bool found = false;

	while (next_line(&at, end, &number, &line)) {
		if (line.authority || line.revoked || line.type.size >= sizeof(type) ||
		    !names_match(line.names, wanted, name))
			continue;
		memcpy(type, line.type.at, line.type.size);
		type[line.type.size] = '\0';
		visit(context, type);
		found = true;
	}
	return found;
}

void known_hosts_types(const char *text, size_t length, const char *host, unsigned port,
    void (*visit)(void *context, const char *type), void *context)
{
	struct wanted wanted;

	wanted_setup(&wanted, host, port);
	if (!visit_types(text, length, &wanted, wanted.full, visit, context) && port != 22)
		visit_types(text, length, &wanted, wanted.plain, visit, context);
	wanted_end(&wanted);
}

size_t known_hosts_base64(char *out, const uint8_t *bytes, size_t size)
{
	size_t length = 0;

	for (size_t i = 0; i < size; i += 3) {
		size_t left = size - i;
		uint32_t group = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
		    (left > 2 ? bytes[i + 2] : 0);

		out[length++] = digits[group >> 18];
		out[length++] = digits[group >> 12 & 63];
		out[length++] = left > 1 ? digits[group >> 6 & 63] : '=';
		out[length++] = left > 2 ? digits[group & 63] : '=';
	}
	out[length] = '\0';
	return length;
}
