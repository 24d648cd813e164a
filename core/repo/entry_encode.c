#include "core/repo/entry_internal.h"
#include "core/base/clock.h"

#define LENGTH_ROOM 3				       /* bytes of the varint of ENTRY_MAX */
#define NUMBERS_ROOM (22 * VARINT_MAX + CHUNK_ID_SIZE) /* every number and the id that put_rest writes */

enum err entry_refuse(const struct entry *entry, const char *why)
{
	size_t shown = entry->path.size < ENTRY_NAME_TEXT ? entry->path.size : ENTRY_NAME_TEXT;

	return fail(PL_ENTRY, "%.*s: %s", (int)shown, entry->path.data ? (const char *)entry->path.data : "", why);
}

static bool same(struct entry_bytes a, const struct buffer *b)
{
	return a.size == b->length && (a.size == 0 || memcmp(a.data, b->data, a.size) == 0);
}

static bool holds_nul(struct entry_bytes bytes)
{
	return bytes.size > 0 && memchr(bytes.data, '\0', bytes.size);
}

static const char *check_file(const struct entry *entry)
{
	struct cursor content = cursor_of(entry->content.data, entry->content.size);
	struct cursor segments = cursor_of(entry->segments.data, entry->segments.size);
	uint64_t data = entry->size, end;

	if (entry->size > INT64_MAX)
		return "its size is beyond every file system";
	if (entry->sparse &&
	    (!entry_segments_measure(&segments, &end, &data) || end > entry->size || cursor_left(&segments) > 0))
		return "its sparse map does not fit its size";
	if (entry->content.size == 0 && !entry->content_outside)
		return data == 0 ? NULL : "its content is missing";
	if (!entry_content_skip(&content, entry->content_outside, data) || cursor_left(&content) > 0)
		return "its content does not add up to its size";
	return NULL;
}

/* Why the entry cannot be written; NULL where it can. The order is checked by the caller. */
static const char *check(const struct entry *entry)
{
	if (!entry_path_valid(entry->path))
		return "this is no path of a file";
	if (entry->type < ENTRY_FILE || entry->type > ENTRY_SOCKET)
		return "its type is unknown";
	if (entry->mode & ~ENTRY_MODE_MASK)
		return "its mode has unknown bits";
	if (entry->flags & ~ENTRY_FLAGS_KEPT)
		return "its file flags have unknown bits";
	if (holds_nul(entry->user) || holds_nul(entry->group))
		return "the name of its owner is broken";
	if (entry->type == ENTRY_SYMLINK && (entry->target.size == 0 || holds_nul(entry->target)))
		return "its target is broken";
	if (entry->xattrs.size > ENTRY_XATTR_INLINE || (entry->xattrs.size > 0 && entry->xattrs_chunk_size > 0) ||
	    entry->xattrs_chunk_size > CHUNK_MAX)
		return "its extended attributes are too large";
	if (!entry_xattrs_valid(entry->xattrs))
		return "its extended attributes are out of order";
	return entry->type == ENTRY_FILE ? check_file(entry) : NULL;
}

static uint32_t head_of(const struct entry_state *state, const struct entry *entry)
{
	uint32_t head = entry->type;

	if (state->any) {
		if (state->uid == entry->uid && state->gid == entry->gid && same(entry->user, &state->user) &&
		    same(entry->group, &state->group))
			head |= ENTRY_HAS_SAME_OWNER;
		if (state->mode == entry->mode)
			head |= ENTRY_HAS_SAME_MODE;
		if (state->device == entry->device)
			head |= ENTRY_HAS_SAME_DEVICE;
	}
	if (entry->links > 1 && entry->type != ENTRY_FOLDER)
		head |= ENTRY_HAS_LINKED;
	if (entry_is_device(entry->type))
		head |= ENTRY_HAS_DEVICE;
	if (entry->flags)
		head |= ENTRY_HAS_FLAGS;
	if (entry->type == ENTRY_SYMLINK)
		head |= ENTRY_HAS_TARGET;
	if (entry->xattrs.size)
		head |= ENTRY_HAS_XATTRS;
	if (entry->xattrs_chunk_size)
		head |= ENTRY_HAS_XATTRS_OUTSIDE;
	if (entry->type == ENTRY_FILE)
		head |= ENTRY_HAS_CONTENT | (entry->sparse ? ENTRY_HAS_SPARSE : 0) |
		    (entry->content_outside ? ENTRY_HAS_OUTSIDE : 0);
	return head;
}

static uint8_t *put_raw(uint8_t *at, const void *bytes, size_t size)
{
	if (size)
		memcpy(at, bytes, size);
	return at + size;
}

static uint8_t *put_bytes(uint8_t *at, struct entry_bytes bytes)
{
	return put_raw(varint_put(at, bytes.size), bytes.data, bytes.size);
}

/* The time's seconds, rounded down; *ns receives the rest. */
static int64_t seconds_of(int64_t time, uint64_t *ns)
{
	int64_t seconds = time / CLOCK_SECOND, rest = time % CLOCK_SECOND;

	if (rest < 0) {
		seconds--;
		rest += CLOCK_SECOND;
	}
	*ns = (uint64_t)rest;
	return seconds;
}

static uint8_t *put_time(uint8_t *at, int64_t time, int64_t before)
{
	uint64_t ns;
	int64_t seconds = seconds_of(time, &ns);

	return varint_put(zigzag_put(at, seconds - before), ns);
}

static uint8_t *put_content(uint8_t *at, const struct entry *entry)
{
	if (entry->sparse)
		at = put_raw(at, entry->segments.data, entry->segments.size);
	at = varint_put(at, entry->size);
	return entry->content.size ? put_raw(at, entry->content.data, entry->content.size) : varint_put(at, 0);
}

/* Writes everything behind the length; there is room. */
static uint8_t *put_rest(uint8_t *at, const struct entry_state *state, const struct entry *entry, size_t shared)
{
	uint32_t head = head_of(state, entry);

	at = varint_put(at, head);
	at = varint_put(at, shared);
	at = varint_put(at, entry->path.size - shared);
	at = put_raw(at, entry->path.size ? entry->path.data + shared : NULL, entry->path.size - shared);
	if (!(head & ENTRY_HAS_SAME_OWNER)) {
		at = varint_put(at, entry->uid);
		at = varint_put(at, entry->gid);
		at = put_bytes(put_bytes(at, entry->user), entry->group);
	}
	if (!(head & ENTRY_HAS_SAME_MODE))
		at = varint_put(at, entry->mode);
	at = put_time(at, entry->mtime, state->mtime_seconds);
	at = put_time(at, entry->ctime, state->ctime_seconds);
	if (!(head & ENTRY_HAS_SAME_DEVICE))
		at = varint_put(at, entry->device);
	at = zigzag_put(at, (int64_t)(entry->inode - state->inode));
	if (head & ENTRY_HAS_LINKED)
		at = varint_put(at, entry->links);
	if (head & ENTRY_HAS_DEVICE)
		at = varint_put(at, entry->rdev);
	if (head & ENTRY_HAS_FLAGS)
		at = varint_put(at, entry->flags);
	if (head & ENTRY_HAS_TARGET)
		at = put_bytes(at, entry->target);
	if (head & ENTRY_HAS_XATTRS)
		at = put_bytes(at, entry->xattrs);
	if (head & ENTRY_HAS_XATTRS_OUTSIDE)
		at = varint_put(put_raw(at, entry->xattrs_chunk, CHUNK_ID_SIZE), entry->xattrs_chunk_size);
	return head & ENTRY_HAS_CONTENT ? put_content(at, entry) : at;
}

/* Makes room for all that remember() and put_rest() write, so that neither can fail half-way. */
static enum err reserve(struct entry_state *state, const struct entry *entry, struct buffer *out)
{
	size_t room = LENGTH_ROOM + NUMBERS_ROOM + entry->path.size;
	size_t parts[] = {entry->user.size, entry->group.size, entry->target.size, entry->xattrs.size,
	    entry->segments.size, entry->content.size};
	enum err err;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (parts[i] > ENTRY_MAX)
			return entry_refuse(entry, "its description is too long");
		room += parts[i];
	}
	err = buffer_reserve(out, room);
	if (err == ERR_OK && entry->path.size > state->path.length)
		err = buffer_reserve(&state->path, entry->path.size - state->path.length);
	if (err == ERR_OK && entry->user.size > state->user.length)
		err = buffer_reserve(&state->user, entry->user.size - state->user.length);
	if (err == ERR_OK && entry->group.size > state->group.length)
		err = buffer_reserve(&state->group, entry->group.size - state->group.length);
	return err;
}

static void assign(struct buffer *buffer, struct entry_bytes bytes, size_t from)
{
	if (bytes.size > from)
		memcpy(buffer->data + from, bytes.data + from, bytes.size - from);
	buffer->length = bytes.size;
}

static void remember(struct entry_state *state, const struct entry *entry, size_t shared)
{
	uint64_t ns;

	assign(&state->path, entry->path, shared);
	if (!same(entry->user, &state->user))
		assign(&state->user, entry->user, 0);
	if (!same(entry->group, &state->group))
		assign(&state->group, entry->group, 0);
	state->uid = entry->uid;
	state->gid = entry->gid;
	state->mode = entry->mode;
	state->mtime_seconds = seconds_of(entry->mtime, &ns);
	state->ctime_seconds = seconds_of(entry->ctime, &ns);
	state->device = entry->device;
	state->inode = entry->inode;
	state->any = true;
}

enum err entry_encode(struct entry_state *state, const struct entry *entry, struct buffer *out)
{
	struct entry_bytes before = {state->path.data, state->path.length};
	size_t shared = state->any ? entry_shared(before, entry->path) : 0, size;
	const char *wrong = check(entry);
	uint8_t *start, *end, length[VARINT_MAX];
	size_t length_size;
	enum err err;

	if (!wrong && state->any && entry_compare_behind(before, entry->path, shared) >= 0)
		wrong = "it is not behind the entry before it";
	if (wrong)
		return entry_refuse(entry, wrong);
	err = reserve(state, entry, out);
	if (err != ERR_OK)
		return err;

	start = out->data + out->length;
	end = put_rest(start + LENGTH_ROOM, state, entry, shared);
	size = (size_t)(end - start) - LENGTH_ROOM;
	length_size = (size_t)(varint_put(length, size) - length);
	if (length_size + size > ENTRY_MAX)
		return entry_refuse(entry, "its description is too long");
	memcpy(start, length, length_size);
	if (length_size < LENGTH_ROOM)
		memmove(start + length_size, start + LENGTH_ROOM, size);
	out->length += length_size + size;
	remember(state, entry, shared);
	return ERR_OK;
}
