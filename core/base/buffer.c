#include "core/base/buffer.h"
#include "core/base/mem.h"

#include <stdarg.h>
#include <stdio.h>

#define BUFFER_FIRST 256 /* bytes of a buffer's first allocation */

void buffer_free(struct buffer *buffer)
{
	mem_free(buffer->data);
	*buffer = (struct buffer){0};
}

void buffer_clear(struct buffer *buffer)
{
	buffer->length = 0;
}

enum err buffer_reserve(struct buffer *buffer, size_t more)
{
	size_t need, capacity;
	uint8_t *data;

	if (__builtin_add_overflow(buffer->length, more, &need))
		return fail(PL_NO_MEMORY, "a buffer of more than the address space");
	if (need <= buffer->capacity)
		return ERR_OK;
	capacity = buffer->capacity ? buffer->capacity : BUFFER_FIRST;
	while (capacity < need)
		capacity = capacity > SIZE_MAX / 2 ? need : capacity * 2;
	data = mem_resize(buffer->data, capacity, 1);
	if (!data)
		return ERR_NOMEM;
	buffer->data = data;
	buffer->capacity = capacity;
	return ERR_OK;
}

enum err buffer_append(struct buffer *buffer, const void *bytes, size_t size)
{
	enum err err = buffer_reserve(buffer, size);

	if (err != ERR_OK)
		return err;
	if (size)
		memcpy(buffer->data + buffer->length, bytes, size);
	buffer->length += size;
	return ERR_OK;
}

enum err buffer_append_u8(struct buffer *buffer, uint8_t value)
{
	return buffer_append(buffer, &value, 1);
}

enum err buffer_append_u16(struct buffer *buffer, uint16_t value)
{
	uint8_t bytes[2];

	store_u16(bytes, value);
	return buffer_append(buffer, bytes, sizeof(bytes));
}

enum err buffer_append_u32(struct buffer *buffer, uint32_t value)
{
	uint8_t bytes[4];

	store_u32(bytes, value);
	return buffer_append(buffer, bytes, sizeof(bytes));
}

enum err buffer_append_u64(struct buffer *buffer, uint64_t value)
{
	uint8_t bytes[8];

	store_u64(bytes, value);
	return buffer_append(buffer, bytes, sizeof(bytes));
}

enum err buffer_append_varint(struct buffer *buffer, uint64_t value)
{
	uint8_t bytes[VARINT_MAX];

	return buffer_append(buffer, bytes, (size_t)(varint_put(bytes, value) - bytes));
}

enum err buffer_append_zigzag(struct buffer *buffer, int64_t value)
{
	uint8_t bytes[VARINT_MAX];

	return buffer_append(buffer, bytes, (size_t)(zigzag_put(bytes, value) - bytes));
}

enum err buffer_append_text(struct buffer *buffer, const char *format, ...)
{
	va_list arguments;
	enum err err;
	int length;

	va_start(arguments, format);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0)
		return fail(PL_NO_MEMORY, "a text cannot be formatted");
	err = buffer_reserve(buffer, (size_t)length + 1);
	if (err != ERR_OK)
		return err;
	va_start(arguments, format);
	vsnprintf((char *)buffer->data + buffer->length, (size_t)length + 1, format, arguments);
	va_end(arguments);
	buffer->length += (size_t)length;
	return ERR_OK;
}

void buffer_swap(struct buffer *a, struct buffer *b)
{
	struct buffer kept = *a;

	*a = *b;
	*b = kept;
}

uint8_t *varint_put(uint8_t *out, uint64_t value)
{
	while (value >= 0x80) {
		*out++ = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	*out++ = (uint8_t)value;
	return out;
}

uint8_t *zigzag_put(uint8_t *out, int64_t value)
{
	return varint_put(out, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

struct cursor cursor_of(const void *bytes, size_t size)
{
	/* NULL with size 0 is an empty part; adding 0 to NULL is undefined. */
	return (struct cursor){.at = bytes, .end = size ? (const uint8_t *)bytes + size : bytes, .bad = false};
}

size_t cursor_left(const struct cursor *cursor)
{
	return (size_t)(cursor->end - cursor->at);
}

bool cursor_bytes(struct cursor *cursor, const uint8_t **out, size_t size)
{
	if (cursor->bad || cursor_left(cursor) < size) {
		cursor->bad = true;
		return false;
	}
	*out = cursor->at;
	cursor->at += size;
	return true;
}

bool cursor_copy(struct cursor *cursor, void *out, size_t size)
{
	const uint8_t *bytes;

	if (!cursor_bytes(cursor, &bytes, size)) {
		memset(out, 0, size);
		return false;
	}
	memcpy(out, bytes, size);
	return true;
}

bool cursor_u8(struct cursor *cursor, uint8_t *out)
{
	return cursor_copy(cursor, out, 1);
}

bool cursor_u16(struct cursor *cursor, uint16_t *out)
{
	uint8_t bytes[2];
	bool good = cursor_copy(cursor, bytes, sizeof(bytes));

	*out = load_u16(bytes);
	return good;
}

bool cursor_u32(struct cursor *cursor, uint32_t *out)
{
	uint8_t bytes[4];
	bool good = cursor_copy(cursor, bytes, sizeof(bytes));

	*out = load_u32(bytes);
	return good;
}

bool cursor_u64(struct cursor *cursor, uint64_t *out)
{
	uint8_t bytes[8];
	bool good = cursor_copy(cursor, bytes, sizeof(bytes));

	*out = load_u64(bytes);
	return good;
}

bool cursor_varint(struct cursor *cursor, uint64_t *out)
{
	uint64_t value = 0;

	*out = 0;
	for (unsigned shift = 0; !cursor->bad && cursor->at < cursor->end && shift < 64; shift += 7) {
		uint8_t byte = *cursor->at++;

		/* The tenth group has one bit left; a last group of zero would be a second spelling. */
		if ((shift == 63 && byte > 1) || (shift > 0 && byte == 0))
			break;
		value |= (uint64_t)(byte & 0x7F) << shift;
		if (byte < 0x80) {
			*out = value;
			return true;
		}
	}
	cursor->bad = true;
	return false;
}

bool cursor_zigzag(struct cursor *cursor, int64_t *out)
{
	uint64_t value;
	bool good = cursor_varint(cursor, &value);

	*out = (int64_t)((value >> 1) ^ (0 - (value & 1)));
	return good;
}

uint16_t load_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

uint32_t load_u32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

uint64_t load_u64(const uint8_t *at)
{
	return (uint64_t)load_u32(at) | (uint64_t)load_u32(at + 4) << 32;
}

void store_u16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

void store_u32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

void store_u64(uint8_t *at, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

char *hex_encode(char *out, const void *bytes, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *at = bytes;

	for (size_t i = 0; i < size; i++) {
		out[2 * i] = digits[at[i] >> 4];
		out[2 * i + 1] = digits[at[i] & 15];
	}
	out[2 * size] = '\0';
	return out;
}

static int digit_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	return -1;
}

bool hex_decode(void *out, size_t size, const char *text)
{
	uint8_t *at = out;

	for (size_t i = 0; i < size; i++) {
		int high = digit_value(text[2 * i]);
		int low = high < 0 ? -1 : digit_value(text[2 * i + 1]);

		if (low < 0)
			return false;
		at[i] = (uint8_t)(high << 4 | low);
	}
	return text[2 * size] == '\0';
}
