/* Answers of SFTP servers: nothing is read beyond the packet, and a name that is accepted is one. */
#include "core/base/mem.h"
#include "core/ssh/sftp_wire.h"
#include "tests/fuzz/seeds.h"

#include <sys/stat.h>

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint8_t list[] = {
	    0, 0, 0, 1, 'a', 0, 0, 0, 0, 0, 0, 0, 13, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0x81, 0xa4, 0, 0, 0, 1, 0, 0, 0, 2};
	static const uint8_t owner[] = {0x80, 0, 0, 15, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0x41,
	    0xed, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 'x', 0, 0, 0, 0};

	(void)argc;
	(void)argv;
	seed_write("list", list, sizeof(list));
	seed_write("owner", owner, sizeof(owner));
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	/* A copy of exactly that size, so that one byte too many is seen. */
	uint8_t *packet = mem_copy(bytes, size);
	struct sftp_wire wire = sftp_wire_of(packet, size);
	struct sftp_attributes attributes;
	const uint8_t *name;
	size_t length;
	bool whole, skip;

	while (sftp_wire_left(&wire) > 0 && sftp_wire_name(&wire, &name, &length, &attributes, &whole, &skip)) {
		MUST(length > 0 && name >= packet && name + length <= packet + size && !memchr(name, '/', length) &&
		    !memchr(name, '\0', length));
		MUST(!whole || (attributes.mode & S_IFMT) != 0);
	}
	wire = sftp_wire_of(packet, size);
	sftp_wire_attributes(&wire, &attributes, &whole);
	MUST(wire.bad || (wire.at >= packet && wire.at <= packet + size));
	wire = sftp_wire_of(packet, size);
	name = sftp_wire_string(&wire, &length);
	MUST(name ? !wire.bad && length <= size - 4 : wire.bad && length == 0);
	mem_free(packet);
	return 0;
}
