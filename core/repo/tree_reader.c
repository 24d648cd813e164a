#include "core/repo/tree_internal.h"
#include "core/base/mem.h"

struct level {
	struct buffer node;
	struct cursor cursor; /* what has not been read of it */
	uint8_t id[CHUNK_ID_SIZE];
	bool loaded;	   /* node is the chunk `id` */
	uint64_t expected; /* entries below it, by its record */
};

struct tree_reader {
	struct tree_root root;
	tree_fetch fetch;
	void *context;
	tree_known known;      /* of tree_walk, else NULL */
	tree_visit_node visit; /* of tree_walk, else NULL */
	void *visit_context;
	struct level levels[TREE_LEVELS_MAX];
	bool started;
	bool pending; /* seek has read the next entry already */
	enum err failed;
	unsigned opening; /* level + 1 of a node that did not open, 0: the failure was in an entry */
	/* The node of level 0. */
	struct entry_state state;
	struct entry entry;
	struct entry_bytes first; /* the path that its record promises; in the node above */
	uint64_t seen;
	struct buffer last; /* path of the last entry of the node before */
	bool has_last;
};

static enum err broken(const char *what)
{
	return fail(PL_TREE_BROKEN, "the tree of files: %s", what);
}

enum err tree_node_check(const void *bytes, size_t size, uint8_t level)
{
	const uint8_t *header = bytes;

	if (size < TREE_NODE_HEADER || size > TREE_NODE_LIMIT || (level > 0 && size > NODE_MAX))
		return broken("a node has a size that no node has");
	if (header[0] != TREE_VERSION)
		return fail(PL_FORMAT_VERSION, "the tree of files: a node of version %u", header[0]);
	return header[1] == level ? ERR_OK : broken("a node is not of the level where it stands");
}

enum err tree_reader_new(struct tree_reader **out, const struct tree_root *root, tree_fetch fetch, void *context)
{
	struct tree_reader *reader = NULL;

	*out = NULL;
	if (root->levels == 0 || root->levels > TREE_LEVELS_MAX)
		return broken("its root has a level that no root has");
	reader = mem_calloc(1, sizeof(*reader));
	if (!reader)
		return ERR_NOMEM;
	reader->root = *root;
	reader->fetch = fetch;
	reader->context = context;
	*out = reader;
	return ERR_OK;
}

void tree_reader_free(struct tree_reader *reader)
{
	if (!reader)
		return;
	for (unsigned i = 0; i < TREE_LEVELS_MAX; i++)
		buffer_free(&reader->levels[i].node);
	entry_state_free(&reader->state);
	buffer_free(&reader->last);
	mem_free(reader);
}

static bool read_record(struct cursor *cursor, struct tree_record *out)
{
	uint64_t size, length;

	if (!cursor_varint(cursor, &size) || !cursor_bytes(cursor, &out->first.data, size))
		return false;
	out->first.size = size;
	if (!cursor_bytes(cursor, &out->id, CHUNK_ID_SIZE) || !cursor_varint(cursor, &length) ||
	    !cursor_varint(cursor, &out->entries) || length > TREE_NODE_LIMIT || out->entries == 0 ||
	    !entry_path_valid(out->first))
		return false;
	out->length = (uint32_t)length;
	return true;
}

/* A list by its own rules and by what the record above says: then its records can be read without another check. */
static enum err check_list(struct cursor cursor, const struct tree_record *record, bool is_root)
{
	struct tree_record child;
	struct entry_bytes before = {0};
	uint64_t entries = 0;
	bool any = false;

	while (cursor_left(&cursor) > 0) {
		if (!read_record(&cursor, &child))
			return broken("a list of nodes cannot be read");
		if (any ? entry_compare(before, child.first) >= 0
			: !is_root && entry_compare(record->first, child.first) != 0)
			return broken("a list of nodes is out of order");
		if (__builtin_add_overflow(entries, child.entries, &entries))
			return broken("a list of nodes counts beyond all bounds");
		before = child.first;
		any = true;
	}
	if (!any || entries != record->entries)
		return broken("a list of nodes does not count what is said to be below it");
	return ERR_OK;
}

static enum err load_node(struct tree_reader *reader, unsigned level, const struct tree_record *record)
{
	struct level *at = &reader->levels[level];
	enum err err;

	if (at->loaded && memcmp(at->id, record->id, CHUNK_ID_SIZE) == 0)
		return ERR_OK;
	at->loaded = false;
	err = reader->fetch(reader->context, CHUNK_NODE, record->id, &at->node);
	if (err != ERR_OK)
		return err;
	memcpy(at->id, record->id, CHUNK_ID_SIZE);
	at->loaded = true;
	return ERR_OK;
}

/* Fetches a node, checks it against its record, and places the cursor before its first record or entry. */
static enum err open_node(struct tree_reader *reader, unsigned level, const struct tree_record *record)
{
	struct level *at = &reader->levels[level];
	bool is_root = level + 1u == reader->root.levels;
	enum err err;

	reader->opening = level + 1;
	err = load_node(reader, level, record);
	if (err != ERR_OK)
		return err;
	if (at->node.length != record->length)
		return broken("a node is not as long as is said");
	err = tree_node_check(at->node.data, at->node.length, (uint8_t)level);
	if (err != ERR_OK)
		return err;
	at->cursor = cursor_of(at->node.data + TREE_NODE_HEADER, at->node.length - TREE_NODE_HEADER);
	at->expected = record->entries;
	if (level > 0) {
		err = check_list(at->cursor, record, is_root);
	} else {
		if (at->node.length > NODE_MAX && record->entries != 1)
			return broken("a node has a size that no node has");
		if (reader->state.any) {
			buffer_swap(&reader->last, &reader->state.path);
			reader->has_last = true;
		}
		entry_state_reset(&reader->state);
		reader->first = is_root ? (struct entry_bytes){0} : record->first;
		reader->seen = 0;
	}
	if (err == ERR_OK)
		reader->opening = 0;
	if (err == ERR_OK && reader->visit)
		err = reader->visit(reader->visit_context, at->id, record->length);
	return err;
}

static struct tree_record root_record(const struct tree_reader *reader)
{
	return (struct tree_record){
	    .id = reader->root.id, .length = reader->root.length, .entries = reader->root.entries};
}

/* Opens the next node of level 0; *end where there is none. */
static enum err advance(struct tree_reader *reader, bool *end)
{
	unsigned level = 1;
	struct tree_record record;
	enum err err;

	*end = false;
	for (;;) {
		while (level < reader->root.levels && cursor_left(&reader->levels[level].cursor) == 0)
			level++;
		if (level >= reader->root.levels) {
			*end = true;
			return ERR_OK;
		}
		if (!read_record(&reader->levels[level].cursor, &record))
			return broken("a list of nodes cannot be read");
		if (reader->known && reader->known(reader->visit_context, record.id))
			continue;
		err = open_node(reader, --level, &record);
		if (err != ERR_OK || level == 0)
			return err;
	}
}

/* The next entry of the node of level 0; *out is NULL at its end. */
static enum err read_entry(struct tree_reader *reader, const struct entry **out)
{
	struct level *at = &reader->levels[0];
	struct entry_bytes last = {reader->last.data, reader->last.length};
	enum err err;

	*out = NULL;
	if (cursor_left(&at->cursor) == 0)
		return reader->seen == at->expected ? ERR_OK
						    : broken("a node does not hold as many entries as is said");
	err = entry_decode(&reader->state, &at->cursor, &reader->entry);
	if (err != ERR_OK)
		return err;
	if (reader->seen++ == 0) {
		if (reader->root.levels > 1 && entry_compare(reader->first, reader->entry.path) != 0)
			return broken("a node does not start with the path that is said");
		if (reader->has_last && entry_compare(last, reader->entry.path) >= 0)
			return broken("two nodes are out of order");
	}
	*out = &reader->entry;
	return ERR_OK;
}

/* Opens the root; a root that tree_walk knows has nothing left to read. */
static enum err start(struct tree_reader *reader)
{
	struct tree_record root = root_record(reader);
	enum err err;

	if (reader->known && reader->known(reader->visit_context, reader->root.id)) {
		reader->started = true;
		return ERR_OK;
	}
	err = open_node(reader, reader->root.levels - 1u, &root);
	reader->started = err == ERR_OK;
	return err;
}

static enum err next(struct tree_reader *reader, const struct entry **entry)
{
	bool end = false;
	enum err err = reader->started ? ERR_OK : start(reader);

	while (err == ERR_OK && !end) {
		err = read_entry(reader, entry);
		if (err != ERR_OK || *entry)
			break;
		err = advance(reader, &end);
	}
	return err;
}

enum err tree_reader_next(struct tree_reader *reader, const struct entry **entry)
{
	enum err err;

	*entry = NULL;
	if (reader->failed != ERR_OK)
		return reader->failed;
	if (reader->pending) {
		reader->pending = false;
		*entry = &reader->entry;
		return ERR_OK;
	}
	err = next(reader, entry);
	if (err != ERR_OK)
		*entry = NULL;
	reader->failed = err;
	return err;
}

bool tree_reader_skip(struct tree_reader *reader)
{
	unsigned level = reader->opening ? reader->opening - 1 : 0;

	if (reader->failed != ERR_CORRUPT || !reader->started || level + 1u >= reader->root.levels)
		return false;
	/* The list above stands behind the record of the node already; nothing of the node itself, or below it, is read on. */
	for (unsigned i = 0; i <= level; i++)
		reader->levels[i].cursor = cursor_of("", 0);
	reader->seen = reader->levels[0].expected;
	reader->opening = 0;
	reader->failed = ERR_OK;
	return true;
}

/* Places the cursor of a list behind the last record whose first path is not behind `path`, or behind the first record. */
static enum err choose(struct level *at, struct entry_bytes path, struct tree_record *chosen)
{
	struct tree_record record;
	struct cursor cursor = at->cursor;

	for (bool any = false; cursor_left(&cursor) > 0; any = true) {
		if (!read_record(&cursor, &record))
			return broken("a list of nodes cannot be read");
		if (any && entry_compare(record.first, path) > 0)
			break;
		*chosen = record;
		at->cursor = cursor;
	}
	return ERR_OK;
}

static enum err seek(struct tree_reader *reader, struct entry_bytes path)
{
	struct tree_record record = root_record(reader);
	unsigned level = reader->root.levels - 1u;
	const struct entry *entry;
	enum err err;

	entry_state_reset(&reader->state);
	reader->has_last = false;
	reader->pending = false;
	err = open_node(reader, level, &record);
	for (; err == ERR_OK && level > 0; level--) {
		err = choose(&reader->levels[level], path, &record);
		if (err == ERR_OK)
			err = open_node(reader, level - 1, &record);
	}
	if (err != ERR_OK)
		return err;
	reader->started = true;
	do
		err = read_entry(reader, &entry);
	while (err == ERR_OK && entry && entry_compare(entry->path, path) < 0);
	reader->pending = err == ERR_OK && entry;
	return err;
}

enum err tree_reader_seek(struct tree_reader *reader, struct entry_bytes path)
{
	reader->failed = seek(reader, path);
	return reader->failed;
}

enum err tree_walk(const struct tree_root *root, tree_fetch fetch, tree_known known, tree_visit_node node,
    tree_visit_entry entry, void *context)
{
	struct tree_reader *reader = NULL;
	const struct entry *at;
	enum err err = tree_reader_new(&reader, root, fetch, context);

	if (err != ERR_OK)
		return err;
	reader->known = known;
	reader->visit = node;
	reader->visit_context = context;
	for (;;) {
		err = tree_reader_next(reader, &at);
		if (err != ERR_OK || !at)
			break;
		err = entry ? entry(context, at) : ERR_OK;
		if (err != ERR_OK)
			break;
	}
	tree_reader_free(reader);
	return err;
}
