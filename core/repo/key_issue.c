/* Backup keys: issued and revoked by the owner, listed in the config. */
#include "core/repo/key_slot_internal.h"

#include "core/base/mem.h"

#define PURPOSE "label"
#define LABEL_PLAIN (LABEL_SIZE + DOMAIN_NAME_SIZE)

_Static_assert(
    WRITER_LABEL_SIZE == LABEL_PLAIN + BOX_OVERHEAD, "limits.h and config.h must agree on the size of a label");

/* Crash story: the config with the new writer is stored before the key file is handed out. A crash between leaves a listed writer
 * whose seed nobody has: it can sign nothing, and is revoked like any other. */

static enum err seal_label(struct writer *writer, const struct keys *owner, const char *label, const char *domain)
{
	uint8_t secret[KEY_SIZE] = {0};
	char plain[LABEL_PLAIN] = {0};
	struct buffer box = {0};
	enum err err = keys_label_secret(owner, secret);

	memcpy(plain, label, strlen(label));
	memcpy(plain + LABEL_SIZE, domain, strlen(domain));
	if (err == ERR_OK)
		err = box_seal(&box, owner->suite, secret, PURPOSE, writer->id, WRITER_ID_SIZE, plain, sizeof(plain));
	if (err == ERR_OK)
		memcpy(writer->label, box.data, WRITER_LABEL_SIZE);
	crypto_wipe(secret, sizeof(secret));
	buffer_free(&box);
	return err;
}

static enum err open_label(const struct writer *writer, const struct keys *owner, struct key_writer *out)
{
	uint8_t secret[KEY_SIZE] = {0};
	struct buffer plain = {0};
	enum err err = keys_label_secret(owner, secret);

	if (err == ERR_OK)
		err = box_open(&plain, owner->suite, secret, PURPOSE, writer->id, WRITER_ID_SIZE, writer->label,
		    WRITER_LABEL_SIZE);
	if (err == ERR_OK) {
		memcpy(out->label, plain.data, LABEL_SIZE - 1);
		memcpy(out->domain_name, plain.data + LABEL_SIZE, DOMAIN_NAME_SIZE - 1);
	}
	crypto_wipe(secret, sizeof(secret));
	buffer_free(&plain);
	return err;
}

/* ---- changing the config ---- */

/* The config as the target has it now: somebody may have changed it since it was opened. */
static enum err load_current(const struct repository *repository, struct config **out)
{
	struct config *config = NULL;
	enum err err;

	if (!repository->keys->full)
		return fail(PL_KEY_FULL, "only the full key issues and revokes backup keys");
	err = config_load(&config, repository->target);
	if (err == ERR_OK)
		err = config_check_keys(config, repository->keys);
	if (err == ERR_OK && config->serial < repository->config->serial)
		err = fail(PL_CONFIG_ROLLBACK, "the config of %s went back from %llu to %llu", repository->target->url,
		    (unsigned long long)repository->config->serial, (unsigned long long)config->serial);
	if (err != ERR_OK) {
		config_free(config);
		return err;
	}
	*out = config;
	return ERR_OK;
}

/* Stores the config and makes it the repository's; takes it over on success. */
static enum err store_current(struct repository *repository, struct config *config)
{
	struct writer *writers = config_copy_writers(config);
	enum err err = writers ? config_replace(config, repository->keys, repository->target) : ERR_NOMEM;

	if (err != ERR_OK) {
		mem_free(writers);
		return err;
	}
	keys_set_writers(repository->keys, writers, config->writers_count);
	config_free(repository->config);
	repository->config = config;
	repository_remember_config(repository);
	return ERR_OK;
}

static enum err append_writer(struct config *config, const struct writer *writer)
{
	struct writer *writers;

	if (config->writers_count >= WRITERS_MAX)
		return fail(PL_WRITERS, "the config has %d writers already", WRITERS_MAX);
	writers = mem_resize(config->writers, config->writers_count + 1, sizeof(*writers));
	if (!writers)
		return ERR_NOMEM;
	writers[config->writers_count++] = *writer;
	config->writers = writers;
	return ERR_OK;
}

/* ---- the key file ---- */

/* Secret text of a file whose members are `issued`. */
static enum err write_file(const struct keys *issued, const char *label, bool append_only, struct buffer *out)
{
	const struct domain_keys *domain = &issued->domain;
	enum { FIELDS = 11, FIELD = 2 * KEY_SIZE + 1 };
	char(*hex)[FIELD] = secret_new(FIELDS * FIELD);
	json_t *object = NULL;
	enum err err = hex ? ERR_OK : ERR_NOMEM;

	if (err == ERR_OK)
		err = canonical_pack(&object,
		    "{s:i, s:s, s:s, s:i, s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s}, s:{s:s, s:s}, s:s, s:b}",
		    "format", 1, "type", "backup", "repository",
		    hex_encode(hex[0], issued->repository, REPOSITORY_ID_SIZE), "suite", issued->suite, "read_key",
		    hex_encode(hex[1], issued->read_public, KEY_SIZE), "owner_key",
		    hex_encode(hex[2], issued->owner_public, KEY_SIZE), "shared",
		    hex_encode(hex[3], issued->shared, KEY_SIZE), "domain", "tag",
		    hex_encode(hex[4], domain->tag, DOMAIN_TAG_SIZE), "id",
		    hex_encode(hex[5], domain->id_key, KEY_SIZE), "chunker",
		    hex_encode(hex[6], domain->chunker_key, KEY_SIZE), "index",
		    hex_encode(hex[7], domain->index_key, KEY_SIZE), "summary",
		    hex_encode(hex[8], domain->summary_key, KEY_SIZE), "writer", "id",
		    hex_encode(hex[9], issued->signer.writer, WRITER_ID_SIZE), "seed",
		    hex_encode(hex[10], issued->signer.seed, KEY_SIZE), "label", label, "append_only",
		    (int)append_only);
	if (err == ERR_OK)
		err = canonical_add_check(object);
	if (err == ERR_OK)
		err = canonical_write(object, out);
	json_decref(object);
	secret_free(hex, FIELDS * FIELD);
	return err;
}

/* The backup key of a new writer. */
static enum err make_keys(const struct keys *owner, const char *domain, struct keys *issued)
{
	uint8_t tag[DOMAIN_TAG_SIZE];
	enum err err = keys_domain_tag(owner->root, domain, tag);

	if (err == ERR_OK)
		err = keys_domain(owner, tag, &issued->domain);
	if (err == ERR_OK)
		err = crypto_random(issued->signer.writer, WRITER_ID_SIZE);
	if (err == ERR_OK)
		err = crypto_random(issued->signer.seed, KEY_SIZE);
	if (err == ERR_OK)
		err = ed25519_public(issued->signer.seed, issued->signer.public_key);
	memcpy(issued->repository, owner->repository, REPOSITORY_ID_SIZE);
	memcpy(issued->read_public, owner->read_public, KEY_SIZE);
	memcpy(issued->owner_public, owner->owner_public, KEY_SIZE);
	memcpy(issued->shared, owner->shared, KEY_SIZE);
	issued->suite = owner->suite;
	return err;
}

/* The writer that the config lists for the key. */
static enum err list_writer(struct config *config, const struct keys *owner, const struct keys *issued,
    const char *domain, const char *label, bool append_only)
{
	struct writer writer = {.append_only = append_only};
	enum err err;

	memcpy(writer.id, issued->signer.writer, WRITER_ID_SIZE);
	memcpy(writer.public_key, issued->signer.public_key, KEY_SIZE);
	memcpy(writer.domain, issued->domain.tag, DOMAIN_TAG_SIZE);
	err = seal_label(&writer, owner, label, domain);
	return err == ERR_OK ? append_writer(config, &writer) : err;
}

enum err key_issue_writer(
    struct repository *repository, const char *domain, const char *label, bool append_only, struct buffer *out)
{
	struct config *config = NULL;
	struct keys *issued = NULL;
	size_t start = out->length;
	enum err err;

	if (!key_slot_label_valid(label))
		return fail(PL_LABEL, "a label is text in UTF-8 of at most %d bytes without control characters",
		    LABEL_SIZE - 1);
	err = load_current(repository, &config);
	if (err != ERR_OK)
		return err;
	issued = keys_new();
	err = issued ? make_keys(repository->keys, domain, issued) : ERR_NOMEM;
	if (err == ERR_OK)
		err = list_writer(config, repository->keys, issued, domain, label, append_only);
	if (err == ERR_OK)
		err = write_file(issued, label, append_only, out);
	if (err == ERR_OK)
		err = store_current(repository, config);
	if (err == ERR_OK)
		config = NULL;
	if (err != ERR_OK && out->length > start) {
		crypto_wipe(out->data + start, out->length - start);
		out->length = start;
	}
	keys_free(issued);
	config_free(config);
	return err;
}

enum err key_revoke_writer(struct repository *repository, const char *id_prefix)
{
	struct config *config = NULL;
	struct writer *found = NULL;
	enum err err = load_current(repository, &config);

	for (size_t i = 0; err == ERR_OK && i < config->writers_count; i++) {
		if (!key_slot_matches(config->writers[i].id, id_prefix))
			continue;
		if (found)
			err = fail(PL_WRITER_NONE, "more than one writer has an id that starts with %s", id_prefix);
		found = &config->writers[i];
	}
	if (err == ERR_OK && !found)
		err = fail(PL_WRITER_NONE, "no writer has an id that starts with %s (4 digits at least)", id_prefix);
	if (err == ERR_OK) {
		found->revoked = true;
		err = store_current(repository, config);
	}
	if (err == ERR_OK)
		config = NULL;
	config_free(config);
	return err;
}

enum err key_writers_list(const struct repository *repository, struct key_writer **out, size_t *count)
{
	const struct config *config = repository->config;
	struct key_writer *writers = mem_calloc(config->writers_count, sizeof(*writers));
	enum err err = writers ? ERR_OK : ERR_NOMEM;

	for (size_t i = 0; err == ERR_OK && i < config->writers_count; i++) {
		const struct writer *from = &config->writers[i];

		memcpy(writers[i].id, from->id, WRITER_ID_SIZE);
		memcpy(writers[i].domain, from->domain, DOMAIN_TAG_SIZE);
		writers[i].append_only = from->append_only;
		writers[i].revoked = from->revoked;
		if (repository->keys->full)
			err = open_label(from, repository->keys, &writers[i]);
	}
	if (err != ERR_OK) {
		mem_free(writers);
		return err;
	}
	*out = writers;
	*count = config->writers_count;
	return ERR_OK;
}
