/* Growing byte buffers, and cursors that read bytes without ever leaving them. Integers are little-endian. */
#ifndef PULIH_BASE_BUFFER_H
#define PULIH_BASE_BUFFER_H

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Starts as {0}; released with buffer_free(). `data` may move whenever the buffer grows. */
struct buffer {
	uint8_t *data;
	size_t length;
	size_t capacity;
};

void buffer_free(struct buffer *buffer);
/* Forgets the contents, keeps the memory. */
void buffer_clear(struct buffer *buffer);
/* Room for `more` bytes behind length. ERR_NOMEM leaves the buffer as it was. */
enum err buffer_reserve(struct buffer *buffer, size_t more);
enum err buffer_append(struct buffer *buffer, const void *bytes, size_t size);
enum err buffer_append_u8(struct buffer *buffer, uint8_t value);
enum err buffer_append_u16(struct buffer *buffer, uint16_t value);
enum err buffer_append_u32(struct buffer *buffer, uint32_t value);
enum err buffer_append_u64(struct buffer *buffer, uint64_t value);
/* LEB128, 1 to 10 bytes. */
enum err buffer_append_varint(struct buffer *buffer, uint64_t value);
/* Zigzag LEB128: small magnitudes of either sign are short. */
enum err buffer_append_zigzag(struct buffer *buffer, int64_t value);
enum err buffer_append_text(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Swaps two buffers: hand over without copying. */
void buffer_swap(struct buffer *a, struct buffer *b);

#define VARINT_MAX 10 /* bytes of the longest varint */
/* Writes a varint at `out`, which has room for VARINT_MAX bytes; returns the byte behind it. */
uint8_t *varint_put(uint8_t *out, uint64_t value);
uint8_t *zigzag_put(uint8_t *out, int64_t value);

/* Reads from [at, end). A read that would pass the end returns false, sets `bad`, and every later read fails too: a
 * parser may read a whole record and test `bad` once. Non-canonical varints (a trailing zero group, over 64 bits) are bad. */
struct cursor {
	const uint8_t *at;
	const uint8_t *end;
	bool bad;
};

struct cursor cursor_of(const void *bytes, size_t size);
size_t cursor_left(const struct cursor *cursor);
bool cursor_u8(struct cursor *cursor, uint8_t *out);
bool cursor_u16(struct cursor *cursor, uint16_t *out);
bool cursor_u32(struct cursor *cursor, uint32_t *out);
bool cursor_u64(struct cursor *cursor, uint64_t *out);
bool cursor_varint(struct cursor *cursor, uint64_t *out);
bool cursor_zigzag(struct cursor *cursor, int64_t *out);
/* *out points into the cursor's memory. */
bool cursor_bytes(struct cursor *cursor, const uint8_t **out, size_t size);
bool cursor_copy(struct cursor *cursor, void *out, size_t size);

uint16_t load_u16(const uint8_t *at);
uint32_t load_u32(const uint8_t *at);
uint64_t load_u64(const uint8_t *at);
void store_u16(uint8_t *at, uint16_t value);
void store_u32(uint8_t *at, uint32_t value);
void store_u64(uint8_t *at, uint64_t value);

/* Lower-case hexadecimal. `out` holds 2 × size + 1 characters and is terminated. Returns out. */
char *hex_encode(char *out, const void *bytes, size_t size);
/* Exactly 2 × size lower-case digits of `text`, which must end there; false otherwise. */
bool hex_decode(void *out, size_t size, const char *text);

#endif
