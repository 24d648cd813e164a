#include "core/repo/target.h"
#include "core/base/buffer.h"
#include "core/base/mem.h"
#include "core/repo/object.h"

/* How often config is read again when it changes under the reader; it changes when a person issues a key. */
#define REPLACED_TRIES 5

/* Names come from listings, from objects and from command lines: here they are checked once for every target. */
static enum err check_name(const char *name)
{
	return object_name_valid(name) ? ERR_OK : fail(PL_OBJECT_NAME, "'%s' is no name of an object", name);
}

enum err target_put(struct target *target, const char *name, const void *bytes, size_t size)
{
	enum err err = check_name(name);

	return err != ERR_OK ? err : target->operations->put(target, name, bytes, size);
}

/* Whether the medium holds these bytes. */
typedef enum err (*look_back)(
    struct target *target, const char *name, const void *bytes, size_t size, const uint8_t hash[HASH_SIZE], bool *same);

static enum err same_hash(
    struct target *target, const char *name, const void *bytes, size_t size, const uint8_t hash[HASH_SIZE], bool *same)
{
	uint8_t found[HASH_SIZE];
	uint64_t found_size = 0;
	enum err err = target_hash(target, name, found, &found_size);

	(void)bytes;
	*same = err == ERR_OK && found_size == size && crypto_equal(found, hash, sizeof(found));
	return err;
}

static enum err not_same(const struct target *target, const char *name)
{
	return fail(PL_READ_BACK, "%s of %s does not read back as it was written", name, target->url);
}

static enum err put_and_read_back(struct target *target, const char *name, const void *bytes, size_t size,
    const uint8_t hash[HASH_SIZE], look_back look)
{
	bool same = false;
	enum err err = target_put(target, name, bytes, size);

	if (err == ERR_OK || err == ERR_EXISTS)
		err = look(target, name, bytes, size, hash, &same);
	if (err != ERR_OK || same)
		return err;
	target_remove(target, name);
	return not_same(target, name);
}

enum err target_put_checked(
    struct target *target, const char *name, const void *bytes, size_t size, const uint8_t hash[HASH_SIZE])
{
	return put_and_read_back(target, name, bytes, size, hash, same_hash);
}

static enum err same_bytes(
    struct target *target, const char *name, const void *bytes, size_t size, const uint8_t hash[HASH_SIZE], bool *same)
{
	if (!target->operations->compare)
		return same_hash(target, name, bytes, size, hash, same);
	return target->operations->compare(target, name, bytes, size, same);
}

enum err target_put_compared(
    struct target *target, const char *name, const void *bytes, size_t size, const uint8_t hash[HASH_SIZE])
{
	return put_and_read_back(target, name, bytes, size, hash, same_bytes);
}

enum err target_check(struct target *target, const char *name, const void *bytes, size_t size)
{
	uint8_t hash[HASH_SIZE];
	bool same = false;
	enum err err = sha256(bytes, size, hash);

	if (err == ERR_OK)
		err = same_bytes(target, name, bytes, size, hash, &same);
	return err != ERR_OK || same ? err : not_same(target, name);
}

enum err target_replace(
    struct target *target, const char *name, const uint8_t before[HASH_SIZE], const void *bytes, size_t size)
{
	if (strcmp(name, OBJECT_CONFIG) != 0)
		return fail(PL_OBJECT_NAME, "%s is never replaced: only %s is", name, OBJECT_CONFIG);
	return target->operations->replace(target, name, before, bytes, size);
}

enum err target_read(struct target *target, const char *name, uint64_t offset, void *out, size_t size)
{
	enum err err = check_name(name);

	return err != ERR_OK ? err : target->operations->read(target, name, offset, out, size);
}

enum err target_stat(struct target *target, const char *name, uint64_t *size, int64_t *changed)
{
	enum err err = check_name(name);

	return err != ERR_OK ? err : target->operations->stat(target, name, size, changed);
}

struct listing {
	const char *prefix;
	target_visit visit;
	void *context;
};

/* A listing may come from a hostile place: what has no valid name, or stands elsewhere, goes no further. */
static enum err visit_valid(void *context, const struct target_object *object)
{
	const struct listing *listing = context;

	if (!object_name_valid(object->name) || !object_in_folder(object->name, listing->prefix))
		return ERR_OK;
	return listing->visit(listing->context, object);
}

enum err target_list(struct target *target, const char *prefix, target_visit visit, void *context)
{
	struct listing listing = {.prefix = prefix, .visit = visit, .context = context};

	if (!object_folder_valid(prefix))
		return fail(PL_OBJECT_NAME, "'%s' is no folder of a repository", prefix);
	return target->operations->list(target, prefix, visit_valid, &listing);
}

enum err target_remove(struct target *target, const char *name)
{
	enum err err = check_name(name);

	return err != ERR_OK ? err : target->operations->remove(target, name);
}

enum err target_hash(struct target *target, const char *name, uint8_t out[HASH_SIZE], uint64_t *size)
{
	enum err err = check_name(name);

	return err != ERR_OK ? err : target->operations->hash(target, name, out, size);
}

enum err target_space(struct target *target, struct target_space *out)
{
	return target->operations->space(target, out);
}

enum err target_medium(struct target *target, struct target_medium *out)
{
	*out = (struct target_medium){0};
	return target->operations->medium ? target->operations->medium(target, out) : ERR_OK;
}

enum err target_now(struct target *target, int64_t *out)
{
	return target->operations->now(target, out);
}

void target_free(struct target *target)
{
	char *url, *place;

	if (!target)
		return;
	url = target->url;
	place = target->place;
	target->operations->free(target);
	mem_free(url);
	mem_free(place);
}

const char *target_place(const struct target *target)
{
	return target->place ? target->place : target->url;
}

static enum err get_once(
    struct target *target, const char *name, size_t limit, struct buffer *out, uint64_t *size, int64_t *changed)
{
	enum err err = target_stat(target, name, size, changed);

	if (err != ERR_OK)
		return err;
	if (*size > limit)
		return fail(PL_OBJECT_SIZE, "%s in %s has %llu bytes, more than the %zu that it can have", name,
		    target->url, (unsigned long long)*size, limit);
	err = buffer_reserve(out, (size_t)*size);
	if (err != ERR_OK)
		return err;
	err = target_read(target, name, 0, out->data + out->length, (size_t)*size);
	if (err == ERR_OK)
		out->length += (size_t)*size;
	return err;
}

enum err target_get(struct target *target, const char *name, size_t limit, struct buffer *out)
{
	size_t start = out->length;

	for (int tries = 1;; tries++) {
		uint64_t size = 0, size_after = 0;
		int64_t changed = 0, changed_after = 0;
		enum err err = get_once(target, name, limit, out, &size, &changed);

		/* Only config is ever replaced. Size and bytes must be those of one version of it. */
		if (strcmp(name, OBJECT_CONFIG) != 0 || (err != ERR_OK && err != ERR_CORRUPT) ||
		    tries == REPLACED_TRIES)
			return err;
		if (target_stat(target, name, &size_after, &changed_after) != ERR_OK)
			return failure_last()->kind;
		if (size_after == size && changed_after == changed)
			return err;
		out->length = start;
	}
}
