#include "core/source/walk_internal.h"
#include "core/base/file.h"
#include "core/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define WINDOW_SIZE (128u << 10) /* bytes that one getdents64 may fill: some 3,000 names */
#define ROOM_KEPT (1u << 20)	 /* room beyond this is given back after each folder */
#define TAG_HEADER_MAX 4096	 /* bytes at the start of a tag file that are looked at */
#define CACHE_TAG "CACHEDIR.TAG:Signature: 8a477f597d28d172789f06886806bc55" /* bford.info/cachedir */

/* A name while it is sorted: its first eight bytes decide most comparisons without touching the name itself. */
struct list_key {
	uint64_t prefix; /* big-endian, 0 behind the end */
	uint64_t offset : 48, size : 16;
};

static void give_back(struct listing *listing)
{
	mem_free(listing->keys);
	mem_free(listing->names);
	listing->keys = NULL;
	listing->names = NULL;
	listing->capacity = listing->names_capacity = 0;
}

void walk_list_free(struct listing *listing)
{
	give_back(listing);
	mem_free(listing->window);
	listing->window = NULL;
}

/* Room for one more name of `size` bytes, its type and NUL. */
static enum err reserve(struct listing *listing, size_t size)
{
	struct list_key *keys = mem_more(listing->keys, listing->count, &listing->capacity, sizeof(*keys));

	if (!keys)
		return ERR_NOMEM;
	listing->keys = keys;
	if (listing->names_capacity - listing->names_size < size + 2) {
		size_t capacity = listing->names_capacity ? listing->names_capacity * 2 : 8192;
		uint8_t *names;

		capacity = capacity < listing->names_size + size + 2 ? listing->names_size + size + 2 : capacity;
		names = mem_resize(listing->names, capacity, 1);
		if (!names)
			return ERR_NOMEM;
		listing->names = names;
		listing->names_capacity = capacity;
	}
	return ERR_OK;
}

static enum err add_name(struct listing *listing, const struct dirent64 *entry)
{
	size_t size = strlen(entry->d_name);
	uint8_t first[8] = {0};
	uint64_t prefix;
	uint8_t *out;
	enum err err;

	if (size == 0 || (entry->d_name[0] == '.' && (size == 1 || (size == 2 && entry->d_name[1] == '.'))))
		return ERR_OK;
	err = reserve(listing, size);
	if (err != ERR_OK)
		return err;
	memcpy(first, entry->d_name, size < sizeof(first) ? size : sizeof(first));
	memcpy(&prefix, first, sizeof(prefix));
	out = listing->names + listing->names_size;
	listing->keys[listing->count++] = (struct list_key){
	    .prefix = __builtin_bswap64(prefix), .offset = listing->names_size & 0xFFFFFFFFFFFF, .size = size & 0xFFFF};
	*out = entry->d_type;
	memcpy(out + 1, entry->d_name, size + 1);
	listing->names_size += size + 2;
	return ERR_OK;
}

static int compare_keys(const void *a, const void *b, void *names)
{
	const struct list_key *left = a, *right = b;

	if (left->prefix != right->prefix)
		return left->prefix < right->prefix ? -1 : 1;
	if (left->size <= sizeof(left->prefix) || right->size <= sizeof(left->prefix))
		return (left->size > right->size) - (left->size < right->size);
	/* strcmp compares bytes as unsigned char: the order of paths. */
	return strcmp((const char *)names + left->offset + 1 + sizeof(left->prefix),
	    (const char *)names + right->offset + 1 + sizeof(left->prefix));
}

static enum err read_names(struct listing *listing, int fd, int *error)
{
	enum err err = ERR_OK;

	for (;;) {
		ssize_t got = getdents64(fd, listing->window, WINDOW_SIZE);

		if (got <= 0) {
			*error = got < 0 ? errno : 0;
			return ERR_OK;
		}
		for (ssize_t at = 0; at < got;) {
			const struct dirent64 *entry = (const struct dirent64 *)(const void *)(listing->window + at);

			err = add_name(listing, entry);
			if (err != ERR_OK)
				return err;
			at += entry->d_reclen;
		}
	}
}

/* The names in order, one behind the other: less than half of what sorting needs, kept while the folder is walked. */
static enum err pack_names(const struct listing *listing, uint8_t **out, size_t *size)
{
	const struct list_key *last = NULL;
	uint8_t *packed = mem_alloc(listing->names_size);

	if (!packed)
		return ERR_NOMEM;
	*out = packed;
	for (size_t i = 0; i < listing->count; i++) {
		const struct list_key *key = &listing->keys[i];

		/* A folder that changes while it is listed may name a file twice. */
		if (last && compare_keys(last, key, listing->names) == 0)
			continue;
		memcpy(packed, listing->names + key->offset, key->size + 2u);
		packed += key->size + 2u;
		last = key;
	}
	*size = (size_t)(packed - *out);
	return ERR_OK;
}

enum err walk_list_folder(struct listing *listing, int fd, uint8_t **out, size_t *size, int *error)
{
	enum err err = ERR_OK;

	*out = NULL;
	*size = 0;
	listing->count = listing->names_size = 0;
	if (!listing->window && !(listing->window = mem_alloc(WINDOW_SIZE)))
		return ERR_NOMEM;
	err = read_names(listing, fd, error);
	if (err == ERR_OK && listing->count > 1)
		qsort_r(listing->keys, listing->count, sizeof(*listing->keys), compare_keys, listing->names);
	if (err == ERR_OK && listing->count > 0)
		err = pack_names(listing, out, size);
	if (listing->capacity * sizeof(*listing->keys) + listing->names_capacity > ROOM_KEPT)
		give_back(listing);
	return err;
}

/* Whether folder `fd` holds the file of a rule "NAME" or "NAME:header". What cannot be read excludes nothing. */
static bool tag_present(int fd, const char *rule, size_t name_size)
{
	char name[NAME_MAX + 1], start[TAG_HEADER_MAX];
	const char *header = rule[name_size] == ':' ? rule + name_size + 1 : "";
	size_t size = strlen(header);
	struct stat status;
	bool same;
	int file;

	memcpy(name, rule, name_size);
	name[name_size] = '\0';
	if (fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	if (size == 0)
		return true;
	file = S_ISREG(status.st_mode) ? openat(fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
	if (file < 0)
		return false;
	same = file_read_full(file, start, size) == (ssize_t)size && memcmp(start, header, size) == 0;
	close(file);
	return same;
}

static const char *rule_at(const struct walk_options *options, size_t index)
{
	if (options->exclude_caches && index == 0)
		return CACHE_TAG;
	index -= options->exclude_caches;
	return options->exclude_if_present ? options->exclude_if_present[index] : NULL;
}

bool walk_list_keep_tags(const struct walk_options *options, int fd, uint8_t *names, size_t *size)
{
	const char *rule;
	uint8_t *out = names;
	bool any = false;

	for (size_t i = 0; *size > 0 && !any && (rule = rule_at(options, i)); i++)
		any = tag_present(fd, rule, strcspn(rule, ":"));
	if (!any)
		return false;
	for (uint8_t *at = names; at < names + *size;) {
		size_t name_size = strlen((const char *)at + 1);
		uint8_t *next = at + name_size + 2;

		for (size_t i = 0; (rule = rule_at(options, i)); i++) {
			size_t rule_size = strcspn(rule, ":");

			if (rule_size == name_size && memcmp(rule, at + 1, name_size) == 0 &&
			    tag_present(fd, rule, rule_size)) {
				memmove(out, at, name_size + 2);
				out += name_size + 2;
				break;
			}
		}
		at = next;
	}
	*size = (size_t)(out - names);
	return true;
}

enum err walk_list_check_tags(const struct walk_options *options)
{
	const char *rule;

	for (size_t i = 0; (rule = rule_at(options, i)); i++) {
		size_t size = strcspn(rule, ":");

		if (size == 0 || size > NAME_MAX || memchr(rule, '/', size))
			return fail(PL_PATTERN, "\"%s\" names no file whose presence could exclude a folder", rule);
		if (strlen(rule) - size > TAG_HEADER_MAX)
			return fail(
			    PL_PATTERN, "\"%s\" asks for more than the first %d bytes of a file", rule, TAG_HEADER_MAX);
	}
	return ERR_OK;
}
