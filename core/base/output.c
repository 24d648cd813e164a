#include "core/base/output.h"
#include "core/base/buffer.h"
#include "core/base/clock.h"
#include "core/base/mem.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DRAW_EVERY (CLOCK_SECOND / 5) /* a progress line that changes more often cannot be read */
#define STATUS_EVERY CLOCK_SECOND

static struct {
	pthread_mutex_t lock;
	bool json;
	enum output_level level;
	bool terminal; /* progress may be drawn */
	bool drawn;    /* a progress line stands on the terminal */
	int64_t started, next;
	const char *action;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

void output_setup(bool json, enum output_level level)
{
	state.json = json;
	state.level = level;
	state.terminal = !json && level >= OUTPUT_NORMAL && isatty(STDERR_FILENO) != 0;
}

bool output_is_json(void)
{
	return state.json;
}

enum output_level output_level(void)
{
	return state.level;
}

/* With the lock held: takes the progress line off the terminal. */
static void clear_line(void)
{
	if (state.drawn)
		fputs("\r\033[K", stderr);
	state.drawn = false;
}

void output_print(const char *format, ...)
{
	va_list arguments;

	if (state.json)
		return;
	pthread_mutex_lock(&state.lock);
	clear_line();
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	pthread_mutex_unlock(&state.lock);
}

void output_object(const char *message_type, json_t *object)
{
	json_t *line = state.json && object ? json_object() : NULL;
	char *text = NULL;

	if (line) {
		json_object_set_new(line, "message_type", json_string(message_type));
		json_object_update(line, object);
		text = json_dumps(line, JSON_COMPACT);
	}
	if (text) {
		pthread_mutex_lock(&state.lock);
		puts(text);
		fflush(stdout);
		pthread_mutex_unlock(&state.lock);
	}
	free(text); /* jansson's own allocation */
	json_decref(line);
	json_decref(object);
}

/* Texts quote names as they are found: neither a terminal nor JSON gets their bytes unseen. To be released with mem_free. */
static char *clean(const char *text)
{
	return output_printable(text, strlen(text));
}

static void say(const char *type, enum message id, const char *raw)
{
	char code[16];
	char *text = clean(raw);
	const char *shown = text ? text : raw;

	if (state.json) {
		json_t *object = json_pack("{s:s}", "message", shown);

		if (object && id != PL_NONE)
			json_object_set_new(object, "code", json_string(message_code(id, code)));
		output_object(type, object);
		mem_free(text);
		return;
	}
	pthread_mutex_lock(&state.lock);
	clear_line();
	if (id != PL_NONE)
		fprintf(stderr, "pulih: %s: %s: %s\n", type, message_code(id, code), shown);
	else
		fprintf(stderr, "pulih: %s\n", shown);
	pthread_mutex_unlock(&state.lock);
	mem_free(text);
}

void output_note(const char *format, ...)
{
	char text[FAILURE_TEXT];
	va_list arguments;

	if (state.level < OUTPUT_NORMAL)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	say("note", PL_NONE, text);
}

void output_warning(enum message id, const char *format, ...)
{
	char text[FAILURE_TEXT];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	say("warning", id, text);
}

void output_failure_warning(const struct failure *failure)
{
	say("warning", failure->id, failure->text);
}

void output_error(const struct failure *failure)
{
	const struct message_info *info = message_find((int)failure->id);
	char code[16];
	char *text = clean(failure->text);
	const char *shown = text ? text : failure->text;

	if (state.json) {
		output_object("error",
		    json_pack("{s:s, s:s, s:s, s:s, s:i}", "code", message_code(failure->id, code), "kind",
			error_name(failure->kind), "message", shown, "remedy", info ? info->remedy : "", "exit_code",
			error_exit_code(failure->kind)));
		mem_free(text);
		return;
	}
	pthread_mutex_lock(&state.lock);
	clear_line();
	fprintf(stderr, "pulih: %s: %s\n", message_code(failure->id, code), shown);
	if (info && info->remedy[0])
		fprintf(stderr, "       %s\n", info->remedy);
	pthread_mutex_unlock(&state.lock);
	mem_free(text);
}

/* Length of the UTF-8 character at `at`, 0 where there is none (overlong, surrogate, cut). */
static size_t utf8_length(const uint8_t *at, size_t left)
{
	size_t length = at[0] < 0x80 ? 1
	    : at[0] < 0xC2	     ? 0
	    : at[0] < 0xE0	     ? 2
	    : at[0] < 0xF0	     ? 3
	    : at[0] < 0xF5	     ? 4
				     : 0;

	if (length == 0 || length > left)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((at[i] & 0xC0) != 0x80)
			return 0;
	if ((at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xED && at[1] > 0x9F) || (at[0] == 0xF0 && at[1] < 0x90) ||
	    (at[0] == 0xF4 && at[1] > 0x8F))
		return 0;
	return length;
}

bool output_is_utf8(const void *bytes, size_t size)
{
	const uint8_t *at = bytes, *end = at + size;

	while (at < end) {
		size_t length = utf8_length(at, (size_t)(end - at));

		if (length == 0)
			return false;
		at += length;
	}
	return true;
}

char *output_printable(const void *bytes, size_t size)
{
	const uint8_t *at = bytes;
	char *text = size <= SIZE_MAX / 4 - 1 ? mem_alloc(4 * size + 1) : NULL;
	char *out = text;

	if (!text)
		return NULL;
	for (size_t i = 0; i < size;) {
		size_t length = utf8_length(at + i, size - i);
		bool control = at[i] < 0x20 || at[i] == 0x7F || (at[i] == 0xC2 && length == 2 && at[i + 1] < 0xA0);

		if (length == 0 || control) {
			out += snprintf(out, 5, "\\x%02x", at[i]);
			i++;
			continue;
		}
		memcpy(out, at + i, length);
		out += length;
		i += length;
	}
	*out = '\0';
	return text;
}

static char *base64(const uint8_t *bytes, size_t size)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *text = mem_alloc((size + 2) / 3 * 4 + 1);
	char *out = text;

	for (size_t i = 0; text && i < size; i += 3) {
		uint32_t group = (uint32_t)bytes[i] << 16;

		if (i + 1 < size)
			group |= (uint32_t)bytes[i + 1] << 8;
		if (i + 2 < size)
			group |= bytes[i + 2];
		*out++ = digits[group >> 18];
		*out++ = digits[group >> 12 & 63];
		*out++ = i + 1 < size ? digits[group >> 6 & 63] : '=';
		*out++ = i + 2 < size ? digits[group & 63] : '=';
	}
	if (text)
		*out = '\0';
	return text;
}

json_t *output_text(const char *text)
{
	json_t *string = json_string(text);
	char *readable = string ? NULL : output_printable(text, strlen(text));

	if (readable)
		string = json_string(readable);
	mem_free(readable);
	if (!string)
		fail(PL_NO_MEMORY, "no memory for JSON");
	return string;
}

enum err output_set_bytes(json_t *object, const char *name, const void *bytes, size_t size)
{
	json_t *plain = json_stringn(bytes, size);
	char *text = NULL, *key = NULL;
	enum err err = ERR_NOMEM;

	if (plain && memchr(bytes, 0, size) == NULL)
		return json_object_set_new(object, name, plain) == 0 ? ERR_OK
								     : fail(PL_NO_MEMORY, "no memory for JSON");
	json_decref(plain);
	text = output_printable(bytes, size);
	if (!text || json_object_set_new(object, name, json_string(text)) != 0)
		goto done;
	mem_free(text);
	text = base64(bytes, size);
	key = mem_printf("%s_b64", name);
	if (text && key && json_object_set_new(object, key, json_string(text)) == 0)
		err = ERR_OK;
done:
	if (err != ERR_OK)
		fail(PL_NO_MEMORY, "no memory for JSON");
	mem_free(key);
	mem_free(text);
	return err;
}

void progress_start(const char *action)
{
	pthread_mutex_lock(&state.lock);
	state.action = action;
	state.started = clock_monotonic();
	state.next = state.started + (state.json ? STATUS_EVERY : DRAW_EVERY);
	pthread_mutex_unlock(&state.lock);
}

static void print_status(const struct progress *progress, int64_t elapsed)
{
	char *item = output_printable(progress->item, strlen(progress->item));

	output_object("status",
	    json_pack("{s:s, s:I, s:I, s:I, s:I, s:f, s:s}", "action", progress->action, "files",
		(json_int_t)progress->files, "files_total", (json_int_t)progress->files_total, "bytes",
		(json_int_t)progress->bytes, "bytes_total", (json_int_t)progress->bytes_total, "seconds_elapsed",
		(double)elapsed / CLOCK_SECOND, "item", item ? item : ""));
	mem_free(item);
}

static void draw_line(const struct progress *progress, int64_t elapsed)
{
	struct winsize window = {0};
	char size[32], rate[32], left[48] = "";
	char line[512];
	int columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 20 ? window.ws_col : 80;
	double seconds = (double)elapsed / CLOCK_SECOND;
	double speed = seconds > 0 ? (double)progress->bytes / seconds : 0;
	char *item = output_printable(progress->item, strlen(progress->item));

	if (progress->bytes_total > progress->bytes && speed > 0) {
		char time[32];

		output_duration(
		    time, (int64_t)((double)(progress->bytes_total - progress->bytes) / speed) * CLOCK_SECOND);
		snprintf(left, sizeof(left), "  %s left", time);
	}
	snprintf(line, sizeof(line), "%s  %llu files  %s  %s/s%s  %s", progress->action,
	    (unsigned long long)progress->files, output_size(size, progress->bytes), output_size(rate, (uint64_t)speed),
	    left, item ? item : "");
	mem_free(item);
	if ((int)strlen(line) >= columns) {
		size_t at = (size_t)columns - 1;

		while (at > 0 && ((unsigned char)line[at] & 0xC0) == 0x80)
			at--;
		line[at] = '\0';
	}
	fprintf(stderr, "\r\033[K%s", line);
	fflush(stderr);
	state.drawn = true;
}

void progress_update(const struct progress *progress)
{
	int64_t now;

	if (!state.json && !state.terminal)
		return;
	now = clock_monotonic();
	pthread_mutex_lock(&state.lock);
	if (now < state.next || !state.action) {
		pthread_mutex_unlock(&state.lock);
		return;
	}
	state.next = now + (state.json ? STATUS_EVERY : DRAW_EVERY);
	if (state.terminal)
		draw_line(progress, now - state.started);
	pthread_mutex_unlock(&state.lock);
	if (state.json && state.level >= OUTPUT_NORMAL)
		print_status(progress, now - state.started);
}

void progress_end(void)
{
	pthread_mutex_lock(&state.lock);
	clear_line();
	fflush(stderr);
	state.action = NULL;
	pthread_mutex_unlock(&state.lock);
}

char *output_size(char out[32], uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1024;
		unit++;
	}
	snprintf(out, 32, unit == 0 ? "%.0f %s" : "%.2f %s", value, units[unit]);
	return out;
}

char *output_duration(char out[32], int64_t nanoseconds)
{
	int64_t seconds = nanoseconds / CLOCK_SECOND;

	if (seconds < 60)
		snprintf(out, 32, "%.1f s", (double)nanoseconds / CLOCK_SECOND);
	else
		snprintf(out, 32, "%lld:%02lld:%02lld", (long long)(seconds / 3600), (long long)(seconds / 60 % 60),
		    (long long)(seconds % 60));
	return out;
}
