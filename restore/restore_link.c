/* Hard links. The first member of a group that can be is restored, the others are linked to it. A group is forgotten when as many
 * members were seen as it has links; one whose other members are not in the selection stays until the end. */
#include "restore/restore_internal.h"

#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#define BUCKETS_FIRST 256

static size_t bucket_of(const struct restore_links *links, uint64_t device, uint64_t inode)
{
	uint64_t key[2] = {device, inode};

	return (size_t)XXH3_64bits(key, sizeof(key)) & (links->size - 1);
}

void restore_link_digest(const struct entry *entry, uint64_t digest[2])
{
	XXH3_state_t *state = XXH3_createState();
	XXH128_hash_t hash = {0};

	if (state && XXH3_128bits_reset(state) == XXH_OK) {
		XXH3_128bits_update(state, &entry->type, sizeof(entry->type));
		XXH3_128bits_update(state, &entry->size, sizeof(entry->size));
		XXH3_128bits_update(state, &entry->rdev, sizeof(entry->rdev));
		XXH3_128bits_update(state, &entry->mtime, sizeof(entry->mtime));
		XXH3_128bits_update(state, &entry->mode, sizeof(entry->mode));
		XXH3_128bits_update(state, &entry->uid, sizeof(entry->uid));
		XXH3_128bits_update(state, &entry->gid, sizeof(entry->gid));
		XXH3_128bits_update(state, entry->xattrs.data, entry->xattrs.size);
		XXH3_128bits_update(state, entry->xattrs_chunk, entry->xattrs_chunk_size ? CHUNK_ID_SIZE : 0);
		XXH3_128bits_update(state, entry->target.data, entry->target.size);
		XXH3_128bits_update(state, entry->segments.data, entry->segments.size);
		XXH3_128bits_update(state, entry->content.data, entry->content.size);
		hash = XXH3_128bits_digest(state);
	}
	XXH3_freeState(state);
	digest[0] = hash.low64;
	digest[1] = hash.high64;
}

static enum err grow(struct restore_links *links)
{
	struct restore_links larger = {.size = links->size ? links->size * 2 : BUCKETS_FIRST, .count = links->count};

	larger.buckets = mem_calloc(larger.size, sizeof(struct restore_link *));
	if (!larger.buckets)
		return ERR_NOMEM;
	for (size_t i = 0; i < links->size; i++) {
		struct restore_link *link;

		while ((link = links->buckets[i]) != NULL) {
			size_t bucket = bucket_of(&larger, link->device, link->inode);

			links->buckets[i] = link->next;
			link->next = larger.buckets[bucket];
			larger.buckets[bucket] = link;
		}
	}
	mem_free(links->buckets);
	*links = larger;
	return ERR_OK;
}

static enum err add(struct restore *run, const struct restore_entry *entry, struct restore_folder *folder,
    const uint64_t digest[2], struct restore_link **out)
{
	struct restore_links *links = &run->links;
	struct restore_link *link;
	size_t bucket;

	if (links->count >= links->size) {
		enum err err = grow(links);

		if (err != ERR_OK)
			return err;
	}
	link = mem_calloc(1, sizeof(*link));
	if (!link)
		return ERR_NOMEM;
	link->name = mem_string(entry->name);
	if (!link->name) {
		mem_free(link);
		return ERR_NOMEM;
	}
	link->device = entry->entry.device;
	link->inode = entry->entry.inode;
	memcpy(link->digest, digest, sizeof(link->digest));
	link->links = entry->entry.links;
	link->flags = entry->entry.type == ENTRY_FILE ? entry->entry.flags : 0;
	link->folder = folder;
	link->references = 2; /* the table's and the caller's */
	link->seen = 1;
	restore_folder_keep(run, folder);
	bucket = bucket_of(links, link->device, link->inode);
	link->next = links->buckets[bucket];
	links->buckets[bucket] = link;
	links->count++;
	*out = link;
	return ERR_OK;
}

enum err restore_link_find(struct restore *run, const struct restore_entry *entry, struct restore_folder *folder,
    struct restore_link **out, bool *first)
{
	struct restore_links *links = &run->links;
	struct restore_link **at, *link;
	uint64_t digest[2];
	bool complete;

	*out = NULL;
	*first = false;
	if (entry->entry.links < 2)
		return ERR_OK;
	restore_link_digest(&entry->entry, digest);
	at = links->size ? &links->buckets[bucket_of(links, entry->entry.device, entry->entry.inode)] : NULL;
	while (at && *at && ((*at)->device != entry->entry.device || (*at)->inode != entry->entry.inode))
		at = &(*at)->next;
	if (!at || !*at) {
		*first = true;
		return add(run, entry, folder, digest, out);
	}
	link = *at;
	if (memcmp(link->digest, digest, sizeof(digest)) != 0)
		return ERR_OK; /* the inode was used again, or changed between two looks at it */
	complete = ++link->seen >= link->links;
	if (complete) {
		*at = link->next;
		link->next = NULL;
		links->count--;
	} else {
		pthread_mutex_lock(&run->lock);
		link->references++;
		pthread_mutex_unlock(&run->lock);
	}
	*out = link; /* a complete group: the table's reference becomes the caller's */
	return ERR_OK;
}

void restore_link_done(struct restore *run, struct restore_link *link, enum restore_link_state state)
{
	pthread_mutex_lock(&run->lock);
	link->state = state;
	pthread_cond_broadcast(&run->linked);
	pthread_mutex_unlock(&run->lock);
}

enum err restore_link_join(struct restore *run, struct restore_item *item, bool *there)
{
	struct restore_link *link = item->link;
	struct restore_folder *before;
	char *name;

	/* No deadlock: jobs start in order, and the first member's job was submitted before this one; whoever takes its place
	 * is at work already. */
	pthread_mutex_lock(&run->lock);
	while (link->state == LINK_PENDING)
		pthread_cond_wait(&run->linked, &run->lock);
	*there = link->state == LINK_DONE;
	if (!*there)
		link->state = LINK_PENDING;
	pthread_mutex_unlock(&run->lock);
	if (*there)
		return ERR_OK;
	name = mem_string(item->entry->name);
	if (!name) {
		restore_link_done(run, link, LINK_FAILED);
		return ERR_NOMEM;
	}
	mem_free(link->name);
	link->name = name;
	before = link->folder;
	link->folder = item->folder;
	restore_folder_keep(run, item->folder);
	restore_folder_drop(run, before);
	item->first = true;
	return ERR_OK;
}

static void set_late_flags(struct restore *run, struct restore_link *link)
{
	int folder_fd = restore_folder_enter(run, link->folder), fd = -1;

	if (folder_fd < 0)
		return;
	fd = openat(folder_fd, link->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	restore_flags_set(run, (struct entry_bytes){(const uint8_t *)link->name, strlen(link->name)}, fd, link->flags);
	if (fd >= 0)
		close(fd);
	restore_folder_leave(run, link->folder);
}

void restore_link_drop(struct restore *run, struct restore_link *link)
{
	bool last;

	if (!link)
		return;
	pthread_mutex_lock(&run->lock);
	last = --link->references == 0;
	pthread_mutex_unlock(&run->lock);
	if (!last)
		return;
	if (link->flags && link->state == LINK_DONE)
		set_late_flags(run, link);
	restore_folder_drop(run, link->folder);
	mem_free(link->name);
	mem_free(link);
}

void restore_links_free(struct restore *run)
{
	for (size_t i = 0; i < run->links.size; i++) {
		struct restore_link *link;

		while ((link = run->links.buckets[i]) != NULL) {
			run->links.buckets[i] = link->next;
			restore_link_drop(run, link);
		}
	}
	mem_free(run->links.buckets);
	run->links = (struct restore_links){0};
}
