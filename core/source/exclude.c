#include "core/source/exclude.h"
#include "core/source/wildcard.h"
#include "core/base/buffer.h"
#include "core/base/file.h"
#include "core/base/mem.h"

#define FILE_MAX (16u << 20) /* bytes of a file of patterns: some 500,000 lines */
#define NONE SIZE_MAX

struct pattern {
	char *text, *origin, *base;
	size_t base_size;
	struct wildcard **components; /* NULL stands for `**` */
	size_t count;
	bool negated, folders_only;
	bool anywhere; /* one component, matched against the last of the path */
};

struct exclude {
	struct pattern *patterns;
	size_t count, capacity;
};

enum err exclude_new(struct exclude **out)
{
	*out = mem_calloc(1, sizeof(**out));
	return *out ? ERR_OK : ERR_NOMEM;
}

static void pattern_free(struct pattern *pattern)
{
	for (size_t i = 0; i < pattern->count; i++)
		wildcard_free(pattern->components[i]);
	mem_free(pattern->components);
	mem_free(pattern->text);
	mem_free(pattern->origin);
	mem_free(pattern->base);
}

void exclude_free(struct exclude *exclude)
{
	if (!exclude)
		return;
	for (size_t i = 0; i < exclude->count; i++)
		pattern_free(&exclude->patterns[i]);
	mem_free(exclude->patterns);
	mem_free(exclude);
}

size_t exclude_count(const struct exclude *exclude)
{
	return exclude->count;
}

static enum err add_component(struct pattern *pattern, const uint8_t *text, size_t size, bool ignore_case)
{
	struct wildcard *component = NULL;
	enum err err;

	/* No path holds such components: the pattern would silently exclude nothing. */
	if (size == 0)
		return fail(PL_PATTERN, "it has an empty component");
	if (text[0] == '.' && (size == 1 || (size == 2 && text[1] == '.')))
		return fail(PL_PATTERN, "it has a component \"%.*s\"", (int)size, (const char *)text);
	if (size != 2 || text[0] != '*' || text[1] != '*') {
		err = wildcard_new(&component, text, size, ignore_case);
		if (err != ERR_OK)
			return err;
	}
	pattern->components[pattern->count++] = component;
	return ERR_OK;
}

static enum err split(struct pattern *pattern, const char *text, bool ignore_case)
{
	size_t size = strlen(text);
	size_t slashes = 0;
	enum err err = ERR_OK;
	bool anchored;

	if (size > 0 && text[0] == '!') {
		pattern->negated = true;
		text++;
		size--;
	}
	if (size > 0 && text[size - 1] == '/') {
		pattern->folders_only = true;
		size--;
	}
	anchored = size > 0 && text[0] == '/';
	if (anchored) {
		text++;
		size--;
	}
	for (size_t i = 0; i < size; i++)
		slashes += text[i] == '/';
	pattern->anywhere = !anchored && slashes == 0;
	pattern->components = mem_calloc(slashes + 1, sizeof(struct wildcard *));
	if (!pattern->components)
		return ERR_NOMEM;
	for (size_t at = 0; err == ERR_OK && at <= size;) {
		const char *slash = memchr(text + at, '/', size - at);
		size_t end = slash ? (size_t)(slash - text) : size;

		err = add_component(pattern, (const uint8_t *)text + at, end - at, ignore_case);
		at = end + 1;
	}
	return err;
}

static enum err keep_pattern(struct exclude *exclude, const struct pattern *pattern)
{
	struct pattern *patterns = mem_more(exclude->patterns, exclude->count, &exclude->capacity, sizeof(*patterns));

	if (!patterns)
		return ERR_NOMEM;
	exclude->patterns = patterns;
	exclude->patterns[exclude->count++] = *pattern;
	return ERR_OK;
}

enum err exclude_add(struct exclude *exclude, const char *text, const char *base, const char *origin, bool ignore_case)
{
	struct pattern pattern = {0};
	enum err err = ERR_NOMEM;

	if (text[0] == '\0' || text[0] == '#')
		return ERR_OK;
	pattern.text = mem_string(text);
	pattern.origin = mem_string(origin);
	pattern.base = mem_string(base);
	if (!pattern.text || !pattern.origin || !pattern.base)
		goto done;
	pattern.base_size = strlen(base);
	err = split(&pattern, text, ignore_case);
	if (err != ERR_OK) {
		if (err != ERR_NOMEM)
			fail_context(err, "%s: the pattern \"%s\" is wrong", origin, text);
		goto done;
	}
	err = keep_pattern(exclude, &pattern);
	if (err == ERR_OK)
		pattern = (struct pattern){0};
done:
	pattern_free(&pattern);
	return err;
}

/* Spaces at the end of a line are nobody's intention, unless escaped; nor is the CR of another system's editor. */
static size_t without_trailing_space(const char *line, size_t size)
{
	if (size > 0 && line[size - 1] == '\r')
		size--;
	while (size > 0 && (line[size - 1] == ' ' || line[size - 1] == '\t')) {
		size_t escapes = 0;

		while (escapes + 1 < size && line[size - 2 - escapes] == '\\')
			escapes++;
		if (escapes % 2 == 1)
			break;
		size--;
	}
	return size;
}

static enum err add_line(struct exclude *exclude, char *line, size_t size, const char *base, const char *path,
    size_t number, bool ignore_case)
{
	char *origin = mem_printf("%s:%zu", path, number);
	enum err err = ERR_NOMEM;

	if (!origin)
		return err;
	if (memchr(line, '\0', size)) {
		err = fail(PL_PATTERN, "%s: the line holds a NUL byte", origin);
	} else {
		line[without_trailing_space(line, size)] = '\0';
		err = exclude_add(exclude, line, base, origin, ignore_case);
	}
	mem_free(origin);
	return err;
}

enum err exclude_add_file(struct exclude *exclude, const char *path, const char *base, bool ignore_case)
{
	struct buffer text = {0};
	size_t number = 1;
	enum err err = file_read_all(path, FILE_MAX, &text);

	if (err == ERR_OK)
		err = buffer_append_u8(&text, '\n');
	/* A byte order mark is no part of the first pattern. */
	for (size_t at = text.length > 3 && memcmp(text.data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
	     err == ERR_OK && at < text.length; number++) {
		uint8_t *line = text.data + at;
		uint8_t *end = memchr(line, '\n', text.length - at);
		size_t size = (size_t)(end - line);

		err = add_line(exclude, (char *)line, size, base, path, number, ignore_case);
		at += size + 1;
	}
	buffer_free(&text);
	return err;
}

/* `path` relative to the pattern's base. Goes back to the last `**` only, as a wildcard does with `*`: components ×
 * components at worst. */
static bool components_match(const struct pattern *pattern, const uint8_t *path, size_t size)
{
	size_t index = 0, at = 0, deep = NONE, deep_at = 0; /* at = size + 1: behind the last component */

	for (;;) {
		bool matches = false;
		size_t end = size;

		if (index < pattern->count && !pattern->components[index]) {
			if (index + 1 == pattern->count)
				return at <= size;
			deep = ++index;
			deep_at = at;
			continue;
		}
		if (index == pattern->count && at > size)
			return true;
		if (index < pattern->count && at <= size) {
			const uint8_t *slash = memchr(path + at, '/', size - at);

			end = slash ? (size_t)(slash - path) : size;
			matches = wildcard_match(pattern->components[index], path + at, end - at);
		}
		if (matches) {
			at = end + 1;
			index++;
			continue;
		}
		if (deep == NONE || deep_at > size)
			return false;
		{
			const uint8_t *slash = memchr(path + deep_at, '/', size - deep_at);

			deep_at = slash ? (size_t)(slash - path) + 1 : size + 1;
		}
		at = deep_at;
		index = deep;
	}
}

static bool pattern_match(const struct pattern *pattern, struct entry_bytes path, struct entry_bytes name, bool folder)
{
	size_t skip = pattern->base_size ? pattern->base_size + 1 : 0;

	if (pattern->folders_only && !folder)
		return false;
	if (skip &&
	    (path.size <= skip || path.data[skip - 1] != '/' || memcmp(path.data, pattern->base, skip - 1) != 0))
		return false;
	if (pattern->anywhere)
		return !pattern->components[0] || wildcard_match(pattern->components[0], name.data, name.size);
	return components_match(pattern, path.data + skip, path.size - skip);
}

struct exclude_verdict exclude_match(const struct exclude *exclude, struct entry_bytes path, bool folder)
{
	const uint8_t *slash = path.size ? memrchr(path.data, '/', path.size) : NULL;
	struct entry_bytes name = path;

	if (path.size == 0)
		return (struct exclude_verdict){0};
	if (slash)
		name = (struct entry_bytes){slash + 1, path.size - (size_t)(slash + 1 - path.data)};
	for (size_t i = exclude->count; i-- > 0;) {
		const struct pattern *pattern = &exclude->patterns[i];

		if (pattern_match(pattern, path, name, folder))
			return (struct exclude_verdict){!pattern->negated, pattern->text, pattern->origin};
	}
	return (struct exclude_verdict){0};
}

struct exclude_verdict exclude_match_deep(const struct exclude *exclude, struct entry_bytes path, bool folder)
{
	for (size_t i = 0; i < path.size; i++) {
		struct exclude_verdict verdict;

		if (path.data[i] != '/')
			continue;
		verdict = exclude_match(exclude, (struct entry_bytes){path.data, i}, true);
		if (verdict.excluded)
			return verdict;
	}
	return exclude_match(exclude, path, folder);
}
