/* Frames: chunks laid one behind the other, compressed together. Compression only; sealing is the pack's. */
#ifndef PULIH_CHUNK_FRAME_H
#define PULIH_CHUNK_FRAME_H

#include "core/base/buffer.h"
#include "core/base/error.h"

/* Numbers are in files. */
enum codec { CODEC_STORED = 0, CODEC_ZSTD = 1 };

#define FRAME_LEVEL_DEFAULT 3

/* One per thread. */
struct frame_compressor;
enum err frame_compressor_new(struct frame_compressor **out, int level);
void frame_compressor_free(struct frame_compressor *compressor);
/* Replaces the contents of `out` by the compressed bytes and sets *codec CODEC_ZSTD; where they would not be smaller
 * (or a cheap test of samples says so), *codec is CODEC_STORED, `out` is left empty, and the raw bytes are to be stored. */
enum err frame_compress(
    struct frame_compressor *compressor, const void *raw, size_t size, struct buffer *out, uint8_t *codec);

struct frame_decompressor;
enum err frame_decompressor_new(struct frame_decompressor **out);
void frame_decompressor_free(struct frame_decompressor *decompressor);
/* Fills exactly raw_size bytes (at most FRAME_RAW_MAX, checked) at `raw`; anything else is PL_FRAME_BROKEN (ERR_CORRUPT). Unknown
 * codecs are PL_CODEC (ERR_UNSUPPORTED). The window is capped at FRAME_RAW_MAX; only a
 * single zstd frame without content size, checksum and dictionary is taken, as frame_compress() makes it. */
enum err frame_decompress(struct frame_decompressor *decompressor, uint8_t codec, const void *stored,
    size_t stored_size, void *raw, size_t raw_size);

#endif
