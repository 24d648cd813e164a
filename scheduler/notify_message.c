/* A message as a JSON object: what goes into the outbox, and what the channels make theirs of. */
#include "scheduler/notify_internal.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/crypto/crypto.h"
#include "core/repo/canonical.h"

static const char *const kinds[] = {
    [NOTIFY_START] = "start",
    [NOTIFY_SUCCESS] = "success",
    [NOTIFY_NOTES] = "notes",
    [NOTIFY_FAILURE] = "failure",
    [NOTIFY_MISSED] = "missed",
    [NOTIFY_REVIEW_OVERDUE] = "review_overdue",
    [NOTIFY_DRILL_OVERDUE] = "drill_overdue",
    [NOTIFY_TEST] = "test",
    [NOTIFY_METRICS] = "metrics",
};

const char *notify_kind_name(enum notify_kind kind)
{
	return kinds[kind];
}

/* Names of files, and messages that quote them, may be any bytes. NULL after PL_NO_MEMORY. */
static json_t *text(const char *bytes)
{
	char *printable = output_printable(bytes ? bytes : "", bytes ? strlen(bytes) : 0);
	json_t *string = printable ? json_string(printable) : NULL;

	mem_free(printable);
	return string;
}

static json_t *lines_of(const struct notify_event *event, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < count; i++)
		if (json_array_append_new(list, text(event->lines[i])) != 0) {
			json_decref(list);
			list = NULL;
		}
	return list;
}

static enum err attach(json_t *object, const struct notify_event *event)
{
	size_t size = event->attachment_size;
	char *hex = mem_alloc(2 * size + 1);
	enum err err = hex ? ERR_OK : ERR_NOMEM;

	if (hex &&
	    (json_object_set_new(object, "attachment", json_string(hex_encode(hex, event->attachment, size))) != 0 ||
		json_object_set_new(object, "attachment_name", json_string(event->attachment_name)) != 0 ||
		json_object_set_new(object, "attachment_type", json_string(event->attachment_type)) != 0))
		err = fail(PL_NO_MEMORY, "no memory for JSON");
	mem_free(hex);
	return err;
}

static enum err set_people(json_t *object, const struct notify_event *event)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < event->people_count; i++)
		if (json_array_append_new(list, text(event->people[i])) != 0) {
			json_decref(list);
			list = NULL;
		}
	return json_object_set_new(object, "people", list) == 0 ? ERR_OK : fail(PL_NO_MEMORY, "no memory for JSON");
}

static bool is_list_of_texts(json_t *list)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (!json_is_string(item))
			return false;
	}
	return json_is_array(list);
}

static bool is_sound(const struct notify_message *message)
{
	return message->kind < NOTIFY_METRICS && message->time > 0 && message->attempts >= 0 &&
	    is_list_of_texts(message->lines) && is_list_of_texts(message->delivered) &&
	    (!message->people || is_list_of_texts(message->people)) && strlen(message->id) == MESSAGE_ID_SIZE - 1 &&
	    strspn(message->id, "0123456789abcdef") == MESSAGE_ID_SIZE - 1 &&
	    strlen(message->attachment_hex) / 2 <= NOTIFY_ATTACHMENT_MAX;
}

/* What the numbers of messages stand for. One that only another version knows: its kind is lost, not the text. */
static void set_failures(struct notify_message *message, int code, int last_code, const char *last_failure)
{
	const struct message_info *info = message_find(code), *last = message_find(last_code);

	message->failure_id = info ? info->id : PL_NONE;
	message->failure_kind = info ? info->kind : *message->failure_text ? ERR_FAILED : ERR_OK;
	message->last_failure =
	    (struct failure){.id = last ? last->id : PL_NONE, .kind = last ? last->kind : ERR_FAILED};
	snprintf(message->last_failure.text, sizeof(message->last_failure.text), "%s", last_failure);
}

/* Sets the fields from the object. */
static enum err bind(struct notify_message *message, const char *name)
{
	const char *kind, *last_failure;
	json_int_t format, time, due, last_good, omitted, created, next;
	int code, last_code, left_out;
	enum err err = canonical_unpack(message->object, PL_NOTIFY_OUTBOX, name,
	    "{s:I, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:i, s:s, s:o, s:I, s:s, s:s, s:s, s:b, s:o, s:i, s:I, s:I, "
	    "s:i, "
	    "s:s, s?o}",
	    "format", &format, "id", &message->id, "channel", &message->channel, "kind", &kind, "job", &message->job,
	    "run_id", &message->run_id, "time", &time, "due", &due, "last_good", &last_good, "code", &code, "failure",
	    &message->failure_text, "lines", &message->lines, "lines_omitted", &omitted, "attachment_name",
	    &message->attachment_name, "attachment_type", &message->attachment_type, "attachment",
	    &message->attachment_hex, "attachment_left_out", &left_out, "delivered", &message->delivered, "attempts",
	    &message->attempts, "created", &created, "next", &next, "last_code", &last_code, "last_failure",
	    &last_failure, "people", &message->people);

	if (err != ERR_OK)
		return err;
	message->time = time;
	message->due = due;
	message->last_good = last_good;
	message->lines_omitted = omitted > 0 ? (uint64_t)omitted : 0;
	message->attachment_left_out = left_out != 0;
	message->created = created;
	message->next = next;
	message->kind = NOTIFY_METRICS;
	for (size_t i = 0; i < NOTIFY_METRICS; i++)
		if (strcmp(kinds[i], kind) == 0)
			message->kind = (enum notify_kind)i;
	set_failures(message, code, last_code, last_failure);
	return is_sound(message) ? ERR_OK : fail(PL_NOTIFY_OUTBOX, "%s: it is no message", name);
}

enum err notify_message_new(struct notify_message *out, const struct notify_event *event, const char *channel)
{
	size_t lines = event->lines_count < NOTIFY_LINES_MAX ? event->lines_count : NOTIFY_LINES_MAX;
	bool attached = event->attachment_name && event->attachment_size > 0;
	bool left_out = attached && event->attachment_size > NOTIFY_ATTACHMENT_MAX;
	uint8_t random[(MESSAGE_ID_SIZE - 1) / 2];
	char id[MESSAGE_ID_SIZE];
	enum err err = crypto_random(random, sizeof(random));

	*out = (struct notify_message){0};
	if (err == ERR_OK)
		err = canonical_pack(&out->object,
		    "{s:i, s:s, s:s, s:s, s:o, s:o, s:I, s:I, s:I, s:i, s:o, s:o, s:I, s:s, s:s, s:s, s:b, s:[], s:i, "
		    "s:I, "
		    "s:I, s:i, s:s}",
		    "format", 1, "id", hex_encode(id, random, sizeof(random)), "channel", channel, "kind",
		    kinds[event->kind], "job", text(event->job), "run_id", text(event->run_id), "time",
		    (json_int_t)event->time, "due", (json_int_t)event->due, "last_good", (json_int_t)event->last_good,
		    "code", (int)event->failure.id, "failure", text(event->failure.text), "lines",
		    lines_of(event, lines), "lines_omitted",
		    (json_int_t)(event->lines_count - lines + event->lines_omitted), "attachment_name", "",
		    "attachment_type", "", "attachment", "", "attachment_left_out", left_out, "delivered", "attempts",
		    0, "created", (json_int_t)0, "next", (json_int_t)0, "last_code", 0, "last_failure", "");
	if (err == ERR_OK && attached && !left_out)
		err = attach(out->object, event);
	if (err == ERR_OK && event->people_count > 0)
		err = set_people(out->object, event);
	if (err == ERR_OK)
		err = bind(out, "the event");
	if (err != ERR_OK)
		notify_message_free(out);
	return err;
}

void notify_message_free(struct notify_message *message)
{
	json_decref(message->object);
	*message = (struct notify_message){0};
}

enum err notify_message_write(const struct notify_message *message, struct buffer *out)
{
	json_t *object = message->object;
	json_t *last_failure = text(message->last_failure.text);
	enum err err;

	if (json_object_set_new(object, "last_failure", last_failure) != 0 ||
	    json_object_set_new(object, "last_code", json_integer(message->last_failure.id)) != 0 ||
	    json_object_set_new(object, "attempts", json_integer(message->attempts)) != 0 ||
	    json_object_set_new(object, "created", json_integer(message->created)) != 0 ||
	    json_object_set_new(object, "next", json_integer(message->next)) != 0)
		return fail(PL_NO_MEMORY, "no memory for JSON");
	err = canonical_add_check(object);
	if (err == ERR_OK)
		err = canonical_write(object, out);
	json_object_del(object, "check");
	return err;
}

enum err notify_message_read(struct notify_message *out, const void *bytes, size_t size, const char *name)
{
	enum err err;

	*out = (struct notify_message){0};
	err = canonical_parse(&out->object, bytes, size, PL_NOTIFY_OUTBOX, name);
	if (err == ERR_OK)
		err = canonical_check(out->object, PL_NOTIFY_OUTBOX, name);
	if (err == ERR_OK)
		json_object_del(out->object, "check");
	if (err == ERR_OK)
		err = bind(out, name);
	if (err != ERR_OK)
		notify_message_free(out);
	return err;
}
