/* A record as an object of a repository, records/<run id>: it survives the loss of the machine that wrote it.
 *
 *   header: "PULIHREC" (8), u16 version 1, u8 suite, u8 0, u32 flags 0, repository id (16), domain tag (16), writer id (16), u32 length of
 *     the box
 *   box (purpose "record", secret = the domain's summary key, associated = header): the signed original of record.h
 *   Ed25519 signature of the writer (64) over SHA-256 of all that precedes
 * The name is the run id that the original holds. */
#ifndef PULIH_RECORD_RECORD_OBJECT_H
#define PULIH_RECORD_RECORD_OBJECT_H

#include "core/base/buffer.h"
#include "core/repo/keys.h"
#include "core/repo/target.h"

/* Seals and signs with the domain and the signer of the keys; appended to `out`. */
enum err record_object_encode(const struct buffer *original, const struct keys *keys, struct buffer *out);
/* Checks header, signature and box; the original is appended to `out`. `run_id` is the name that it was asked for under.
 * PL_RECORD_BROKEN, PL_SIGNATURE, PL_WRITER_UNKNOWN, PL_SEAL_BROKEN (ERR_CORRUPT), PL_KEY_DOMAIN (ERR_KEY), PL_FORMAT_VERSION, PL_SUITE
 * (ERR_UNSUPPORTED). */
enum err record_object_decode(
    const char *run_id, const void *bytes, size_t size, const struct keys *keys, struct buffer *out);

/* Stores it. ERR_EXISTS where there is one of that id already: records never change. */
enum err record_object_put(
    struct target *target, const char *run_id, const struct buffer *original, const struct keys *keys);
enum err record_object_get(struct target *target, const char *run_id, const struct keys *keys, struct buffer *out);

#endif
