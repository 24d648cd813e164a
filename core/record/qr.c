#include "core/record/qr.h"

#include "core/crypto/crypto.h"

#include <qrencode.h>

enum err qr_make(struct qr *out, const char *text)
{
	QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_Q, QR_MODE_8, 1);

	*out = (struct qr){.code = code, .width = code ? code->width : 0};
	return code ? ERR_OK : fail(PL_QR, "the QR code cannot be made");
}

void qr_free(struct qr *qr)
{
	QRcode *code = qr->code;

	if (code)
		crypto_wipe(code->data, (size_t)code->width * (size_t)code->width);
	QRcode_free(code);
	*qr = (struct qr){0};
}

bool qr_is_dark(const struct qr *qr, int row, int column)
{
	const QRcode *code = qr->code;

	return (code->data[row * code->width + column] & 1) != 0;
}
