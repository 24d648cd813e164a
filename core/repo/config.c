#include "core/repo/config.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/repo/canonical.h"
#include "core/repo/object.h"

#define PURPOSE "config"

void config_free(struct config *config)
{
	if (!config)
		return;
	mem_free(config->writers);
	mem_free(config);
}

struct writer *config_copy_writers(const struct config *config)
{
	struct writer *copy = mem_calloc(config->writers_count, sizeof(*copy));

	if (copy && config->writers_count)
		memcpy(copy, config->writers, config->writers_count * sizeof(*copy));
	return copy;
}

static enum err broken(const char *why)
{
	return fail(PL_CONFIG_BROKEN, "config: %s", why);
}

/* ---- writing ---- */

static enum err append_writer(json_t *list, const struct writer *writer)
{
	char id[2 * WRITER_ID_SIZE + 1], key[2 * KEY_SIZE + 1], domain[2 * DOMAIN_TAG_SIZE + 1];
	char label[2 * WRITER_LABEL_SIZE + 1];
	json_t *object = NULL;
	enum err err = canonical_pack(&object, "{s:s, s:s, s:s, s:b, s:b, s:s}", "id",
	    hex_encode(id, writer->id, WRITER_ID_SIZE), "key", hex_encode(key, writer->public_key, KEY_SIZE), "domain",
	    hex_encode(domain, writer->domain, DOMAIN_TAG_SIZE), "append_only", (int)writer->append_only, "revoked",
	    (int)writer->revoked, "label", hex_encode(label, writer->label, WRITER_LABEL_SIZE));

	if (err == ERR_OK && json_array_append_new(list, object) != 0)
		err = fail(PL_NO_MEMORY, "no memory for JSON");
	return err;
}

static enum err writers_list(const struct config *config, json_t **out)
{
	json_t *list = json_array();
	enum err err = list ? ERR_OK : fail(PL_NO_MEMORY, "no memory for JSON");

	for (size_t i = 0; err == ERR_OK && i < config->writers_count; i++)
		err = append_writer(list, &config->writers[i]);
	if (err != ERR_OK) {
		json_decref(list);
		return err;
	}
	*out = list;
	return ERR_OK;
}

enum err config_encode(const struct config *config, const struct keys *owner, struct buffer *out)
{
	char id[2 * REPOSITORY_ID_SIZE + 1], read_key[2 * KEY_SIZE + 1], owner_key[2 * KEY_SIZE + 1],
	    created[CLOCK_TEXT];
	json_t *object = NULL, *list = NULL;
	enum err err;

	if (!owner->full)
		return fail(PL_KEY_FULL, "only the full key signs the config");
	err = writers_list(config, &list);
	/* The list goes over to the object, also when that fails. */
	if (err == ERR_OK)
		err = canonical_pack(&object, "{s:i, s:s, s:s, s:i, s:I, s:s, s:s, s:o}", "format", 1, "id",
		    hex_encode(id, config->id, REPOSITORY_ID_SIZE), "created",
		    clock_format_utc(created, config->created), "suite", config->suite, "serial",
		    (json_int_t)config->serial, "read_key", hex_encode(read_key, config->read_public, KEY_SIZE),
		    "owner_key", hex_encode(owner_key, config->owner_public, KEY_SIZE), "writers", list);
	if (err == ERR_OK)
		err = canonical_sign(object, PURPOSE, owner->signer.seed);
	if (err == ERR_OK)
		err = canonical_write(object, out);
	json_decref(object);
	return err;
}

/* ---- reading ---- */

static enum err decode_writer(json_t *object, struct writer *out)
{
	const char *id, *key, *domain, *label;
	int append_only, revoked;
	enum err err = canonical_unpack(object, PL_CONFIG_BROKEN, "config", "{s:s, s:s, s:s, s:b, s:b, s:s}", "id", &id,
	    "key", &key, "domain", &domain, "append_only", &append_only, "revoked", &revoked, "label", &label);

	if (err != ERR_OK)
		return err;
	if (strlen(id) != 2 * WRITER_ID_SIZE || !hex_decode(out->id, WRITER_ID_SIZE, id))
		return broken("the id of a writer");
	if (strlen(key) != 2 * KEY_SIZE || !hex_decode(out->public_key, KEY_SIZE, key))
		return broken("the key of a writer");
	if (strlen(domain) != 2 * DOMAIN_TAG_SIZE || !hex_decode(out->domain, DOMAIN_TAG_SIZE, domain))
		return broken("the domain of a writer");
	if (strlen(label) != 2 * WRITER_LABEL_SIZE || !hex_decode(out->label, WRITER_LABEL_SIZE, label))
		return broken("the label of a writer");
	out->append_only = append_only != 0;
	out->revoked = revoked != 0;
	return ERR_OK;
}

/* No writer may have the owner's id, nor another one's: whose signature counts must be clear. */
static enum err check_ids(const struct config *config)
{
	static const uint8_t owner[WRITER_ID_SIZE];

	for (size_t i = 0; i < config->writers_count; i++) {
		if (memcmp(config->writers[i].id, owner, WRITER_ID_SIZE) == 0)
			return broken("a writer has the owner's id");
		for (size_t j = 0; j < i; j++)
			if (memcmp(config->writers[i].id, config->writers[j].id, WRITER_ID_SIZE) == 0)
				return broken("two writers have one id");
	}
	return ERR_OK;
}

static enum err decode_writers(json_t *list, struct config *config)
{
	size_t count = json_array_size(list);
	enum err err = ERR_OK;

	if (!json_is_array(list) || count > WRITERS_MAX)
		return broken("its writers are no list that it may have");
	config->writers = mem_calloc(count, sizeof(*config->writers));
	if (!config->writers)
		return ERR_NOMEM;
	for (size_t i = 0; err == ERR_OK && i < count; i++)
		err = decode_writer(json_array_get(list, i), &config->writers[i]);
	config->writers_count = count;
	return err == ERR_OK ? check_ids(config) : err;
}

static enum err decode_members(json_t *object, struct config *config)
{
	const char *id, *created, *read_key, *owner_key, *signature;
	json_int_t suite, serial;
	json_t *writers;
	enum err err =
	    canonical_unpack(object, PL_CONFIG_BROKEN, "config", "{s:i, s:s, s:s, s:I, s:I, s:s, s:s, s:o, s:s}",
		"format", &(int){0}, "id", &id, "created", &created, "suite", &suite, "serial", &serial, "read_key",
		&read_key, "owner_key", &owner_key, "writers", &writers, "signature", &signature);

	if (err != ERR_OK)
		return err;
	if (strlen(id) != 2 * REPOSITORY_ID_SIZE || !hex_decode(config->id, REPOSITORY_ID_SIZE, id))
		return broken("its id");
	if (!canonical_time(created, &config->created))
		return broken("its time");
	if (serial < 1)
		return broken("its serial number");
	if (strlen(read_key) != 2 * KEY_SIZE || !hex_decode(config->read_public, KEY_SIZE, read_key))
		return broken("its read key");
	if (strlen(owner_key) != 2 * KEY_SIZE || !hex_decode(config->owner_public, KEY_SIZE, owner_key))
		return broken("its owner key");
	config->serial = (uint64_t)serial;
	err = canonical_verify(object, PURPOSE, config->owner_public);
	if (err != ERR_OK)
		return fail_context(err, "config");
	if (suite < 0 || suite > 255 || !suite_name((int)suite))
		return fail(PL_SUITE, "config: cipher suite %" JSON_INTEGER_FORMAT, suite);
	config->suite = (int)suite;
	return decode_writers(writers, config);
}

enum err config_decode(struct config **out, const void *bytes, size_t size)
{
	json_t *object = NULL;
	struct config *config = NULL;
	enum err err;

	if (size > CONFIG_MAX)
		return broken("it is too large");
	err = canonical_parse(&object, bytes, size, PL_CONFIG_BROKEN, "config");
	if (err != ERR_OK)
		return err;
	config = mem_calloc(1, sizeof(*config));
	err = config ? decode_members(object, config) : ERR_NOMEM;
	if (err == ERR_OK) {
		*out = config;
		config = NULL;
	}
	config_free(config);
	json_decref(object);
	return err;
}

/* ---- in a target ---- */

enum err config_load(struct config **out, struct target *target)
{
	struct buffer bytes = {0};
	enum err err = target_get(target, OBJECT_CONFIG, CONFIG_MAX, &bytes);

	if (err == ERR_MISSING)
		err = fail(PL_NO_REPOSITORY, "there is no repository at %s", target->url);
	else if (err == ERR_OK)
		err = fail_context(config_decode(out, bytes.data, bytes.length), "%s", target->url);
	if (err == ERR_OK)
		err = sha256(bytes.data, bytes.length, (*out)->hash);
	buffer_free(&bytes);
	return err;
}

enum err config_check_keys(const struct config *config, const struct keys *keys)
{
	if (memcmp(config->id, keys->repository, REPOSITORY_ID_SIZE) != 0)
		return fail(PL_KEY_WRONG, "this key was made for another repository");
	if (config->suite != keys->suite || memcmp(config->read_public, keys->read_public, KEY_SIZE) != 0 ||
	    memcmp(config->owner_public, keys->owner_public, KEY_SIZE) != 0)
		return broken("it was not made by the owner of this key: it is forged");
	return ERR_OK;
}

/* Whether `newer` was made from a config that had all that `ours` has. */
static bool goes_on_from(const struct config *newer, const struct config *ours)
{
	for (size_t i = 0; i < ours->writers_count; i++) {
		const struct writer *writer = &ours->writers[i];
		size_t at = 0;

		while (at < newer->writers_count && memcmp(newer->writers[at].id, writer->id, WRITER_ID_SIZE) != 0)
			at++;
		if (at == newer->writers_count || (writer->revoked && !newer->writers[at].revoked) ||
		    memcmp(newer->writers[at].public_key, writer->public_key, KEY_SIZE) != 0)
			return false;
	}
	return newer->serial > ours->serial;
}

/* What the target has now: this config, or one that somebody made from it already. */
static enum err read_back(const struct config *config, const struct keys *owner, struct target *target,
    const struct buffer *bytes, struct buffer *stored)
{
	struct config *newer = NULL;
	bool done = false;
	enum err err = target_get(target, OBJECT_CONFIG, CONFIG_MAX, stored);

	if (err == ERR_OK)
		done = stored->length == bytes->length && memcmp(stored->data, bytes->data, bytes->length) == 0;
	if (err == ERR_OK && !done) {
		err = config_decode(&newer, stored->data, stored->length);
		done = err == ERR_OK && config_check_keys(newer, owner) == ERR_OK && goes_on_from(newer, config);
		if (!done && err != ERR_NOMEM)
			err = fail(PL_CONFIG_CHANGED, "the config of %s changed while it was replaced", target->url);
	}
	config_free(newer);
	return err;
}

/* Crash story: the replacement is atomic, so a place has the old config or the new one, never half. Of two people who change it at
 * the same moment one is told to run it again: else a revocation could be lost that somebody was told is done. A place that can
 * look and replace only one after the other leaves a gap; there, reading back tells at least whoever came first. */
enum err config_replace(struct config *config, const struct keys *owner, struct target *target)
{
	struct buffer bytes = {0}, stored = {0};
	uint8_t hash[HASH_SIZE];
	enum err err;

	config->serial++;
	err = config_encode(config, owner, &bytes);
	if (err == ERR_OK && bytes.length > CONFIG_MAX)
		err = fail(PL_WRITERS, "the config would have %zu bytes", bytes.length);
	/* Whatever can run out does so before the target is changed. */
	if (err == ERR_OK)
		err = buffer_reserve(&stored, bytes.length);
	if (err == ERR_OK)
		err = sha256(bytes.data, bytes.length, hash);
	if (err == ERR_OK)
		err = target_replace(target, OBJECT_CONFIG, config->hash, bytes.data, bytes.length);
	if (err == ERR_OK)
		err = read_back(config, owner, target, &bytes, &stored);
	if (err == ERR_OK)
		memcpy(config->hash, hash, HASH_SIZE);
	else
		config->serial--;
	buffer_free(&bytes);
	buffer_free(&stored);
	return err;
}
