#include "cli/selection.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#include <string.h>

struct snapshot_filter selection_filter;

struct entry_bytes selection_path_bytes(const struct selection_path *path)
{
	return (struct entry_bytes){(const uint8_t *)path->text, path->text ? strlen(path->text) : 0};
}

enum err selection_path_parse(struct selection_path *out, const char *text)
{
	char *clean = mem_alloc(strlen(text) + 1), *end = clean;

	if (!clean)
		return ERR_NOMEM;
	while (*text) {
		size_t length = strcspn(text, "/");

		if (length == 2 && memcmp(text, "..", 2) == 0) {
			mem_free(clean);
			return fail(PL_OPTION_VALUE, "a path in a snapshot has no \"..\"");
		}
		if (length > 0 && !(length == 1 && text[0] == '.')) {
			if (end > clean)
				*end++ = '/';
			memcpy(end, text, length);
			end += length;
		}
		text += length + (text[length] == '/');
	}
	*end = '\0';
	out->text = clean;
	return ERR_OK;
}

/* What a revoked key signed before stays good, and the time of a signature is what its signer says: whoever stole the key and can write to
 * the repository can add to it after all. */
static void warn_of_revoked(const struct keys *keys, const struct snapshot *latest)
{
	char writer[2 * WRITER_ID_SIZE + 1];

	for (size_t i = 0; i < keys->writers_count; i++) {
		if (!keys->writers[i].revoked || memcmp(keys->writers[i].id, latest->writer, WRITER_ID_SIZE) != 0)
			continue;
		fail(PL_SNAPSHOT_REVOKED, "the latest snapshot was signed by the writer %.8s, which was revoked",
		    hex_encode(writer, latest->writer, WRITER_ID_SIZE));
		output_failure_warning(failure_last());
		failure_clear();
		return;
	}
}

enum err selection_open(struct selection *out, struct repository *repository, const char *spec)
{
	const char *colon = strchr(spec, ':');
	char *id = colon ? mem_copy(spec, (size_t)(colon - spec) + 1) : mem_string(spec);
	enum err err = id ? ERR_OK : ERR_NOMEM;

	if (err == ERR_OK && colon) {
		id[colon - spec] = '\0';
		err = selection_path_parse(&out->path, colon + 1);
	}
	if (err == ERR_OK)
		err = snapshot_list_load(&out->list, repository->target, repository->keys);
	if (err == ERR_OK)
		err = snapshot_resolve(&out->list, id, &selection_filter, &out->snapshot);
	if (err == ERR_OK && strcmp(id, SNAPSHOT_LATEST) == 0)
		warn_of_revoked(repository->keys, out->snapshot);
	if (err == ERR_OK && !out->snapshot->has_content)
		err = fail(PL_KEY_FULL, "what a snapshot holds can be read with the full key only");
	mem_free(id);
	return err;
}

void selection_free(struct selection *selection)
{
	snapshot_list_free(&selection->list);
	mem_free(selection->path.text);
	*selection = (struct selection){0};
}
