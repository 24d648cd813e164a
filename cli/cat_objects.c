#include "cli/cat_objects.h"
#include "cli/describe.h"
#include "core/base/buffer.h"
#include "core/repo/index.h"
#include "core/repo/object.h"
#include "core/repo/pack.h"
#include "core/repo/snapshot.h"

#include <string.h>

#define PREFIX_MIN 4

/* Looks for the one object below a folder whose last part starts with `prefix`. */
struct search {
	const char *prefix;
	struct object_name found;
	size_t count;
};

static enum err consider(void *context, const struct target_object *object)
{
	struct search *search = context;
	const char *last = strrchr(object->name, '/');

	if (!last || strncmp(last + 1, search->prefix, strlen(search->prefix)) != 0)
		return ERR_OK;
	snprintf(search->found.text, sizeof(search->found.text), "%s", object->name);
	search->count++;
	return ERR_OK;
}

static enum err find_object(
    struct repository *repository, const char *folder, const char *prefix, struct object_name *out)
{
	struct search search = {.prefix = prefix};
	enum err err;

	if (strlen(prefix) < PREFIX_MIN)
		return fail(
		    PL_OBJECT_AMBIGUOUS, "\"%s\" is too short for an id: give at least %d digits", prefix, PREFIX_MIN);
	err = target_list(repository->target, folder, consider, &search);
	if (err != ERR_OK)
		return err;
	if (search.count == 0)
		return fail(PL_OBJECT_MISSING, "there is no object %s/%s...", folder, prefix);
	if (search.count > 1)
		return fail(PL_OBJECT_AMBIGUOUS, "%zu objects begin with %s/%s", search.count, folder, prefix);
	*out = search.found;
	return ERR_OK;
}

/* An object that is JSON already. */
static enum err load_json(struct repository *repository, const char *name, size_t limit, json_t **out)
{
	struct buffer bytes = {0};
	json_error_t error;
	enum err err = target_get(repository->target, name, limit, &bytes);

	if (err == ERR_OK) {
		*out = json_loadb((const char *)bytes.data, bytes.length, JSON_REJECT_DUPLICATES, &error);
		if (!*out)
			err = fail(PL_CONFIG_BROKEN, "%s is no JSON: %s", name, error.text);
	}
	buffer_free(&bytes);
	return err;
}

enum err cat_objects_config(struct repository *repository, const char *id, json_t **out)
{
	(void)id;
	return load_json(repository, OBJECT_CONFIG, CONFIG_MAX, out);
}

enum err cat_objects_key(struct repository *repository, const char *id, json_t **out)
{
	struct object_name name;
	enum err err = find_object(repository, "keys", id, &name);

	return err == ERR_OK ? load_json(repository, name.text, KEY_SLOT_MAX, out) : err;
}

enum err cat_objects_snapshot(struct repository *repository, const char *id, json_t **out)
{
	struct object_name name;
	struct snapshot snapshot = {0};
	uint8_t full[OBJECT_ID_SIZE];
	enum err err = find_object(repository, "snapshots", id, &name);

	if (err == ERR_OK && !object_id_of(name.text, full))
		err = fail(PL_OBJECT_NAME, "%s is no snapshot", name.text);
	if (err == ERR_OK)
		err = snapshot_load(&snapshot, repository->target, repository->keys, full);
	if (err == ERR_OK && !(*out = describe_snapshot_json(&snapshot)))
		err = ERR_NOMEM;
	if (err == ERR_OK && snapshot.has_content)
		json_object_set_new(*out, "tree",
		    json_pack("{s:o, s:I, s:i, s:I}", "id", describe_hex(snapshot.root.id, CHUNK_ID_SIZE), "length",
			(json_int_t)snapshot.root.length, "levels", snapshot.root.levels, "entries",
			(json_int_t)snapshot.root.entries));
	if (err == ERR_OK)
		json_object_set_new(*out, "generation", json_integer((json_int_t)snapshot.generation));
	snapshot_free(&snapshot);
	return err;
}

static json_t *directory_json(const struct directory *directory)
{
	static const char *const types[] = {"?", "data", "node", "list", "xattr"};
	json_t *frames = json_array();

	for (size_t i = 0; i < directory->frames_count; i++) {
		const struct directory_frame *frame = &directory->frames[i];
		json_t *chunks = json_array();

		for (size_t j = frame->first_chunk; j < (size_t)frame->first_chunk + frame->chunks_count; j++) {
			const struct directory_chunk *chunk = &directory->chunks[j];

			json_array_append_new(chunks,
			    json_pack("{s:o, s:s, s:I}", "key", describe_hex(chunk->key, CHUNK_KEY_SIZE), "type",
				types[chunk->type <= CHUNK_XATTR ? chunk->type : 0], "length",
				(json_int_t)chunk->length));
		}
		json_array_append_new(frames,
		    json_pack("{s:I, s:I, s:I, s:i, s:o}", "offset", (json_int_t)frame->offset, "stored_size",
			(json_int_t)frame->stored_size, "raw_size", (json_int_t)frame->raw_size, "codec", frame->codec,
			"chunks", chunks));
	}
	return json_pack(
	    "{s:s, s:o}", "type", directory->type == PACK_METADATA ? "metadata" : "data", "frames", frames);
}

static enum err add_pack(void *context, const struct index_pack *pack)
{
	json_t *object = directory_json(&pack->directory);

	json_object_set_new(object, "id", describe_hex(pack->id, OBJECT_ID_SIZE));
	json_object_set_new(object, "size", json_integer((json_int_t)pack->size));
	if (json_array_append_new(context, object) != 0)
		return fail(PL_NO_MEMORY, "no memory for JSON");
	return ERR_OK;
}

/* The domain is the middle part of index/<domain>/<id>. */
static bool domain_of(const char *name, uint8_t tag[DOMAIN_TAG_SIZE])
{
	const char *start = strchr(name, '/');
	char text[2 * DOMAIN_TAG_SIZE + 1];

	if (!start || strlen(start + 1) < sizeof(text))
		return false;
	memcpy(text, start + 1, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	return hex_decode(tag, DOMAIN_TAG_SIZE, text);
}

enum err cat_objects_index(struct repository *repository, const char *id, json_t **out)
{
	struct object_name name;
	struct buffer bytes = {0};
	uint8_t full[OBJECT_ID_SIZE], tag[DOMAIN_TAG_SIZE];
	struct domain_keys *domain = secret_new(sizeof(*domain));
	json_t *packs = json_array();
	enum err err = domain ? find_object(repository, "index", id, &name) : ERR_NOMEM;

	if (err == ERR_OK && (!object_id_of(name.text, full) || !domain_of(name.text, tag)))
		err = fail(PL_OBJECT_NAME, "%s is no index", name.text);
	if (err == ERR_OK)
		err = keys_domain(repository->keys, tag, domain);
	if (err == ERR_OK)
		err = target_get(repository->target, name.text, INDEX_MAX, &bytes);
	if (err == ERR_OK)
		err = index_object_decode(repository->keys, domain, full, bytes.data, bytes.length, add_pack, packs);
	if (err == ERR_OK)
		*out = json_pack("{s:o, s:o, s:O}", "id", describe_hex(full, OBJECT_ID_SIZE), "domain",
		    describe_hex(tag, sizeof(tag)), "packs", packs);
	json_decref(packs);
	secret_free(domain, sizeof(*domain));
	buffer_free(&bytes);
	return err;
}

enum err cat_objects_pack(struct repository *repository, const char *id, json_t **out)
{
	struct object_name name;
	struct directory directory = {0};
	struct pack_key *key = secret_new(sizeof(*key));
	uint8_t full[OBJECT_ID_SIZE];
	enum err err = key ? find_object(repository, "packs", id, &name) : ERR_NOMEM;

	if (err == ERR_OK && !object_id_of(name.text, full))
		err = fail(PL_OBJECT_NAME, "%s is no pack", name.text);
	if (err == ERR_OK)
		err = pack_read_directory(repository->target, repository->keys, full, key, &directory);
	if (err == ERR_OK) {
		*out = directory_json(&directory);
		json_object_set_new(*out, "id", describe_hex(full, OBJECT_ID_SIZE));
		json_object_set_new(*out, "domain", describe_hex(key->domain, DOMAIN_TAG_SIZE));
	}
	directory_free(&directory);
	secret_free(key, sizeof(*key));
	return err;
}
