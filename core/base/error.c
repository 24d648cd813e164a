#include "core/base/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local struct failure last;

static const struct message_info catalogue[] = {
#define MESSAGE(name, number, kind, cause, remedy) {PL_##name, #name, kind, cause, remedy},
#include "core/base/messages.def"
#undef MESSAGE
};

static const struct {
	const char *name;
	int exit_code;
} kinds[] = {
    [ERR_OK] = {"ok", 0},
    [ERR_FAILED] = {"failed", 1},
    [ERR_USAGE] = {"usage", 2},
    [ERR_CONFIG] = {"config", 2},
    [ERR_NOMEM] = {"no_memory", 1},
    [ERR_IO] = {"io", 1},
    [ERR_NOSPACE] = {"no_space", 1},
    [ERR_MISSING] = {"missing", 1},
    [ERR_CORRUPT] = {"corrupt", 4},
    [ERR_EXISTS] = {"exists", 1},
    [ERR_SOURCE] = {"source", 1},
    [ERR_NO_REPOSITORY] = {"no_repository", 10},
    [ERR_BUSY] = {"busy", 11},
    [ERR_KEY] = {"key", 12},
    [ERR_DENIED] = {"denied", 13},
    [ERR_UNSUPPORTED] = {"unsupported", 1},
    [ERR_LIMIT] = {"limit", 1},
    [ERR_INTERRUPTED] = {"interrupted", 130},
    [ERR_PARTIAL] = {"partial", 3},
    [ERR_DRILL] = {"drill", 5},
};

/* Cuts a text that filled its buffer at the start of a UTF-8 character and marks the cut. */
static void mark_cut(char *text, size_t size)
{
	size_t at = size - 4;

	while (at > 0 && ((unsigned char)text[at] & 0xC0) == 0x80)
		at--;
	memcpy(text + at, "...", 4);
}

static void set_text(char *out, size_t size, const char *format, va_list arguments)
{
	int length = vsnprintf(out, size, format, arguments);

	if (length < 0)
		out[0] = '\0';
	else if ((size_t)length >= size)
		mark_cut(out, size);
}

static enum err kind_of(enum message id)
{
	const struct message_info *info = message_find((int)id);

	return info ? info->kind : ERR_FAILED;
}

enum err fail(enum message id, const char *format, ...)
{
	char text[FAILURE_TEXT]; /* the arguments may be of the failure before */
	va_list arguments;
	int saved = errno;

	va_start(arguments, format);
	set_text(text, sizeof(text), format, arguments);
	va_end(arguments);
	memcpy(last.text, text, strlen(text) + 1);
	last.id = id;
	last.kind = kind_of(id);
	errno = saved;
	return last.kind;
}

enum err fail_errno(enum message id, const char *format, ...)
{
	char text[FAILURE_TEXT];
	char reason[128];
	va_list arguments;
	int saved = errno;
	enum err kind;

	va_start(arguments, format);
	set_text(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (saved == ENOSPC || saved == EDQUOT || saved == EFBIG)
		id = PL_NO_SPACE;
	else if (saved == ENOMEM)
		id = PL_NO_MEMORY;
	else if (saved == EINTR) /* only signals that ask to stop end a call (interrupt_install) */
		id = PL_INTERRUPTED;
	kind = fail(id, "%s: %s", text, strerror_r(saved, reason, sizeof(reason)));
	errno = saved;
	return kind;
}

enum err fail_context(enum err kind, const char *format, ...)
{
	char context[FAILURE_TEXT];
	char old[FAILURE_TEXT];
	va_list arguments;
	int saved = errno;

	if (kind == ERR_OK)
		return kind;
	va_start(arguments, format);
	set_text(context, sizeof(context), format, arguments);
	va_end(arguments);
	memcpy(old, last.text, sizeof(old));
	if (snprintf(last.text, sizeof(last.text), "%s: %s", context, old) >= (int)sizeof(last.text))
		mark_cut(last.text, sizeof(last.text));
	errno = saved;
	return kind;
}

const struct failure *failure_last(void)
{
	return &last;
}

void failure_take(struct failure *out)
{
	*out = last;
	failure_clear();
}

enum err failure_put(const struct failure *failure)
{
	last = *failure;
	return last.kind;
}

void failure_clear(void)
{
	last.kind = ERR_OK;
	last.id = PL_NONE;
	last.text[0] = '\0';
}

char *message_code(enum message id, char buffer[16])
{
	snprintf(buffer, 16, "PL-%04d", (int)id % 10000);
	return buffer;
}

const struct message_info *message_catalogue(size_t *count)
{
	*count = sizeof(catalogue) / sizeof(catalogue[0]);
	return catalogue;
}

const struct message_info *message_find(int number)
{
	for (size_t i = 0; i < sizeof(catalogue) / sizeof(catalogue[0]); i++)
		if ((int)catalogue[i].id == number)
			return &catalogue[i];
	return NULL;
}

int error_exit_code(enum err kind)
{
	return kinds[kind].exit_code;
}

const char *error_name(enum err kind)
{
	return kinds[kind].name;
}
