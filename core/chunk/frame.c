#include "core/chunk/frame.h"

#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "core/base/mem.h"
#include "core/repo/limits.h"

/* The cheap test, in two steps. First the bytes of samples are counted: text, code, records, numbers give themselves away at
 * once and are compressed. What looks uniform (random, encrypted, compressed already) is compressed by the fastest method,
 * which finds repetitions over the whole frame at several GB/s; only where that gains nothing is the frame stored. */
#define PROBE_MIN (64u << 10) /* bytes; for less the test costs as much as it saves */
#define SAMPLES 64
#define SAMPLE_SIZE 512u
/* Sum of the squared counts of a sample's byte values: n + n²/256 = 1536 for random bytes, with a deviation of 45. Above this
 * bound, Huffman coding alone would gain 5 %. */
#define SAMPLE_UNIFORM 1920u
#define PROBE_LEVEL 1
#define PROBE_GAIN(size) ((size) / 64) /* bytes that the probe must save */

struct frame_compressor {
	ZSTD_CCtx *context;
	ZSTD_CCtx *probe;
	struct buffer scratch; /* what the probe writes */
};

static ZSTD_CCtx *context_new(int level)
{
	ZSTD_CCtx *context = ZSTD_createCCtx();

	/* The pack's directory knows the sizes and its tags protect the bytes. */
	if (context && !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)) &&
	    !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0)) &&
	    !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 0)) &&
	    !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_dictIDFlag, 0)))
		return context;
	ZSTD_freeCCtx(context);
	return NULL;
}

enum err frame_compressor_new(struct frame_compressor **out, int level)
{
	struct frame_compressor *compressor = mem_calloc(1, sizeof(*compressor));

	*out = NULL;
	if (!compressor)
		return ERR_NOMEM;
	compressor->context = context_new(level);
	compressor->probe = context_new(PROBE_LEVEL);
	if (!compressor->context || !compressor->probe) {
		frame_compressor_free(compressor);
		return fail(PL_NO_MEMORY, "no memory for a compressor");
	}
	*out = compressor;
	return ERR_OK;
}

void frame_compressor_free(struct frame_compressor *compressor)
{
	if (!compressor)
		return;
	ZSTD_freeCCtx(compressor->context);
	ZSTD_freeCCtx(compressor->probe);
	buffer_free(&compressor->scratch);
	mem_free(compressor);
}

static bool sample_uniform(const uint8_t *sample)
{
	uint16_t counts[256] = {0};
	uint32_t sum = 0;

	for (size_t i = 0; i < SAMPLE_SIZE; i++)
		counts[sample[i]]++;
	for (size_t i = 0; i < 256; i++)
		sum += (uint32_t)counts[i] * counts[i];
	return sum <= SAMPLE_UNIFORM;
}

static bool looks_uniform(const uint8_t *raw, size_t size)
{
	size_t stride = (size - SAMPLE_SIZE) / (SAMPLES - 1);

	for (size_t i = 0; i < SAMPLES; i++)
		if (!sample_uniform(raw + i * stride))
			return false;
	return true;
}

/* Compresses into at most `limit` bytes; out->length is 0 where they do not suffice. */
static enum err compress_within(ZSTD_CCtx *context, const void *raw, size_t size, size_t limit, struct buffer *out)
{
	size_t written;
	enum err err;

	buffer_clear(out);
	err = buffer_reserve(out, limit);
	if (err != ERR_OK)
		return err;
	written = ZSTD_compress2(context, out->data, limit, raw, size);
	if (!ZSTD_isError(written))
		out->length = written;
	else if (ZSTD_getErrorCode(written) == ZSTD_error_memory_allocation)
		return fail(PL_NO_MEMORY, "no memory to compress a frame");
	return ERR_OK;
}

enum err frame_compress(
    struct frame_compressor *compressor, const void *raw, size_t size, struct buffer *out, uint8_t *codec)
{
	enum err err = ERR_OK;

	buffer_clear(out);
	*codec = CODEC_STORED;
	if (size < 2)
		return ERR_OK;
	if (size >= PROBE_MIN && looks_uniform(raw, size)) {
		err = compress_within(compressor->probe, raw, size, size - PROBE_GAIN(size), &compressor->scratch);
		if (err != ERR_OK || compressor->scratch.length == 0)
			return err;
	}
	err = compress_within(compressor->context, raw, size, size - 1, out);
	if (err == ERR_OK && out->length > 0)
		*codec = CODEC_ZSTD;
	return err;
}

struct frame_decompressor {
	ZSTD_DCtx *context;
};

enum err frame_decompressor_new(struct frame_decompressor **out)
{
	struct frame_decompressor *decompressor = mem_calloc(1, sizeof(*decompressor));

	*out = NULL;
	if (!decompressor)
		return ERR_NOMEM;
	decompressor->context = ZSTD_createDCtx();
	if (!decompressor->context) {
		frame_decompressor_free(decompressor);
		return fail(PL_NO_MEMORY, "no memory for a decompressor");
	}
	*out = decompressor;
	return ERR_OK;
}

void frame_decompressor_free(struct frame_decompressor *decompressor)
{
	if (!decompressor)
		return;
	ZSTD_freeDCtx(decompressor->context);
	mem_free(decompressor);
}

/* RFC 8878, section 3.1.1: magic number, a descriptor that is 0 in frames as they are written here (no content size, no
 * checksum, no dictionary), and the window: 5 bits exponent, 3 bits mantissa. */
#define ZSTD_HEADER_SIZE 6u
#define ZSTD_WINDOW_LOG_MIN 10

static enum err check_header(const uint8_t *stored, size_t size)
{
	uint64_t base;

	if (size < ZSTD_HEADER_SIZE || load_u32(stored) != ZSTD_MAGICNUMBER)
		return fail(PL_FRAME_BROKEN, "a frame of %zu bytes is no zstd frame", size);
	if (stored[4] != 0)
		return fail(PL_FRAME_BROKEN, "a frame has the zstd descriptor 0x%02x instead of 0", stored[4]);
	base = UINT64_C(1) << (ZSTD_WINDOW_LOG_MIN + (stored[5] >> 3));
	if (base + base / 8 * (stored[5] & 7) > FRAME_RAW_MAX)
		return fail(PL_FRAME_BROKEN, "a frame asks for a window of more than %u bytes", FRAME_RAW_MAX);
	if (ZSTD_findFrameCompressedSize(stored, size) != size)
		return fail(PL_FRAME_BROKEN, "a frame of %zu bytes is not one whole zstd frame", size);
	return ERR_OK;
}

static enum err decompress(
    struct frame_decompressor *decompressor, const void *stored, size_t stored_size, void *raw, size_t raw_size)
{
	enum err err = check_header(stored, stored_size);
	size_t written;

	if (err != ERR_OK)
		return err;
	written = ZSTD_decompressDCtx(decompressor->context, raw, raw_size, stored, stored_size);
	if (ZSTD_isError(written))
		return fail(PL_FRAME_BROKEN, "a frame does not decompress: %s", ZSTD_getErrorName(written));
	if (written != raw_size)
		return fail(PL_FRAME_BROKEN, "a frame decompresses to %zu bytes instead of %zu", written, raw_size);
	return ERR_OK;
}

enum err frame_decompress(struct frame_decompressor *decompressor, uint8_t codec, const void *stored,
    size_t stored_size, void *raw, size_t raw_size)
{
	if (raw_size > FRAME_RAW_MAX)
		return fail(
		    PL_FRAME_BROKEN, "a frame of %zu bytes: no frame has more than %u", raw_size, FRAME_RAW_MAX);
	switch (codec) {
	case CODEC_STORED:
		if (stored_size != raw_size)
			return fail(
			    PL_FRAME_BROKEN, "a stored frame has %zu bytes instead of %zu", stored_size, raw_size);
		memcpy(raw, stored, raw_size);
		return ERR_OK;
	case CODEC_ZSTD:
		return decompress(decompressor, stored, stored_size, raw, raw_size);
	default:
		return fail(PL_CODEC, "a frame has the codec %u", codec);
	}
}
