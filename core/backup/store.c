#include "core/backup/store_internal.h"

#include "core/base/mem.h"

/* Frames between the caller and the compressors: enough that nobody waits, little enough for the memory promise. */
#define STORE_FRAMES(threads) ((threads) + 1u)
/* Closed packs at a time: one is sealed, one written and read back, one checked while the next is filled. */
#define STORE_PACKS 3u
#define STORE_CHUNKS_FIRST 256u

struct store {
	struct store_options options;
	struct pool *pool;
	struct pack_sender *sender;
	struct hmac *hasher;		       /* of the caller's thread */
	struct frame_compressor **compressors; /* one per worker */
	struct lane data, metadata;
	struct frame_unit *spare;		  /* frames to be used again */
	struct buffer spare_pack;		  /* memory of a pack, to be used again */
	struct pack_unit *first_pack, *last_pack; /* on their way, in order */
	size_t packs_out;
	struct store_totals totals;
	struct failure failure; /* the first; kept */
};

/* ---- frames ---- */

static void frame_free(struct frame_unit *frame)
{
	if (!frame)
		return;
	buffer_free(&frame->stored);
	mem_free(frame->chunks);
	mem_free(frame->raw);
	mem_free(frame);
}

static void compress_frame(struct pool_job *job, unsigned worker)
{
	struct frame_unit *frame = (struct frame_unit *)job;

	if (frame_compress(frame->store->compressors[worker], frame->raw, frame->raw_size, &frame->stored,
		&frame->codec) != ERR_OK)
		failure_take(&frame->failure);
}

static enum err take_frame(struct store *store, struct frame_unit **out)
{
	struct frame_unit *frame = store->spare;

	if (frame) {
		store->spare = frame->next;
	} else {
		frame = mem_calloc(1, sizeof(*frame));
		if (!frame || !(frame->raw = mem_alloc(FRAME_RAW_MAX))) {
			mem_free(frame);
			return ERR_NOMEM;
		}
	}
	frame->store = store;
	frame->job.run = compress_frame;
	frame->next = NULL;
	frame->raw_size = 0;
	frame->chunks_count = 0;
	frame->failure.kind = ERR_OK;
	*out = frame;
	return ERR_OK;
}

static enum err frame_append(
    struct frame_unit *frame, enum chunk_type type, const uint8_t *id, uint64_t sum, const void *bytes, size_t size)
{
	struct pack_chunk *chunk;

	if (frame->chunks_count == frame->chunks_capacity) {
		size_t capacity = frame->chunks_capacity ? 2 * frame->chunks_capacity : STORE_CHUNKS_FIRST;
		struct pack_chunk *chunks = mem_resize(frame->chunks, capacity, sizeof(*chunks));

		if (!chunks)
			return ERR_NOMEM;
		frame->chunks = chunks;
		frame->chunks_capacity = capacity;
	}
	chunk = &frame->chunks[frame->chunks_count++];
	memcpy(chunk->id, id, sizeof(chunk->id));
	chunk->sum = sum;
	chunk->length = (uint32_t)size;
	chunk->type = (uint8_t)type;
	memcpy(frame->raw + frame->raw_size, bytes, size);
	frame->raw_size += size;
	return ERR_OK;
}

/* ---- packs ---- */

static void finish_pack(struct pool_job *job, unsigned worker)
{
	struct pack_unit *unit = (struct pack_unit *)job;

	(void)worker;
	if (pack_writer_finish(unit->writer, unit->padded, &unit->pack) != ERR_OK)
		failure_take(&unit->failure);
}

/* Enters a pack that is stored into the index. */
static enum err enter_pack(struct store *store, struct pack_unit *unit)
{
	struct directory directory = unit->pack->directory;
	enum err err;

	store->totals.packs++;
	store->totals.bytes_stored += unit->pack->size;
	err = index_add_pack(store->options.index, unit->pack->id, unit->pack->size, &directory);
	/* The index took the directory over, or left it: either way the pack no longer owns it. */
	((struct pack *)unit->pack)->directory = directory;
	return err;
}

/* Waits for the oldest pack and enters it into the index. */
static enum err reap_pack(struct store *store)
{
	struct pack_unit *unit = store->first_pack;
	enum err err = pack_sender_wait(store->sender, unit);

	store->first_pack = unit->next;
	if (!store->first_pack)
		store->last_pack = NULL;
	store->packs_out--;
	if (err == ERR_OK)
		err = enter_pack(store, unit);
	pack_writer_free(unit->writer, &store->spare_pack);
	mem_free(unit);
	if (err == ERR_OK) {
		uint64_t written = 0;

		err = index_publish(store->options.index, false, &written);
		store->totals.bytes_stored += written;
	}
	return err;
}

static enum err send_lane_pack(struct store *store, struct lane *lane, bool padded)
{
	struct pack_unit *unit;
	enum err err = ERR_OK;

	while (err == ERR_OK && store->packs_out >= STORE_PACKS)
		err = reap_pack(store);
	if (err != ERR_OK)
		return err;
	unit = mem_calloc(1, sizeof(*unit));
	if (!unit)
		return ERR_NOMEM;
	unit->job.run = finish_pack;
	unit->writer = lane->writer;
	unit->padded = padded;
	lane->writer = NULL;
	if (store->last_pack)
		store->last_pack->next = unit;
	else
		store->first_pack = unit;
	store->last_pack = unit;
	store->packs_out++;
	pool_submit(store->pool, &unit->job);
	pack_sender_submit(store->sender, unit);
	return ERR_OK;
}

/* Puts the oldest compressed frame of the lane into its pack. */
static enum err pack_frame(struct store *store, struct lane *lane)
{
	struct frame_unit *frame = lane->first;
	struct pack_frame packed;
	enum err err = ERR_OK;

	pool_wait(store->pool, &frame->job);
	lane->first = frame->next;
	if (!lane->first)
		lane->last = NULL;
	lane->compressing--;
	if (frame->failure.kind != ERR_OK) {
		err = failure_put(&frame->failure);
		goto done;
	}
	packed = (struct pack_frame){.stored = frame->codec == CODEC_STORED ? frame->raw : frame->stored.data,
	    .stored_size = (uint32_t)(frame->codec == CODEC_STORED ? frame->raw_size : frame->stored.length),
	    .raw_size = (uint32_t)frame->raw_size,
	    .codec = frame->codec,
	    .chunks = frame->chunks,
	    .chunks_count = (uint32_t)frame->chunks_count};
	if (lane->writer && pack_writer_full(lane->writer, packed.stored_size))
		err = send_lane_pack(store, lane, false);
	if (err == ERR_OK && !lane->writer)
		err = pack_writer_new(&lane->writer, store->options.keys, lane->type, &store->spare_pack);
	if (err == ERR_OK)
		err = pack_writer_add(lane->writer, &packed);
done:
	frame->next = store->spare;
	store->spare = frame;
	return err;
}

/* Sends the frame that is being filled to the compressors, and takes in what they have finished. */
static enum err close_frame(struct store *store, struct lane *lane)
{
	struct frame_unit *frame = lane->filling;
	enum err err = ERR_OK;

	lane->filling = NULL;
	if (lane->last)
		lane->last->next = frame;
	else
		lane->first = frame;
	lane->last = frame;
	lane->compressing++;
	pool_submit(store->pool, &frame->job);
	while (err == ERR_OK && lane->first &&
	    (lane->compressing > STORE_FRAMES(store->options.threads) || pool_done(store->pool, &lane->first->job)))
		err = pack_frame(store, lane);
	/* At once, so that what is stored is in the journal, and an interrupted run loses nothing of it. */
	while (err == ERR_OK && store->first_pack && pack_sender_done(store->sender, store->first_pack))
		err = reap_pack(store);
	return err;
}

static enum err flush_lane(struct store *store, struct lane *lane)
{
	enum err err = ERR_OK;

	if (lane->filling)
		err = close_frame(store, lane);
	while (err == ERR_OK && lane->first)
		err = pack_frame(store, lane);
	if (err == ERR_OK && lane->writer)
		err = send_lane_pack(store, lane, true);
	return err;
}

/* ---- the interface ---- */

static enum err keep_failure(struct store *store, enum err err)
{
	if (err != ERR_OK && store->failure.kind == ERR_OK)
		store->failure = *failure_last();
	return err;
}

enum err store_new(struct store **out, const struct store_options *options)
{
	struct store *store = mem_calloc(1, sizeof(*store));
	enum err err;

	*out = NULL;
	if (!store)
		return ERR_NOMEM;
	store->options = *options;
	store->data.type = PACK_DATA;
	store->metadata.type = PACK_METADATA;
	err = pool_new(&store->pool, "pulih-compress", options->threads, STORE_FRAMES(options->threads) + STORE_PACKS);
	if (err != ERR_OK)
		goto done;
	store->compressors = mem_calloc(pool_workers(store->pool), sizeof(*store->compressors));
	if (!store->compressors) {
		err = ERR_NOMEM;
		goto done;
	}
	for (unsigned i = 0; err == ERR_OK && i < pool_workers(store->pool); i++)
		err = frame_compressor_new(&store->compressors[i], options->level);
	if (err == ERR_OK)
		err = hasher_new(&store->hasher, options->keys->domain.id_key);
	if (err == ERR_OK)
		err =
		    pack_sender_new(&store->sender, options->target, store->pool, options->threads > 0, options->rate);
done:
	if (err != ERR_OK) {
		store_free(store);
		return err;
	}
	*out = store;
	return ERR_OK;
}

static void free_lane(struct store *store, struct lane *lane)
{
	frame_free(lane->filling);
	while (lane->first) {
		struct frame_unit *next = lane->first->next;

		pool_wait(store->pool, &lane->first->job);
		frame_free(lane->first);
		lane->first = next;
	}
	pack_writer_free(lane->writer, NULL);
}

/* What was stored before the end came goes into the journal still: the next run need not store it again. */
static void end_packs(struct store *store)
{
	struct failure failure = *failure_last();

	while (store->first_pack) {
		struct pack_unit *unit = store->first_pack;

		store->first_pack = unit->next;
		if (unit->stored && unit->failure.kind == ERR_OK)
			enter_pack(store, unit);
		pack_writer_free(unit->writer, NULL);
		mem_free(unit);
	}
	failure_put(&failure);
}

void store_free(struct store *store)
{
	if (!store)
		return;
	if (store->pool) {
		free_lane(store, &store->data);
		free_lane(store, &store->metadata);
	}
	pack_sender_free(store->sender);
	end_packs(store);
	for (unsigned i = 0; store->compressors && i < pool_workers(store->pool); i++)
		frame_compressor_free(store->compressors[i]);
	pool_free(store->pool);
	mem_free(store->compressors);
	while (store->spare) {
		struct frame_unit *next = store->spare->next;

		frame_free(store->spare);
		store->spare = next;
	}
	buffer_free(&store->spare_pack);
	hasher_free(store->hasher);
	mem_free(store);
}

enum err store_chunk(struct store *store, enum chunk_type type, const uint8_t id[CHUNK_ID_SIZE], uint64_t sum,
    const void *bytes, size_t size)
{
	struct lane *lane = type == CHUNK_DATA ? &store->data : &store->metadata;
	enum err err = ERR_OK;

	if (store->failure.kind != ERR_OK)
		return failure_put(&store->failure);
	store->totals.chunks++;
	if (index_use(store->options.index, id))
		return ERR_OK;
	if (lane->filling && lane->filling->raw_size + size > FRAME_RAW_MAX)
		err = close_frame(store, lane);
	if (err == ERR_OK && !lane->filling)
		err = take_frame(store, &lane->filling);
	if (err == ERR_OK)
		err = index_expect(store->options.index, id);
	if (err == ERR_OK)
		err = frame_append(lane->filling, type, id, sum, bytes, size);
	if (err == ERR_OK) {
		store->totals.chunks_new++;
		store->totals.bytes_new += size;
	}
	return keep_failure(store, err);
}

enum err store_tree_chunk(
    void *context, enum chunk_type type, const void *bytes, size_t size, uint8_t id[CHUNK_ID_SIZE])
{
	struct store *store = context;
	enum err err = hasher_id(store->hasher, type, bytes, size, id);

	return err == ERR_OK ? store_chunk(store, type, id, hasher_sum((uint8_t)type, id, bytes, size), bytes, size)
			     : err;
}

/* Order: packs are durable and read back before the index names them, the index before the caller publishes a snapshot. */
enum err store_flush(struct store *store)
{
	uint64_t written = 0;
	enum err err = ERR_OK;

	if (store->failure.kind != ERR_OK)
		return failure_put(&store->failure);
	err = flush_lane(store, &store->data);
	if (err == ERR_OK)
		err = flush_lane(store, &store->metadata);
	while (err == ERR_OK && store->first_pack)
		err = reap_pack(store);
	if (err == ERR_OK)
		err = index_publish(store->options.index, true, &written);
	store->totals.bytes_stored += written;
	return keep_failure(store, err);
}

struct store_totals store_totals(const struct store *store)
{
	return store->totals;
}
