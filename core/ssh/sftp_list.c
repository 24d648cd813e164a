#include "core/ssh/sftp_internal.h"

#include "core/base/arena.h"
#include "core/base/file.h"
#include "core/base/mem.h"

/* A server answers with a hundred names or so: these many questions at once make a large folder a matter of a few round trips. */
#define QUESTIONS 8u

struct sftp_list {
	struct sftp *sftp;
	struct sftp_entry *entries;
	size_t count, capacity;
	struct arena names;
	uint64_t memory;
	unsigned asked; /* questions that are unanswered */
	bool ended;
	uint32_t refused; /* code of a refusal, with what was said */
	char said[128];
	bool *lacking; /* of each entry: whether its attributes are not whole */
	size_t lacking_capacity;
};

static enum err add(
    struct sftp_list *list, const uint8_t *name, size_t size, const struct sftp_attributes *attributes, bool whole)
{
	struct sftp_entry *entries;
	bool *lacking;
	char *kept;

	list->memory += size + 1 + sizeof(*entries) + sizeof(*lacking);
	if (list->memory > SFTP_LIST_MAX)
		return fail(PL_SFTP_LIMIT, "a folder at %s has more names than can be kept: %zu and more",
		    list->sftp->ssh->name, list->count);
	entries = mem_more(list->entries, list->count, &list->capacity, sizeof(*entries));
	if (!entries)
		return ERR_NOMEM;
	list->entries = entries;
	lacking = mem_more(list->lacking, list->count, &list->lacking_capacity, sizeof(*lacking));
	if (!lacking)
		return ERR_NOMEM;
	list->lacking = lacking;
	kept = arena_alloc(&list->names, size + 1);
	if (!kept)
		return ERR_NOMEM;
	memcpy(kept, name, size);
	kept[size] = '\0';
	list->lacking[list->count] = !whole;
	list->entries[list->count++] = (struct sftp_entry){.name = kept, .attributes = *attributes};
	return ERR_OK;
}

/* Some names, or that there are no more. */
static enum err take_names(void *context, enum sftp_type type, struct sftp_wire *wire)
{
	struct sftp_list *list = context;
	struct sftp_attributes attributes;
	const uint8_t *name;
	uint32_t code, count;
	bool whole, skip = false;
	size_t size;
	enum err err = ERR_OK;

	list->asked--;
	if (type == SFTP_STATUS) {
		code = sftp_read_status(wire, list->said, sizeof(list->said));
		list->ended = true;
		if (code != SFTP_EOF && list->refused == 0)
			list->refused = code == SFTP_OK ? SFTP_FAILURE : code;
		return wire->bad ? sftp_bad(list->sftp, "a status that says nothing") : ERR_OK;
	}
	count = type == SFTP_NAME ? sftp_wire_u32(wire) : 0;
	/* A list of no names is no end: that would hide all that follows. */
	if (count == 0)
		return sftp_bad(list->sftp, "a list of names that has none");
	for (; err == ERR_OK && count > 0; count--) {
		if (!sftp_wire_name(wire, &name, &size, &attributes, &whole, &skip))
			err = sftp_bad(list->sftp, "a name in a folder that cannot be one");
		else if (!skip)
			err = add(list, name, size, &attributes, whole);
	}
	return err;
}

static enum err ask_names(struct sftp_list *list, const struct buffer *handle, unsigned most)
{
	enum err err = ERR_OK;

	while (err == ERR_OK && !list->ended && list->asked < most) {
		err = sftp_ask(list->sftp, SFTP_READDIR, take_names, list, "h", handle);
		if (err == ERR_OK)
			list->asked++;
	}
	return err;
}

static enum err read_names(struct sftp_list *list, const struct buffer *handle)
{
	enum err err = ERR_OK;

	while (err == ERR_OK && (!list->ended || list->asked > 0)) {
		/* Most folders are small: the first answer may have all. */
		err = ask_names(list, handle, list->count == 0 ? 2 : QUESTIONS);
		if (err == ERR_OK)
			err = sftp_turn(list->sftp);
	}
	return err;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct sftp_entry *)a)->name, ((const struct sftp_entry *)b)->name);
}

/* Asks for what the list lacks; version 3 lets a server leave it out there. */
static enum err complete(struct sftp_list *list, const char *path)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < list->count; i++) {
		char *full = list->lacking[i] ? path_join(path, list->entries[i].name) : NULL;

		if (list->lacking[i])
			err = full ? sftp_lstat(list->sftp, full, &list->entries[i].attributes) : ERR_NOMEM;
		mem_free(full);
	}
	return err;
}

static enum err finish(struct sftp_list *list, const char *path)
{
	enum err err;

	if (list->refused != 0)
		return sftp_refused(list->sftp, list->refused, list->said, "list", path);
	err = complete(list, path);
	if (err != ERR_OK)
		return err;
	if (list->count > 1)
		qsort(list->entries, list->count, sizeof(*list->entries), compare);
	for (size_t i = 1; i < list->count; i++)
		if (strcmp(list->entries[i - 1].name, list->entries[i].name) == 0)
			return sftp_bad(list->sftp, "a name that is twice in one folder");
	return ERR_OK;
}

enum err sftp_list(struct sftp *sftp, const char *path, struct sftp_list **out)
{
	struct sftp_wait wait = {.sftp = sftp};
	struct sftp_list *list = mem_calloc(1, sizeof(*list));
	struct buffer handle = {0};
	bool opened = false;
	enum err err = ERR_NOMEM;

	*out = NULL;
	if (!list)
		goto done;
	list->sftp = sftp;
	err = sftp_call(
	    &wait, sftp_ask(sftp, SFTP_OPENDIR, sftp_await, &wait, "s", path), SFTP_HANDLE, "open the folder", path);
	if (err != ERR_OK)
		goto done;
	err = sftp_read_handle(
	    sftp, &(struct sftp_wire){.at = wait.body.data, .end = wait.body.data + wait.body.length}, &handle);
	opened = err == ERR_OK;
	if (err == ERR_OK)
		err = read_names(list, &handle);
	if (err == ERR_OK)
		err = finish(list, path);
	if (err == ERR_OK) {
		*out = list;
		list = NULL;
	}
done:
	if (list)
		sftp_divert(sftp, list, list + 1, sftp_ignore, NULL);
	if (opened && !ssh_is_broken(sftp->ssh) && err != ERR_NOMEM)
		sftp_hang_up(sftp, &handle);
	buffer_free(&handle);
	sftp_wait_free(&wait);
	sftp_list_free(list);
	return err;
}

size_t sftp_list_count(const struct sftp_list *list)
{
	return list->count;
}

const struct sftp_entry *sftp_list_entry(const struct sftp_list *list, size_t at)
{
	return &list->entries[at];
}

void sftp_list_free(struct sftp_list *list)
{
	if (!list)
		return;
	arena_free(&list->names);
	mem_free(list->entries);
	mem_free(list->lacking);
	mem_free(list);
}
