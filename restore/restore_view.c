#include "core/crypto/crypto.h"
#include "restore/restore_internal.h"

/* Opened frames kept: each worker is in one, neighbours and deduplicated chunks come from the others. 24 of at most 2 MiB. */
#define VIEW_FRAMES 24

enum err restore_view_open(struct restore_view *view, struct repository *repository,
    const uint8_t domain[DOMAIN_TAG_SIZE])
{
	char tag[2 * DOMAIN_TAG_SIZE + 1];
	size_t damaged = 0;
	char *cache;
	enum err err;

	*view = (struct restore_view){0};
	if (!repository->state_folder)
		return fail(PL_INDEX_CACHE, "there is no state folder to keep the index in");
	cache = mem_printf("%s/index/%s", repository->state_folder, hex_encode(tag, domain, DOMAIN_TAG_SIZE));
	view->domain = secret_new(sizeof(*view->domain));
	err = cache && view->domain ? keys_domain(repository->keys, domain, view->domain) : ERR_NOMEM;
	/* Damaged index objects are named and passed over: what the others know can still be restored. Condemned packs count,
	 * for as long as they are there. */
	if (err == ERR_OK)
		err = index_open(&view->index, repository->target, repository->keys, view->domain,
		    cache, NULL, 0, &damaged);
	if (err == ERR_OK)
		err = chunk_reader_new(&view->reader, repository->target, repository->keys, view->domain, view->index,
		    VIEW_FRAMES);
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
	*view = (struct restore_view){0};
}
