/* A repository that is open: target, config, keys. */
#ifndef PULIH_REPO_REPOSITORY_H
#define PULIH_REPO_REPOSITORY_H

#include "core/base/buffer.h"
#include "core/base/file.h"
#include "core/repo/keys.h"
#include "core/repo/target.h"

struct config; /* config.h */

/* Where the passphrase comes from: fills secret memory of *size bytes that the caller frees with secret_free. Called only if needed. */
typedef enum err (*passphrase_ask)(void *context, char **passphrase, size_t *size);

struct repository_access {
	passphrase_ask ask;
	void *context;
	const char *key_file;	  /* a backup key file, or NULL: passphrase */
	const char *domain;	  /* NULL: the host's name */
	const char *state_folder; /* caches and streams live below it; NULL: nothing is remembered here */
};

struct repository {
	struct target *target; /* owned */
	struct config *config;
	struct keys *keys;
	char *state_folder; /* <state>/<repository id hex>, made when needed */
};

/* Makes a repository: keys, first slot, config. ERR_EXISTS where one is there, or anything but key slots. `suite` 0: the one for this
 * machine. Takes over the target on success. */
enum err repository_init(
    struct repository *out, struct target *target, const struct repository_access *access, int suite);
/* Opens one. PL_NO_REPOSITORY (ERR_NO_REPOSITORY), PL_PASSPHRASE_WRONG (ERR_KEY), … Takes over the target on success. A config whose serial is
 * older than one that was seen at the same place before is PL_CONFIG_ROLLBACK (ERR_CORRUPT); of another place it may lag behind. */
enum err repository_open(struct repository *out, struct target *target, const struct repository_access *access);
/* Without keys: for the stored tier and `cat config`. */
enum err repository_open_keyless(struct repository *out, struct target *target);
/* After a change of the config: an older one is refused from now on. That it cannot be remembered is a warning. */
void repository_remember_config(const struct repository *repository);
/* The folders of this machine that a repository fills itself: its objects, and what it remembers here. Returns how many there are. */
#define REPOSITORY_FOLDERS 2
size_t repository_folders(const struct repository *repository, struct file_identity out[REPOSITORY_FOLDERS]);
void repository_close(struct repository *repository);

#endif
