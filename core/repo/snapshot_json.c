#include "core/repo/snapshot_internal.h"
#include "core/base/mem.h"

#include <jansson.h>

#define CRITICAL '!' /* first character of a member that must be understood */

struct counter {
	const char *name;
	size_t offset;
};

static const struct counter counters[] = {
#define COUNTER(name)                                         \
	{                                                     \
#name, offsetof(struct snapshot_totals, name) \
	}
    COUNTER(files),
    COUNTER(folders),
    COUNTER(others),
    COUNTER(bytes),
    COUNTER(new_files),
    COUNTER(changed_files),
    COUNTER(unchanged_files),
    COUNTER(unreadable),
    COUNTER(changed_while_read),
    COUNTER(vanished),
    COUNTER(bytes_read),
    COUNTER(bytes_new),
    COUNTER(bytes_stored),
    COUNTER(chunks),
    COUNTER(chunks_new),
    COUNTER(packs_new),
#undef COUNTER
};

#define COUNTERS (sizeof(counters) / sizeof(counters[0]))
_Static_assert(COUNTERS * sizeof(uint64_t) == sizeof(struct snapshot_totals), "every counter must be listed");

/* ---- writing ---- */

static enum err no_memory(void)
{
	return fail(PL_NO_MEMORY, "no memory for JSON");
}

/* Adds a member, or appends to an array where name is NULL. Steals the value, which may be NULL: out of memory. */
static enum err add(json_t *to, const char *name, json_t *value)
{
	int failed = name ? json_object_set_new(to, name, value) : json_array_append_new(to, value);

	return failed ? no_memory() : ERR_OK;
}

static enum err add_number(json_t *to, const char *name, uint64_t value)
{
	if (value > INT64_MAX)
		return fail(PL_SNAPSHOT_LIMIT, "the snapshot's %s is beyond 2^63", name);
	return add(to, name, json_integer((json_int_t)value));
}

static enum err add_hex(json_t *to, const char *name, const void *bytes, size_t size)
{
	char *hex = mem_alloc(2 * size + 1);
	enum err err;

	if (!hex)
		return ERR_NOMEM;
	err = add(to, name, json_string(hex_encode(hex, bytes, size)));
	mem_free(hex);
	return err;
}

static enum err add_text(json_t *to, const char *name, const char *text, size_t limit)
{
	size_t size = text ? strlen(text) : 0;
	json_t *value;
	enum err err;

	if (size > limit)
		return fail(PL_SNAPSHOT_LIMIT, "a %s of %zu bytes is too long for a snapshot",
		    name ? name : "path or tag", size);
	value = json_string(text ? text : "");
	if (value)
		return add(to, name, value);
	/* jansson takes UTF-8 only. */
	value = json_object();
	if (!value)
		return no_memory();
	err = add_hex(value, "hex", text, size);
	if (err == ERR_OK)
		return add(to, name, value);
	json_decref(value);
	return err;
}

static enum err add_texts(json_t *to, const char *name, char *const *texts, size_t count, size_t most, size_t limit)
{
	json_t *array = json_array();
	enum err err = add(to, name, array);

	if (err == ERR_OK && count > most)
		err = fail(PL_SNAPSHOT_LIMIT, "%zu %s are too many for a snapshot", count, name);
	for (size_t i = 0; err == ERR_OK && i < count; i++)
		err = add_text(array, NULL, texts[i], limit);
	return err;
}

static enum err dump(json_t *json, struct buffer *out)
{
	size_t size = json_dumpb(json, NULL, 0, JSON_COMPACT);
	enum err err = size ? buffer_reserve(out, size) : no_memory();

	if (err != ERR_OK)
		return err;
	if (json_dumpb(json, (char *)out->data + out->length, size, JSON_COMPACT) != size)
		return no_memory();
	out->length += size;
	return ERR_OK;
}

static enum err add_totals(json_t *to, const struct snapshot_totals *totals)
{
	json_t *object = json_object();
	enum err err = add(to, "totals", object);

	for (size_t i = 0; err == ERR_OK && i < COUNTERS; i++)
		err = add_number(
		    object, counters[i].name, *(const uint64_t *)((const char *)totals + counters[i].offset));
	return err;
}

enum err snapshot_write_summary(const struct snapshot *snapshot, struct buffer *out)
{
	json_t *json = json_object();
	enum err err = json ? ERR_OK : no_memory();

	if (err == ERR_OK)
		err = add_text(json, "host", snapshot->host, SNAPSHOT_TEXT_MAX);
	if (err == ERR_OK)
		err = add_text(json, "job", snapshot->job, SNAPSHOT_TEXT_MAX);
	if (err == ERR_OK)
		err = add_text(json, "tool", snapshot->tool, SNAPSHOT_TEXT_MAX);
	if (err == ERR_OK)
		err = add(json, "started", json_integer(snapshot->started));
	if (err == ERR_OK)
		err = add(json, "ended", json_integer(snapshot->ended));
	if (err == ERR_OK)
		err = add_hex(json, "previous", snapshot->previous, OBJECT_ID_SIZE);
	if (err == ERR_OK)
		err = add_number(json, "generation", snapshot->generation);
	if (err == ERR_OK)
		err = add(json, "partial", json_boolean(snapshot->partial));
	if (err == ERR_OK)
		err = add_totals(json, &snapshot->totals);
	if (err == ERR_OK)
		err = dump(json, out);
	json_decref(json);
	return err;
}

enum err snapshot_write_content(const struct snapshot *snapshot, struct buffer *out)
{
	json_t *json = json_object(), *root = json_object();
	enum err err = json ? add(json, "root", root) : no_memory();

	if (err == ERR_OK)
		err = add_hex(root, "id", snapshot->root.id, CHUNK_ID_SIZE);
	if (err == ERR_OK)
		err = add_number(root, "length", snapshot->root.length);
	if (err == ERR_OK)
		err = add_number(root, "levels", snapshot->root.levels);
	if (err == ERR_OK)
		err = add_number(root, "entries", snapshot->root.entries);
	if (err == ERR_OK)
		err = add_texts(
		    json, "paths", snapshot->paths, snapshot->paths_count, SNAPSHOT_PATHS_MAX, ENTRY_PATH_MAX);
	if (err == ERR_OK)
		err =
		    add_texts(json, "tags", snapshot->tags, snapshot->tags_count, SNAPSHOT_TAGS_MAX, SNAPSHOT_TEXT_MAX);
	if (err == ERR_OK)
		err = dump(json, out);
	json_decref(json);
	return err;
}

/* ---- reading ---- */

static enum err wrong_member(const char *name)
{
	return fail(PL_SNAPSHOT_BROKEN, "its %s is not valid", name);
}

static enum err refuse_critical(json_t *object)
{
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value) if (name[0] == CRITICAL) return fail(
	    PL_FORMAT_VERSION, "it has a member %s", name);
	return ERR_OK;
}

static enum err read_number(json_t *from, const char *name, uint64_t most, uint64_t *out)
{
	json_t *value = json_object_get(from, name);

	if (!json_is_integer(value) || json_integer_value(value) < 0 || (uint64_t)json_integer_value(value) > most)
		return wrong_member(name);
	*out = (uint64_t)json_integer_value(value);
	return ERR_OK;
}

static enum err read_time(json_t *from, const char *name, int64_t *out)
{
	json_t *value = json_object_get(from, name);

	if (!json_is_integer(value))
		return wrong_member(name);
	*out = json_integer_value(value);
	return ERR_OK;
}

static enum err read_id(json_t *from, const char *name, uint8_t *out, size_t size)
{
	const char *hex = json_string_value(json_object_get(from, name));

	return hex && hex_decode(out, size, hex) ? ERR_OK : wrong_member(name);
}

/* To be released with mem_free. */
static enum err read_text(json_t *value, const char *name, size_t limit, char **out)
{
	const char *hex = json_string_value(json_object_get(value, "hex"));
	char *text;

	*out = NULL;
	if (json_is_string(value) && json_string_length(value) <= limit) {
		*out = mem_string(json_string_value(value));
		return *out ? ERR_OK : ERR_NOMEM;
	}
	if (!hex || strlen(hex) > 2 * limit)
		return wrong_member(name);
	text = mem_calloc(1, strlen(hex) / 2 + 1);
	if (!text)
		return ERR_NOMEM;
	if (!hex_decode(text, strlen(hex) / 2, hex) || strlen(text) != strlen(hex) / 2) {
		mem_free(text);
		return wrong_member(name);
	}
	*out = text;
	return ERR_OK;
}

static enum err read_texts(struct snapshot *snapshot, json_t *from, const char *name, size_t most, size_t limit,
    enum err (*add_one)(struct snapshot *snapshot, const char *text))
{
	json_t *array = json_object_get(from, name), *value;
	enum err err = ERR_OK;
	size_t i;

	if (!json_is_array(array) || json_array_size(array) > most)
		return wrong_member(name);
	json_array_foreach(array, i, value)
	{
		char *text;

		err = read_text(value, name, limit, &text);
		if (err == ERR_OK)
			err = add_one(snapshot, text);
		mem_free(text);
		if (err != ERR_OK)
			break;
	}
	return err;
}

static enum err read_totals(struct snapshot *snapshot, json_t *from)
{
	json_t *object = json_object_get(from, "totals");
	enum err err = json_is_object(object) ? refuse_critical(object) : wrong_member("totals");

	for (size_t i = 0; err == ERR_OK && i < COUNTERS; i++)
		err = read_number(
		    object, counters[i].name, INT64_MAX, (uint64_t *)((char *)&snapshot->totals + counters[i].offset));
	return err;
}

/* The object; released with json_decref, NULL on failure. */
static enum err parse(const struct buffer *json, json_t **out)
{
	json_error_t error;
	enum err err;

	failure_clear();
	*out = json_loadb((const char *)json->data, json->length, JSON_REJECT_DUPLICATES, &error);
	/* jansson takes an allocation that fails inside a token for a wrong token, but mem_alloc has recorded it. */
	if (!*out && failure_last()->kind == ERR_NOMEM)
		return ERR_NOMEM;
	if (!*out)
		return snapshot_broken("what it holds is no JSON");
	err = json_is_object(*out) ? refuse_critical(*out) : snapshot_broken("what it holds is no object");
	if (err != ERR_OK) {
		json_decref(*out);
		*out = NULL;
	}
	return err;
}

enum err snapshot_read_summary(struct snapshot *snapshot, const struct buffer *json)
{
	json_t *object = NULL, *partial;
	enum err err = parse(json, &object);

	if (err != ERR_OK)
		return err;
	err = read_text(json_object_get(object, "host"), "host", SNAPSHOT_TEXT_MAX, &snapshot->host);
	if (err == ERR_OK)
		err = read_text(json_object_get(object, "job"), "job", SNAPSHOT_TEXT_MAX, &snapshot->job);
	if (err == ERR_OK)
		err = read_text(json_object_get(object, "tool"), "tool", SNAPSHOT_TEXT_MAX, &snapshot->tool);
	if (err == ERR_OK)
		err = read_time(object, "started", &snapshot->started);
	if (err == ERR_OK)
		err = read_time(object, "ended", &snapshot->ended);
	if (err == ERR_OK)
		err = read_id(object, "previous", snapshot->previous, OBJECT_ID_SIZE);
	if (err == ERR_OK)
		err = read_number(object, "generation", INT64_MAX, &snapshot->generation);
	partial = json_object_get(object, "partial");
	if (err == ERR_OK && !json_is_boolean(partial))
		err = wrong_member("partial");
	snapshot->partial = json_is_true(partial);
	if (err == ERR_OK)
		err = read_totals(snapshot, object);
	json_decref(object);
	return err;
}

static enum err read_root(struct snapshot *snapshot, json_t *from)
{
	json_t *root = json_object_get(from, "root");
	uint64_t length = 0, levels = 0;
	enum err err = json_is_object(root) ? refuse_critical(root) : wrong_member("root");

	if (err == ERR_OK)
		err = read_id(root, "id", snapshot->root.id, CHUNK_ID_SIZE);
	if (err == ERR_OK)
		err = read_number(root, "length", CHUNK_MAX, &length);
	if (err == ERR_OK)
		err = read_number(root, "levels", TREE_LEVELS_MAX, &levels);
	if (err == ERR_OK)
		err = read_number(root, "entries", INT64_MAX, &snapshot->root.entries);
	snapshot->root.length = (uint32_t)length;
	snapshot->root.levels = (uint8_t)levels;
	return err;
}

enum err snapshot_read_content(struct snapshot *snapshot, const struct buffer *json)
{
	json_t *object = NULL;
	enum err err = parse(json, &object);

	if (err != ERR_OK)
		return err;
	err = read_root(snapshot, object);
	if (err == ERR_OK)
		err = read_texts(snapshot, object, "paths", SNAPSHOT_PATHS_MAX, ENTRY_PATH_MAX, snapshot_add_path);
	if (err == ERR_OK)
		err = read_texts(snapshot, object, "tags", SNAPSHOT_TAGS_MAX, SNAPSHOT_TEXT_MAX, snapshot_add_tag);
	snapshot->has_content = err == ERR_OK;
	json_decref(object);
	return err;
}
