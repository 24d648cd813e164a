/* JSON objects with one spelling: config, key slots, session markers. Compact, members sorted by name, UTF-8, no byte before or
 * behind: two texts that mean the same are the same text, so a reader that refuses all others leaves nobody room to play.
 *
 * A signed object has a member "signature": Ed25519 over SHA-256("pulih " ‖ purpose ‖ 0x00 ‖ the canonical text without that
 * member). The purpose keeps a signature from being taken for that of another kind of object. */
#ifndef PULIH_REPO_CANONICAL_H
#define PULIH_REPO_CANONICAL_H

#include "core/base/buffer.h"
#include "core/crypto/crypto.h"

#include <jansson.h>

/* Reads one object that has member "format" of 1 (else PL_FORMAT_VERSION); what is no JSON object is `broken`, naming it `name`.
 * For files that a person may have touched: any spelling. */
enum err canonical_read(json_t **out, const void *bytes, size_t size, enum message broken, const char *name);
/* The same, and what is not spelled canonically is `broken`. */
enum err canonical_parse(json_t **out, const void *bytes, size_t size, enum message broken, const char *name);
/* Appends the canonical text. */
enum err canonical_write(json_t *object, struct buffer *out);

/* Unpacks every member as json_unpack() does; a missing member, one too many, or one of another type is `broken`. Strings stay
 * owned by the object. */
enum err canonical_unpack(json_t *object, enum message broken, const char *name, const char *format, ...);

/* Makes an object as json_pack() does. PL_NO_MEMORY. */
enum err canonical_pack(json_t **out, const char *format, ...);

/* A written time; false where it is no time in UTC with whole seconds, from 1970 to 2261. */
bool canonical_time(const char *text, int64_t *out);

/* Adds member "check": the SHA-256 of the canonical text of everything else. It tells damage from a wrong secret, and nothing about who
 * wrote the object. */
enum err canonical_add_check(json_t *object);
/* `broken` where the member does not match; it must be there, and a text. */
enum err canonical_check(json_t *object, enum message broken, const char *name);

/* Adds the signature. */
enum err canonical_sign(json_t *object, const char *purpose, const uint8_t seed[KEY_SIZE]);
/* PL_SIGNATURE (ERR_CORRUPT). */
enum err canonical_verify(json_t *object, const char *purpose, const uint8_t public_key[KEY_SIZE]);

#endif
