#include "core/repo/snapshot_internal.h"
#include "core/base/mem.h"

static void free_texts(char **texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		mem_free(texts[i]);
	mem_free(texts);
}

void snapshot_free(struct snapshot *snapshot)
{
	mem_free(snapshot->host);
	mem_free(snapshot->job);
	mem_free(snapshot->tool);
	free_texts(snapshot->paths, snapshot->paths_count);
	free_texts(snapshot->tags, snapshot->tags_count);
	*snapshot = (struct snapshot){0};
}

static enum err add_text(char ***texts, size_t *count, const char *text)
{
	char *copy = mem_string(text);
	char **grown;

	if (!copy)
		return ERR_NOMEM;
	/* The array has room for the next power of two. */
	if ((*count & (*count - 1)) == 0) {
		grown = mem_resize(*texts, *count ? *count * 2 : 1, sizeof(**texts));
		if (!grown) {
			mem_free(copy);
			return ERR_NOMEM;
		}
		*texts = grown;
	}
	(*texts)[(*count)++] = copy;
	return ERR_OK;
}

enum err snapshot_add_path(struct snapshot *snapshot, const char *path)
{
	return add_text(&snapshot->paths, &snapshot->paths_count, path);
}

enum err snapshot_add_tag(struct snapshot *snapshot, const char *tag)
{
	return add_text(&snapshot->tags, &snapshot->tags_count, tag);
}

enum err snapshot_broken(const char *what)
{
	return fail(PL_SNAPSHOT_BROKEN, "%s", what);
}

static bool one_matches(char *const *texts, size_t count, const char *wanted)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(texts[i], wanted) == 0)
			return true;
	return false;
}

bool snapshot_matches(const struct snapshot *snapshot, const struct snapshot_filter *filter)
{
	if (!filter)
		return true;
	return (!filter->host || (snapshot->host && strcmp(snapshot->host, filter->host) == 0)) &&
	    (!filter->job || (snapshot->job && strcmp(snapshot->job, filter->job) == 0)) &&
	    (!filter->tag || one_matches(snapshot->tags, snapshot->tags_count, filter->tag)) &&
	    (!filter->path || one_matches(snapshot->paths, snapshot->paths_count, filter->path));
}
