#include "cli/recovery_sheet.h"
#include "cli/new_file.h"
#include "cli/settings.h"
#include "core/base/clock.h"
#include "core/record/sheet.h"
#include "core/repo/key_slot.h"
#include "core/repo/object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum err write_sheet(int fd, const char *file, const struct sheet *sheet)
{
	struct buffer pdf = {0};
	enum err err = sheet_pdf(sheet, &pdf);

	if (err == ERR_OK)
		err = new_file_write(fd, file, &pdf);
	if (pdf.length > 0)
		crypto_wipe(pdf.data, pdf.length);
	buffer_free(&pdf);
	return err;
}

/* A slot whose sheet could not be written is taken away again: nobody knows its code. */
static enum err make_into(struct repository *repository, int fd, const struct recovery_sheet *wanted,
    uint8_t slot[KEY_SLOT_ID_SIZE], char *text)
{
	uint8_t *code = secret_new(RECOVERY_BYTES);
	char host[256] = "localhost", now[CLOCK_TEXT], label[LABEL_SIZE];
	struct kdf_cost cost = KDF_DEFAULT;
	char *place = realpath(settings.repository, NULL); /* whoever reads the sheet stands in another folder */
	struct sheet sheet = {.office = wanted->office,
	    .url = place ? place : settings.repository,
	    .made_by = wanted->made_by,
	    .host = host,
	    .made = clock_now(),
	    .code = text};
	bool added = false;
	enum err err = code ? crypto_random(code, RECOVERY_BYTES) : ERR_NOMEM;

	gethostname(host, sizeof(host) - 1);
	memcpy(sheet.repository, repository->keys->repository, REPOSITORY_ID_SIZE);
	snprintf(label, sizeof(label), "sheet %.10s", clock_format(now, sheet.made));
	if (err == ERR_OK && !recovery_format(code, text))
		err = failure_last()->kind;
	if (err == ERR_OK)
		err = key_slot_add(repository->target, repository->keys, "recovery",
		    wanted->label ? wanted->label : label, &cost, code, RECOVERY_BYTES, slot);
	added = err == ERR_OK;
	if (err == ERR_OK)
		err = write_sheet(fd, wanted->file, &sheet);
	if (err != ERR_OK && added) {
		struct failure kept = *failure_last();

		target_remove(repository->target, object_key_slot(slot).text);
		failure_put(&kept);
	}
	free(place); /* realpath's own allocation */
	secret_free(code, RECOVERY_BYTES);
	return err;
}

enum err recovery_sheet_make(
    struct repository *repository, const struct recovery_sheet *wanted, uint8_t slot[KEY_SLOT_ID_SIZE], char *code)
{
	int fd;
	enum err err = new_file_open(&fd, wanted->file, 0600);

	if (err == ERR_OK)
		err = new_file_close(fd, wanted->file, make_into(repository, fd, wanted, slot, code));
	return err;
}
