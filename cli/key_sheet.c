/* pulih key sheet */
#include "cli/access.h"
#include "cli/commands.h"
#include "cli/configured.h"
#include "cli/describe.h"
#include "cli/recovery_sheet.h"
#include "cli/settings.h"
#include "core/base/output.h"

#include <unistd.h>

static struct {
	const char *output, *made_by, *label;
	bool show;
} given;

static const struct option_spec options[] = {
    {OPTION("output", 'o', OPTION_TEXT, "FILE", "write the PDF to FILE, which must not be there yet", &given.output)},
    {OPTION("made-by", 0, OPTION_TEXT, "NAME", "who makes the sheet (default: a blank to fill in)", &given.made_by)},
    {OPTION("label", 0, OPTION_TEXT, "TEXT", "of the new key slot (default: sheet and the date)", &given.label)},
    {OPTION("show-code", 0, OPTION_FLAG, NULL, "print the code here too", &given.show)},
    {0},
};

/* The office of the configuration, where there is one; a sheet needs none. */
static enum err find_office(const char **office)
{
	const struct configuration *configuration;
	enum err err;

	*office = NULL;
	if (!settings.config && access(CONFIGURATION_DEFAULT, R_OK) != 0)
		return ERR_OK;
	err = configured_load(&configuration);
	if (err == ERR_OK)
		*office = configuration->office.name;
	return err;
}

static void report(const uint8_t slot[KEY_SLOT_ID_SIZE], const char *code)
{
	char id[DESCRIBE_ID];
	json_t *object;

	if (output_level() >= OUTPUT_NORMAL)
		output_print("recovery slot %s added; its sheet is %s\nPrint it, lock it away from the server, then "
			     "remove the file.\n",
		    describe_id(id, slot), given.output);
	if (given.show)
		output_print("\n    %s\n\n", code);
	object = json_pack("{s:o, s:s, s:o}", "id", describe_hex(slot, KEY_SLOT_ID_SIZE), "type", "recovery", "file",
	    output_text(given.output));
	if (object && given.show)
		json_object_set_new(object, "code", json_string(code));
	output_object("summary", object);
}

static enum err make(struct repository *repository, const char *office)
{
	char *code = secret_new(RECOVERY_TEXT);
	uint8_t slot[KEY_SLOT_ID_SIZE];
	const struct recovery_sheet wanted = {given.output, office, given.made_by, given.label};
	enum err err = code ? recovery_sheet_make(repository, &wanted, slot, code) : ERR_NOMEM;

	if (err == ERR_OK)
		report(slot, code);
	secret_free(code, RECOVERY_TEXT);
	return err;
}

static enum err key_sheet_run(const struct arguments *arguments)
{
	struct repository repository = {0};
	const char *office = NULL;
	enum err err;

	(void)arguments;
	if (!given.output)
		return fail(PL_ARGUMENTS, "no file was named; usage: pulih key sheet -o FILE.pdf");
	err = find_office(&office);
	if (err == ERR_OK)
		err = access_open_full(&repository, "a recovery sheet");
	if (err != ERR_OK)
		return err;
	err = make(&repository, office);
	repository_close(&repository);
	return err;
}

const struct command key_sheet_command = {
    .name = "key sheet",
    .purpose = "make a recovery sheet to print and lock away",
    .arguments = "-o FILE.pdf",
    .options = options,
    .details = "Makes a fresh recovery code, which stands on the sheet only: as text and as a QR code, with the steps\n"
	       "by which anybody can restore. The file can be read by you alone.",
    .examples = "pulih key sheet -r /srv/pulih -o lembar-pemulihan.pdf --made-by 'Nama Admin'",
    .run = key_sheet_run,
};
