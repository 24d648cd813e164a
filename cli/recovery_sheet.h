/* A recovery sheet as a file, with the key slot that its code opens: both, or neither. */
#ifndef PULIH_CLI_RECOVERY_SHEET_H
#define PULIH_CLI_RECOVERY_SHEET_H

#include "core/crypto/crypto.h"
#include "core/repo/repository.h"

struct recovery_sheet {
	const char *file;    /* a new one, of mode 0600 */
	const char *office;  /* NULL: none is known */
	const char *made_by; /* NULL: a blank to fill in */
	const char *label;   /* of the slot; NULL: "sheet" and the date */
};

/* Makes a fresh code, its slot in the repository of settings.repository, and the PDF. `code`, secret memory of RECOVERY_TEXT bytes, receives
 * the code. Needs the full key. As new_file_open, new_file_write, sheet_pdf, key_slot_add. */
enum err recovery_sheet_make(
    struct repository *repository, const struct recovery_sheet *wanted, uint8_t slot[KEY_SLOT_ID_SIZE], char *code);

#endif
