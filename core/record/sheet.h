/* The recovery sheet: one page A4 for the safe, with all that a stranger needs to open the repository when the machine is gone. */
#ifndef PULIH_RECORD_SHEET_H
#define PULIH_RECORD_SHEET_H

#include "core/base/buffer.h"
#include "core/crypto/crypto.h"
#include "core/repo/limits.h"

struct sheet {
	const char *office;  /* NULL: none is known */
	const char *url;     /* where the repository is, as typed */
	const char *made_by; /* NULL: a blank to fill in */
	const char *host;
	uint8_t repository[REPOSITORY_ID_SIZE];
	int64_t made;
	const char *code; /* recovery_format's text */
};

/* What the QR code holds: "PULIH-RECOVERY:1:<repository id>:<code>". */
#define SHEET_QR_TEXT 96
char *sheet_qr_text(char out[SHEET_QR_TEXT], const struct sheet *sheet);

/* Appends the PDF to `out`: Indonesian first, then English, exactly one page. It is secret: wipe it. PL_SHEET (ERR_FAILED). */
enum err sheet_pdf(const struct sheet *sheet, struct buffer *out);

#endif
