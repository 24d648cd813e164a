/* pulih key issue-writer */
#include "cli/access.h"
#include "cli/commands.h"
#include "cli/new_file.h"
#include "cli/settings.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/repo/key_slot.h"

#include <unistd.h>

static struct {
	const char *label, *file;
	bool append_only;
} given;

static const struct option_spec options[] = {
    {OPTION("output", 'o', OPTION_TEXT, "FILE", "write the key here; nothing is overwritten", &given.file)},
    {OPTION("label", 0, OPTION_TEXT, "TEXT", "what it is for", &given.label)},
    {OPTION("append-only", 0, OPTION_FLAG, NULL, "its holder shall not delete anything", &given.append_only)},
    {0},
};

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

/* The file is made before the key is issued: what can be known to fail fails before. */
static enum err issue_into(struct repository *repository, int fd)
{
	struct buffer bytes = {0};
	char host[256] = "";
	const char *domain = settings.domain;
	enum err err;

	if (!domain) {
		gethostname(host, sizeof(host) - 1);
		domain = host;
	}
	err = key_issue_writer(repository, domain, given.label ? given.label : "", given.append_only, &bytes);
	if (err == ERR_OK) {
		err = new_file_write(fd, given.file, &bytes);
		if (err != ERR_OK)
			take_back(repository);
	}
	if (err == ERR_OK) {
		if (output_level() >= OUTPUT_NORMAL)
			output_print("backup key for domain %s written to %s\n"
				     "  Take it to that machine, readable by its backup user only, and use it with "
				     "--key-file.\n",
			    domain, given.file);
		output_object("summary",
		    json_pack("{s:o, s:o, s:s, s:b}", "file", output_text(given.file), "domain_name",
			output_text(domain), "label", given.label ? given.label : "", "append_only",
			given.append_only));
	}
	if (bytes.data)
		crypto_wipe(bytes.data, bytes.capacity);
	buffer_free(&bytes);
	return err;
}

static enum err key_issue_writer_run(const struct arguments *arguments)
{
	struct repository repository = {0};
	int fd;
	enum err err;

	(void)arguments;
	if (!given.file)
		return fail(PL_ARGUMENTS, "say where the key goes: -o FILE");
	err = access_open_full(&repository, "issuing a backup key");
	if (err != ERR_OK)
		return err;
	err = new_file_open(&fd, given.file, 0600);
	if (err == ERR_OK)
		err = new_file_close(fd, given.file, issue_into(&repository, fd));
	repository_close(&repository);
	return err;
}

const struct command key_issue_writer_command = {
    .name = "key issue-writer",
    .purpose = "make a backup key, which adds backups and reads none",
    .arguments = "-o FILE",
    .options = options,
    .details =
	"--domain says which machine it is for (default: this one). A backup key can deduplicate against what its\n"
	"domain stored before, and can decrypt nothing of it.",
    .examples = "pulih key issue-writer --domain web1 --label 'web server' --append-only -o web1.key",
    .run = key_issue_writer_run,
};
