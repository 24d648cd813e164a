/* Every bound and every size of the repository format, in one place. Nothing that comes from a target is allocated before
 * it is checked against one of these. */
#ifndef PULIH_REPO_LIMITS_H
#define PULIH_REPO_LIMITS_H

#define REPOSITORY_ID_SIZE 16
#define DOMAIN_TAG_SIZE 16
#define WRITER_ID_SIZE 16
#define OBJECT_ID_SIZE 32 /* SHA-256 of the object's bytes */
#define CHUNK_ID_SIZE 32  /* HMAC-SHA256 */
/* Directories and indexes keep the first 16 bytes of a chunk id: of 2^32 chunks two agree with a probability of 2^-65,
 * and the key of the HMAC is secret, so nobody can look for such a pair. Entries keep all 32, readers check all 32. */
#define CHUNK_KEY_SIZE 16

#define CHUNK_MAX (2u << 20)	 /* bytes of a chunk of any kind */
#define FRAME_RAW_MAX (2u << 20) /* raw bytes of a frame; measured: 1 MiB costs 2.3 % more, 4 MiB gains 1.3 % */
#define FRAME_SEALED_MAX (FRAME_RAW_MAX + 16u) /* a frame that does not shrink is stored as it is */
/* A pack is closed when its next frame would pass this. Half of the 32 MiB first planned: four packs in flight (one filled, one sealed, one
 * written, one read back) then cost the memory of two, and nobody waits for the disk. */
#define PACK_TARGET (16u << 20)
#define PACK_MAX (64u << 20) /* no pack is larger: what a reader accepts */
#define PACK_FRAMES_MAX (1u << 16)
#define PACK_CHUNKS_MAX (1u << 22)
#define DIRECTORY_MAX (PACK_MAX) /* plain bytes of a pack directory */

#define INDEX_CHUNKS_MAX (1u << 20) /* chunks of one index object; a longer session writes several */
#define INDEX_MAX (128u << 20)	    /* bytes of an index object, sealed or plain */

#define ENTRY_MAX (1u << 20) /* bytes of one encoded entry: path, xattrs, content list */
#define ENTRY_PATH_MAX \
	(64u << 10)		/* bytes of a path: 16 times what Linux takes at once, still 4 records to a list node */
#define ENTRY_INLINE_CHUNKS 256 /* more chunks than this (128 MiB of a file), and the list is chunks of its own */
#define ENTRY_XATTR_INLINE (64u << 10) /* bytes of all xattrs kept inside an entry; more go to a chunk of their own */
#define NODE_MIN (16u << 10)	       /* bytes of a metadata chunk before a cut is looked for */
#define NODE_MAX (256u << 10) /* … at which one is cut whatever the hash says; one larger entry stands alone */
#define NODE_MASK 0xFFu	      /* 1 entry in 256 may end a metadata chunk */
#define TREE_LEVELS_MAX 8

#define SNAPSHOT_MAX (16u << 20)      /* bytes of a snapshot object */
#define SNAPSHOT_TEXT_MAX 255	      /* bytes of host, job, tool, and of each tag */
#define SNAPSHOT_PATHS_MAX (1u << 16) /* sources, each of at most ENTRY_PATH_MAX bytes */
#define SNAPSHOT_TAGS_MAX 256
#define RECORD_MAX (64u << 20)
#define CONFIG_MAX (4u << 20)
#define KEY_SLOT_MAX (64u << 10)
#define KEY_SLOTS_MAX 64
/* So many are read all the same: who may only add objects must not lock out the people who hold the others. */
#define KEY_SLOTS_READ 1024
#define KEY_SLOT_ID_SIZE 16
#define WRITERS_MAX 4096      /* of a config: so many fit into CONFIG_MAX */
#define LABEL_SIZE 128	      /* bytes of a label, with the zeros behind it */
#define DOMAIN_NAME_SIZE 128  /* bytes of a domain's name, with the zeros behind it */
#define WRITER_LABEL_SIZE 336 /* the box of both: see config.h */
#define SESSION_MAX (4u << 10)
#define GENERATION_MAX (256u << 20)

#endif
