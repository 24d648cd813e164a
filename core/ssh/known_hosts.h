/* known_hosts files, as sshd(8) describes them: which keys a host has.
 *
 * libssh2's own parser is not used for whole files: it takes "@revoked" for the name of a host, so a revoked key would be good; it knows no
 * patterns; one line that it cannot read hides all that follow; and it counts a key of the plain name against a server on another port. */
#ifndef PULIH_SSH_KNOWN_HOSTS_H
#define PULIH_SSH_KNOWN_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KNOWN_HOSTS_FILE (8u << 20) /* bytes of a file */

enum known_verdict {
	KNOWN_NOTHING, /* the host has no key there */
	KNOWN_MATCH,
	KNOWN_CHANGED, /* it has others, and not this */
	KNOWN_REVOKED, /* this key must not be taken of anybody who uses one of these names */
};

struct known_answer {
	enum known_verdict verdict;
	size_t line;   /* of the verdict, from 1; the first one where it has several */
	char type[32]; /* of the key in that line */
};

/* What a file says of a key: `type` as "ssh-ed25519", `key` its blob in base64. `host` is matched in lower case, as "[host]:port" where the port is
 * not 22; where nothing matches that, a line of the plain name can vouch for the key, but not against it. Names may be hashed (|1|salt|hash),
 * patterns with * and ?, and negated (!). Lines with @cert-authority, comments and lines that are none are passed over. */
struct known_answer known_hosts_ask(
    const char *text, size_t length, const char *host, unsigned port, const char *type, const char *key);

/* Visits the type of each key that the host has and that is not revoked by its own line, in the order of the file. */
void known_hosts_types(const char *text, size_t length, const char *host, unsigned port,
    void (*visit)(void *context, const char *type), void *context);

/* Base64 with padding; returns the length without the NUL. `out` has room for (size + 2) / 3 * 4 + 1 bytes. */
size_t known_hosts_base64(char *out, const uint8_t *bytes, size_t size);

#endif
