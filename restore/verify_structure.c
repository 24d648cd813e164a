/* Every object that is small is opened and its signature checked; of packs, presence and size. What is listed first is what was published
 * last (snapshot, index, pack): a backup that runs meanwhile is never taken for damage. */
#include "restore/verify_internal.h"

#include "core/base/clock.h"
#include "core/crypto/crypto.h"
#include "core/record/record_object.h"
#include "core/repo/config.h"
#include "core/repo/generation.h"
#include "core/repo/index.h"
#include "core/repo/key_slot.h"

struct listed {
	char name[OBJECT_NAME_MAX];
};

static enum err gather(void *context, const struct target_object *object)
{
	struct listed listed = {0};

	snprintf(listed.name, sizeof(listed.name), "%s", object->name);
	return buffer_append(context, &listed, sizeof(listed));
}

static enum err note_failure(struct verify *verify, const char *object, enum err err)
{
	return verify_is_finding(err) ? verify_found(verify, object, NULL) : err;
}

/* ---- config ---- */

static enum err check_config(struct verify *verify)
{
	struct config *config = NULL;
	enum err err = config_load(&config, verify->repository->target);

	config_free(config);
	return err == ERR_OK ? ERR_OK : note_failure(verify, OBJECT_CONFIG, err);
}

/* ---- key slots ---- */

static enum err check_slots(struct verify *verify)
{
	struct target *target = verify->repository->target;
	struct buffer names = {0};
	enum err err = target_list(target, "keys", gather, &names);
	const struct listed *listed = (const struct listed *)names.data;

	for (size_t i = 0; i < names.length / sizeof(*listed) && err == ERR_OK; i++) {
		err = key_slot_check(target, listed[i].name);
		/* One may be removed since it was listed. */
		err = err == ERR_OK || err == ERR_MISSING ? ERR_OK : note_failure(verify, listed[i].name, err);
	}
	if (err == ERR_OK && names.length == 0) {
		(void)fail(PL_SLOT_BROKEN, "there is no key slot: no passphrase opens the repository");
		err = verify_found(verify, "keys", NULL);
	}
	if (err == ERR_OK && names.length / sizeof(*listed) > KEY_SLOTS_MAX) {
		(void)fail(PL_SLOTS, "there are %zu key slots; nobody makes more than %d",
		    names.length / sizeof(*listed), KEY_SLOTS_MAX);
		err = verify_found(verify, "keys", NULL);
	}
	buffer_free(&names);
	return err;
}

/* ---- snapshots ---- */

static enum err check_snapshot(struct verify *verify, const char *name)
{
	struct snapshot snapshot = {0}, *snapshots;
	uint8_t id[OBJECT_ID_SIZE];
	enum err err;

	if (!object_id_of(name, id))
		return ERR_OK;
	snapshots =
	    mem_more(verify->snapshots, verify->snapshots_count, &verify->snapshots_capacity, sizeof(*snapshots));
	if (!snapshots)
		return ERR_NOMEM;
	verify->snapshots = snapshots;
	err = snapshot_load(&snapshot, verify->repository->target, verify->repository->keys, id);
	if (err == ERR_OK) {
		verify->snapshots[verify->snapshots_count++] = snapshot;
		return ERR_OK;
	}
	snapshot_free(&snapshot);
	if (err == ERR_KEY && !verify->repository->keys->full)
		return ERR_OK; /* another domain's: not for this key to read */
	if (err == ERR_MISSING)
		return ERR_OK; /* forgotten since it was listed */
	return note_failure(verify, name, err);
}

static int by_domain(const void *a, const void *b)
{
	const struct snapshot *left = a, *right = b;
	int order = memcmp(left->domain, right->domain, DOMAIN_TAG_SIZE);

	if (order)
		return order;
	return left->started < right->started ? -1 : left->started > right->started;
}

static enum err check_snapshots(struct verify *verify)
{
	struct buffer names = {0};
	enum err err = target_list(verify->repository->target, "snapshots", gather, &names);
	const struct listed *listed = (const struct listed *)names.data;

	for (size_t i = 0; i < names.length / sizeof(*listed) && err == ERR_OK && !interrupt_requested(); i++)
		err = check_snapshot(verify, listed[i].name);
	if (verify->snapshots_count)
		qsort(verify->snapshots, verify->snapshots_count, sizeof(*verify->snapshots), by_domain);
	buffer_free(&names);
	return err;
}

/* ---- index objects ---- */

/* Context of take_pack(). */
struct taking {
	struct verify *verify;
	const char *object; /* name of the index object */
	bool told;	    /* one finding an object: a forged one may be wrong about every pack */
};

static enum err take_pack(void *context, const struct index_pack *indexed)
{
	struct taking *taking = context;
	struct verify *verify = taking->verify;
	struct verify_pack *pack = verify_packs_add(&verify->packs, indexed->id);
	uint64_t hash = 0;
	enum err err = pack ? verify_directory_hash(&indexed->directory, &hash) : ERR_NOMEM;

	if (err != ERR_OK)
		return err;
	if (pack->indexed && !taking->told && (pack->index_size != indexed->size || pack->directory != hash)) {
		(void)fail(PL_VERIFY_PACK_INDEX, "%s describes %s otherwise than another index object", taking->object,
		    object_pack(indexed->id).text);
		err = verify_found(verify, taking->object, NULL);
		taking->told = true;
	}
	if (pack->indexed)
		return err;
	verify->result->chunks += indexed->directory.chunks_count;
	pack->indexed = true;
	pack->index_size = indexed->size;
	pack->directory = hash;
	return err;
}

/* index/<domain tag>/<id> */
static bool domain_of(const char *name, uint8_t tag[DOMAIN_TAG_SIZE])
{
	char digits[2 * DOMAIN_TAG_SIZE + 1] = "";
	const char *start = strchr(name, '/');

	if (start)
		snprintf(digits, sizeof(digits), "%s", start + 1);
	return hex_decode(tag, DOMAIN_TAG_SIZE, digits);
}

static enum err check_index(struct verify *verify, const char *name, struct domain_keys *domain)
{
	const struct repository *repository = verify->repository;
	struct taking taking = {.verify = verify, .object = name};
	struct buffer bytes = {0};
	uint8_t tag[DOMAIN_TAG_SIZE], id[OBJECT_ID_SIZE];
	enum err err = ERR_OK;

	if (!domain_of(name, tag) || !object_id_of(name, id))
		return ERR_OK;
	if (memcmp(domain->tag, tag, DOMAIN_TAG_SIZE) != 0)
		err = keys_domain(repository->keys, tag, domain);
	if (err == ERR_KEY && !repository->keys->full)
		return ERR_OK; /* another domain's */
	if (err == ERR_OK)
		err = target_get(repository->target, name, INDEX_MAX, &bytes);
	if (err == ERR_MISSING) {
		err = ERR_OK; /* merged into another since it was listed */
		goto done;
	}
	if (err == ERR_OK)
		err = index_object_decode(repository->keys, domain, id, bytes.data, bytes.length, take_pack, &taking);
	if (err != ERR_OK)
		err = note_failure(verify, name, err);
done:
	buffer_free(&bytes);
	return err;
}

static enum err check_indexes(struct verify *verify)
{
	struct domain_keys *domain = secret_new(sizeof(*domain));
	struct buffer names = {0};
	const struct listed *listed;
	enum err err = ERR_NOMEM;

	if (domain) {
		memset(domain, 0, sizeof(*domain));
		err = target_list(verify->repository->target, "index", gather, &names);
	}
	listed = (const struct listed *)names.data;
	for (size_t i = 0; i < names.length / sizeof(*listed) && err == ERR_OK && !interrupt_requested(); i++)
		err = check_index(verify, listed[i].name, domain);
	secret_free(domain, sizeof(*domain));
	buffer_free(&names);
	return err;
}

/* ---- generations and records ---- */

static enum err check_generation(struct verify *verify, const char *name)
{
	return generation_check(verify->repository->target, verify->repository->keys, name);
}

static enum err check_record(struct verify *verify, const char *name)
{
	struct buffer original = {0};
	enum err err = record_object_get(
	    verify->repository->target, name + strlen("records/"), verify->repository->keys, &original);

	buffer_free(&original);
	return err == ERR_KEY && failure_last()->id == PL_KEY_DOMAIN ? ERR_OK : err; /* another domain's */
}

static enum err check_each(
    struct verify *verify, const char *folder, enum err (*check)(struct verify *verify, const char *name))
{
	struct buffer names = {0};
	enum err err = target_list(verify->repository->target, folder, gather, &names);
	const struct listed *listed = (const struct listed *)names.data;

	for (size_t i = 0; i < names.length / sizeof(*listed) && err == ERR_OK && !interrupt_requested(); i++) {
		err = check(verify, listed[i].name);
		/* One may go since it was listed. */
		err = err == ERR_OK || err == ERR_MISSING ? ERR_OK : note_failure(verify, listed[i].name, err);
	}
	buffer_free(&names);
	return err;
}

/* ---- packs ---- */

static enum err check_pack(struct verify *verify, struct verify_pack *pack)
{
	struct object_name name = object_pack(pack->id);
	int64_t changed;
	enum err err = ERR_OK;

	if (!pack->present) {
		/* A listing may have been made while the pack came. */
		err = target_stat(verify->repository->target, name.text, &pack->size, &changed);
		pack->present = err == ERR_OK;
		if (err == ERR_MISSING)
			err = fail(PL_PACK_MISSING, "%s is in the index, and not in the target", name.text);
	}
	if (err == ERR_OK && pack->size != pack->index_size)
		err = fail(PL_VERIFY_PACK_SIZE, "%s has %llu bytes; the index says %llu", name.text,
		    (unsigned long long)pack->size, (unsigned long long)pack->index_size);
	if (err == ERR_OK)
		return ERR_OK;
	return verify_is_finding(err) ? verify_found(verify, name.text, pack) : err;
}

/* A pack that no index has is no damage: a backup at work, or one that was interrupted. */
static enum err check_packs(struct verify *verify)
{
	enum err err = target_list(verify->repository->target, "packs", verify_packs_listed, &verify->packs);

	for (size_t i = 0; i < verify->packs.count && err == ERR_OK; i++)
		if (verify->packs.items[i].indexed)
			err = check_pack(verify, &verify->packs.items[i]);
	return err;
}

enum err verify_structure(struct verify *verify)
{
	bool keys = verify->repository->keys != NULL;
	enum err err = check_config(verify);

	if (err == ERR_OK)
		err = check_slots(verify);
	if (err == ERR_OK && keys)
		err = check_snapshots(verify);
	if (err == ERR_OK && keys)
		err = check_indexes(verify);
	if (err == ERR_OK && keys)
		err = check_each(verify, "gc", check_generation);
	if (err == ERR_OK && keys)
		err = check_each(verify, "records", check_record);
	return err == ERR_OK ? check_packs(verify) : err;
}
