/* The tiers that read packs: stored (SHA-256 of the file is its name) and content (every frame opens, every chunk has its id, and the index
 * says the same as the pack). */
#include "restore/verify_internal.h"

#include "core/base/clock.h"
#include "core/base/output.h"
#include "core/base/pool.h"
#include "core/repo/pack.h"

#define SAVE_AFTER (10 * CLOCK_SECOND) /* an interrupt or a crash loses no more than this */

struct pack_job {
	struct pool_job job; /* first */
	struct reading *reading;
	struct verify_pack *pack;
	struct pack_job *next;
	bool good;
	enum pack_damage damage;
};

struct reading {
	struct verify *verify;
	struct pool *pool;
	struct buffer *buffers; /* one for each worker */
	struct verify_pack **order;
	size_t count;
	struct pack_job *first, *last;
	size_t jobs;
	uint64_t total;
	int64_t saved;
};

static int64_t last_read(const struct verify *verify, const struct verify_pack *pack)
{
	if (verify->options->tier == VERIFY_CONTENT || pack->content > pack->stored)
		return pack->content;
	return pack->stored;
}

static enum err check_stored(struct verify *verify, const struct verify_pack *pack, const char *name)
{
	uint8_t hash[HASH_SIZE];
	uint64_t size = 0;
	enum err err;

	/* Nothing bounds what a place may claim, and hashing it could take days. */
	if (pack->size > PACK_MAX)
		return fail(PL_OBJECT_SIZE, "%s is larger than a pack can be", name);
	err = target_hash(verify->repository->target, name, hash, &size);

	if (err == ERR_OK && memcmp(hash, pack->id, HASH_SIZE) != 0)
		err = fail(PL_PACK_BROKEN, "%s: its SHA-256 is not its name", name);
	verify->bytes_read += size;
	return err;
}

static enum err check_content(
    struct verify *verify, const struct verify_pack *pack, const char *name, struct buffer *buffer)
{
	const struct repository *repository = verify->repository;
	struct directory directory = {0};
	uint64_t hash = 0;
	enum err err;

	if (pack->size > PACK_MAX)
		return fail(PL_OBJECT_SIZE, "%s is larger than a pack can be", name);
	buffer_clear(buffer);
	err = buffer_reserve(buffer, (size_t)pack->size);
	if (err == ERR_OK)
		err = target_read(repository->target, name, 0, buffer->data, (size_t)pack->size);
	if (err != ERR_OK)
		return err;
	verify->bytes_read += pack->size;
	err = pack_check(buffer->data, (size_t)pack->size, repository->keys, pack->id, &directory);
	if (err == ERR_OK && pack->indexed) {
		err = verify_directory_hash(&directory, &hash);
		if (err == ERR_OK && hash != pack->directory)
			err = fail(PL_VERIFY_PACK_INDEX, "%s: the index places its chunks elsewhere", name);
	}
	directory_free(&directory);
	return err;
}

static void run_pack(struct pool_job *pool_job, unsigned worker)
{
	struct pack_job *job = (struct pack_job *)pool_job;
	struct verify *verify = job->reading->verify;
	struct object_name name = object_pack(job->pack->id);
	enum err err;

	if (verify->stop || interrupt_requested())
		return;
	if (verify->options->tier == VERIFY_CONTENT)
		err = check_content(verify, job->pack, name.text, &job->reading->buffers[worker]);
	else
		err = check_stored(verify, job->pack, name.text);
	verify->packs_read++;
	job->good = err == ERR_OK;
	if (err == ERR_OK)
		return;
	if (!verify_is_finding(err) || verify_found(verify, name.text, job->pack) != ERR_OK)
		verify->stop = true;
	else
		job->damage = verify_bad_look(verify, job->pack);
}

static void finish_oldest(struct reading *reading)
{
	struct pack_job *job = reading->first;
	struct verify *verify = reading->verify;
	struct progress progress = {.action = "verify", .bytes_total = reading->total};
	int64_t now = clock_now();

	pool_wait(reading->pool, &job->job);
	reading->first = job->next;
	reading->jobs--;
	if (job->damage != PACK_WHOLE)
		job->pack->damage = job->damage;
	if (job->good) {
		job->pack->hashed = true;
		job->pack->opened = verify->options->tier == VERIFY_CONTENT;
		if (verify_bad_cleared(job->pack, job->pack->damage))
			job->pack->damage = PACK_WHOLE;
		job->pack->stored = now;
		if (verify->options->tier == VERIFY_CONTENT)
			job->pack->content = now;
	}
	mem_free(job);
	progress.bytes = verify->bytes_read;
	progress.files = verify->packs_read;
	progress_update(&progress);
	if (now - reading->saved > SAVE_AFTER) {
		(void)verify_bad_save(verify);
		(void)verify_ledger_save(verify); /* said once, at the end, if it still cannot be written */
		reading->saved = now;
	}
}

static enum err submit(struct reading *reading, struct verify_pack *pack)
{
	struct pack_job *job;

	while (reading->jobs >= 2 * (size_t)pool_workers(reading->pool))
		finish_oldest(reading);
	job = mem_calloc(1, sizeof(*job));
	if (!job)
		return ERR_NOMEM;
	job->job.run = run_pack;
	job->reading = reading;
	job->pack = pack;
	if (reading->first)
		reading->last->next = job;
	else
		reading->first = job;
	reading->last = job;
	reading->jobs++;
	pool_submit(reading->pool, &job->job);
	return ERR_OK;
}

static int by_age(const void *a, const void *b, void *context)
{
	const struct verify_pack *one = *(const struct verify_pack *const *)a;
	const struct verify_pack *two = *(const struct verify_pack *const *)b;
	int64_t first = last_read(context, one), second = last_read(context, two);

	if (first != second)
		return first < second ? -1 : 1;
	return memcmp(one->id, two->id, OBJECT_ID_SIZE);
}

/* Oldest first; the budget decides how many. One is always read: a budget smaller than a pack would never get anywhere. */
static enum err choose(struct reading *reading)
{
	struct verify *verify = reading->verify;
	uint64_t budget = verify->options->budget;
	size_t count = 0;

	reading->order = mem_calloc(verify->packs.count, sizeof(*reading->order));
	if (!reading->order)
		return ERR_NOMEM;
	for (size_t i = 0; i < verify->packs.count; i++)
		if (verify->packs.items[i].present && !verify->packs.items[i].finding)
			reading->order[count++] = &verify->packs.items[i];
	qsort_r(reading->order, count, sizeof(*reading->order), by_age, verify);
	while (reading->count < count) {
		uint64_t size = reading->order[reading->count]->size;

		if (budget && reading->count && reading->total + size > budget)
			break;
		reading->total += size;
		reading->count++;
	}
	return ERR_OK;
}

enum err verify_read_packs(struct verify *verify)
{
	unsigned threads = verify->options->threads ? verify->options->threads : thread_processors();
	struct reading reading = {.verify = verify, .saved = clock_now()};
	enum err err = choose(&reading);

	if (err == ERR_OK) {
		reading.buffers = mem_calloc(threads, sizeof(*reading.buffers));
		err = reading.buffers ? pool_new(&reading.pool, "verify", threads, threads) : ERR_NOMEM;
	}
	for (size_t i = 0; i < reading.count && err == ERR_OK && !verify->stop && !interrupt_requested(); i++)
		err = submit(&reading, reading.order[i]);
	while (reading.first)
		finish_oldest(&reading);
	if (err == ERR_OK && verify->stop)
		err = fail(PL_NO_MEMORY, "no memory left to verify packs");
	pool_free(reading.pool);
	for (unsigned i = 0; reading.buffers && i < threads; i++)
		buffer_free(&reading.buffers[i]);
	mem_free(reading.buffers);
	mem_free(reading.order);
	return err;
}
