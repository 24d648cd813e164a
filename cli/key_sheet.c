/* pulih key sheet */
#include "cli/access.h"
#include "cli/commands.h"
#include "cli/configured.h"
#include "cli/describe.h"
#include "cli/new_file.h"
#include "cli/settings.h"
#include "core/base/clock.h"
#include "core/base/output.h"
#include "core/record/sheet.h"
#include "core/repo/key_slot.h"
#include "core/repo/object.h"

#include <stdlib.h>
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

static enum err write_sheet(int fd, const struct sheet *sheet)
{
	struct buffer pdf = {0};
	enum err err = sheet_pdf(sheet, &pdf);

	if (err == ERR_OK)
		err = new_file_write(fd, given.output, &pdf);
	if (pdf.length > 0)
		crypto_wipe(pdf.data, pdf.length);
	buffer_free(&pdf);
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

/* A slot whose sheet could not be written is taken away again: nobody knows its code. */
static enum err make_sheet(struct repository *repository, int fd, const char *office)
{
	uint8_t *code = secret_new(RECOVERY_BYTES);
	char *text = secret_new(RECOVERY_TEXT);
	char host[256] = "localhost", now[CLOCK_TEXT], label[LABEL_SIZE];
	uint8_t slot[KEY_SLOT_ID_SIZE];
	struct kdf_cost cost = KDF_DEFAULT;
	char *place = realpath(settings.repository, NULL); /* whoever reads the sheet stands in another folder */
	struct sheet sheet = {.office = office,
	    .url = place ? place : settings.repository,
	    .made_by = given.made_by,
	    .host = host,
	    .made = clock_now(),
	    .code = text};
	bool added = false;
	enum err err = code && text ? crypto_random(code, RECOVERY_BYTES) : ERR_NOMEM;

	gethostname(host, sizeof(host) - 1);
	memcpy(sheet.repository, repository->keys->repository, REPOSITORY_ID_SIZE);
	snprintf(label, sizeof(label), "sheet %.10s", clock_format(now, sheet.made));
	if (err == ERR_OK && !recovery_format(code, text))
		err = failure_last()->kind;
	if (err == ERR_OK)
		err = key_slot_add(repository->target, repository->keys, "recovery", given.label ? given.label : label,
		    &cost, code, RECOVERY_BYTES, slot);
	added = err == ERR_OK;
	if (err == ERR_OK)
		err = write_sheet(fd, &sheet);
	if (err == ERR_OK) {
		report(slot, text);
	} else if (added) {
		struct failure kept = *failure_last();

		target_remove(repository->target, object_key_slot(slot).text);
		failure_put(&kept);
	}
	free(place);
	secret_free(text, RECOVERY_TEXT);
	secret_free(code, RECOVERY_BYTES);
	return err;
}

static enum err key_sheet_run(const struct arguments *arguments)
{
	struct repository repository = {0};
	const char *office = NULL;
	enum err err;
	int fd;

	(void)arguments;
	if (!given.output)
		return fail(PL_ARGUMENTS, "no file was named; usage: pulih key sheet -o FILE.pdf");
	err = find_office(&office);
	if (err == ERR_OK)
		err = access_open_full(&repository, "a recovery sheet");
	if (err != ERR_OK)
		return err;
	err = new_file_open(&fd, given.output, 0600);
	if (err == ERR_OK)
		err = new_file_close(fd, given.output, make_sheet(&repository, fd, office));
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
