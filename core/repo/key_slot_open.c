#include "core/repo/key_slot_internal.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/repo/object.h"

#define PURPOSE "slot"

/* The head's canonical text: what a slot's box is bound to. */
static enum err associated(const struct key_slot_sealed *sealed, struct buffer *out)
{
	json_t *head = NULL;
	enum err err = key_slot_head(sealed, &head);

	if (err == ERR_OK)
		err = canonical_write(head, out);
	json_decref(head);
	return err;
}

/* Opens the box of a slot with the secret that the passphrase yields. */
static enum err open_box(const struct key_slot_sealed *sealed, const uint8_t secret[KEY_SIZE], uint8_t root[KEY_SIZE])
{
	struct buffer head = {0}, plain = {0};
	enum err err = associated(sealed, &head);

	if (err == ERR_OK)
		err = box_open(
		    &plain, sealed->suite, secret, PURPOSE, head.data, head.length, sealed->box, sizeof(sealed->box));
	if (err == ERR_OK)
		memcpy(root, plain.data, KEY_SIZE);
	if (plain.data)
		crypto_wipe(plain.data, plain.capacity);
	buffer_free(&plain);
	buffer_free(&head);
	return err;
}

/* ---- a new slot ---- */

/* Seals the root, and opens the box again from the bytes that will be stored: a slot that a bit flip made useless would be found
 * when it is too late. */
static enum err seal_root(struct key_slot_sealed *sealed, const struct keys *keys, const void *passphrase, size_t size)
{
	struct buffer head = {0}, box = {0};
	uint8_t *secret = secret_new(2 * KEY_SIZE); /* and the root as it opens */
	enum err err = secret ? kdf_derive(&sealed->slot.cost, sealed->salt, passphrase, size, secret) : ERR_NOMEM;

	if (err == ERR_OK)
		err = associated(sealed, &head);
	if (err == ERR_OK)
		err = box_seal(&box, sealed->suite, secret, PURPOSE, head.data, head.length, keys->root, KEY_SIZE);
	if (err == ERR_OK) {
		memcpy(sealed->box, box.data, sizeof(sealed->box));
		err = open_box(sealed, secret, secret + KEY_SIZE);
		if (err == ERR_CORRUPT || err == ERR_KEY ||
		    (err == ERR_OK && !crypto_equal(secret + KEY_SIZE, keys->root, KEY_SIZE)))
			err = fail(PL_SELF_CHECK, "a key slot that was just sealed does not open");
	}
	secret_free(secret, 2 * KEY_SIZE);
	buffer_free(&box);
	buffer_free(&head);
	return err;
}

static enum err store(struct target *target, const struct key_slot_sealed *sealed)
{
	char box[2 * sizeof(sealed->box) + 1];
	uint8_t hash[HASH_SIZE];
	struct buffer bytes = {0};
	json_t *object = NULL;
	enum err err = key_slot_head(sealed, &object);

	if (err == ERR_OK &&
	    json_object_set_new(object, "box", json_string(hex_encode(box, sealed->box, sizeof(sealed->box)))) != 0)
		err = fail(PL_NO_MEMORY, "no memory for JSON");
	if (err == ERR_OK)
		err = canonical_add_check(object);
	if (err == ERR_OK)
		err = canonical_write(object, &bytes);
	if (err == ERR_OK)
		err = sha256(bytes.data, bytes.length, hash);
	/* Read back from the medium: the slot that it replaces may go next. */
	if (err == ERR_OK)
		err = target_put_checked(target, object_key_slot(sealed->slot.id).text, bytes.data, bytes.length, hash);
	json_decref(object);
	buffer_free(&bytes);
	return err;
}

static enum err count_slot(void *context, const struct target_object *object)
{
	(void)object;
	++*(size_t *)context;
	return ERR_OK;
}

static enum err check_new(
    struct target *target, const struct keys *keys, const char *type, const char *label, size_t size)
{
	size_t count = 0;
	enum err err;

	if (!keys->full)
		return fail(PL_KEY_FULL, "only the full key makes key slots");
	if (strcmp(type, KEY_SLOT_RECOVERY) == 0 ? size != RECOVERY_BYTES : strcmp(type, KEY_SLOT_PASSPHRASE) != 0)
		return fail(PL_FORMAT_VERSION, "a key slot of type \"%s\" for %zu bytes", type, size);
	if (size == 0)
		return fail(PL_PASSPHRASE_EMPTY, "the passphrase is empty");
	if (!key_slot_label_valid(label))
		return fail(PL_LABEL, "a label is text in UTF-8 of at most %d bytes without control characters",
		    LABEL_SIZE - 1);
	err = target_list(target, "keys", count_slot, &count);
	if (err == ERR_OK && count >= KEY_SLOTS_MAX)
		err = fail(PL_SLOTS, "%s has %zu key slots already", target->url, count);
	return err;
}

enum err key_slot_add(struct target *target, const struct keys *keys, const char *type, const char *label,
    const struct kdf_cost *cost, const void *passphrase, size_t size, uint8_t id[16])
{
	struct key_slot_sealed sealed = {.suite = keys->suite};
	enum err err = check_new(target, keys, type, label, size);

	if (err != ERR_OK)
		return err;
	memcpy(sealed.slot.type, type, strlen(type) + 1);
	memcpy(sealed.slot.label, label, strlen(label) + 1);
	sealed.slot.created = clock_now();
	sealed.slot.cost = *cost;
	err = crypto_random(sealed.slot.id, KEY_SLOT_ID_SIZE);
	if (err == ERR_OK)
		err = crypto_random(sealed.salt, KDF_SALT_SIZE);
	if (err == ERR_OK)
		err = seal_root(&sealed, keys, passphrase, size);
	if (err == ERR_OK)
		err = store(target, &sealed);
	if (err == ERR_OK)
		memcpy(id, sealed.slot.id, KEY_SLOT_ID_SIZE);
	return err;
}

/* ---- opening ---- */

struct attempt {
	const struct config *config;
	const struct key_slot_sealed *slots;
	size_t count;
	uint8_t *root; /* secret */
	uint8_t *slot;
	size_t tried, damaged;
	bool foreign;		  /* a slot opened, and its root is not this repository's */
	struct failure no_memory; /* of the last slot that could not be tried for want of memory; kind ERR_OK: none */
};

/* ERR_KEY where the slot's root is not that of the config. */
static enum err check_root(const struct attempt *attempt)
{
	struct keys *keys = keys_new();
	enum err err = keys ? keys_from_root(keys, attempt->config->id, attempt->config->suite, attempt->root, "check")
			    : ERR_NOMEM;

	if (err == ERR_OK && config_check_keys(attempt->config, keys) != ERR_OK)
		err = ERR_KEY;
	keys_free(keys);
	return err;
}

static enum err try_slot(
    struct attempt *attempt, const struct key_slot_sealed *sealed, const void *passphrase, size_t size)
{
	uint8_t *secret = secret_new(KEY_SIZE);
	enum err err = secret ? kdf_derive(&sealed->slot.cost, sealed->salt, passphrase, size, secret) : ERR_NOMEM;

	if (err == ERR_OK) {
		attempt->tried++;
		err = open_box(sealed, secret, attempt->root);
	}
	if (err == ERR_CORRUPT) { /* the right passphrase: the box knows its key, and does not open */
		struct failure failure;

		fail_context(err, "%s", object_key_slot(sealed->slot.id).text);
		failure_take(&failure);
		output_failure_warning(&failure);
		attempt->damaged++;
	}
	if (err == ERR_OK) {
		err = check_root(attempt);
		attempt->foreign |= err == ERR_KEY;
	}
	secret_free(secret, KEY_SIZE);
	return err;
}

/* Tries all slots of a type. ERR_KEY where none opens; any other failure ends it. A slot that asks for more memory than this machine has is
 * passed over: somebody who may add objects must not lock out the people whose slots ask for less. */
static enum err try_type(struct attempt *attempt, const char *type, const void *passphrase, size_t size)
{
	for (size_t i = 0; i < attempt->count; i++) {
		enum err err;

		if (strcmp(attempt->slots[i].slot.type, type) != 0)
			continue;
		err = try_slot(attempt, &attempt->slots[i], passphrase, size);
		if (err == ERR_OK)
			memcpy(attempt->slot, attempt->slots[i].slot.id, KEY_SLOT_ID_SIZE);
		if (err == ERR_NOMEM)
			failure_take(&attempt->no_memory);
		else if (err != ERR_KEY && err != ERR_CORRUPT)
			return err;
	}
	return ERR_KEY;
}

/* The 20 bytes where the passphrase is a recovery code. */
static bool parse_code(const void *passphrase, size_t size, uint8_t code[RECOVERY_BYTES])
{
	char text[2 * RECOVERY_TEXT]; /* room for spaces that a person puts between the groups */
	bool good = false;

	if (size < sizeof(text)) {
		memcpy(text, passphrase, size);
		text[size] = '\0';
		good = strlen(text) == size && recovery_parse(text, code);
		crypto_wipe(text, sizeof(text));
	}
	return good;
}

enum err key_slot_open(struct target *target, const struct config *config, const void *passphrase, size_t size,
    uint8_t root[KEY_SIZE], uint8_t slot[16])
{
	struct attempt attempt = {.config = config, .root = root, .slot = slot};
	struct key_slot_sealed *slots = NULL;
	uint8_t code[RECOVERY_BYTES];
	enum err err;

	if (size == 0)
		return fail(PL_PASSPHRASE_EMPTY, "the passphrase is empty");
	err = key_slot_load_all(target, &slots, &attempt.count, &attempt.damaged);
	if (err != ERR_OK)
		return err;
	attempt.slots = slots;
	if (attempt.count == 0 && attempt.damaged == 0)
		err = fail(PL_SLOT_BROKEN, "%s has no key slot: its folder keys is empty or gone", target->url);
	else
		err = ERR_KEY;
	if (err == ERR_KEY && parse_code(passphrase, size, code))
		err = try_type(&attempt, KEY_SLOT_RECOVERY, code, sizeof(code));
	if (err == ERR_KEY)
		err = try_type(&attempt, KEY_SLOT_PASSPHRASE, passphrase, size);
	if (err != ERR_OK)
		crypto_wipe(root, KEY_SIZE);
	if (err == ERR_KEY && attempt.foreign)
		err = fail(PL_CONFIG_BROKEN, "the config and the key slots of %s belong to different repositories",
		    target->url);
	else if (err == ERR_KEY && attempt.no_memory.kind != ERR_OK)
		err = fail_context(failure_put(&attempt.no_memory),
		    "of the key slots of %s, %zu were tried and none opens; of another", target->url, attempt.tried);
	else if (err == ERR_KEY && attempt.damaged > 0)
		err = fail(PL_SLOT_BROKEN,
		    "%zu of the key slots of %s are damaged, and none of the others opens: the passphrase may be right",
		    attempt.damaged, target->url);
	else if (err == ERR_KEY)
		err = fail(PL_PASSPHRASE_WRONG, "of the key slots of %s, %zu were tried and none opens", target->url,
		    attempt.tried);
	crypto_wipe(code, sizeof(code));
	mem_free(slots);
	return err;
}
