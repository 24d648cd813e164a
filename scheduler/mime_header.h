/* Header lines of a mail: RFC 5322, what is not ASCII as encoded words of RFC 2047. */
#ifndef PULIH_SCHEDULER_MIME_HEADER_H
#define PULIH_SCHEDULER_MIME_HEADER_H

#include "core/base/buffer.h"

/* Appends "Name: text" without the last line end, folded (CR LF and a space) so that no line has more than 76 characters. `text` is UTF-8;
 * what is none becomes '?', and control characters become spaces: nothing in it begins a line of its own. */
enum err mime_header_text(struct buffer *out, const char *name, const char *text);

struct mime_header_mailbox {
	const char *display; /* UTF-8; NULL: only the address */
	const char *address; /* plain ASCII, checked by the configuration */
};
/* "To: Nama <a@b>, ...", one mailbox a line. */
enum err mime_header_mailboxes(
    struct buffer *out, const char *name, const struct mime_header_mailbox *list, size_t count);

/* "Date: Sun, 22 Nov 2026 01:00:05 +0900", nanoseconds since 1970 in the process's time zone. */
enum err mime_header_date(struct buffer *out, int64_t time);

#endif
