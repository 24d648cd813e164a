/* The keys of a repository, once it is open. See docs/format.md, "Keys": what derives from what, under which label.
 *
 * A full key is the root secret: it reads, prunes, issues keys. A backup key can add backups to one domain and deduplicate
 * against it, and can decrypt nothing that packs hold. */
#ifndef PULIH_REPO_KEYS_H
#define PULIH_REPO_KEYS_H

#include "core/crypto/crypto.h"
#include "core/repo/limits.h"

#include <stdbool.h>

/* One domain's secrets, in secret memory. Chunks are shared within a domain only. */
struct domain_keys {
	uint8_t tag[DOMAIN_TAG_SIZE];  /* public: names the folder of its indexes */
	uint8_t id_key[KEY_SIZE];      /* chunk ids */
	uint8_t chunker_key[KEY_SIZE]; /* cut points */
	uint8_t index_key[KEY_SIZE];   /* seals index objects */
	uint8_t summary_key[KEY_SIZE]; /* seals the summary part of snapshots and records */
};

/* Who signs: the owner (derived from the root secret, writer id all zero) or a writer that the config lists. */
struct signer {
	uint8_t writer[WRITER_ID_SIZE];
	uint8_t seed[KEY_SIZE];
	uint8_t public_key[KEY_SIZE];
};

/* A writer as the config lists it. */
struct writer {
	uint8_t id[WRITER_ID_SIZE];
	uint8_t public_key[KEY_SIZE];
	uint8_t domain[DOMAIN_TAG_SIZE];
	bool append_only; /* for targets that ask: this writer shall not delete */
	bool revoked;
	uint8_t label[WRITER_LABEL_SIZE]; /* what only the owner reads: see config.h */
};

struct keys {
	uint8_t repository[REPOSITORY_ID_SIZE];
	int suite;			/* for what is written from now on */
	uint8_t read_public[KEY_SIZE];	/* packs are sealed to it */
	uint8_t owner_public[KEY_SIZE]; /* verifies what the owner signs */
	bool full;			/* root and read_private are there */
	uint8_t root[KEY_SIZE];
	uint8_t read_private[KEY_SIZE];
	uint8_t shared[KEY_SIZE];  /* the pre-shared secret that storage never sees */
	struct domain_keys domain; /* the domain that is written to */
	struct signer signer;
	const struct writer *writers; /* of the config; owned by the keys */
	size_t writers_count;
};

/* All in secret memory. keys_free(NULL) does nothing. */
struct keys *keys_new(void);
void keys_free(struct keys *keys);

/* Derives everything from `root`: for init and for opening a slot. `domain` is a name, by default the host's; one that
 * keys_domain_name_valid() refuses is PL_DOMAIN_NAME (ERR_USAGE). */
enum err keys_from_root(struct keys *keys, const uint8_t repository[REPOSITORY_ID_SIZE], int suite,
    const uint8_t root[KEY_SIZE], const char *domain);

/* 1 to DOMAIN_NAME_SIZE - 1 bytes without control characters. */
bool keys_domain_name_valid(const char *name);

/* Takes over the writers (of mem.h's memory, a copy of the config's; NULL for none), and releases those it had. */
void keys_set_writers(struct keys *keys, struct writer *writers, size_t count);

/* The secret under which the owner seals the labels of writers. Needs a full key: PL_KEY_FULL (ERR_KEY). */
enum err keys_label_secret(const struct keys *keys, uint8_t secret[KEY_SIZE]);

/* tag = HKDF(root, "pulih domain tag" ‖ name). */
enum err keys_domain_tag(const uint8_t root[KEY_SIZE], const char *name, uint8_t tag[DOMAIN_TAG_SIZE]);

/* The secrets of the domain with that tag: any domain with a full key, only its own with a backup key (PL_KEY_DOMAIN,
 * ERR_KEY). */
enum err keys_domain(const struct keys *keys, const uint8_t tag[DOMAIN_TAG_SIZE], struct domain_keys *out);

/* For dumps of databases in the domain that is written to: always the same, so that dumps are, and nothing that who serves
 * the database or the storage could guess. KEYS_DUMP_TEXT bytes: letters and digits, and a NUL. */
#define KEYS_DUMP_TEXT 33
enum err keys_dump_text(const struct keys *keys, char out[KEYS_DUMP_TEXT]);

/* Chunk id = HMAC-SHA256(id key, type ‖ plaintext). */
enum chunk_type {
	CHUNK_DATA = 1,	 /* contents of files and streams */
	CHUNK_NODE = 2,	 /* part of an entry stream or of the lists above it */
	CHUNK_LIST = 3,	 /* part of a long list of content chunks */
	CHUNK_XATTR = 4, /* extended attributes too long for their entry */
};

/* The public key that must have signed an object of `writer` in `domain`: the owner's, or the listed writer's for its own
 * domain. PL_WRITER_UNKNOWN (ERR_CORRUPT): not listed, other domain, or revoked and `allow_revoked` false. */
enum err keys_writer(const struct keys *keys, const uint8_t writer[WRITER_ID_SIZE],
    const uint8_t domain[DOMAIN_TAG_SIZE], bool allow_revoked, uint8_t public_key[KEY_SIZE]);

#endif
