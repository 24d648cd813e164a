#include "core/repo/key_slot_internal.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/repo/object.h"

#define NAME_TEXT (sizeof("keys/") + 2 * KEY_SLOT_ID_SIZE)
#define PREFIX_MIN 4 /* digits that a person must give */

bool key_slot_label_valid(const char *label)
{
	/* A slot is JSON, hence UTF-8. */
	return label[0] == '\0' || (output_is_utf8(label, strlen(label)) && keys_domain_name_valid(label));
}

bool key_slot_matches(const uint8_t id[16], const char *id_prefix)
{
	char text[33];
	size_t length = strlen(id_prefix);

	return length >= PREFIX_MIN && strncmp(hex_encode(text, id, 16), id_prefix, length) == 0;
}

/* ---- the form ---- */

enum err key_slot_head(const struct key_slot_sealed *sealed, json_t **out)
{
	char id[2 * KEY_SLOT_ID_SIZE + 1], salt[2 * KDF_SALT_SIZE + 1], created[CLOCK_TEXT];
	const struct key_slot *slot = &sealed->slot;

	return canonical_pack(out, "{s:i, s:s, s:s, s:s, s:s, s:i, s:{s:s, s:I, s:I, s:I, s:s}}", "format", 1, "type",
	    slot->type, "id", hex_encode(id, slot->id, KEY_SLOT_ID_SIZE), "label", slot->label, "created",
	    clock_format_utc(created, slot->created), "suite", sealed->suite, "kdf", "name", "argon2id", "memory_kib",
	    (json_int_t)slot->cost.memory_kib, "passes", (json_int_t)slot->cost.passes, "lanes",
	    (json_int_t)slot->cost.lanes, "salt", hex_encode(salt, sealed->salt, KDF_SALT_SIZE));
}

static enum err broken(const char *name, const char *why)
{
	return fail(PL_SLOT_BROKEN, "%s: %s", name, why);
}

/* Numbers beyond what a kdf_cost can hold are out of its bounds anyhow. */
static enum err take_cost(json_int_t memory_kib, json_int_t passes, json_int_t lanes, struct kdf_cost *cost)
{
	if (memory_kib < 0 || memory_kib > UINT32_MAX || passes < 0 || passes > UINT32_MAX || lanes < 0 ||
	    lanes > UINT32_MAX)
		return fail(PL_KDF_BOUNDS, "Argon2id with %" JSON_INTEGER_FORMAT " KiB", memory_kib);
	*cost =
	    (struct kdf_cost){.memory_kib = (uint32_t)memory_kib, .passes = (uint32_t)passes, .lanes = (uint32_t)lanes};
	return kdf_check(cost);
}

static enum err decode(json_t *object, const char *name, struct key_slot_sealed *out)
{
	const char *type, *id, *label, *created, *kdf, *salt, *box, *check = NULL;
	json_int_t suite, memory_kib, passes, lanes;
	enum err err = canonical_unpack(object, PL_SLOT_BROKEN, name,
	    "{s:i, s:s, s:s, s:s, s:s, s:I, s:{s:s, s:I, s:I, s:I, s:s}, s:s, s?s}", "format", &(int){0}, "type", &type,
	    "id", &id, "label", &label, "created", &created, "suite", &suite, "kdf", "name", &kdf, "memory_kib",
	    &memory_kib, "passes", &passes, "lanes", &lanes, "salt", &salt, "box", &box, "check", &check);

	/* First, so that damage is told from what only a later version knows. The first slots that were made have none. */
	if (err == ERR_OK && check)
		err = canonical_check(object, PL_SLOT_BROKEN, name);
	if (err != ERR_OK)
		return err;
	if (strcmp(type, KEY_SLOT_PASSPHRASE) != 0 && strcmp(type, KEY_SLOT_RECOVERY) != 0)
		return fail(PL_FORMAT_VERSION, "%s has the type \"%.32s\"", name, type);
	if (strcmp(kdf, "argon2id") != 0)
		return fail(PL_FORMAT_VERSION, "%s uses the function \"%.32s\"", name, kdf);
	if (suite < 0 || suite > 255 || !suite_name((int)suite))
		return fail(PL_SUITE, "%s: cipher suite %" JSON_INTEGER_FORMAT, name, suite);
	err = take_cost(memory_kib, passes, lanes, &out->slot.cost);
	if (err != ERR_OK)
		return fail_context(err, "%s", name);
	if (strlen(id) != 2 * KEY_SLOT_ID_SIZE || !hex_decode(out->slot.id, KEY_SLOT_ID_SIZE, id) ||
	    strcmp(object_key_slot(out->slot.id).text, name) != 0)
		return broken(name, "its id is not its name");
	if (!key_slot_label_valid(label))
		return broken(name, "its label");
	if (!canonical_time(created, &out->slot.created))
		return broken(name, "its time");
	if (strlen(salt) != 2 * KDF_SALT_SIZE || !hex_decode(out->salt, KDF_SALT_SIZE, salt))
		return broken(name, "its salt");
	if (strlen(box) != 2 * sizeof(out->box) || !hex_decode(out->box, sizeof(out->box), box))
		return broken(name, "its box");
	out->suite = (int)suite;
	memcpy(out->slot.type, type, strlen(type) + 1);
	memcpy(out->slot.label, label, strlen(label) + 1);
	return ERR_OK;
}

enum err key_slot_load(struct target *target, const char *name, struct key_slot_sealed *out)
{
	struct buffer bytes = {0};
	json_t *object = NULL;
	enum err err = target_get(target, name, KEY_SLOT_MAX, &bytes);

	if (err == ERR_OK)
		err = canonical_parse(&object, bytes.data, bytes.length, PL_SLOT_BROKEN, name);
	if (err == ERR_OK)
		err = decode(object, name, out);
	json_decref(object);
	buffer_free(&bytes);
	return err;
}

enum err key_slot_check(struct target *target, const char *name)
{
	struct key_slot_sealed sealed;

	return key_slot_load(target, name, &sealed);
}

/* ---- the slots of a target ---- */

struct names {
	char text[KEY_SLOTS_READ][NAME_TEXT];
	size_t count;
};

static enum err collect(void *context, const struct target_object *object)
{
	struct names *names = context;

	if (strlen(object->name) >= NAME_TEXT)
		return fail(PL_OBJECT_NAME, "%s is no name of a key slot", object->name);
	if (names->count == KEY_SLOTS_READ)
		return fail(PL_SLOTS, "there are more than %d key slots", KEY_SLOTS_READ);
	memcpy(names->text[names->count++], object->name, strlen(object->name) + 1);
	return ERR_OK;
}

static int newest_first(const void *a, const void *b)
{
	const struct key_slot_sealed *one = a, *other = b;

	if (one->slot.created != other->slot.created)
		return one->slot.created > other->slot.created ? -1 : 1;
	return memcmp(one->slot.id, other->slot.id, KEY_SLOT_ID_SIZE);
}

/* What is wrong with one slot must not lock people out who hold another. */
static bool is_damage(enum err err)
{
	return err == ERR_CORRUPT || err == ERR_UNSUPPORTED || err == ERR_LIMIT || err == ERR_MISSING || err == ERR_IO;
}

static enum err load_named(
    struct target *target, const struct names *names, struct key_slot_sealed *slots, size_t *count, size_t *damaged)
{
	for (size_t i = 0; i < names->count; i++) {
		enum err err = key_slot_load(target, names->text[i], &slots[*count]);
		struct failure failure;

		if (err == ERR_OK) {
			(*count)++;
			continue;
		}
		if (!is_damage(err) || (*count == 0 && i + 1 == names->count))
			return err;
		failure_take(&failure);
		output_failure_warning(&failure);
		*damaged += err != ERR_UNSUPPORTED;
	}
	return ERR_OK;
}

enum err key_slot_load_all(struct target *target, struct key_slot_sealed **out, size_t *count, size_t *damaged)
{
	struct names names = {.count = 0};
	struct key_slot_sealed *slots = NULL;
	size_t good = 0, bad = 0;
	enum err err = target_list(target, "keys", collect, &names);

	if (err != ERR_OK)
		return err;
	slots = mem_calloc(names.count, sizeof(*slots));
	if (!slots)
		return ERR_NOMEM;
	err = load_named(target, &names, slots, &good, &bad);
	if (err != ERR_OK) {
		mem_free(slots);
		return err;
	}
	qsort(slots, good, sizeof(*slots), newest_first);
	*out = slots;
	*count = good;
	if (damaged)
		*damaged = bad;
	return ERR_OK;
}

enum err key_slot_list(struct target *target, struct key_slot **out, size_t *count)
{
	struct key_slot_sealed *sealed = NULL;
	struct key_slot *slots;
	enum err err = key_slot_load_all(target, &sealed, count, NULL);

	if (err != ERR_OK)
		return err;
	slots = mem_calloc(*count, sizeof(*slots));
	for (size_t i = 0; slots && i < *count; i++)
		slots[i] = sealed[i].slot;
	mem_free(sealed);
	*out = slots;
	return slots ? ERR_OK : ERR_NOMEM;
}

static bool name_matches(const char *name, const char *id_prefix)
{
	uint8_t id[KEY_SLOT_ID_SIZE];

	return hex_decode(id, sizeof(id), name + strlen("keys/")) && key_slot_matches(id, id_prefix);
}

/* The name of the one slot that is meant, within `names`. */
static enum err find_named(const struct names *names, const char *id_prefix, const char **out)
{
	const char *found = NULL;

	for (size_t i = 0; i < names->count; i++) {
		if (!name_matches(names->text[i], id_prefix))
			continue;
		if (found)
			return fail(PL_SLOT_UNKNOWN, "more than one key slot has an id that starts with %s", id_prefix);
		found = names->text[i];
	}
	if (!found)
		return fail(PL_SLOT_UNKNOWN, "no key slot has an id that starts with %s (%d digits at least)",
		    id_prefix, PREFIX_MIN);
	*out = found;
	return ERR_OK;
}

/* How many slots are whole. Warns of none: that was done before. */
static enum err count_good(struct target *target, size_t *out)
{
	struct names names = {.count = 0};
	enum err err = target_list(target, "keys", collect, &names);

	*out = 0;
	for (size_t i = 0; err == ERR_OK && i < names.count; i++) {
		err = key_slot_check(target, names.text[i]);
		*out += err == ERR_OK;
		if (is_damage(err)) {
			failure_clear();
			err = ERR_OK;
		}
	}
	return err;
}

/* Gives a slot that was removed back, for the reason of the last failure, which it returns. */
static enum err put_back(struct target *target, const char *name, const struct buffer *bytes)
{
	struct failure why;
	uint8_t hash[HASH_SIZE];
	enum err err;

	failure_take(&why);
	err = sha256(bytes->data, bytes->length, hash);
	if (err == ERR_OK)
		err = target_put_checked(target, name, bytes->data, bytes->length, hash);
	if (err != ERR_OK)
		return fail_context(err, "%s was removed, and cannot be put back although %s", name, why.text);
	return fail_context(failure_put(&why), "%s was put back", name);
}

/* Two people who remove a slot each may both have counted on the other's. Each looks again when its own is gone: whoever looks last sees
 * what both did. */
static enum err remove_unless_last(struct target *target, const char *name)
{
	struct buffer bytes = {0};
	size_t remaining = 0;
	enum err err = target_get(target, name, KEY_SLOT_MAX, &bytes);
	bool kept = err == ERR_OK;

	if (!kept)
		failure_clear(); /* a slot that cannot be read opens nothing */
	err = target_remove(target, name);
	if (err == ERR_OK) {
		err = count_good(target, &remaining);
		if (err == ERR_OK && remaining == 0)
			err = fail(
			    PL_SLOT_LAST, "somebody removed the other key slots of %s at the same moment", target->url);
		if (err != ERR_OK && kept)
			err = put_back(target, name, &bytes);
	}
	buffer_free(&bytes);
	return err;
}

enum err key_slot_remove(struct target *target, const char *id_prefix)
{
	struct names names = {.count = 0};
	struct key_slot *slots = NULL;
	const char *found = NULL;
	size_t count = 0, remaining = 0;
	enum err err = target_list(target, "keys", collect, &names);

	if (err == ERR_OK)
		err = find_named(&names, id_prefix, &found);
	if (err == ERR_OK)
		err = key_slot_list(target, &slots, &count);
	for (size_t i = 0; err == ERR_OK && i < count; i++)
		remaining += !key_slot_matches(slots[i].id, id_prefix);
	if (err == ERR_OK && remaining == 0)
		err = fail(PL_SLOT_LAST, "%s is the last key slot of %s", found, target->url);
	if (err == ERR_OK)
		err = remove_unless_last(target, found);
	mem_free(slots);
	return err;
}
