#include "cli/sources.h"
#include "core/base/file.h"
#include "core/base/mem.h"

#include <string.h>
#include <unistd.h>

#define LIST_MAX (1u << 30) /* bytes of a list of paths; it is held in memory */

void sources_free(struct sources *sources)
{
	for (size_t i = 0; i < sources->count; i++)
		mem_free(sources->paths[i]);
	mem_free(sources->paths);
	*sources = (struct sources){0};
}

enum err sources_add(struct sources *sources, const char *path)
{
	char *copy;

	/* Grown at powers of two. */
	if (sources->count == 0 || (sources->count & (sources->count + 1)) == 0) {
		char **paths = mem_resize(sources->paths, 2 * (sources->count + 1), sizeof(*paths));

		if (!paths)
			return ERR_NOMEM;
		sources->paths = paths;
	}
	copy = mem_string(path);
	if (!copy)
		return ERR_NOMEM;
	sources->paths[sources->count++] = copy;
	sources->paths[sources->count] = NULL;
	return ERR_OK;
}

enum err sources_add_file(struct sources *sources, const char *file, bool raw)
{
	struct buffer bytes = {0};
	/* Not /dev/stdin: a socket, or what another user has opened, cannot be opened again. */
	enum err err = strcmp(file, "-") == 0 ? file_read_rest(STDIN_FILENO, "standard input", LIST_MAX, &bytes)
					      : file_read_all(file, LIST_MAX, &bytes);
	char *at, *end;

	if (err == ERR_OK)
		err = buffer_append_u8(&bytes, raw ? '\0' : '\n');
	if (err == ERR_OK && !raw && memchr(bytes.data, '\0', bytes.length))
		err =
		    fail(PL_OPTION_VALUE, "--files-from: %s holds NUL bytes; --files-from-raw reads such lists", file);
	for (at = (char *)bytes.data; err == ERR_OK && at < (char *)bytes.data + bytes.length; at = end + 1) {
		end = memchr(at, raw ? '\0' : '\n', bytes.length - (size_t)(at - (char *)bytes.data));
		*end = '\0'; /* there is one: it was appended */
		if (at[0])
			err = sources_add(sources, at);
	}
	buffer_free(&bytes);
	return err;
}
