#include "core/base/output.h"
#include "core/crypto/crypto.h"
#include "restore/restore_internal.h"

/* Opened frames kept: each worker is in one, neighbours and deduplicated chunks come from the others. 24 of at most 2 MiB. */
#define VIEW_FRAMES 24

bool restore_view_failed_locally(void)
{
	static const enum message local[] = {
	    PL_INDEX_CACHE, PL_NO_SPACE, PL_FILE_READ, PL_FILE_WRITE, PL_FILE_MISSING, PL_FILE_LIMIT};

	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
		if (failure_last()->id == local[i])
			return true;
	return false;
}

static enum err open_index(struct restore_view *view, struct repository *repository, const char *cache)
{
	size_t damaged = 0;

	/* Damaged index objects are named and passed over: what the others know can still be restored. Condemned packs count,
	 * for as long as they are there. */
	return index_open(&view->index, repository->target, repository->keys, view->domain,
	    &(struct index_options){.cache_folder = cache, .damaged = &damaged});
}

/* The machine that needs its backup back may have a full or a dying disk. */
static enum err open_elsewhere(struct restore_view *view, struct repository *repository)
{
	static const char *const places[] = {"/tmp", "/dev/shm"};
	const char *chosen = getenv("TMPDIR");
	struct failure failure;
	enum err err;

	failure_take(&failure);
	output_failure_warning(&failure);
	err = failure_put(&failure);
	for (int i = chosen && chosen[0] ? -1 : 0; i < 2; i++) {
		view->temporary = mem_printf("%s/pulih-XXXXXX", i < 0 ? chosen : places[i]);
		if (!view->temporary)
			return ERR_NOMEM;
		if (mkdtemp(view->temporary)) {
			err = open_index(view, repository, view->temporary);
			if (err == ERR_OK || !restore_view_failed_locally())
				return err;
			(void)file_remove_tree(view->temporary);
			(void)failure_put(&failure);
		}
		mem_free(view->temporary);
		view->temporary = NULL;
	}
	return err;
}

enum err restore_view_open(
    struct restore_view *view, struct repository *repository, const uint8_t domain[DOMAIN_TAG_SIZE])
{
	char tag[2 * DOMAIN_TAG_SIZE + 1];
	char *cache;
	enum err err;

	*view = (struct restore_view){0};
	if (!repository->state_folder)
		return fail(PL_INDEX_CACHE, "there is no state folder to keep the index in");
	cache = mem_printf("%s/index/%s", repository->state_folder, hex_encode(tag, domain, DOMAIN_TAG_SIZE));
	view->domain = secret_new(sizeof(*view->domain));
	err = cache && view->domain ? keys_domain(repository->keys, domain, view->domain) : ERR_NOMEM;
	if (err == ERR_OK) {
		err = open_index(view, repository, cache);
		if (err != ERR_OK && restore_view_failed_locally())
			err = open_elsewhere(view, repository);
	}
	if (err == ERR_OK)
		err = chunk_reader_new(
		    &view->reader, repository->target, repository->keys, view->domain, view->index, VIEW_FRAMES);
	if (err != ERR_OK)
		restore_view_close(view);
	mem_free(cache);
	return err;
}

void restore_view_close(struct restore_view *view)
{
	chunk_reader_free(view->reader);
	index_free(view->index);
	secret_free(view->domain, sizeof(*view->domain));
	if (view->temporary)
		(void)file_remove_tree(view->temporary);
	mem_free(view->temporary);
	*view = (struct restore_view){0};
}
