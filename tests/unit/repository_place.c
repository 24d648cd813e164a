#include "tests/unit/repository_place.h"
#include "core/base/buffer.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/repo/key_slot.h"
#include "targets/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

static const struct kdf_cost cheap = {.memory_kib = 8192, .passes = 1, .lanes = 1};

static enum err answer(void *context, char **passphrase, size_t *size)
{
	struct place *place = context;

	place->asked++;
	*size = strlen(place->passphrase);
	*passphrase = secret_new(*size);
	if (!*passphrase)
		return ERR_NOMEM;
	memcpy(*passphrase, place->passphrase, *size);
	return ERR_OK;
}

struct repository_access place_access(struct place *place, const char *key_file)
{
	return (struct repository_access){
	    .ask = answer, .context = place, .key_file = key_file, .domain = "server", .state_folder = place->folder};
}

enum err place_init(struct place *place)
{
	struct repository_access access = place_access(place, NULL);
	enum err err = repository_init(&place->repository, place->target, &access, 0);

	if (err == ERR_OK)
		place->target = NULL;
	return err;
}

enum err place_open(struct place *place, const char *key_file)
{
	struct repository_access access = place_access(place, key_file);
	struct repository repository;
	enum err err = repository_open(&repository, place->target, &access);

	if (err != ERR_OK)
		return err;
	assert_ptr_equal(repository.target, place->target);
	repository.target = NULL;
	repository_close(&repository);
	return ERR_OK;
}

void place_refuses(struct place *place, const char *key_file, enum message id)
{
	assert_int_not_equal(place_open(place, key_file), ERR_OK);
	assert_int_equal(failure_last()->id, id);
}

void place_leave(struct place *place)
{
	place->target = place->repository.target;
	place->repository.target = NULL;
	repository_close(&place->repository);
}

int place_crypto(void **state)
{
	(void)state;
	return crypto_setup() == ERR_OK ? 0 : -1;
}

int place_empty_up(void **state)
{
	struct place *place = mem_calloc(1, sizeof(*place));
	const char *base = getenv("TMPDIR");

	place->passphrase = "correct horse";
	place->folder = mem_printf("%s/pulih-repository-XXXXXX", base ? base : "/tmp");
	assert_non_null(mkdtemp(place->folder));
	place->key_path = path_join(place->folder, "backup.key");
	assert_int_equal(memory_target_new(&place->target), ERR_OK);
	*state = place;
	return 0;
}

int place_up(void **state)
{
	struct place *place;
	struct key_slot *slots = NULL;
	uint8_t slot[KEY_SLOT_ID_SIZE];
	char text[2 * KEY_SLOT_ID_SIZE + 1];
	size_t count;

	place_empty_up(state);
	place = *state;
	assert_int_equal(place_init(place), ERR_OK);
	assert_int_equal(key_slot_list(place->repository.target, &slots, &count), ERR_OK);
	assert_int_equal(count, 1);
	assert_int_equal(key_slot_add(place->repository.target, place->repository.keys, "passphrase", "", &cheap,
			     "correct horse", 13, slot),
	    ERR_OK);
	assert_int_equal(
	    key_slot_remove(place->repository.target, hex_encode(text, slots[0].id, KEY_SLOT_ID_SIZE)), ERR_OK);
	mem_free(slots);
	return 0;
}

int place_down(void **state)
{
	struct place *place = *state;

	repository_close(&place->repository);
	target_free(place->target);
	assert_int_equal(file_remove_tree(place->folder), ERR_OK);
	mem_free(place->key_path);
	mem_free(place->folder);
	mem_free(place);
	return 0;
}
