#include "scheduler/notify_lost.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/repo/canonical.h"

#include <errno.h>
#include <unistd.h>

#define FILE_MAX (64u << 10) /* bytes: a text of FAILURE_TEXT with every byte escaped, and some numbers */

static char *path_of(const char *state_folder, const char *channel)
{
	return mem_printf("%s/notify/lost/%s.json", state_folder, channel);
}

static enum err read_file(const char *path, struct notify_lost *out)
{
	struct buffer bytes = {0};
	json_t *object = NULL;
	json_int_t format, count, last;
	const char *text;
	enum err err = file_read_all(path, FILE_MAX, &bytes);

	if (err == ERR_OK)
		err = canonical_read(&object, bytes.data, bytes.length, PL_NOTIFY_OUTBOX, path);
	if (err == ERR_OK)
		err = canonical_unpack(object, PL_NOTIFY_OUTBOX, path, "{s:I, s:I, s:I, s:s}", "format", &format,
		    "count", &count, "last", &last, "text", &text);
	if (err == ERR_OK) {
		out->count = count > 0 ? (uint64_t)count : 1;
		out->last = last;
		snprintf(out->text, sizeof(out->text), "%s", text);
	}
	json_decref(object);
	buffer_free(&bytes);
	return err;
}

enum err notify_lost_of(const char *state_folder, const char *channel, struct notify_lost *out)
{
	char *path = path_of(state_folder, channel);
	enum err err = path ? ERR_OK : ERR_NOMEM;

	*out = (struct notify_lost){0};
	if (err == ERR_OK)
		err = read_file(path, out);
	if (err == ERR_CORRUPT || err == ERR_LIMIT || err == ERR_UNSUPPORTED) {
		out->count = 1;
		snprintf(out->text, sizeof(out->text), "%s", failure_last()->text);
	}
	if (err == ERR_MISSING || out->count > 0) {
		failure_clear();
		err = ERR_OK;
	}
	mem_free(path);
	return err;
}

static enum err write_file(const char *path, const struct notify_lost *lost)
{
	struct buffer bytes = {0};
	json_t *object = NULL;
	enum err err = canonical_pack(&object, "{s:i, s:I, s:I, s:o}", "format", 1, "count", (json_int_t)lost->count,
	    "last", (json_int_t)lost->last, "text", output_text(lost->text));

	if (err == ERR_OK)
		err = canonical_write(object, &bytes);
	if (err == ERR_OK)
		err = file_replace(path, bytes.data, bytes.length, 0600);
	json_decref(object);
	buffer_free(&bytes);
	return err;
}

enum err notify_lost_add(const char *state_folder, const struct notify_result *result)
{
	char *folder = path_join(state_folder, "notify/lost"), *path = path_of(state_folder, result->channel);
	struct notify_lost lost;
	enum err err = folder && path ? file_make_folders(folder, 0700) : ERR_NOMEM;

	if (err == ERR_OK)
		err = notify_lost_of(state_folder, result->channel, &lost);
	if (err == ERR_OK) {
		lost.count++;
		lost.last = clock_now();
		snprintf(lost.text, sizeof(lost.text), "%s", result->failure.text);
		err = write_file(path, &lost);
	}
	mem_free(folder);
	mem_free(path);
	return err;
}

void notify_lost_forget(const char *state_folder, const char *channel)
{
	char *path = path_of(state_folder, channel);

	if (path)
		(void)!unlink(path);
	mem_free(path);
}
