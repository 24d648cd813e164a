/* A repository as a whole: made, opened with either key, attacked, and the markers of those who work in it. */
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/repo/canonical.h"
#include "core/repo/config.h"
#include "core/repo/key_slot.h"
#include "core/repo/object.h"
#include "core/repo/repository.h"
#include "core/repo/session.h"
#include "targets/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const struct kdf_cost cheap = {.memory_kib = 8192, .passes = 1, .lanes = 1};

struct place {
	struct target *target; /* NULL while a repository owns it */
	struct repository repository;
	char *folder, *key_path;
	const char *passphrase;
	unsigned asked;
};

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

static struct repository_access access_of(struct place *place, const char *key_file)
{
	return (struct repository_access){
	    .ask = answer, .context = place, .key_file = key_file, .domain = "server", .state_folder = place->folder};
}

static enum err init(struct place *place)
{
	struct repository_access access = access_of(place, NULL);
	enum err err = repository_init(&place->repository, place->target, &access, 0);

	if (err == ERR_OK)
		place->target = NULL;
	return err;
}

/* Opens what is at the place, and gives the target back. */
static enum err open_and_close(struct place *place, const char *key_file)
{
	struct repository_access access = access_of(place, key_file);
	struct repository repository;
	enum err err = repository_open(&repository, place->target, &access);

	if (err != ERR_OK)
		return err;
	assert_ptr_equal(repository.target, place->target);
	repository.target = NULL;
	repository_close(&repository);
	return ERR_OK;
}

static void expect(struct place *place, const char *key_file, enum message id)
{
	assert_int_not_equal(open_and_close(place, key_file), ERR_OK);
	assert_int_equal(failure_last()->id, id);
}

/* Closes the repository and keeps its target. */
static void leave(struct place *place)
{
	place->target = place->repository.target;
	place->repository.target = NULL;
	repository_close(&place->repository);
}

static struct target *target_of(struct place *place)
{
	return place->target ? place->target : place->repository.target;
}

static int empty_up(void **state)
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

/* A repository with a cheap second slot, so that opening it often is quick, and without the dear first one. */
static int place_up(void **state)
{
	struct place *place;
	struct key_slot *slots = NULL;
	uint8_t slot[KEY_SLOT_ID_SIZE];
	char text[2 * KEY_SLOT_ID_SIZE + 1];
	size_t count;

	empty_up(state);
	place = *state;
	assert_int_equal(init(place), ERR_OK);
	assert_int_equal(key_slot_list(place->repository.target, &slots, &count), ERR_OK);
	assert_int_equal(count, 1);
	assert_int_equal(key_slot_add(place->repository.target, place->repository.keys, "passphrase", "", &cheap, "correct horse", 13, slot),
	    ERR_OK);
	assert_int_equal(key_slot_remove(place->repository.target, hex_encode(text, slots[0].id, KEY_SLOT_ID_SIZE)), ERR_OK);
	mem_free(slots);
	return 0;
}

static int place_down(void **state)
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

/* ---- making ---- */

static void init_makes_slot_then_config(void **state)
{
	struct place *place = *state;
	struct key_slot *slots = NULL;
	size_t count;

	assert_int_equal(init(place), ERR_OK);
	assert_int_equal(place->asked, 1);
	assert_true(place->repository.keys->full);
	assert_int_equal(place->repository.config->serial, 1);
	assert_int_equal(place->repository.config->suite, suite_for_this_machine());
	assert_int_equal(memory_target_count(place->repository.target, ""), 2);
	assert_int_equal(key_slot_list(place->repository.target, &slots, &count), ERR_OK);
	assert_int_equal(slots[0].cost.memory_kib, 64 * 1024);
	assert_int_equal(slots[0].cost.passes, 3);
	assert_int_equal(slots[0].cost.lanes, 4);
	mem_free(slots);
	leave(place);
	assert_int_equal(open_and_close(place, NULL), ERR_OK);
	place->passphrase = "wrong";
	expect(place, NULL, PL_PASSPHRASE_WRONG);
}

static void init_refuses_what_is_there(void **state)
{
	struct place *place = *state;

	assert_true(memory_target_plant(place->target, OBJECT_CONFIG, "x", 1));
	assert_int_equal(init(place), ERR_EXISTS);
	assert_int_equal(failure_last()->id, PL_REPOSITORY_EXISTS);
	assert_true(memory_target_delete(place->target, OBJECT_CONFIG));
	/* A repository whose config was lost: its slots must not be touched. */
	assert_true(memory_target_plant(place->target, object_session((uint8_t[16]){1}).text, "x", 1));
	assert_int_equal(init(place), ERR_EXISTS);
	assert_int_equal(place->asked, 0);
}

static void init_refuses_bad_answers(void **state)
{
	struct place *place = *state;
	struct repository_access access = access_of(place, NULL);

	place->passphrase = "";
	assert_int_equal(init(place), ERR_KEY);
	assert_int_equal(failure_last()->id, PL_PASSPHRASE_EMPTY);
	place->passphrase = "correct horse";
	access.domain = "";
	assert_int_equal(repository_init(&place->repository, place->target, &access, 0), ERR_USAGE);
	access.domain = NULL; /* the host's name */
	access.ask = NULL;
	assert_int_equal(repository_init(&place->repository, place->target, &access, 0), ERR_KEY);
	assert_int_equal(failure_last()->id, PL_PASSPHRASE_NONE);
	access = access_of(place, NULL);
	assert_int_equal(repository_init(&place->repository, place->target, &access, 7), ERR_UNSUPPORTED);
	assert_int_equal(memory_target_count(place->target, ""), 0);
}

/* The config is what makes a repository: without it there is none, and init can be repeated. */
static void interrupted_init_is_repeated(void **state)
{
	struct place *place = *state;

	memory_target_fail(place->target, MEMORY_PUT, 2, PL_TARGET_WRITE, false);
	assert_int_equal(init(place), ERR_IO);
	assert_int_equal(memory_target_count(place->target, "keys/"), 1);
	expect(place, NULL, PL_NO_REPOSITORY);
	assert_int_equal(init(place), ERR_OK);
	assert_int_equal(memory_target_count(place->repository.target, "keys/"), 1);
	leave(place);
	assert_int_equal(open_and_close(place, NULL), ERR_OK);
}

/* Leftovers that cannot be removed do no harm. */
static void leftover_slots_do_no_harm(void **state)
{
	struct place *place = *state;

	memory_target_fail(place->target, MEMORY_PUT, 2, PL_TARGET_WRITE, false);
	assert_int_equal(init(place), ERR_IO);
	memory_target_fail(place->target, MEMORY_REMOVE, 1, PL_TARGET_WRITE, true);
	assert_int_equal(init(place), ERR_OK);
	assert_int_equal(memory_target_count(place->repository.target, "keys/"), 2);
	leave(place);
	assert_int_equal(open_and_close(place, NULL), ERR_OK);
}

/* Somebody else's config arrives between our slot and our config. */
static enum err (*real_put)(struct target *target, const char *name, const void *bytes, size_t size);

static enum err put_late(struct target *target, const char *name, const void *bytes, size_t size)
{
	if (strcmp(name, OBJECT_CONFIG) == 0)
		assert_true(memory_target_plant(target, OBJECT_CONFIG, "theirs", 6));
	return real_put(target, name, bytes, size);
}

static void losing_the_race_withdraws(void **state)
{
	struct place *place = *state;
	const struct target_operations *kept = place->target->operations;
	struct target_operations operations = *kept;

	real_put = operations.put;
	operations.put = put_late;
	place->target->operations = &operations;
	assert_true(memory_target_plant(place->target, object_key_slot((uint8_t[16]){5}).text, "their slot", 10));
	assert_int_equal(init(place), ERR_EXISTS);
	assert_int_equal(failure_last()->id, PL_REPOSITORY_EXISTS);
	assert_int_equal(memory_target_count(place->target, "keys/"), 1);
	place->target->operations = kept;
}

/* ---- opening ---- */

static void no_repository(void **state)
{
	struct place *place = *state;
	struct repository repository;

	expect(place, NULL, PL_NO_REPOSITORY);
	assert_int_equal(place->asked, 0);
	assert_int_equal(repository_open_keyless(&repository, place->target), ERR_NO_REPOSITORY);
}

static void keyless(void **state)
{
	struct place *place = *state;
	struct repository repository;

	leave(place);
	assert_int_equal(repository_open_keyless(&repository, place->target), ERR_OK);
	assert_null(repository.keys);
	assert_non_null(repository.config);
	repository.target = NULL;
	repository_close(&repository);
	assert_int_equal(place->asked, 1);
}

/* Config and slots of another repository, together or alone. */
static void swapped_objects_are_found(void **state)
{
	struct place *place = *state, *other = NULL;
	struct target *target;
	const uint8_t *bytes;
	size_t size;

	place_up((void **)&other);
	target = target_of(other);
	leave(place);
	bytes = memory_target_bytes(target, OBJECT_CONFIG, &size);
	assert_true(memory_target_plant(place->target, OBJECT_CONFIG, bytes, size));
	expect(place, NULL, PL_CONFIG_BROKEN);
	place_down((void **)&other);
}

static void rollback_is_found(void **state)
{
	struct place *place = *state;
	struct buffer file = {0};
	size_t size;
	const uint8_t *bytes = memory_target_bytes(target_of(place), OBJECT_CONFIG, &size);
	uint8_t *old = mem_copy(bytes, size);
	const char *folder = place->repository.state_folder;
	struct stat status;

	assert_int_equal(stat(folder, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0700);
	assert_int_equal(key_issue_writer(&place->repository, "server", "", false, &file), ERR_OK);
	leave(place);
	assert_int_equal(open_and_close(place, NULL), ERR_OK); /* remembers serial 2 */
	assert_true(memory_target_plant(place->target, OBJECT_CONFIG, old, size));
	expect(place, NULL, PL_CONFIG_ROLLBACK);
	/* A machine that has never been there cannot know. */
	assert_int_equal(file_remove_tree(place->folder), ERR_OK);
	assert_int_equal(open_and_close(place, NULL), ERR_OK);
	mem_free(old);
	buffer_free(&file);
}

/* A state folder that cannot be written does not keep anybody from restoring. */
static void memory_that_cannot_be_kept(void **state)
{
	struct place *place = *state;

	leave(place);
	assert_int_equal(file_remove_tree(place->folder), ERR_OK);
	assert_int_equal(file_replace(place->folder, "no folder", 9, 0600), ERR_OK);
	assert_int_equal(open_and_close(place, NULL), ERR_IO);
	assert_int_equal(unlink(place->folder), 0);
	mem_free(place->folder);
	place->folder = mem_string("/proc/pulih-state");
	assert_int_equal(open_and_close(place, NULL), ERR_OK);
}

/* ---- backup keys ---- */

static void issue(struct place *place, const char *domain, struct buffer *file)
{
	assert_int_equal(key_issue_writer(&place->repository, domain, "web server", true, file), ERR_OK);
	assert_int_equal(file_replace(place->key_path, file->data, file->length, 0600), ERR_OK);
}

static void backup_key_opens(void **state)
{
	struct place *place = *state;
	struct repository_access access = access_of(place, place->key_path);
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
	leave(place);
	asked = place->asked;
	assert_int_equal(repository_open(&place->repository, place->target, &access), ERR_OK);
	place->target = NULL;
	assert_int_equal(place->asked, asked);
	assert_false(place->repository.keys->full);
	assert_memory_equal(&place->repository.keys->domain, &domain, sizeof(domain));
	assert_memory_equal(place->repository.keys->shared, shared, KEY_SIZE);
	assert_memory_equal(place->repository.keys->signer.writer, place->repository.config->writers[0].id, WRITER_ID_SIZE);
	assert_memory_equal(place->repository.keys->signer.public_key, place->repository.config->writers[0].public_key, KEY_SIZE);
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
	leave(place);
	expect(place, place->key_path, PL_KEY_FILE);
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
	memcpy(place->repository.config->writers[0].label, place->repository.config->writers[1].label, WRITER_LABEL_SIZE);
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
	struct repository_access access = access_of(place, NULL);
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
	leave(place);
	for (size_t i = 0; i < sizeof(open_modes) / sizeof(open_modes[0]); i++) {
		assert_int_equal(chmod(place->key_path, open_modes[i]), 0);
		expect(place, place->key_path, PL_KEY_FILE);
	}
	assert_int_equal(chmod(place->key_path, 0400), 0);
	assert_int_equal(open_and_close(place, place->key_path), ERR_OK);
	expect(place, place->folder, PL_KEY_FILE);
	expect(place, "/nonexistent/backup.key", PL_KEY_FILE);
	buffer_free(&file);
}

/* Whatever byte of the file is changed, it is refused: a key with a flipped bit would store what nobody can read again. */
static void every_byte_of_a_key_file_counts(void **state)
{
	struct place *place = *state;
	struct keys *keys = keys_new();
	struct buffer file = {0};

	issue(place, "server", &file);
	for (size_t i = 0; i < file.length; i++) {
		enum err err;

		file.data[i] ^= 0x01;
		assert_int_equal(file_replace(place->key_path, file.data, file.length, 0600), ERR_OK);
		err = key_file_load(keys, place->key_path);
		assert_true(err == ERR_KEY || err == ERR_UNSUPPORTED);
		assert_null(strstr(failure_last()->text, "seed"));
		file.data[i] ^= 0x01;
	}
	/* A person may have added a newline. */
	assert_int_equal(buffer_append(&file, "\n", 1), ERR_OK);
	assert_int_equal(file_replace(place->key_path, file.data, file.length, 0600), ERR_OK);
	assert_int_equal(key_file_load(keys, place->key_path), ERR_OK);
	keys_free(keys);
	buffer_free(&file);
}

/* The file with one member changed and a check that matches: as if made so. */
static void plant_key_file(struct place *place, const struct buffer *file, const char *folder, const char *member, json_t *value)
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
	leave(place);
	plant_key_file(place, &file, NULL, "label", json_string("renamed")); /* the check is made right */
	assert_int_equal(open_and_close(place, place->key_path), ERR_OK);
	plant_key_file(place, &file, NULL, "repository", json_string(zeros + 32));
	expect(place, place->key_path, PL_CONFIG_BROKEN);
	plant_key_file(place, &file, NULL, "read_key", json_string(zeros));
	expect(place, place->key_path, PL_CONFIG_BROKEN);
	plant_key_file(place, &file, NULL, "owner_key", json_string(zeros));
	expect(place, place->key_path, PL_CONFIG_BROKEN);
	plant_key_file(place, &file, NULL, "suite", json_integer(other_suite));
	expect(place, place->key_path, PL_CONFIG_BROKEN);
	plant_key_file(place, &file, NULL, "suite", json_integer(3));
	expect(place, place->key_path, PL_SUITE);
	plant_key_file(place, &file, NULL, "format", json_integer(2));
	expect(place, place->key_path, PL_FORMAT_VERSION);
	plant_key_file(place, &file, NULL, "type", json_string("full"));
	expect(place, place->key_path, PL_KEY_FILE);
	plant_key_file(place, &file, NULL, "shared", json_string("00"));
	expect(place, place->key_path, PL_KEY_FILE);
	plant_key_file(place, &file, NULL, "stranger", json_true());
	expect(place, place->key_path, PL_KEY_FILE);
	plant_key_file(place, &file, "domain", "tag", json_string(zeros + 32));
	expect(place, place->key_path, PL_KEY_FILE);
	plant_key_file(place, &file, "domain", "id", json_string(zeros + 1));
	expect(place, place->key_path, PL_KEY_FILE);
	plant_key_file(place, &file, "writer", "seed", json_string(zeros));
	expect(place, place->key_path, PL_KEY_FILE);
	plant_key_file(place, &file, "writer", "id", json_string(zeros + 32)); /* the owner's */
	expect(place, place->key_path, PL_KEY_FILE);
	plant_key_file(place, &file, "writer", "id", json_string("11111111111111111111111111111111"));
	expect(place, place->key_path, PL_KEY_FILE);
	buffer_free(&file);
}

/* ---- sessions ---- */

static void sessions_begin_and_end(void **state)
{
	struct place *place = *state;
	struct target *target = place->repository.target;
	struct session session;
	struct session_marker marker;
	const uint8_t *bytes;
	size_t size;
	int64_t before = clock_now() / CLOCK_SECOND * CLOCK_SECOND;

	assert_int_equal(session_begin(&session, target, place->repository.keys, 42), ERR_OK);
	bytes = memory_target_bytes(target, object_session(session.id).text, &size);
	assert_non_null(bytes);
	assert_true(size <= SESSION_MAX);
	assert_int_equal(session_decode(&marker, place->repository.keys, session.id, bytes, size), ERR_OK);
	assert_memory_equal(marker.id, session.id, sizeof(marker.id));
	assert_memory_equal(marker.domain, place->repository.keys->domain.tag, DOMAIN_TAG_SIZE);
	assert_int_equal(marker.generation, 42);
	assert_true(marker.started >= before && marker.started <= clock_now());
	assert_int_equal(session_end(&session, target), ERR_OK);
	assert_int_equal(memory_target_count(target, "sessions/"), 0);
	assert_int_equal(session_end(&session, target), ERR_OK); /* gone already */
}

static void sessions_where_nothing_can_be_removed(void **state)
{
	struct place *place = *state;
	struct target *target = place->repository.target;
	struct session session;

	assert_int_equal(session_begin(&session, target, place->repository.keys, 0), ERR_OK);
	memory_target_set_read_only(target, true);
	assert_int_equal(session_end(&session, target), ERR_OK);
	assert_int_equal(session_begin(&session, target, place->repository.keys, 0), ERR_DENIED);
	memory_target_set_read_only(target, false);
	memory_target_fail(target, MEMORY_REMOVE, 1, PL_TARGET_WRITE, false);
	assert_int_equal(session_end(&session, target), ERR_IO);
}

static void every_byte_of_a_session_counts(void **state)
{
	struct place *place = *state;
	struct target *target = place->repository.target;
	struct session session;
	struct session_marker marker;
	const uint8_t *stored;
	uint8_t *bytes, id[16];
	size_t size;

	assert_int_equal(session_begin(&session, target, place->repository.keys, 1), ERR_OK);
	stored = memory_target_bytes(target, object_session(session.id).text, &size);
	bytes = mem_copy(stored, size);
	for (size_t i = 0; i < size; i++) {
		enum err err;

		bytes[i] ^= 0x01;
		err = session_decode(&marker, place->repository.keys, session.id, bytes, size);
		assert_true(err == ERR_CORRUPT || err == ERR_UNSUPPORTED);
		bytes[i] ^= 0x01;
	}
	assert_int_equal(session_decode(&marker, place->repository.keys, session.id, bytes, size - 1), ERR_CORRUPT);
	assert_int_equal(session_decode(&marker, place->repository.keys, session.id, bytes, SESSION_MAX + 1), ERR_CORRUPT);
	memcpy(id, session.id, sizeof(id));
	id[0] ^= 1;
	assert_int_equal(session_decode(&marker, place->repository.keys, id, bytes, size), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_SESSION_BROKEN);
	place->repository.keys->repository[0] ^= 1; /* a marker of another repository */
	assert_int_equal(session_decode(&marker, place->repository.keys, session.id, bytes, size), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_SESSION_BROKEN);
	place->repository.keys->repository[0] ^= 1;
	mem_free(bytes);
}

/* A marker with one member changed, signed again by the writer. */
static void expect_session(struct place *place, const char *member, json_t *value, enum message id)
{
	struct session session;
	struct session_marker marker;
	struct buffer changed = {0};
	json_t *object = NULL;
	const uint8_t *bytes;
	size_t size;

	assert_int_equal(session_begin(&session, place->repository.target, place->repository.keys, 1), ERR_OK);
	bytes = memory_target_bytes(place->repository.target, object_session(session.id).text, &size);
	assert_int_equal(canonical_parse(&object, bytes, size, PL_SESSION_BROKEN, "session"), ERR_OK);
	if (value)
		assert_int_equal(json_object_set_new(object, member, value), 0);
	else
		assert_int_equal(json_object_del(object, member), 0);
	assert_int_equal(canonical_sign(object, "session", place->repository.keys->signer.seed), ERR_OK);
	assert_int_equal(canonical_write(object, &changed), ERR_OK);
	assert_int_not_equal(session_decode(&marker, place->repository.keys, session.id, changed.data, changed.length), ERR_OK);
	assert_int_equal(failure_last()->id, id);
	json_decref(object);
	buffer_free(&changed);
}

static void every_member_of_a_session_is_checked(void **state)
{
	static const char *const members[] = {"format", "id", "repository", "domain", "writer", "started", "generation"};
	struct place *place = *state;

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		expect_session(place, members[i], NULL, PL_SESSION_BROKEN);
		expect_session(place, members[i], json_true(), PL_SESSION_BROKEN);
	}
	expect_session(place, "stranger", json_true(), PL_SESSION_BROKEN);
	expect_session(place, "format", json_integer(2), PL_FORMAT_VERSION);
	expect_session(place, "id", json_string("00000000000000000000000000000000"), PL_SESSION_BROKEN);
	expect_session(place, "repository", json_string("00000000000000000000000000000000"), PL_SESSION_BROKEN);
	expect_session(place, "domain", json_string("00"), PL_SESSION_BROKEN);
	expect_session(place, "writer", json_string("00"), PL_SESSION_BROKEN);
	expect_session(place, "writer", json_string("11111111111111111111111111111111"), PL_WRITER_UNKNOWN);
	expect_session(place, "started", json_string("2026"), PL_SESSION_BROKEN);
	expect_session(place, "generation", json_integer(-1), PL_SESSION_BROKEN);
}

/* ---- lack of memory ---- */

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
	leave(place);
	n = 0;
	do {
		mem_fail_at(++n);
		err = open_and_close(place, place->key_path);
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
	} while (err != ERR_OK);
	assert_true(n > 50);
	buffer_free(&file);
}

/* Every 29th place will do: each try derives from a passphrase at full cost. */
static void init_without_memory(void **state)
{
	struct place *place = *state;
	unsigned long n = 1;
	enum err err;

	for (;;) {
		mem_fail_at(n);
		err = init(place);
		mem_fail_at(0);
		if (err == ERR_OK)
			break;
		assert_int_equal(err, ERR_NOMEM);
		assert_non_null(place->target);
		n += 29;
	}
	leave(place);
	assert_int_equal(open_and_close(place, NULL), ERR_OK);
}

static int setup(void **state)
{
	(void)state;
	return crypto_setup() == ERR_OK ? 0 : -1;
}

#define EMPTY_TEST(name) cmocka_unit_test_setup_teardown(name, empty_up, place_down)
#define PLACE_TEST(name) cmocka_unit_test_setup_teardown(name, place_up, place_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EMPTY_TEST(init_makes_slot_then_config),
	    EMPTY_TEST(init_refuses_what_is_there),
	    EMPTY_TEST(init_refuses_bad_answers),
	    EMPTY_TEST(interrupted_init_is_repeated),
	    EMPTY_TEST(leftover_slots_do_no_harm),
	    EMPTY_TEST(losing_the_race_withdraws),
	    EMPTY_TEST(no_repository),
	    PLACE_TEST(keyless),
	    PLACE_TEST(swapped_objects_are_found),
	    PLACE_TEST(rollback_is_found),
	    PLACE_TEST(memory_that_cannot_be_kept),
	    PLACE_TEST(backup_key_opens),
	    PLACE_TEST(revoked_key_is_refused),
	    PLACE_TEST(writers_are_listed),
	    PLACE_TEST(place_never_learns_names),
	    PLACE_TEST(what_cannot_be_issued),
	    PLACE_TEST(issuing_starts_from_the_current_config),
	    PLACE_TEST(key_file_permissions),
	    PLACE_TEST(every_byte_of_a_key_file_counts),
	    PLACE_TEST(key_file_must_fit_the_config),
	    PLACE_TEST(sessions_begin_and_end),
	    PLACE_TEST(sessions_where_nothing_can_be_removed),
	    PLACE_TEST(every_byte_of_a_session_counts),
	    PLACE_TEST(every_member_of_a_session_is_checked),
	    PLACE_TEST(opening_without_memory),
	    EMPTY_TEST(init_without_memory),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
