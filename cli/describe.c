#include "cli/describe.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#include <stdio.h>
#include <string.h>

#define SHORT_ID_BYTES 4

char *describe_id(char out[DESCRIBE_ID], const uint8_t *id)
{
	return hex_encode(out, id, SHORT_ID_BYTES);
}

char *describe_time(char out[DESCRIBE_TIME], int64_t time)
{
	time_t seconds = (time_t)(time / CLOCK_SECOND - (time % CLOCK_SECOND < 0));
	struct tm parts;

	localtime_r(&seconds, &parts);
	if (strftime(out, DESCRIBE_TIME, "%Y-%m-%d %H:%M:%S", &parts) == 0)
		snprintf(out, DESCRIBE_TIME, "?");
	return out;
}

struct describe_count describe_count(uint64_t count, const char *word)
{
	struct describe_count out;

	snprintf(out.text, sizeof(out.text), "%llu %s%s", (unsigned long long)count, word, count == 1 ? "" : "s");
	return out;
}

char *describe_mode(char out[DESCRIBE_MODE], const struct entry *entry)
{
	static const char types[] = "?-dlcbps";
	static const char bits[] = "rwxrwxrwx";

	out[0] = types[entry->type < sizeof(types) - 1 ? entry->type : 0];
	for (int i = 0; i < 9; i++)
		out[1 + i] = entry->mode & (0400u >> i) ? bits[i] : '-';
	if (entry->mode & 04000)
		out[3] = out[3] == 'x' ? 's' : 'S';
	if (entry->mode & 02000)
		out[6] = out[6] == 'x' ? 's' : 'S';
	if (entry->mode & 01000)
		out[9] = out[9] == 'x' ? 't' : 'T';
	out[10] = '\0';
	return out;
}

char *describe_path(struct entry_bytes path)
{
	char *text = output_printable(path.data, path.size);
	char *out = text ? mem_printf("/%s", text) : NULL;

	mem_free(text);
	return out;
}

/* A user's or group's name, or its number. */
static char *owner(struct entry_bytes name, uint32_t number)
{
	return name.size ? output_printable(name.data, name.size) : mem_printf("%u", number);
}

char *describe_entry_long(const struct entry *entry)
{
	char mode[DESCRIBE_MODE], time[DESCRIBE_TIME];
	char *path = describe_path(entry->path), *user = owner(entry->user, entry->uid),
	     *group = owner(entry->group, entry->gid);
	char *target = output_printable(entry->target.data, entry->target.size);
	char *line = NULL;

	if (path && user && group && target)
		line = mem_printf("%s %-8s %-8s %12llu %s %s%s%s", describe_mode(mode, entry), user, group,
		    (unsigned long long)entry->size, describe_time(time, entry->mtime), path,
		    entry->type == ENTRY_SYMLINK ? " -> " : "", target);
	mem_free(path);
	mem_free(user);
	mem_free(group);
	mem_free(target);
	return line;
}

json_t *describe_hex(const void *bytes, size_t size)
{
	char text[2 * 64 + 1];

	return json_string(hex_encode(text, bytes, size <= 64 ? size : 64));
}

json_t *describe_time_json(int64_t time)
{
	char text[CLOCK_TEXT];

	return json_string(clock_format(text, time));
}

bool describe_set_path(json_t *object, struct entry_bytes path)
{
	char *text = path.size < SIZE_MAX ? mem_alloc(path.size + 1) : NULL;
	enum err err;

	if (!text)
		return false;
	text[0] = '/';
	if (path.size)
		memcpy(text + 1, path.data, path.size);
	err = output_set_bytes(object, "path", text, path.size + 1);
	mem_free(text);
	return err == ERR_OK;
}

static json_t *finish(json_t *object, bool whole)
{
	if (object && whole)
		return object;
	json_decref(object);
	fail(PL_NO_MEMORY, "no memory for JSON");
	return NULL;
}

json_t *describe_entry_json(const struct entry *entry)
{
	json_t *object = json_object();
	char mode[8];
	bool good = object && describe_set_path(object, entry->path);

	snprintf(mode, sizeof(mode), "%04o", entry->mode);
	if (good)
		good = json_object_update_new(object,
			   json_pack("{s:s, s:s, s:o, s:o, s:I, s:I, s:I}", "type", entry_type_name(entry->type),
			       "mode", mode, "mtime", describe_time_json(entry->mtime), "ctime",
			       describe_time_json(entry->ctime), "uid", (json_int_t)entry->uid, "gid",
			       (json_int_t)entry->gid, "links", (json_int_t)entry->links)) == 0;
	if (good && entry->type == ENTRY_FILE)
		good = json_object_set_new(object, "size", json_integer((json_int_t)entry->size)) == 0;
	if (good && entry->user.size)
		good = output_set_bytes(object, "user", entry->user.data, entry->user.size) == ERR_OK;
	if (good && entry->group.size)
		good = output_set_bytes(object, "group", entry->group.data, entry->group.size) == ERR_OK;
	if (good && entry->type == ENTRY_SYMLINK)
		good = output_set_bytes(object, "target", entry->target.data, entry->target.size) == ERR_OK;
	return finish(object, good);
}

static json_t *strings(char *const *items, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < count; i++) {
		json_t *text = json_string(items[i]);

		if (!text) { /* not UTF-8 */
			char *printable = output_printable(items[i], strlen(items[i]));

			text = printable ? json_string(printable) : NULL;
			mem_free(printable);
		}
		if (json_array_append_new(array, text) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static bool set_text(json_t *object, const char *name, const char *text)
{
	return output_set_bytes(object, name, text, strlen(text)) == ERR_OK;
}

static json_t *totals_json(const struct snapshot_totals *totals)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "files",
	    (json_int_t)totals->files, "dirs", (json_int_t)totals->folders, "others", (json_int_t)totals->others,
	    "size", (json_int_t)totals->bytes, "files_new", (json_int_t)totals->new_files, "files_changed",
	    (json_int_t)totals->changed_files, "files_unmodified", (json_int_t)totals->unchanged_files, "unreadable",
	    (json_int_t)totals->unreadable, "changed_while_read", (json_int_t)totals->changed_while_read, "vanished",
	    (json_int_t)totals->vanished, "bytes_read", (json_int_t)totals->bytes_read, "data_added",
	    (json_int_t)totals->bytes_new, "bytes_stored", (json_int_t)totals->bytes_stored, "chunks",
	    (json_int_t)totals->chunks, "chunks_new", (json_int_t)totals->chunks_new, "packs_new",
	    (json_int_t)totals->packs_new);
}

json_t *describe_snapshot_json(const struct snapshot *snapshot)
{
	static const uint8_t none[OBJECT_ID_SIZE];
	char id[DESCRIBE_ID];
	json_t *object = json_pack("{s:o, s:s, s:o, s:o, s:b, s:o, s:o}", "id",
	    describe_hex(snapshot->id, OBJECT_ID_SIZE), "short_id", describe_id(id, snapshot->id), "time",
	    describe_time_json(snapshot->started), "ended", describe_time_json(snapshot->ended), "partial",
	    snapshot->partial, "domain", describe_hex(snapshot->domain, DOMAIN_TAG_SIZE), "writer",
	    describe_hex(snapshot->writer, WRITER_ID_SIZE));
	bool good = object != NULL;

	good = good && set_text(object, "host", snapshot->host) && set_text(object, "job", snapshot->job) &&
	    set_text(object, "program_version", snapshot->tool);
	if (good && memcmp(snapshot->previous, none, sizeof(none)) != 0)
		good = json_object_set_new(object, "previous", describe_hex(snapshot->previous, OBJECT_ID_SIZE)) == 0;
	if (good && snapshot->arrived)
		good = json_object_set_new(object, "arrived", describe_time_json(snapshot->arrived)) == 0;
	if (good && snapshot->has_content)
		good = json_object_set_new(object, "paths", strings(snapshot->paths, snapshot->paths_count)) == 0 &&
		    json_object_set_new(object, "tags", strings(snapshot->tags, snapshot->tags_count)) == 0;
	good = good && json_object_update_new(object, totals_json(&snapshot->totals)) == 0;
	return finish(object, good);
}
