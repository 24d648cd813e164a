#include "core/ssh/sftp_wire.h"

#include "core/base/clock.h"

#include <sys/stat.h>

/* Flags of attributes, in the order in which their fields follow. */
#define HAS_SIZE UINT32_C(0x00000001)
#define HAS_OWNER UINT32_C(0x00000002)
#define HAS_MODE UINT32_C(0x00000004)
#define HAS_TIMES UINT32_C(0x00000008)
#define HAS_EXTENDED UINT32_C(0x80000000)

struct sftp_wire sftp_wire_of(const void *bytes, size_t size)
{
	return (struct sftp_wire){.at = bytes, .end = (const uint8_t *)bytes + size};
}

size_t sftp_wire_left(const struct sftp_wire *wire)
{
	return wire->bad ? 0 : (size_t)(wire->end - wire->at);
}

static const uint8_t *take(struct sftp_wire *wire, size_t size)
{
	const uint8_t *at = wire->at;

	if (wire->bad || size > (size_t)(wire->end - wire->at)) {
		wire->bad = true;
		return NULL;
	}
	wire->at += size;
	return at;
}

uint32_t sftp_wire_u32(struct sftp_wire *wire)
{
	const uint8_t *at = take(wire, 4);

	return at ? (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3] : 0;
}

uint64_t sftp_wire_u64(struct sftp_wire *wire)
{
	uint64_t high = sftp_wire_u32(wire);

	return high << 32 | sftp_wire_u32(wire);
}

const uint8_t *sftp_wire_string(struct sftp_wire *wire, size_t *size)
{
	const uint8_t *at;

	*size = sftp_wire_u32(wire);
	at = take(wire, *size);
	if (!at)
		*size = 0;
	return at;
}

void sftp_wire_attributes(struct sftp_wire *wire, struct sftp_attributes *out, bool *whole)
{
	uint32_t flags = sftp_wire_u32(wire), pairs = 0;
	size_t size;

	*out = (struct sftp_attributes){0};
	if (flags & ~(HAS_SIZE | HAS_OWNER | HAS_MODE | HAS_TIMES | HAS_EXTENDED))
		wire->bad = true;
	if (flags & HAS_SIZE)
		out->size = sftp_wire_u64(wire);
	if (flags & HAS_OWNER) {
		out->uid = sftp_wire_u32(wire);
		out->gid = sftp_wire_u32(wire);
		out->has_owner = true;
	}
	if (flags & HAS_MODE)
		out->mode = sftp_wire_u32(wire);
	if (flags & HAS_TIMES) {
		sftp_wire_u32(wire); /* of the last access */
		out->mtime = sftp_wire_u32(wire) * CLOCK_SECOND;
	}
	if (flags & HAS_EXTENDED)
		pairs = sftp_wire_u32(wire);
	/* Each pair moves on by eight bytes at least, so the count does no harm. */
	for (; pairs > 0 && !wire->bad; pairs--) {
		sftp_wire_string(wire, &size);
		sftp_wire_string(wire, &size);
	}
	*whole = (flags & HAS_SIZE) && (flags & HAS_MODE) && (flags & HAS_TIMES) && (out->mode & S_IFMT) != 0;
}

bool sftp_wire_name(struct sftp_wire *wire, const uint8_t **name, size_t *size, struct sftp_attributes *attributes,
    bool *whole, bool *skip)
{
	size_t size_of_line;

	*name = sftp_wire_string(wire, size);
	sftp_wire_string(wire, &size_of_line); /* as ls -l would show it: for people */
	sftp_wire_attributes(wire, attributes, whole);
	if (wire->bad)
		return false;
	*skip = (*size == 1 && (*name)[0] == '.') || (*size == 2 && (*name)[0] == '.' && (*name)[1] == '.');
	return *size > 0 && *size <= SFTP_NAME_MAX && !memchr(*name, '/', *size) && !memchr(*name, '\0', *size);
}

enum err sftp_wire_put_u32(struct buffer *out, uint32_t value)
{
	const uint8_t bytes[4] = {
	    (uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};

	return buffer_append(out, bytes, sizeof(bytes));
}

enum err sftp_wire_put_u64(struct buffer *out, uint64_t value)
{
	enum err err = sftp_wire_put_u32(out, (uint32_t)(value >> 32));

	return err == ERR_OK ? sftp_wire_put_u32(out, (uint32_t)value) : err;
}

enum err sftp_wire_put_string(struct buffer *out, const void *bytes, size_t size)
{
	enum err err = sftp_wire_put_u32(out, (uint32_t)size);

	return err == ERR_OK ? buffer_append(out, bytes, size) : err;
}
