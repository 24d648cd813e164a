/* Bytes of SFTP version 3: big-endian integers, strings with 4 bytes of length in front. Pure functions. */
#ifndef PULIH_SSH_SFTP_WIRE_H
#define PULIH_SSH_SFTP_WIRE_H

#include "core/base/buffer.h"
#include "core/ssh/sftp.h"

enum sftp_type {
	SFTP_INIT = 1,
	SFTP_VERSION = 2,
	SFTP_OPEN = 3,
	SFTP_CLOSE = 4,
	SFTP_READ = 5,
	SFTP_WRITE = 6,
	SFTP_LSTAT = 7,
	SFTP_FSTAT = 8,
	SFTP_OPENDIR = 11,
	SFTP_READDIR = 12,
	SFTP_REMOVE = 13,
	SFTP_MKDIR = 14,
	SFTP_STAT = 17,
	SFTP_RENAME = 18,
	SFTP_READLINK = 19,
	SFTP_STATUS = 101,
	SFTP_HANDLE = 102,
	SFTP_DATA = 103,
	SFTP_NAME = 104,
	SFTP_ATTRS = 105,
	SFTP_EXTENDED = 200,
	SFTP_EXTENDED_REPLY = 201,
};

enum sftp_code {
	SFTP_OK = 0,
	SFTP_EOF = 1,
	SFTP_NO_SUCH_FILE = 2,
	SFTP_PERMISSION = 3,
	SFTP_FAILURE = 4,
	SFTP_OP_UNSUPPORTED = 8
};

#define SFTP_PACKET_MAX (257u << 10) /* bytes: what OpenSSH sends at most is 256 KiB */
#define SFTP_HANDLE_MAX 256u	     /* bytes, by the protocol */

/* Reads from [at, end); what would pass the end sets `bad`, and all that follows fails too. */
struct sftp_wire {
	const uint8_t *at, *end;
	bool bad;
};

struct sftp_wire sftp_wire_of(const void *bytes, size_t size);
size_t sftp_wire_left(const struct sftp_wire *wire);
uint32_t sftp_wire_u32(struct sftp_wire *wire); /* 0 where it is bad */
uint64_t sftp_wire_u64(struct sftp_wire *wire);
/* Points into the wire's bytes; NULL and 0 where it is bad. */
const uint8_t *sftp_wire_string(struct sftp_wire *wire, size_t *size);
/* Attributes; *whole says whether size, type and time are among them. Flags that version 3 does not have are bad: nobody knows what follows. */
void sftp_wire_attributes(struct sftp_wire *wire, struct sftp_attributes *out, bool *whole);
/* One name of a list. False where it is bad: no name, "/" or NUL in it, longer than SFTP_NAME_MAX. *skip: "." or "..". */
bool sftp_wire_name(struct sftp_wire *wire, const uint8_t **name, size_t *size, struct sftp_attributes *attributes,
    bool *whole, bool *skip);

enum err sftp_wire_put_u32(struct buffer *out, uint32_t value);
enum err sftp_wire_put_u64(struct buffer *out, uint64_t value);
enum err sftp_wire_put_string(struct buffer *out, const void *bytes, size_t size);

#endif
