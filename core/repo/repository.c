#include "core/repo/repository.h"

#include <unistd.h>
#include <xxhash.h>

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/repo/config.h"
#include "core/repo/key_slot.h"
#include "core/repo/object.h"

#define SERIAL_TEXT 48 /* bytes of the file that remembers a serial, at most */

/* What is being opened or made. Members go over to a struct repository on success, and are released otherwise. */
struct opening {
	struct config *config;
	struct keys *keys;
	char *state_folder;
	char domain[DOMAIN_NAME_SIZE];
	char *passphrase; /* secret */
	size_t passphrase_size;
};

static void release(struct opening *opening)
{
	config_free(opening->config);
	keys_free(opening->keys);
	mem_free(opening->state_folder);
	secret_free(opening->passphrase, opening->passphrase_size);
}

static void hand_over(struct opening *opening, struct target *target, struct repository *out)
{
	*out = (struct repository){
	    .target = target, .config = opening->config, .keys = opening->keys, .state_folder = opening->state_folder};
	opening->config = NULL;
	opening->keys = NULL;
	opening->state_folder = NULL;
}

static void warn_of_failure(void)
{
	struct failure failure;

	failure_take(&failure);
	output_failure_warning(&failure);
}

/* The name of the domain: as given, or the host's. */
static enum err choose_domain(struct opening *opening, const struct repository_access *access)
{
	if (!access->domain) {
		if (gethostname(opening->domain, sizeof(opening->domain)) != 0)
			return fail_errno(PL_DOMAIN_NAME, "this host's name is too long for a domain");
		return ERR_OK;
	}
	if (!keys_domain_name_valid(access->domain))
		return fail(PL_DOMAIN_NAME, "a domain's name has 1 to %d bytes and no control characters",
		    DOMAIN_NAME_SIZE - 1);
	memcpy(opening->domain, access->domain, strlen(access->domain) + 1);
	return ERR_OK;
}

static enum err ask(struct opening *opening, const struct repository_access *access)
{
	enum err err;

	if (!access->ask)
		return fail(PL_PASSPHRASE_NONE, "there is no passphrase");
	err = access->ask(access->context, &opening->passphrase, &opening->passphrase_size);
	if (err == ERR_OK && opening->passphrase_size == 0)
		err = fail(PL_PASSPHRASE_EMPTY, "the passphrase is empty");
	return err;
}

/* ---- what this machine remembers ---- */

static enum err make_state_folder(struct opening *opening, const struct repository_access *access)
{
	char id[2 * REPOSITORY_ID_SIZE + 1];

	if (!access->state_folder)
		return ERR_OK;
	opening->state_folder =
	    path_join(access->state_folder, hex_encode(id, opening->config->id, REPOSITORY_ID_SIZE));
	return opening->state_folder ? ERR_OK : ERR_NOMEM;
}

/* <state>/<repository id>/config-serial.<16 hex digits of the place>: copies of a repository may lag behind each other, hence
 * each place has a memory of its own. */
static enum err serial_path(const char *state_folder, const struct target *target, char **out)
{
	const char *name = target_place(target);
	uint8_t hash[HASH_SIZE];
	char place[17];
	enum err err = sha256(name, strlen(name), hash);

	if (err != ERR_OK)
		return err;
	*out = mem_printf("%s/config-serial.%s", state_folder, hex_encode(place, hash, 8));
	return *out ? ERR_OK : ERR_NOMEM;
}

/* The number and the XXH3-64 of its digits. */
static enum err serial_text(uint64_t serial, struct buffer *out)
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)serial);

	return buffer_append_text(out, "%s %016llx\n", digits, (unsigned long long)XXH3_64bits(digits, (size_t)length));
}

/* The serial seen last, 0 where none is remembered. A file of other content counts as none, and so does one that
 * cannot be read, of which is warned: it is this machine's own, and what a failing disk made of it must not keep anybody from a restore. */
static enum err read_serial(const char *path, uint64_t *out)
{
	struct buffer text = {0}, expected = {0};
	enum err err = file_read_all(path, SERIAL_TEXT, &text);
	uint64_t serial = 0;

	*out = 0;
	if (err == ERR_OK)
		err = buffer_append_u8(&text, 0);
	if (err == ERR_OK) {
		serial = strtoull((const char *)text.data, NULL, 10);
		err = serial_text(serial, &expected);
	}
	if (err == ERR_OK && text.length == expected.length + 1 &&
	    memcmp(text.data, expected.data, expected.length) == 0)
		*out = serial;
	if (err != ERR_OK && err != ERR_NOMEM) {
		if (err != ERR_MISSING && err != ERR_LIMIT)
			warn_of_failure();
		failure_clear();
		err = ERR_OK;
	}
	buffer_free(&expected);
	buffer_free(&text);
	return err;
}

static enum err write_serial(const char *state_folder, uint64_t serial, const char *path)
{
	struct buffer text = {0};
	enum err err = serial_text(serial, &text);

	if (err == ERR_OK)
		err = file_make_folders(state_folder, 0700);
	if (err == ERR_OK)
		err = file_replace(path, text.data, text.length, 0600);
	buffer_free(&text);
	return err;
}

/* A backup key must be listed, as what it says it is: better told now than when nobody accepts what it has signed. */
static enum err check_listed(const struct opening *opening, const char *path)
{
	uint8_t listed[KEY_SIZE];
	const struct keys *keys = opening->keys;
	static const uint8_t owner[WRITER_ID_SIZE];
	struct failure failure;

	if (memcmp(keys->signer.writer, owner, WRITER_ID_SIZE) == 0)
		return fail(PL_KEY_FILE, "%s names the owner as its writer", path);
	if (keys_writer(keys, keys->signer.writer, keys->domain.tag, false, listed) != ERR_OK) {
		failure_take(&failure);
		return fail(PL_KEY_FILE, "%s: %s", path, failure.text);
	}
	if (memcmp(listed, keys->signer.public_key, KEY_SIZE) != 0)
		return fail(PL_KEY_FILE, "%s: the config lists another signing key for its writer", path);
	return ERR_OK;
}

/* Gives the keys the writers of a config that is theirs. */
static enum err take_writers(
    struct opening *opening, const struct config *config, const struct repository_access *access)
{
	struct writer *writers;
	enum err err = config_check_keys(config, opening->keys);

	if (err != ERR_OK)
		return err;
	writers = config_copy_writers(config);
	if (!writers)
		return ERR_NOMEM;
	keys_set_writers(opening->keys, writers, config->writers_count);
	return access->key_file ? check_listed(opening, access->key_file) : ERR_OK;
}

/* A config older than the newest seen here may have been read just before another process of this machine replaced it, which takes no more than
 * the time in which a passphrase is tried: then the target has that newer one now. */
static enum err read_again(
    struct opening *opening, struct target *target, const struct repository_access *access, uint64_t seen)
{
	struct config *config = NULL;
	enum err err = config_load(&config, target);

	if (err == ERR_OK && config->serial < seen)
		err = fail(PL_CONFIG_ROLLBACK, "the config of %s has serial %llu, this machine has seen %llu there",
		    target->url, (unsigned long long)config->serial, (unsigned long long)seen);
	if (err == ERR_OK)
		err = take_writers(opening, config, access);
	if (err == ERR_OK) {
		config_free(opening->config);
		opening->config = config;
		config = NULL;
	}
	config_free(config);
	return err;
}

/* Refuses a config older than the newest seen at this place, and remembers a newer one. That it cannot be remembered is only a
 * warning: a restore on a machine whose disk is full or read-only must go on. */
static enum err check_serial(struct opening *opening, struct target *target, const struct repository_access *access)
{
	char *path = NULL;
	uint64_t seen = 0;
	enum err err;

	if (!opening->state_folder)
		return ERR_OK;
	err = serial_path(opening->state_folder, target, &path);
	if (err == ERR_OK)
		err = read_serial(path, &seen);
	if (err == ERR_OK && opening->config->serial < seen)
		err = read_again(opening, target, access, seen);
	if (err == ERR_OK && opening->config->serial > seen &&
	    write_serial(opening->state_folder, opening->config->serial, path) != ERR_OK)
		warn_of_failure();
	mem_free(path);
	return err;
}

void repository_remember_config(const struct repository *repository)
{
	char *path = NULL;

	if (!repository->state_folder)
		return;
	if (serial_path(repository->state_folder, repository->target, &path) != ERR_OK ||
	    write_serial(repository->state_folder, repository->config->serial, path) != ERR_OK)
		warn_of_failure();
	mem_free(path);
}

/* ---- init ---- */

static enum err only_slots(void *context, const struct target_object *object)
{
	const struct target *target = context;

	if (strncmp(object->name, "keys/", strlen("keys/")) == 0)
		return ERR_OK;
	return fail(PL_REPOSITORY_EXISTS, "%s holds %s", target->url, object->name);
}

/* Nothing that could belong to somebody may be there: a repository whose config was lost is one too. */
static enum err check_empty(struct target *target)
{
	uint64_t size;
	int64_t changed;
	enum err err = target_stat(target, OBJECT_CONFIG, &size, &changed);

	if (err == ERR_OK)
		return fail(PL_REPOSITORY_EXISTS, "there is a repository at %s", target->url);
	return err == ERR_MISSING ? target_list(target, "", only_slots, target) : err;
}

static enum err new_keys(struct opening *opening, int suite)
{
	uint8_t id[REPOSITORY_ID_SIZE];
	uint8_t *root = secret_new(KEY_SIZE);
	int chosen = suite ? suite : (int)suite_for_this_machine();
	enum err err = root ? crypto_random(id, sizeof(id)) : ERR_NOMEM;

	if (err == ERR_OK)
		err = crypto_random(root, KEY_SIZE);
	if (err == ERR_OK && !(opening->keys = keys_new()))
		err = ERR_NOMEM;
	if (err == ERR_OK)
		err = keys_from_root(opening->keys, id, chosen, root, opening->domain);
	secret_free(root, KEY_SIZE);
	return err;
}

static enum err new_config(struct opening *opening, struct buffer *bytes)
{
	struct config *config = mem_calloc(1, sizeof(*config));
	const struct keys *keys = opening->keys;

	if (!config)
		return ERR_NOMEM;
	opening->config = config;
	memcpy(config->id, keys->repository, REPOSITORY_ID_SIZE);
	memcpy(config->read_public, keys->read_public, KEY_SIZE);
	memcpy(config->owner_public, keys->owner_public, KEY_SIZE);
	config->created = clock_now() / CLOCK_SECOND * CLOCK_SECOND;
	config->suite = keys->suite;
	config->serial = 1;
	return config_encode(config, keys, bytes);
}

/* Removes what interrupted attempts left: slots of a root that no config knows. One that stays costs only the time to try it. */
static void remove_other_slots(struct target *target, const uint8_t own[KEY_SLOT_ID_SIZE])
{
	struct key_slot *slots = NULL;
	size_t count = 0;
	enum err err = key_slot_list(target, &slots, &count);

	for (size_t i = 0; err == ERR_OK && i < count; i++)
		if (memcmp(slots[i].id, own, KEY_SLOT_ID_SIZE) != 0)
			err = target_remove(target, object_key_slot(slots[i].id).text);
	if (err != ERR_OK)
		warn_of_failure();
	mem_free(slots);
}

/* The config that this init put does not read back as it was written: it goes again, for the reason of the last failure. */
static enum err withdraw(struct target *target, const uint8_t slot[KEY_SLOT_ID_SIZE])
{
	struct failure failure;

	failure_take(&failure);
	target_remove(target, OBJECT_CONFIG);
	target_remove(target, object_key_slot(slot).text);
	return failure_put(&failure);
}

/* Crash story: the slot comes first, the config last, and the config makes the place a repository. A crash before it leaves a place
 * with a slot and no repository, where init can simply be run again. Nothing is removed before the config is there, and it is put,
 * never replaced: of two inits at once one finds it there and withdraws its own slot, and only the other one cleans up, so neither
 * can take away the slot that opens the repository. */
static enum err store_new(struct opening *opening, struct target *target, const struct buffer *config)
{
	const struct kdf_cost cost = KDF_DEFAULT;
	uint8_t slot[KEY_SLOT_ID_SIZE];
	enum err err = key_slot_add(
	    target, opening->keys, "passphrase", "", &cost, opening->passphrase, opening->passphrase_size, slot);

	if (err != ERR_OK)
		return err;
	err = target_put(target, OBJECT_CONFIG, config->data, config->length);
	if (err == ERR_OK) {
		err = target_check(target, OBJECT_CONFIG, config->data, config->length);
		if (err != ERR_OK)
			return withdraw(target, slot);
		remove_other_slots(target, slot);
	} else if (err == ERR_EXISTS) {
		target_remove(target, object_key_slot(slot).text); /* what stays is passed over, see above */
		err =
		    fail(PL_REPOSITORY_EXISTS, "somebody else made a repository at %s at the same moment", target->url);
	}
	return err;
}

enum err repository_init(
    struct repository *out, struct target *target, const struct repository_access *access, int suite)
{
	struct opening opening = {0};
	struct buffer config = {0};
	enum err err = check_empty(target);

	if (err == ERR_OK)
		err = choose_domain(&opening, access);
	if (err == ERR_OK)
		err = ask(&opening, access);
	if (err == ERR_OK)
		err = new_keys(&opening, suite);
	if (err == ERR_OK)
		err = new_config(&opening, &config);
	if (err == ERR_OK)
		err = make_state_folder(&opening, access);
	if (err == ERR_OK)
		err = store_new(&opening, target, &config);
	if (err == ERR_OK) {
		/* The repository is there: whatever is wrong with this machine's memory of it comes up when it is opened. */
		if (check_serial(&opening, target, access) != ERR_OK)
			warn_of_failure();
		hand_over(&opening, target, out);
	}
	release(&opening);
	buffer_free(&config);
	return err;
}

/* ---- open ---- */

static enum err open_full(struct opening *opening, struct target *target, const struct repository_access *access)
{
	uint8_t slot[KEY_SLOT_ID_SIZE];
	uint8_t *root = secret_new(KEY_SIZE);
	enum err err = root ? ask(opening, access) : ERR_NOMEM;

	if (err == ERR_OK)
		err = key_slot_open(target, opening->config, opening->passphrase, opening->passphrase_size, root, slot);
	if (err == ERR_OK)
		err = keys_from_root(opening->keys, opening->config->id, opening->config->suite, root, opening->domain);
	secret_free(root, KEY_SIZE);
	return err;
}

static enum err open_keys(struct opening *opening, struct target *target, const struct repository_access *access)
{
	enum err err;

	opening->keys = keys_new();
	if (!opening->keys)
		return ERR_NOMEM;
	err = access->key_file ? key_file_load(opening->keys, access->key_file) : open_full(opening, target, access);
	return err == ERR_OK ? take_writers(opening, opening->config, access) : err;
}

enum err repository_open(struct repository *out, struct target *target, const struct repository_access *access)
{
	struct opening opening = {0};
	enum err err = config_load(&opening.config, target);

	if (err == ERR_OK)
		err = choose_domain(&opening, access);
	if (err == ERR_OK)
		err = open_keys(&opening, target, access);
	if (err == ERR_OK)
		err = make_state_folder(&opening, access);
	if (err == ERR_OK)
		err = check_serial(&opening, target, access);
	if (err == ERR_OK)
		hand_over(&opening, target, out);
	release(&opening);
	return err;
}

enum err repository_open_keyless(struct repository *out, struct target *target)
{
	struct config *config = NULL;
	enum err err = config_load(&config, target);

	if (err == ERR_OK)
		*out = (struct repository){.target = target, .config = config};
	return err;
}

size_t repository_folders(const struct repository *repository, struct file_identity out[REPOSITORY_FOLDERS])
{
	const char *const paths[REPOSITORY_FOLDERS] = {
	    repository->target ? repository->target->folder : NULL, repository->state_folder};
	struct stat status;
	size_t count = 0;

	for (size_t i = 0; i < REPOSITORY_FOLDERS; i++)
		if (paths[i] && stat(paths[i], &status) == 0)
			out[count++] = (struct file_identity){status.st_dev, status.st_ino};
	return count;
}

void repository_close(struct repository *repository)
{
	target_free(repository->target);
	config_free(repository->config);
	keys_free(repository->keys);
	mem_free(repository->state_folder);
	*repository = (struct repository){0};
}
