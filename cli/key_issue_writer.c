/* pulih key issue-writer */
#include "cli/access.h"
#include "cli/backup_key.h"
#include "cli/commands.h"
#include "core/base/output.h"

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

static void report(void)
{
	const char *domain = backup_key_domain();

	if (output_level() >= OUTPUT_NORMAL)
		output_print(
		    "backup key for domain %s written to %s\n"
		    "  Take it to that machine, readable by its backup user only, and use it with --key-file.\n",
		    domain, given.file);
	output_object("summary",
	    json_pack("{s:o, s:o, s:s, s:b}", "file", output_text(given.file), "domain_name", output_text(domain),
		"label", given.label ? given.label : "", "append_only", given.append_only));
}

static enum err key_issue_writer_run(const struct arguments *arguments)
{
	struct repository repository = {0};
	enum err err;

	(void)arguments;
	if (!given.file)
		return fail(PL_ARGUMENTS, "say where the key goes: -o FILE");
	err = access_open_full(&repository, "issuing a backup key");
	if (err != ERR_OK)
		return err;
	err = backup_key_make(&repository, given.file, given.label ? given.label : "", given.append_only);
	if (err == ERR_OK)
		report();
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
