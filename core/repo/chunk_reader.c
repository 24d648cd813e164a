#include "core/repo/chunk_reader.h"

#include <pthread.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/chunk/hasher.h"
#include "core/repo/object.h"
#include "core/repo/pack_cache.h"

#define FRAMES_MIN 4u
#define SHORT_ID 8	/* bytes of an id in a message */
#define COPIES_NOTED 64 /* of one chunk: which of them were tried already */

enum frame_state { FRAME_LOADING, FRAME_READY, FRAME_FAILED };

/* An opened frame. In the list of the reader, the latest used first, until it failed; then whoever unpins it last frees it. */
struct cached_frame {
	struct cached_frame *next;
	struct index_location
	    place; /* what the index said of it, right or wrong; that of the chunk in it does not count */
	enum frame_state state;
	size_t pins; /* views, the loader, and those who wait for it */
	uint8_t *raw;
};

/* What one thread needs at a time. */
struct reader_context {
	struct reader_context *next;
	struct hmac *hasher;
	struct frame_decompressor *decompressor;
	struct pack_key *key; /* secret memory */
	struct buffer sealed;
};

struct chunk_reader {
	struct target *target;
	const struct keys *keys;
	const struct domain_keys *domain;
	struct index *index;
	struct pack_cache *packs;
	size_t frames_max;
	pthread_mutex_t lock;	/* of all that follows */
	pthread_cond_t settled; /* a frame is ready, or failed */
	struct cached_frame *frames;
	size_t frames_count;
	struct reader_context *idle;
};

/* ---- contexts ---- */

static void context_free(struct reader_context *context)
{
	if (!context)
		return;
	hasher_free(context->hasher);
	frame_decompressor_free(context->decompressor);
	secret_free(context->key, sizeof(*context->key));
	buffer_free(&context->sealed);
	mem_free(context);
}

static enum err context_new(struct chunk_reader *reader, struct reader_context **out)
{
	struct reader_context *context = mem_calloc(1, sizeof(*context));
	enum err err;

	if (!context)
		return ERR_NOMEM;
	err = hasher_new(&context->hasher, reader->domain->id_key);
	if (err == ERR_OK)
		err = frame_decompressor_new(&context->decompressor);
	if (err == ERR_OK && !(context->key = secret_new(sizeof(*context->key))))
		err = ERR_NOMEM;
	if (err != ERR_OK) {
		context_free(context);
		return err;
	}
	*out = context;
	return ERR_OK;
}

static enum err context_take(struct chunk_reader *reader, struct reader_context **out)
{
	struct reader_context *context;

	pthread_mutex_lock(&reader->lock);
	context = reader->idle;
	if (context)
		reader->idle = context->next;
	pthread_mutex_unlock(&reader->lock);
	*out = context;
	return context ? ERR_OK : context_new(reader, out);
}

static void context_give(struct chunk_reader *reader, struct reader_context *context)
{
	if (!context)
		return;
	pthread_mutex_lock(&reader->lock);
	context->next = reader->idle;
	reader->idle = context;
	pthread_mutex_unlock(&reader->lock);
}

/* ---- pack keys ---- */

/* To a snapshot that needs it, a pack that is not there is damage. */
static enum err read_pack(struct chunk_reader *reader, const char *name, uint64_t offset, void *out, size_t size)
{
	enum err err = target_read(reader->target, name, offset, out, size);

	if (err != ERR_MISSING)
		return err;
	return fail(PL_PACK_MISSING, "%s is not in %s", name, reader->target->url);
}

static enum err pack_key_of(
    struct chunk_reader *reader, const uint8_t pack[OBJECT_ID_SIZE], const char *name, struct pack_key *out)
{
	uint8_t header[PACK_HEADER_SIZE];
	enum err err;

	if (pack_cache_key(reader->packs, pack, out))
		return ERR_OK;
	err = read_pack(reader, name, 0, header, sizeof(header));
	if (err != ERR_OK)
		return err;
	err = pack_key_from_header(out, reader->keys, header);
	if (err != ERR_OK)
		return fail_context(err, "%s", name);
	pack_cache_keep_key(reader->packs, pack, out);
	return ERR_OK;
}

/* ---- frames ---- */

static void frame_free(struct cached_frame *frame)
{
	if (!frame)
		return;
	mem_free(frame->raw);
	mem_free(frame);
}

/* Takes the frame out of the list; under the lock. */
static void unlink_frame(struct chunk_reader *reader, struct cached_frame *frame)
{
	struct cached_frame **at = &reader->frames;

	while (*at != frame)
		at = &(*at)->next;
	*at = frame->next;
	reader->frames_count--;
}

static void link_first(struct chunk_reader *reader, struct cached_frame *frame)
{
	frame->next = reader->frames;
	reader->frames = frame;
	reader->frames_count++;
}

/* No seal covers the codec and the raw size: an index object that lies about them opens the frame to something else, which must not stand for
 * what the others say. */
static bool same_frame(const struct index_location *a, const struct index_location *b)
{
	return a->frame == b->frame && memcmp(a->pack, b->pack, OBJECT_ID_SIZE) == 0 &&
	    a->frame_offset == b->frame_offset && a->stored_size == b->stored_size && a->raw_size == b->raw_size &&
	    a->codec == b->codec;
}

static struct cached_frame *find_frame(struct chunk_reader *reader, const struct index_location *location)
{
	struct cached_frame *frame = reader->frames;

	while (frame && !same_frame(&frame->place, location))
		frame = frame->next;
	return frame;
}

/* A frame to load into, not in the list: the one that was not used for longest, or a new one while there is room or all
 * others are in use; under the lock. */
static struct cached_frame *spare_frame(struct chunk_reader *reader)
{
	struct cached_frame *frame = NULL;

	if (reader->frames_count >= reader->frames_max)
		for (struct cached_frame *at = reader->frames; at; at = at->next)
			if (at->pins == 0)
				frame = at;
	if (frame) {
		unlink_frame(reader, frame);
		return frame;
	}
	frame = mem_calloc(1, sizeof(*frame));
	/* A whole frame's room, so that it can be used again; pages that are not needed cost nothing. */
	if (frame && !(frame->raw = mem_alloc(FRAME_RAW_MAX))) {
		mem_free(frame);
		return NULL;
	}
	return frame;
}

/* Drops one pin; under the lock. */
static void unpin(struct chunk_reader *reader, struct cached_frame *frame)
{
	if (--frame->pins > 0)
		return;
	if (frame->state == FRAME_FAILED) {
		frame_free(frame);
	} else if (reader->frames_count > reader->frames_max) {
		unlink_frame(reader, frame);
		frame_free(frame);
	}
}

static enum err load(struct chunk_reader *reader, struct reader_context *context, const struct index_location *location,
    struct cached_frame *frame)
{
	struct object_name name = object_pack(location->pack);
	size_t sealed_size = (size_t)location->stored_size + TAG_SIZE;
	enum err err;

	if (location->stored_size > FRAME_RAW_MAX || location->raw_size > FRAME_RAW_MAX)
		return fail(PL_INDEX_BROKEN, "%s: the index says %u stored and %u raw bytes of frame %u", name.text,
		    location->stored_size, location->raw_size, location->frame);
	err = pack_key_of(reader, location->pack, name.text, context->key);
	if (err != ERR_OK)
		return err;
	buffer_clear(&context->sealed);
	err = buffer_reserve(&context->sealed, sealed_size);
	if (err == ERR_OK)
		err = read_pack(reader, name.text, location->frame_offset, context->sealed.data, sealed_size);
	if (err != ERR_OK)
		return err;
	err = pack_open_frame(context->key, context->decompressor, location->frame, location->codec,
	    context->sealed.data, location->stored_size, frame->raw, location->raw_size);
	return err == ERR_OK ? ERR_OK : fail_context(err, "%s", name.text);
}

/* Loads the frame without the lock, which is held before and after; others who want it wait meanwhile. */
static enum err load_unlocked(struct chunk_reader *reader, struct reader_context *context,
    const struct index_location *location, struct cached_frame *frame)
{
	enum err err;

	frame->place = *location;
	frame->state = FRAME_LOADING;
	frame->pins = 1;
	link_first(reader, frame);
	pthread_mutex_unlock(&reader->lock);
	err = load(reader, context, location, frame);
	pthread_mutex_lock(&reader->lock);
	frame->state = err == ERR_OK ? FRAME_READY : FRAME_FAILED;
	if (err != ERR_OK) {
		unlink_frame(reader, frame);
		unpin(reader, frame);
	}
	pthread_cond_broadcast(&reader->settled);
	return err;
}

/* The frame of the location, pinned. Who waited for a frame that then failed tries itself: it needs a message of its own. */
static enum err get_frame(struct chunk_reader *reader, struct reader_context *context,
    const struct index_location *location, struct cached_frame **out)
{
	struct cached_frame *frame;
	enum err err = ERR_OK;

	pthread_mutex_lock(&reader->lock);
	while ((frame = find_frame(reader, location)) != NULL) {
		frame->pins++;
		while (frame->state == FRAME_LOADING)
			pthread_cond_wait(&reader->settled, &reader->lock);
		if (frame->state == FRAME_READY) {
			unlink_frame(reader, frame);
			link_first(reader, frame);
			break;
		}
		unpin(reader, frame);
	}
	if (!frame) {
		frame = spare_frame(reader);
		err = frame ? load_unlocked(reader, context, location, frame) : ERR_NOMEM;
	}
	pthread_mutex_unlock(&reader->lock);
	if (err == ERR_OK)
		*out = frame;
	return err;
}

static void release_frame(struct chunk_reader *reader, struct cached_frame *frame)
{
	pthread_mutex_lock(&reader->lock);
	unpin(reader, frame);
	pthread_mutex_unlock(&reader->lock);
}

/* ---- the interface ---- */

enum err chunk_reader_new(struct chunk_reader **out, struct target *target, const struct keys *keys,
    const struct domain_keys *domain, struct index *index, size_t frames)
{
	struct chunk_reader *reader;
	enum err err;

	*out = NULL;
	if (!keys->full)
		return fail(PL_KEY_FULL, "chunks can be read with the full key only");
	reader = mem_calloc(1, sizeof(*reader));
	if (!reader)
		return ERR_NOMEM;
	pthread_mutex_init(&reader->lock, NULL);
	pthread_cond_init(&reader->settled, NULL);
	reader->target = target;
	reader->keys = keys;
	reader->domain = domain;
	reader->index = index;
	reader->frames_max = frames < FRAMES_MIN ? FRAMES_MIN : frames;
	err = pack_cache_new(&reader->packs);
	if (err != ERR_OK) {
		chunk_reader_free(reader);
		return err;
	}
	*out = reader;
	return ERR_OK;
}

void chunk_reader_free(struct chunk_reader *reader)
{
	if (!reader)
		return;
	while (reader->frames) {
		struct cached_frame *next = reader->frames->next;

		frame_free(reader->frames);
		reader->frames = next;
	}
	while (reader->idle) {
		struct reader_context *next = reader->idle->next;

		context_free(reader->idle);
		reader->idle = next;
	}
	pack_cache_free(reader->packs);
	pthread_cond_destroy(&reader->settled);
	pthread_mutex_destroy(&reader->lock);
	mem_free(reader);
}

static enum err check_chunk(struct reader_context *context, enum chunk_type type, const uint8_t id[CHUNK_ID_SIZE],
    const struct index_location *location, const struct cached_frame *frame)
{
	uint32_t raw_size = frame->place.raw_size;
	uint8_t found[CHUNK_ID_SIZE];
	enum err err;

	if (location->offset > raw_size || location->length > raw_size - location->offset)
		return fail(PL_INDEX_BROKEN, "%s frame %u: the index puts %u bytes at %u of %u",
		    object_pack(location->pack).text, location->frame, location->length, location->offset, raw_size);
	err = hasher_id(context->hasher, type, frame->raw + location->offset, location->length, found);
	if (err == ERR_OK && !crypto_equal(found, id, sizeof(found)))
		err = fail(PL_CHUNK_BROKEN, "%s frame %u: %u bytes have another id", object_pack(location->pack).text,
		    location->frame, location->length);
	return err;
}

static enum err get(struct chunk_reader *reader, enum chunk_type type, const uint8_t id[CHUNK_ID_SIZE],
    const struct index_location *location, struct chunk_view *out)
{
	struct reader_context *context = NULL;
	struct cached_frame *frame = NULL;
	enum err err = context_take(reader, &context);

	if (err == ERR_OK)
		err = get_frame(reader, context, location, &frame);
	if (err == ERR_OK)
		err = check_chunk(context, type, id, location, frame);
	context_give(reader, context);
	if (err == ERR_OK)
		*out = (struct chunk_view){
		    .bytes = frame->raw + location->offset, .length = location->length, .frame = frame};
	else if (frame)
		release_frame(reader, frame);
	return err;
}

/* Reads the chunk from any pack that gives it: one that is lost or damaged may have been stored again. What is wrong with the first copy is the
 * failure where all of them fail. */
static enum err get_any(
    struct chunk_reader *reader, enum chunk_type type, const uint8_t id[CHUNK_ID_SIZE], struct chunk_view *out)
{
	struct failure first = {.kind = ERR_OK};
	uint64_t tried = 0;

	/* Packs that failed before come last, else each chunk of a lost one would ask for it again. */
	for (int last = 0; last < 2; last++) {
		/* However many there are: whoever has a backup key of the domain can name places where the chunk is not. */
		for (size_t copy = 0;; copy++) {
			struct index_location location;
			uint64_t note = copy < COPIES_NOTED ? UINT64_C(1) << copy : 0;
			enum err err = index_find_copy(reader->index, id, copy, &location);

			if (err == ERR_MISSING)
				break;
			if (err != ERR_OK)
				return err;
			if (interrupt_requested())
				return fail(PL_INTERRUPTED, "interrupted");
			if (tried & note || (!last && pack_cache_doubted(reader->packs, location.pack)))
				continue;
			tried |= note;
			err = get(reader, type, id, &location, out);
			if (err == ERR_OK || err == ERR_NOMEM || err == ERR_INTERRUPTED)
				return err;
			pack_cache_doubt(reader->packs, location.pack);
			if (first.kind == ERR_OK)
				failure_take(&first);
		}
	}
	return first.kind != ERR_OK ? failure_put(&first) : fail(PL_CHUNK_LOST, "it is in no index");
}

enum err chunk_reader_get(
    struct chunk_reader *reader, enum chunk_type type, const uint8_t id[CHUNK_ID_SIZE], struct chunk_view *out)
{
	char text[2 * SHORT_ID + 1];
	enum err err;

	*out = (struct chunk_view){0};
	err = get_any(reader, type, id, out);
	return err == ERR_OK ? ERR_OK : fail_context(err, "chunk %s", hex_encode(text, id, SHORT_ID));
}

void chunk_release(struct chunk_reader *reader, struct chunk_view *view)
{
	if (view->frame)
		release_frame(reader, view->frame);
	*view = (struct chunk_view){0};
}

enum err chunk_reader_fetch(void *context, enum chunk_type type, const uint8_t id[CHUNK_ID_SIZE], struct buffer *out)
{
	struct chunk_reader *reader = context;
	struct chunk_view view;
	enum err err = chunk_reader_get(reader, type, id, &view);

	if (err != ERR_OK)
		return err;
	buffer_clear(out);
	err = buffer_append(out, view.bytes, view.length);
	chunk_release(reader, &view);
	return err;
}
