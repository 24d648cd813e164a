#include "core/source/walk.h"
#include "restore/restore_internal.h"

struct restore_select {
	struct tree_reader *reader;
	const struct restore_options *options;
	struct buffer base;	/* the subpath, cleaned */
	struct buffer included; /* a folder that `include` matched: everything in it is wanted */
	struct buffer excluded; /* a folder that is excluded: nothing in it is */
	bool has_included, has_excluded;
	struct buffer last;  /* the entry before, to say where damage is */
	struct restore *run; /* is told of damage; NULL: nobody is */
	bool any;
	bool single; /* the subpath is no folder: it goes into the destination under its own name */
};

static struct entry_bytes bytes_of(const struct buffer *buffer)
{
	return (struct entry_bytes){.data = buffer->data, .size = buffer->length};
}

/* "/srv//www/./" becomes "srv/www". ".." is refused: a snapshot has no such thing. */
static enum err clean_path(const char *path, struct buffer *out)
{
	enum err err = ERR_OK;

	while (*path && err == ERR_OK) {
		size_t size = strcspn(path, "/");

		if (size == 2 && memcmp(path, "..", 2) == 0)
			return fail(PL_RESTORE_PATH, "the path within a snapshot cannot hold \"..\"");
		if (size && !(size == 1 && *path == '.')) {
			if (out->length)
				err = buffer_append_u8(out, '/');
			if (err == ERR_OK)
				err = buffer_append(out, path, size);
		}
		path += size;
		while (*path == '/')
			path++;
	}
	return err;
}

enum err restore_select_new(struct restore_select **out, struct chunk_reader *reader, const struct snapshot *snapshot,
    const struct restore_options *options, struct restore *run)
{
	struct restore_select *select = mem_calloc(1, sizeof(*select));
	enum err err = ERR_OK;

	*out = NULL;
	if (!select)
		return ERR_NOMEM;
	select->options = options;
	select->run = run;
	if (options->subpath)
		err = clean_path(options->subpath, &select->base);
	if (err == ERR_OK)
		err = tree_reader_new(&select->reader, &snapshot->root, chunk_reader_fetch, reader);
	if (err == ERR_OK && select->base.length)
		err = tree_reader_seek(select->reader, bytes_of(&select->base));
	if (err != ERR_OK) {
		restore_select_free(select);
		return err;
	}
	*out = select;
	return ERR_OK;
}

void restore_select_free(struct restore_select *select)
{
	if (!select)
		return;
	tree_reader_free(select->reader);
	buffer_free(&select->base);
	buffer_free(&select->included);
	buffer_free(&select->excluded);
	buffer_free(&select->last);
	mem_free(select);
}

static enum err remember(struct buffer *buffer, bool *has, struct entry_bytes path)
{
	buffer_clear(buffer);
	*has = true;
	return buffer_append(buffer, path.data, path.size);
}

static enum err judge(struct restore_select *select, struct entry_bytes path, bool folder, enum restore_wanted *wanted)
{
	const struct restore_options *options = select->options;

	*wanted = RESTORE_WANTED;
	if (select->has_excluded && entry_within(path, bytes_of(&select->excluded))) {
		*wanted = RESTORE_UNWANTED;
		return ERR_OK;
	}
	if (options->exclude && exclude_match(options->exclude, path, folder).excluded) {
		*wanted = RESTORE_UNWANTED;
		return folder ? remember(&select->excluded, &select->has_excluded, path) : ERR_OK;
	}
	if (!options->include || (select->has_included && entry_within(path, bytes_of(&select->included))))
		return ERR_OK;
	if (!exclude_match(options->include, path, folder).excluded) {
		*wanted = folder ? RESTORE_ABOVE : RESTORE_UNWANTED;
		return ERR_OK;
	}
	return folder ? remember(&select->included, &select->has_included, path) : ERR_OK;
}

/* The path in the destination. */
static struct entry_bytes relative_to(struct restore_select *select, struct entry_bytes path)
{
	size_t cut = select->base.length;

	if (!cut)
		return path;
	if (select->single) {
		const uint8_t *slash = memrchr(path.data, '/', path.size);

		cut = slash ? (size_t)(slash - path.data) + 1 : 0;
	} else if (path.size > cut) {
		cut++;
	}
	return (struct entry_bytes){.data = path.data + cut, .size = path.size - cut};
}

/* The next entry; damage in the list of files is told, and passed over: what lies behind it is still to be had. */
static enum err read_on(struct restore_select *select, const struct entry **entry)
{
	enum err err;

	while ((err = tree_reader_next(select->reader, entry)) == ERR_CORRUPT) {
		struct failure failure;

		failure_take(&failure);
		if (!tree_reader_skip(select->reader))
			return failure_put(&failure);
		if (select->run) {
			(void)failure_put(&failure);
			(void)fail_context(
			    err, "some of the files behind %s are missing", restore_printable(bytes_of(&select->last)));
			restore_problem(select->run, bytes_of(&select->last), err);
		}
	}
	if (err != ERR_OK || !*entry)
		return err;
	buffer_clear(&select->last);
	return buffer_append(&select->last, (*entry)->path.data, (*entry)->path.size);
}

enum err restore_select_next(struct restore_select *select, const struct entry **entry, struct entry_bytes *relative,
    enum restore_wanted *wanted)
{
	struct entry_bytes base = bytes_of(&select->base);
	enum err err = read_on(select, entry);

	if (err != ERR_OK)
		return err;
	if (*entry && !entry_within((*entry)->path, base))
		*entry = NULL;
	if (!*entry) {
		if (!select->any && base.size)
			return fail(PL_RESTORE_PATH, "the snapshot has no %s", restore_printable(base));
		return ERR_OK;
	}
	select->any = true;
	if (base.size && (*entry)->path.size == base.size)
		select->single = (*entry)->type != ENTRY_FOLDER;
	*relative = relative_to(select, (*entry)->path);
	return judge(select, (*entry)->path, (*entry)->type == ENTRY_FOLDER, wanted);
}

static bool in_a_source(const struct snapshot *snapshot, struct entry_bytes path)
{
	bool within = false;

	for (size_t i = 0; i < snapshot->paths_count && !within; i++) {
		char *source = walk_stored_path(snapshot->paths[i]);

		within = source && path.size > strlen(source) &&
		    entry_within(path, (struct entry_bytes){.data = (const uint8_t *)source, .size = strlen(source)});
		mem_free(source);
	}
	return within;
}

bool restore_select_covers(
    const struct restore_options *options, const struct snapshot *snapshot, struct entry_bytes relative, bool folder)
{
	struct buffer path = {0};
	struct entry_bytes full;
	bool covered = false;
	enum err err = ERR_OK;

	if (options->subpath)
		err = clean_path(options->subpath, &path);
	if (err == ERR_OK && path.length)
		err = buffer_append_u8(&path, '/');
	if (err == ERR_OK)
		err = buffer_append(&path, relative.data, relative.size);
	if (err != ERR_OK)
		goto done; /* when in doubt, nothing is deleted */
	full = bytes_of(&path);
	covered = in_a_source(snapshot, full);
	if (covered && options->exclude)
		covered = !exclude_match_deep(options->exclude, full, folder).excluded;
	if (covered && options->include)
		covered = exclude_match_deep(options->include, full, folder).excluded;
done:
	buffer_free(&path);
	return covered;
}
