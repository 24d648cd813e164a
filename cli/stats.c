/* pulih stats: how much there is, and how much room it takes. */
#include "cli/access.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "core/base/buffer.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/repo/index.h"
#include "core/repo/object.h"
#include "core/repo/snapshot.h"

#include <string.h>

/* What an index says of one pack; a pack may stand in several index objects. */
struct pack_facts {
	uint8_t id[OBJECT_ID_SIZE];
	uint64_t raw, chunks;
};

struct totals {
	struct repository *repository;
	struct domain_keys *domain;
	struct buffer bytes, packs; /* packs: struct pack_facts, one behind the other */
	uint64_t snapshots, restore_size, files;
	uint64_t pack_objects, pack_bytes, objects, stored;
	uint64_t raw, chunks;
	uint64_t other_domains; /* index objects that this key cannot read */
};

static enum err count_object(void *context, const struct target_object *object)
{
	struct totals *totals = context;

	totals->objects++;
	totals->stored += object->size;
	if (strncmp(object->name, "packs/", 6) == 0) {
		totals->pack_objects++;
		totals->pack_bytes += object->size;
	}
	return ERR_OK;
}

static enum err note_pack(void *context, const struct index_pack *pack)
{
	struct totals *totals = context;
	struct pack_facts facts = {.chunks = pack->directory.chunks_count};

	memcpy(facts.id, pack->id, sizeof(facts.id));
	for (size_t i = 0; i < pack->directory.frames_count; i++)
		facts.raw += pack->directory.frames[i].raw_size;
	return buffer_append(&totals->packs, &facts, sizeof(facts));
}

static enum err read_index(void *context, const struct target_object *object)
{
	struct totals *totals = context;
	struct repository *repository = totals->repository;
	uint8_t id[OBJECT_ID_SIZE], tag[DOMAIN_TAG_SIZE];
	char text[2 * DOMAIN_TAG_SIZE + 1];
	enum err err;

	snprintf(text, sizeof(text), "%s", object->name + strlen("index/"));
	if (!object_id_of(object->name, id) || !hex_decode(tag, sizeof(tag), text))
		return ERR_OK;
	err = keys_domain(repository->keys, tag, totals->domain);
	if (err == ERR_KEY) {
		failure_clear();
		totals->other_domains++;
		return ERR_OK;
	}
	buffer_clear(&totals->bytes);
	if (err == ERR_OK)
		err = target_get(repository->target, object->name, INDEX_MAX, &totals->bytes);
	if (err == ERR_OK)
		err = index_object_decode(
		    repository->keys, totals->domain, id, totals->bytes.data, totals->bytes.length, note_pack, totals);
	return err;
}

static int by_id(const void *a, const void *b)
{
	return memcmp(((const struct pack_facts *)a)->id, ((const struct pack_facts *)b)->id, OBJECT_ID_SIZE);
}

static void add_packs(struct totals *totals)
{
	struct pack_facts *facts = (struct pack_facts *)(void *)totals->packs.data;
	size_t count = totals->packs.length / sizeof(*facts);

	if (count > 0)
		qsort(facts, count, sizeof(*facts), by_id);
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && by_id(&facts[i - 1], &facts[i]) == 0)
			continue;
		totals->raw += facts[i].raw;
		totals->chunks += facts[i].chunks;
	}
}

static enum err collect(struct totals *totals)
{
	struct snapshot_list list = {0};
	struct repository *repository = totals->repository;
	enum err err = snapshot_list_load(&list, repository->target, repository->keys);

	totals->snapshots = list.count;
	for (size_t i = 0; i < list.count; i++) {
		totals->restore_size += list.items[i].totals.bytes;
		totals->files += list.items[i].totals.files;
	}
	snapshot_list_free(&list);
	if (err == ERR_OK)
		err = target_list(repository->target, "", count_object, totals);
	if (err == ERR_OK)
		err = target_list(repository->target, "index", read_index, totals);
	if (err == ERR_OK)
		add_packs(totals);
	return err;
}

static double ratio(uint64_t large, uint64_t small)
{
	return small ? (double)large / (double)small : 0;
}

static void print_totals(const struct totals *totals)
{
	char all[32], raw[32], packs[32], stored[32];

	output_print("snapshots    %llu, with %s of %s in all\n", (unsigned long long)totals->snapshots,
	    describe_count(totals->files, "file").text, output_size(all, totals->restore_size));
	output_print("chunks       %llu, %s, each kept once\n", (unsigned long long)totals->chunks,
	    output_size(raw, totals->raw));
	output_print("packs        %llu, %s compressed (%.2f : 1)\n", (unsigned long long)totals->pack_objects,
	    output_size(packs, totals->pack_bytes), ratio(totals->raw, totals->pack_bytes));
	output_print("stored       %s in %s (%.2f : 1 of all snapshots)\n", output_size(stored, totals->stored),
	    describe_count(totals->objects, "object").text, ratio(totals->restore_size, totals->stored));
	output_object("summary",
	    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f}", "snapshots",
		(json_int_t)totals->snapshots, "files", (json_int_t)totals->files, "restore_size",
		(json_int_t)totals->restore_size, "raw_size", (json_int_t)totals->raw, "chunks",
		(json_int_t)totals->chunks, "packs", (json_int_t)totals->pack_objects, "pack_size",
		(json_int_t)totals->pack_bytes, "objects", (json_int_t)totals->objects, "stored_size",
		(json_int_t)totals->stored, "compression_ratio", ratio(totals->raw, totals->pack_bytes), "ratio",
		ratio(totals->restore_size, totals->stored)));
}

static enum err stats_run(const struct arguments *arguments)
{
	struct repository repository = {0};
	struct totals totals = {.repository = &repository};
	enum err err = access_open(&repository);

	(void)arguments;
	if (err != ERR_OK)
		return err;
	totals.domain = secret_new(sizeof(*totals.domain));
	err = totals.domain ? collect(&totals) : ERR_NOMEM;
	if (err == ERR_OK) {
		print_totals(&totals);
		if (totals.other_domains)
			output_note("this key cannot read %s of other domains: their chunks are not counted",
			    describe_count(totals.other_domains, "index object").text);
	}
	buffer_free(&totals.packs);
	buffer_free(&totals.bytes);
	secret_free(totals.domain, sizeof(*totals.domain));
	repository_close(&repository);
	return err;
}

const struct command stats_command = {
    .name = "stats",
    .purpose = "show how much there is and how much room it takes",
    .arguments = "",
    .examples = "pulih stats -r /srv/pulih",
    .run = stats_run,
};
