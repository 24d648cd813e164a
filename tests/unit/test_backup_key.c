/* Backup keys: issued, listed, used, revoked, and what a damaged or foreign one cannot do. */
#include "core/base/buffer.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/repo/canonical.h"
#include "core/repo/config.h"
#include "core/repo/key_slot.h"
#include "core/repo/object.h"
#include "targets/memory.h"
#include "tests/unit/repository_place.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void issue(struct place *place, const char *domain, struct buffer *file)
{
	assert_int_equal(key_issue_writer(&place->repository, domain, "web server", true, file), ERR_OK);
	assert_int_equal(file_replace(place->key_path, file->data, file->length, 0600), ERR_OK);
}

static void backup_key_opens(void **state)
{
	struct place *place = *state;
	struct repository_access access = place_access(place, place->key_path);
	struct buffer file = {0};
	struct domain_keys domain;
	uint8_t shared[KEY_SIZE];
	unsigned asked;

	issue(place, "mail", &file);
	assert_int_equal(place->repository.config->serial, 2);
	assert_int_equal(place->repository.keys->writers_count, 1);
	assert_int_equal(keys_domain_tag(place->repository.keys->root, "mail", domain.tag), ERR_OK);
	assert_int_equal(keys_domain(place->repository.keys, domain.tag, &domain), ERR_OK);
	memcpy(shared, place->repository.keys->shared, KEY_SIZE);
	place_leave(place);
	asked = place->asked;
	assert_int_equal(repository_open(&place->repository, place->target, &access), ERR_OK);
	place->target = NULL;
	assert_int_equal(place->asked, asked);
	assert_false(place->repository.keys->full);
	assert_memory_equal(&place->repository.keys->domain, &domain, sizeof(domain));
	assert_memory_equal(place->repository.keys->shared, shared, KEY_SIZE);
	assert_memory_equal(
	    place->repository.keys->signer.writer, place->repository.config->writers[0].id, WRITER_ID_SIZE);
	assert_memory_equal(
	    place->repository.keys->signer.public_key, place->repository.config->writers[0].public_key, KEY_SIZE);
	/* It issues and revokes nothing, and makes no slots. */
	assert_int_equal(key_issue_writer(&place->repository, "mail", "", false, &file), ERR_KEY);
	assert_int_equal(key_revoke_writer(&place->repository, "00000000"), ERR_KEY);
	assert_int_equal(failure_last()->id, PL_KEY_FULL);
	crypto_wipe(file.data, file.length);
	buffer_free(&file);
}

static void revoked_key_is_refused(void **state)
{
	struct place *place = *state;
	struct buffer file = {0};
	char id[2 * WRITER_ID_SIZE + 1];

	issue(place, "server", &file);
	assert_int_equal(key_revoke_writer(&place->repository, "zzzz"), ERR_USAGE);
	assert_int_equal(failure_last()->id, PL_WRITER_NONE);
	hex_encode(id, place->repository.config->writers[0].id, WRITER_ID_SIZE);
	id[3] = '\0';
	assert_int_equal(key_revoke_writer(&place->repository, id), ERR_USAGE);
	hex_encode(id, place->repository.config->writers[0].id, WRITER_ID_SIZE);
	id[8] = '\0';
	assert_int_equal(key_revoke_writer(&place->repository, id), ERR_OK);
	assert_true(place->repository.config->writers[0].revoked);
	assert_true(place->repository.keys->writers[0].revoked);
	place_leave(place);
	place_refuses(place, place->key_path, PL_KEY_FILE);
	assert_non_null(strstr(failure_last()->text, "revoked"));
	buffer_free(&file);
}

static void writers_are_listed(void **state)
{
	struct place *place = *state;
	struct buffer file = {0};
	struct key_writer *writers = NULL;
	size_t count = 0;

	assert_int_equal(key_issue_writer(&place->repository, "server", "", false, &file), ERR_OK);
	assert_int_equal(key_issue_writer(&place->repository, "mail", "Peladen surat", true, &file), ERR_OK);
	assert_int_equal(key_writers_list(&place->repository, &writers, &count), ERR_OK);
	assert_int_equal(count, 2);
	assert_string_equal(writers[0].label, "");
	assert_string_equal(writers[0].domain_name, "server");
	assert_false(writers[0].append_only);
	assert_string_equal(writers[1].label, "Peladen surat");
	assert_string_equal(writers[1].domain_name, "mail");
	assert_true(writers[1].append_only);
	assert_memory_equal(writers[1].domain, place->repository.config->writers[1].domain, DOMAIN_TAG_SIZE);
	mem_free(writers);
	/* Without the full key the labels stay shut; the place never learns them. */
	place->repository.keys->full = false;
	assert_int_equal(key_writers_list(&place->repository, &writers, &count), ERR_OK);
	assert_string_equal(writers[1].label, "");
	place->repository.keys->full = true;
	mem_free(writers);
	/* A label in another writer's clothes does not open. */
	memcpy(
	    place->repository.config->writers[0].label, place->repository.config->writers[1].label, WRITER_LABEL_SIZE);
	assert_int_equal(key_writers_list(&place->repository, &writers, &count), ERR_CORRUPT);
	buffer_free(&file);
}

static void place_never_learns_names(void **state)
{
	struct place *place = *state;
	struct buffer file = {0};
	const uint8_t *bytes;
	size_t size;

	assert_int_equal(key_issue_writer(&place->repository, "ternate-host", "Peladen surat", false, &file), ERR_OK);
	bytes = memory_target_bytes(place->repository.target, OBJECT_CONFIG, &size);
	assert_null(memmem(bytes, size, "ternate", 7));
	assert_null(memmem(bytes, size, "Peladen", 7));
	buffer_free(&file);
}

static void what_cannot_be_issued(void **state)
{
	struct place *place = *state;
	struct buffer file = {0};
	char label[LABEL_SIZE + 1];

	memset(label, 'x', LABEL_SIZE);
	label[LABEL_SIZE] = '\0';
	assert_int_equal(key_issue_writer(&place->repository, "server", label, false, &file), ERR_USAGE);
	assert_int_equal(failure_last()->id, PL_LABEL);
	assert_int_equal(key_issue_writer(&place->repository, "", "", false, &file), ERR_USAGE);
	assert_int_equal(failure_last()->id, PL_DOMAIN_NAME);
	memory_target_fail(place->repository.target, MEMORY_REPLACE, 1, PL_TARGET_WRITE, false);
	assert_int_equal(key_issue_writer(&place->repository, "server", "", false, &file), ERR_IO);
	assert_int_equal(file.length, 0);
	assert_int_equal(place->repository.config->writers_count, 0);
	/* A config that went back while the repository was open is not built upon. */
	place->repository.config->serial = 9;
	assert_int_equal(key_issue_writer(&place->repository, "server", "", false, &file), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_CONFIG_ROLLBACK);
	buffer_free(&file);
}

/* Two admins one after the other: the second does not undo the first's writer. */
static void issuing_starts_from_the_current_config(void **state)
{
	struct place *place = *state;
	struct repository_access access = place_access(place, NULL);
	struct repository second;
	struct buffer file = {0};

	assert_int_equal(repository_open(&second, place->repository.target, &access), ERR_OK);
	assert_int_equal(key_issue_writer(&place->repository, "server", "one", false, &file), ERR_OK);
	assert_int_equal(key_issue_writer(&second, "server", "two", false, &file), ERR_OK);
	assert_int_equal(second.config->writers_count, 2);
	assert_int_equal(second.config->serial, 3);
	second.target = NULL;
	repository_close(&second);
	buffer_free(&file);
}

static void key_file_permissions(void **state)
{
	struct place *place = *state;
	struct buffer file = {0};
	static const mode_t open_modes[] = {0640, 0604, 0620, 0602, 0610, 0601};

	issue(place, "server", &file);
	place_leave(place);
	for (size_t i = 0; i < sizeof(open_modes) / sizeof(open_modes[0]); i++) {
		assert_int_equal(chmod(place->key_path, open_modes[i]), 0);
		place_refuses(place, place->key_path, PL_KEY_FILE);
	}
	assert_int_equal(chmod(place->key_path, 0400), 0);
	assert_int_equal(place_open(place, place->key_path), ERR_OK);
	place_refuses(place, place->folder, PL_KEY_FILE);
	place_refuses(place, "/nonexistent/backup.key", PL_KEY_FILE);
	buffer_free(&file);
}

/* Whatever byte of the file is changed, it is refused: a key with a flipped bit would store what nobody can read again. */
static void every_byte_of_a_key_file_counts(void **state)
{
	struct place *place = *state;
	struct keys *keys = keys_new();
	struct buffer file = {0};
	int fd;

	issue(place, "server", &file);
	fd = open(place->key_path, O_WRONLY);
	assert_true(fd >= 0);
	for (size_t i = 0; i < file.length; i++) {
		uint8_t flipped = file.data[i] ^ 0x01;
		enum err err;

		assert_int_equal(pwrite(fd, &flipped, 1, (off_t)i), 1);
		err = key_file_load(keys, place->key_path);
		assert_true(err == ERR_KEY || err == ERR_UNSUPPORTED);
		assert_null(strstr(failure_last()->text, "seed"));
		assert_int_equal(pwrite(fd, &file.data[i], 1, (off_t)i), 1);
	}
	close(fd);
	/* A person may have added a newline. */
	assert_int_equal(buffer_append(&file, "\n", 1), ERR_OK);
	assert_int_equal(file_replace(place->key_path, file.data, file.length, 0600), ERR_OK);
	assert_int_equal(key_file_load(keys, place->key_path), ERR_OK);
	keys_free(keys);
	buffer_free(&file);
}

/* The file with one member changed and a check that matches: as if made so. */
static void plant_key_file(
    struct place *place, const struct buffer *file, const char *folder, const char *member, json_t *value)
{
	struct buffer rest = {0}, changed = {0};
	json_t *object = NULL, *holder;
	uint8_t hash[HASH_SIZE];
	char text[2 * HASH_SIZE + 1];

	assert_int_equal(canonical_parse(&object, file->data, file->length, PL_KEY_FILE, "file"), ERR_OK);
	holder = folder ? json_object_get(object, folder) : object;
	assert_int_equal(json_object_set_new(holder, member, value), 0);
	json_object_del(object, "check");
	assert_int_equal(canonical_write(object, &rest), ERR_OK);
	assert_int_equal(sha256(rest.data, rest.length, hash), ERR_OK);
	assert_int_equal(json_object_set_new(object, "check", json_string(hex_encode(text, hash, sizeof(hash)))), 0);
	assert_int_equal(canonical_write(object, &changed), ERR_OK);
	assert_int_equal(file_replace(place->key_path, changed.data, changed.length, 0600), ERR_OK);
	json_decref(object);
	buffer_free(&rest);
	buffer_free(&changed);
}

static void key_file_must_fit_the_config(void **state)
{
	static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";
	struct place *place = *state;
	struct buffer file = {0};
	int other_suite = place->repository.config->suite == 1 ? 2 : 1;

	issue(place, "server", &file);
	place_leave(place);
	plant_key_file(place, &file, NULL, "label", json_string("renamed")); /* the check is made right */
	assert_int_equal(place_open(place, place->key_path), ERR_OK);
	plant_key_file(place, &file, NULL, "repository", json_string(zeros + 32));
	place_refuses(place, place->key_path, PL_KEY_WRONG);
	plant_key_file(place, &file, NULL, "read_key", json_string(zeros));
	place_refuses(place, place->key_path, PL_CONFIG_BROKEN);
	plant_key_file(place, &file, NULL, "owner_key", json_string(zeros));
	place_refuses(place, place->key_path, PL_CONFIG_BROKEN);
	plant_key_file(place, &file, NULL, "suite", json_integer(other_suite));
	place_refuses(place, place->key_path, PL_CONFIG_BROKEN);
	plant_key_file(place, &file, NULL, "suite", json_integer(3));
	place_refuses(place, place->key_path, PL_SUITE);
	plant_key_file(place, &file, NULL, "format", json_integer(2));
	place_refuses(place, place->key_path, PL_FORMAT_VERSION);
	plant_key_file(place, &file, NULL, "type", json_string("full"));
	place_refuses(place, place->key_path, PL_KEY_FILE);
	plant_key_file(place, &file, NULL, "shared", json_string("00"));
	place_refuses(place, place->key_path, PL_KEY_FILE);
	plant_key_file(place, &file, NULL, "stranger", json_true());
	place_refuses(place, place->key_path, PL_KEY_FILE);
	plant_key_file(place, &file, "domain", "tag", json_string(zeros + 32));
	place_refuses(place, place->key_path, PL_KEY_FILE);
	plant_key_file(place, &file, "domain", "id", json_string(zeros + 1));
	place_refuses(place, place->key_path, PL_KEY_FILE);
	plant_key_file(place, &file, "writer", "seed", json_string(zeros));
	place_refuses(place, place->key_path, PL_KEY_FILE);
	plant_key_file(place, &file, "writer", "id", json_string(zeros + 32)); /* the owner's */
	place_refuses(place, place->key_path, PL_KEY_FILE);
	plant_key_file(place, &file, "writer", "id", json_string("11111111111111111111111111111111"));
	place_refuses(place, place->key_path, PL_KEY_FILE);
	buffer_free(&file);
}

static void opening_without_memory(void **state)
{
	struct place *place = *state;
	struct buffer file = {0};
	unsigned long n = 0;
	enum err err;

	do {
		mem_fail_at(++n);
		err = key_issue_writer(&place->repository, "server", "label", false, &file);
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
		assert_true(err == ERR_OK || file.length == 0);
		assert_int_equal(place->repository.config->writers_count, err == ERR_OK ? 1 : 0);
	} while (err != ERR_OK);
	assert_true(n > 50);
	assert_int_equal(file_replace(place->key_path, file.data, file.length, 0600), ERR_OK);
	place_leave(place);
	n = 0;
	do {
		mem_fail_at(++n);
		err = place_open(place, place->key_path);
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
	} while (err != ERR_OK);
	assert_true(n > 50);
	buffer_free(&file);
}

#define PLACE_TEST(name) cmocka_unit_test_setup_teardown(name, place_up, place_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PLACE_TEST(backup_key_opens),
	    PLACE_TEST(revoked_key_is_refused),
	    PLACE_TEST(writers_are_listed),
	    PLACE_TEST(place_never_learns_names),
	    PLACE_TEST(what_cannot_be_issued),
	    PLACE_TEST(issuing_starts_from_the_current_config),
	    PLACE_TEST(key_file_permissions),
	    PLACE_TEST(every_byte_of_a_key_file_counts),
	    PLACE_TEST(key_file_must_fit_the_config),
	    PLACE_TEST(opening_without_memory),
	};

	return cmocka_run_group_tests(tests, place_crypto, NULL);
}
