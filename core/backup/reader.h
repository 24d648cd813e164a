/* The read stage, split: reader.c decides about an item, content.c turns bytes into chunks. */
#ifndef PULIH_BACKUP_READER_H
#define PULIH_BACKUP_READER_H

#include "core/backup/backup_internal.h"

/* One per thread. */
struct reader {
	struct backup *backup;
	struct hmac *hasher;
	struct buffer xattrs, target, segments; /* of the item at hand */
	bool xattrs_missing;			/* they could not be read */
	struct buffer content;			/* pairs (id, length) of the item at hand */
	uint64_t content_chunks;
	struct batch *batch; /* where parts go; NULL: to take() */
	enum err (*take)(struct backup *backup, struct part *part);
	struct part *part; /* being filled */
};

/* Room for `size` more data bytes in the part at hand (at most PART_BYTES): hands a fuller one over first. The carried bytes at its end
 * (not yet chunked) move along. PL_INTERRUPTED when the backup is stopping. */
enum err reader_room(struct reader *reader, size_t size, size_t carried);
/* The id and the sum of a record whose type, bytes and size are set. */
enum err reader_name_chunk(struct reader *reader, struct record *record);
/* Hands over the part at hand. */
enum err reader_hand_over(struct reader *reader);

/* Gives the entry (its pointers copied or lasting as long as the part) to the collector. */
enum err reader_add_entry(struct reader *reader, struct item *item, const struct entry *entry, enum record_kind kind);
/* Reads the attributes into reader->xattrs; those that cannot be read are named, and left out. */
enum err reader_xattrs(struct reader *reader, struct item *item, int folder_fd, const char *name, int fd);
/* Puts reader->xattrs into the entry: inside, or as a chunk of their own. Where they are missing, the entry gets a ctime of 0, so that the
 * next run does not take the file for unchanged. */
enum err reader_attach_xattrs(struct reader *reader, struct entry *entry);

/* reader_extra.c */
enum err reader_extra_sqlite(struct reader *reader, struct item *item);
enum err reader_extra_stream(struct reader *reader, struct item *item);

/* Where bytes come from: up to `size`, *got 0 at the end. */
typedef enum err (*content_read)(void *context, void *out, size_t size, size_t *got);

/* A whole small content that stands at the end of the part's data: one or more chunks. */
enum err content_small(struct reader *reader, const struct chunker_sizes *sizes, size_t size);
/* A stream of any length. *total: bytes. */
enum err content_stream(
    struct reader *reader, const struct chunker_sizes *sizes, content_read read, void *context, uint64_t *total);
void content_reset(struct reader *reader);
/* Encodes the content list of the item at hand into the part's arena: inline, or as list chunks of their own. */
enum err content_list(struct reader *reader, struct entry *entry);

#endif
