/* QR codes for printed pages. */
#ifndef PULIH_RECORD_QR_H
#define PULIH_RECORD_QR_H

#include "core/base/error.h"

#include <stdbool.h>

#define QR_QUIET 4 /* modules of white that must stay around it: ISO 18004 */

/* Starts as {0}; released with qr_free. */
struct qr {
	void *code;
	int width; /* modules on each side */
};

/* The bytes of `text` at error correction level Q: a quarter of it may be soiled. PL_QR (ERR_FAILED) where it is too long. */
enum err qr_make(struct qr *out, const char *text);
/* Wipes what it holds. */
void qr_free(struct qr *qr);
bool qr_is_dark(const struct qr *qr, int row, int column);

#endif
