#include "core/repo/entry_internal.h"
#include "core/base/clock.h"

#define HEAD_KNOWN 0xFFFFu /* the type and the bits of enum entry_has */

static enum err broken(const struct entry_state *state, const char *what)
{
	size_t shown = state->path.length < ENTRY_NAME_TEXT ? state->path.length : ENTRY_NAME_TEXT;

	return fail(PL_ENTRY_BROKEN, "an entry at or behind \"%.*s\": %s", (int)shown,
	    state->path.data ? (const char *)state->path.data : "", what);
}

static bool read_bytes(struct cursor *cursor, struct entry_bytes *out)
{
	uint64_t size;

	if (!entry_varint(cursor, &size) || !cursor_bytes(cursor, &out->data, size))
		return false;
	out->size = size;
	return true;
}

static bool read_bounded(struct cursor *cursor, uint64_t low, uint64_t high, uint64_t *out)
{
	return entry_varint(cursor, out) && *out >= low && *out <= high;
}

static enum err read_path(struct entry_state *state, struct cursor *cursor, struct entry *out)
{
	struct buffer *path = &state->path;
	struct entry_bytes rest, before = {path->data, path->length};
	uint64_t shared;
	enum err err;

	if (!read_bounded(cursor, 0, state->any ? path->length : 0, &shared) || !read_bytes(cursor, &rest) ||
	    rest.size > ENTRY_PATH_MAX - shared)
		return broken(state, "its path does not fit");
	if (state->any) {
		/* Nothing behind the shared bytes is a path that came before, the same first byte a second spelling. */
		if (rest.size == 0 || (shared < before.size && rest.data[0] == before.data[shared]))
			return broken(state, "its path is not the next one");
		if (shared < before.size &&
		    entry_compare_behind(
			(struct entry_bytes){before.data + shared, 1}, (struct entry_bytes){rest.data, 1}, 0) >= 0)
			return broken(state, "its path is not the next one");
	}
	path->length = shared;
	err = buffer_append(path, rest.data, rest.size);
	if (err != ERR_OK)
		return err;
	out->path = (struct entry_bytes){path->data, path->length};
	return entry_path_valid_from(out->path, shared) ? ERR_OK : broken(state, "its path is not valid");
}

static bool same(struct entry_bytes a, const struct buffer *b)
{
	return a.size == b->length && (a.size == 0 || memcmp(a.data, b->data, a.size) == 0);
}

static enum err keep_name(struct buffer *kept, struct entry_bytes name)
{
	buffer_clear(kept);
	return buffer_append(kept, name.data, name.size);
}

static enum err read_owner(struct entry_state *state, struct cursor *cursor)
{
	struct entry_bytes user, group;
	uint64_t uid, gid;
	enum err err;

	if (!read_bounded(cursor, 0, UINT32_MAX, &uid) || !read_bounded(cursor, 0, UINT32_MAX, &gid) ||
	    !read_bytes(cursor, &user) || !read_bytes(cursor, &group))
		return broken(state, "its owner is not readable");
	if ((user.size && memchr(user.data, '\0', user.size)) || (group.size && memchr(group.data, '\0', group.size)))
		return broken(state, "the name of its owner is broken");
	if (state->any && state->uid == uid && state->gid == gid && same(user, &state->user) &&
	    same(group, &state->group))
		return broken(state, "it repeats its owner");
	state->uid = (uint32_t)uid;
	state->gid = (uint32_t)gid;
	err = keep_name(&state->user, user);
	return err == ERR_OK ? keep_name(&state->group, group) : err;
}

static bool read_time(struct cursor *cursor, int64_t *before, int64_t *out)
{
	int64_t delta, seconds, whole, rest;
	uint64_t ns;

	if (!cursor_zigzag(cursor, &delta) || !read_bounded(cursor, 0, CLOCK_SECOND - 1, &ns) ||
	    __builtin_add_overflow(*before, delta, &seconds))
		return false;
	/* Before 1970 the whole seconds alone may lie below INT64_MIN where the sum does not. */
	whole = seconds < 0 ? seconds + 1 : seconds;
	rest = seconds < 0 ? (int64_t)ns - CLOCK_SECOND : (int64_t)ns;
	if (__builtin_mul_overflow(whole, CLOCK_SECOND, &whole) || __builtin_add_overflow(whole, rest, out))
		return false;
	*before = seconds;
	return true;
}

/* Mode, times, device and inode: what every entry has. */
static enum err read_numbers(struct entry_state *state, struct cursor *cursor, uint64_t head, struct entry *out)
{
	uint64_t value;
	int64_t delta;

	if (!(head & ENTRY_HAS_SAME_MODE)) {
		if (!read_bounded(cursor, 0, ENTRY_MODE_MASK, &value) || (state->any && value == state->mode))
			return broken(state, "its mode is not valid");
		state->mode = (uint16_t)value;
	}
	if (!read_time(cursor, &state->mtime_seconds, &out->mtime) ||
	    !read_time(cursor, &state->ctime_seconds, &out->ctime))
		return broken(state, "its times are not valid");
	if (!(head & ENTRY_HAS_SAME_DEVICE)) {
		if (!entry_varint(cursor, &value) || (state->any && value == state->device))
			return broken(state, "its device is not valid");
		state->device = value;
	}
	if (!cursor_zigzag(cursor, &delta))
		return broken(state, "its inode is not readable");
	state->inode += (uint64_t)delta;
	return ERR_OK;
}

/* What only some entries have, up to the content. */
static const char *read_options(struct cursor *cursor, uint64_t head, struct entry *out)
{
	uint64_t value = 1;

	if ((head & ENTRY_HAS_LINKED) && !read_bounded(cursor, 2, UINT32_MAX, &value))
		return "its number of links is not valid";
	out->links = (uint32_t)value;
	if ((head & ENTRY_HAS_DEVICE) && !entry_varint(cursor, &out->rdev))
		return "its device number is not readable";
	value = 0;
	if ((head & ENTRY_HAS_FLAGS) &&
	    (!read_bounded(cursor, 1, UINT32_MAX, &value) || (value & ~(uint64_t)ENTRY_FLAGS_KEPT)))
		return "its file flags are unknown";
	out->flags = (uint32_t)value;
	if ((head & ENTRY_HAS_TARGET) &&
	    (!read_bytes(cursor, &out->target) || out->target.size == 0 ||
		memchr(out->target.data, '\0', out->target.size)))
		return "its target is not valid";
	if ((head & ENTRY_HAS_XATTRS) &&
	    (!read_bytes(cursor, &out->xattrs) || out->xattrs.size == 0 || out->xattrs.size > ENTRY_XATTR_INLINE ||
		!entry_xattrs_valid(out->xattrs)))
		return "its extended attributes are not valid";
	if (head & ENTRY_HAS_XATTRS_OUTSIDE) {
		if (!cursor_copy(cursor, out->xattrs_chunk, CHUNK_ID_SIZE) ||
		    !read_bounded(cursor, 1, CHUNK_MAX, &value))
			return "its extended attributes are not valid";
		out->xattrs_chunk_size = (uint32_t)value;
	}
	return NULL;
}

static const char *read_content(struct cursor *cursor, uint64_t head, struct entry *out)
{
	uint64_t end = 0, data = 0;
	const uint8_t *start = cursor->at;

	out->sparse = head & ENTRY_HAS_SPARSE;
	if (out->sparse) {
		if (!entry_segments_measure(cursor, &end, &data))
			return "its sparse map is not valid";
		out->segments = (struct entry_bytes){start, (size_t)(cursor->at - start)};
	}
	if (!read_bounded(cursor, end, INT64_MAX, &out->size))
		return "its size is not valid";
	start = cursor->at;
	out->content_outside = head & ENTRY_HAS_OUTSIDE;
	if (!entry_content_skip(cursor, out->content_outside, out->sparse ? data : out->size))
		return "its content does not add up to its size";
	out->content = (struct entry_bytes){start, (size_t)(cursor->at - start)};
	return NULL;
}

static bool head_valid(uint64_t head, bool any)
{
	uint64_t type = head & ENTRY_TYPE_MASK;
	uint64_t same = ENTRY_HAS_SAME_OWNER | ENTRY_HAS_SAME_MODE | ENTRY_HAS_SAME_DEVICE;
	uint64_t both = ENTRY_HAS_XATTRS | ENTRY_HAS_XATTRS_OUTSIDE;

	return !(head & ~(uint64_t)HEAD_KNOWN) && type >= ENTRY_FILE && type <= ENTRY_SOCKET &&
	    (any || !(head & same)) && !(type == ENTRY_FOLDER && (head & ENTRY_HAS_LINKED)) &&
	    entry_is_device((uint8_t)type) == !!(head & ENTRY_HAS_DEVICE) &&
	    (type == ENTRY_SYMLINK) == !!(head & ENTRY_HAS_TARGET) &&
	    (type == ENTRY_FILE) == !!(head & ENTRY_HAS_CONTENT) &&
	    !(type != ENTRY_FILE && (head & (ENTRY_HAS_SPARSE | ENTRY_HAS_OUTSIDE))) && (head & both) != both;
}

static void fill_from_state(struct entry *out, const struct entry_state *state)
{
	out->user = (struct entry_bytes){state->user.data, state->user.length};
	out->group = (struct entry_bytes){state->group.data, state->group.length};
	out->uid = state->uid;
	out->gid = state->gid;
	out->mode = state->mode;
	out->device = state->device;
	out->inode = state->inode;
}

enum err entry_decode(struct entry_state *state, struct cursor *cursor, struct entry *out)
{
	uint64_t length, head;
	const uint8_t *start = cursor->at, *bytes;
	struct cursor rest;
	const char *wrong;
	enum err err;

	*out = (struct entry){0};
	if (!entry_varint(cursor, &length) || length > ENTRY_MAX || !cursor_bytes(cursor, &bytes, length) ||
	    cursor->at - start > (ptrdiff_t)ENTRY_MAX)
		return broken(state, "it is longer than what is there");
	rest = cursor_of(bytes, length);
	if (!entry_varint(&rest, &head) || !head_valid(head, state->any))
		return broken(state, "its type or its bits are unknown");
	out->type = (uint8_t)(head & ENTRY_TYPE_MASK);
	err = read_path(state, &rest, out);
	if (err == ERR_OK && !(head & ENTRY_HAS_SAME_OWNER))
		err = read_owner(state, &rest);
	if (err == ERR_OK)
		err = read_numbers(state, &rest, head, out);
	if (err != ERR_OK)
		return err;
	wrong = read_options(&rest, head, out);
	if (!wrong && (head & ENTRY_HAS_CONTENT))
		wrong = read_content(&rest, head, out);
	if (!wrong && cursor_left(&rest) > 0)
		wrong = "bytes are left over";
	if (wrong)
		return broken(state, wrong);
	fill_from_state(out, state);
	state->any = true;
	return ERR_OK;
}
