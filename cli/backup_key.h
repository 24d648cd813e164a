/* A backup key as a file: issued by the repository, then written, or neither. */
#ifndef PULIH_CLI_BACKUP_KEY_H
#define PULIH_CLI_BACKUP_KEY_H

#include "core/repo/repository.h"

/* The domain that a key is issued for: that of --domain, or this host's name. Valid until the next call. */
const char *backup_key_domain(void);

/* Issues a key for backup_key_domain() and writes it to a new file of mode 0600. Where the file cannot be written, the key is revoked again.
 * Needs the full key. As new_file_open, new_file_write, key_issue_writer. */
enum err backup_key_make(struct repository *repository, const char *file, const char *label, bool append_only);

#endif
