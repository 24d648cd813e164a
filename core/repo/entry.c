#include "core/repo/entry_internal.h"

void entry_state_reset(struct entry_state *state)
{
	struct buffer path = state->path, user = state->user, group = state->group;

	buffer_clear(&path);
	buffer_clear(&user);
	buffer_clear(&group);
	*state = (struct entry_state){.path = path, .user = user, .group = group};
}

void entry_state_free(struct entry_state *state)
{
	buffer_free(&state->path);
	buffer_free(&state->user);
	buffer_free(&state->group);
	*state = (struct entry_state){0};
}

size_t entry_shared(struct entry_bytes a, struct entry_bytes b)
{
	size_t size = a.size < b.size ? a.size : b.size, shared = 0;
	uint64_t left, right;

	while (shared + sizeof(left) <= size) {
		memcpy(&left, a.data + shared, sizeof(left));
		memcpy(&right, b.data + shared, sizeof(right));
		if (left != right)
			break;
		shared += sizeof(left);
	}
	while (shared < size && a.data[shared] == b.data[shared])
		shared++;
	return shared;
}

int entry_compare_behind(struct entry_bytes a, struct entry_bytes b, size_t shared)
{
	if (shared == a.size || shared == b.size)
		return (a.size > shared) - (b.size > shared);
	/* The end of a component sorts before every byte that it could go on with; NUL never stands in a path. */
	return (a.data[shared] == '/' ? 0 : a.data[shared]) - (b.data[shared] == '/' ? 0 : b.data[shared]);
}

int entry_compare(struct entry_bytes a, struct entry_bytes b)
{
	return entry_compare_behind(a, b, entry_shared(a, b));
}

bool entry_within(struct entry_bytes path, struct entry_bytes folder)
{
	if (folder.size == 0)
		return true;
	if (path.size < folder.size || memcmp(path.data, folder.data, folder.size) != 0)
		return false;
	return path.size == folder.size || path.data[folder.size] == '/';
}

static bool component_valid(const uint8_t *name, size_t size)
{
	return size > 0 && !(name[0] == '.' && (size == 1 || (size == 2 && name[1] == '.')));
}

bool entry_path_valid_from(struct entry_bytes path, size_t from)
{
	const uint8_t *at, *end, *slash;

	if (path.size > ENTRY_PATH_MAX)
		return false;
	if (path.size == 0)
		return true;
	while (from > 0 && path.data[from - 1] != '/')
		from--;
	at = path.data + from;
	end = path.data + path.size;
	if (at < end && memchr(at, '\0', (size_t)(end - at)))
		return false;
	while (at < end && (slash = memchr(at, '/', (size_t)(end - at)))) {
		if (!component_valid(at, (size_t)(slash - at)))
			return false;
		at = slash + 1;
	}
	return component_valid(at, (size_t)(end - at));
}

bool entry_path_valid(struct entry_bytes path)
{
	return entry_path_valid_from(path, 0);
}

const char *entry_type_name(uint8_t type)
{
	static const char *const names[] = {
	    "unknown", "file", "folder", "symlink", "character device", "block device", "fifo", "socket"};

	return type < sizeof(names) / sizeof(names[0]) ? names[type] : names[0];
}
