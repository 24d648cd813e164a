#include "cli/backup_key.h"
#include "cli/new_file.h"
#include "cli/settings.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/repo/key_slot.h"

#include <unistd.h>

const char *backup_key_domain(void)
{
	static char host[256];

	if (settings.domain)
		return settings.domain;
	gethostname(host, sizeof(host) - 1);
	return host;
}

/* A key whose file could not be written: nobody has it. */
static void take_back(struct repository *repository)
{
	struct failure kept = *failure_last();
	struct key_writer *writers = NULL;
	char id[2 * WRITER_ID_SIZE + 1];
	size_t count = 0;
	enum err err = key_writers_list(repository, &writers, &count);

	if (err == ERR_OK && count > 0)
		err = key_revoke_writer(repository, hex_encode(id, writers[count - 1].id, WRITER_ID_SIZE));
	if (err != ERR_OK)
		output_failure_warning(failure_last());
	mem_free(writers);
	failure_put(&kept);
}

static enum err issue_into(struct repository *repository, int fd, const char *file, const char *label, bool append_only)
{
	struct buffer bytes = {0};
	enum err err = key_issue_writer(repository, backup_key_domain(), label, append_only, &bytes);

	if (err == ERR_OK) {
		err = new_file_write(fd, file, &bytes);
		if (err != ERR_OK)
			take_back(repository);
	}
	if (bytes.data)
		crypto_wipe(bytes.data, bytes.capacity);
	buffer_free(&bytes);
	return err;
}

/* The file is made before the key is issued: what can be known to fail fails before. */
enum err backup_key_make(struct repository *repository, const char *file, const char *label, bool append_only)
{
	int fd;
	enum err err = new_file_open(&fd, file, 0600);

	if (err == ERR_OK)
		err = new_file_close(fd, file, issue_into(repository, fd, file, label, append_only));
	return err;
}
