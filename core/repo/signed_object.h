/* What the objects that a writer signs have in common: how they start and how they end.
 *
 *   header: magic (8), u16 version 1, u8 suite, u8 0, u32 flags 0, repository id (16), domain tag (16), writer id (16); then the object's
 *     own fields, if any
 *   what it holds
 *   Ed25519 signature of the writer (64) over SHA-256 of all that precedes */
#ifndef PULIH_REPO_SIGNED_OBJECT_H
#define PULIH_REPO_SIGNED_OBJECT_H

#include "core/base/buffer.h"
#include "core/repo/keys.h"

#define SIGNED_OBJECT_SUITE 10
#define SIGNED_OBJECT_DOMAIN 32
#define SIGNED_OBJECT_WRITER 48
#define SIGNED_OBJECT_OWN 64 /* where the object's own fields start */

struct signed_object {
	const char *magic;   /* 8 bytes */
	const char *name;    /* "snapshot": completes what is said of one that is broken */
	enum message broken; /* the message that says it */
	const char *misfit;  /* said where a box under a good signature does not open with its key */
	size_t least, most;  /* bytes of a whole object */
	size_t header_size;
};

/* Fills the first SIGNED_OBJECT_OWN bytes of a header. */
void signed_object_start(const struct signed_object *kind, const struct keys *keys, uint8_t *header);
/* Appends the signature of all bytes from `start` on. */
enum err signed_object_sign(const struct keys *keys, size_t start, struct buffer *bytes);

/* The size, and what signed_object_start() fills: kind->broken, PL_FORMAT_VERSION, PL_SUITE. */
enum err signed_object_check(
    const struct signed_object *kind, const struct keys *keys, const uint8_t *bytes, size_t size);
/* Whether the writer that the header names has signed it. Writers that were revoked later count: what they stored before must stay readable.
 * PL_SIGNATURE, PL_WRITER_UNKNOWN. */
enum err signed_object_verify_writer(const struct keys *keys, const uint8_t *bytes, size_t size);
/* The signature at the end, by this key. PL_SIGNATURE. */
enum err signed_object_verify(const uint8_t public_key[KEY_SIZE], const uint8_t *bytes, size_t size);
/* Opens a box under the summary key of the object's domain, and appends what it holds. PL_SEAL_BROKEN; kind->broken; PL_KEY_DOMAIN (ERR_KEY). */
enum err signed_object_open(const struct signed_object *kind, const struct keys *keys, const uint8_t *bytes,
    const char *purpose, const uint8_t *box, size_t size, struct buffer *out);
/* The failure of a box that the signed object should not hold, kind->broken instead of ERR_KEY; other results as they are. */
enum err signed_object_misfit(const struct signed_object *kind, enum err err);

#endif
