#include "core/record/record.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/repo/canonical.h"

#include <time.h>

#define FORMAT 1
#define ID_LETTERS "0123456789abcdefghijklmnopqrstuvwxyz-"

static const char *const statuses[] = {
    [RECORD_SUCCESS] = "success", [RECORD_NOTES] = "success_with_notes", [RECORD_FAILED] = "failed"};
static const char *const problem_kinds[] = {[BACKUP_UNREADABLE] = "unreadable",
    [BACKUP_CHANGED_WHILE_READ] = "changed_while_read",
    [BACKUP_VANISHED] = "vanished"};

/* ---- pieces; each gives NULL where memory ran out, and json_pack hands that up ---- */

/* Names of files, and messages that quote them, may be any bytes. */
static json_t *text(const char *bytes)
{
	json_t *string;
	char *printable;

	if (!bytes)
		return json_string("");
	string = json_string(bytes);
	if (string)
		return string;
	printable = output_printable(bytes, strlen(bytes));
	string = printable ? json_string(printable) : NULL;
	mem_free(printable);
	return string;
}

static json_t *hex(const void *bytes, size_t size)
{
	char digits[2 * HASH_SIZE + 1];

	return json_string(hex_encode(digits, bytes, size));
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
	static const uint8_t zero[HASH_SIZE];

	return memcmp(bytes, zero, size) == 0;
}

/* "" for an id that is none. */
static json_t *id_or_empty(const uint8_t id[OBJECT_ID_SIZE])
{
	return is_zero(id, OBJECT_ID_SIZE) ? json_string("") : hex(id, OBJECT_ID_SIZE);
}

static json_t *number_of(uint64_t value)
{
	return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

/* Local time with offset, and UTC. */
static json_t *time_of(int64_t time)
{
	char local[CLOCK_TEXT], utc[CLOCK_TEXT];

	if (time == 0)
		return json_null();
	return json_pack("{s:s, s:s}", "local", clock_format(local, time), "utc", clock_format_utc(utc, time));
}

static json_t *period_of(int64_t time)
{
	char local[CLOCK_TEXT];

	clock_format(local, time);
	return json_stringn(local, strlen("2026-11"));
}

json_t *record_person_json(const struct record_person *person)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "name", text(person->name), "nip", text(person->nip), "position",
	    text(person->position), "id", text(person->id));
}

json_t *record_office_json(const struct record_office *office)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:s}", "name", text(office->name), "address", text(office->address),
	    "city", text(office->city), "timezone", text(office->timezone), "language", office->english ? "en" : "id");
}

static json_t *sop(const struct record_sop *sop)
{
	if (!sop->number)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "number", text(sop->number), "item",
	    text(sop->item), "output", text(sop->output), "title", text(sop->title), "activity", text(sop->activity),
	    "created", text(sop->created), "revised", text(sop->revised), "effective", text(sop->effective),
	    "approved_by", text(sop->approved_by), "requirements", text(sop->requirements), "time", text(sop->time));
}

static json_t *sources(const struct record *record)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < record->sources_count; i++) {
		json_t *source = json_pack("{s:s}", "kind", record->sources[i].kind);

		if (!source ||
		    output_set_bytes(source, "path", record->sources[i].path, strlen(record->sources[i].path)) !=
			ERR_OK ||
		    json_array_append(list, source) != 0) {
			json_decref(list);
			list = NULL;
		}
		json_decref(source);
	}
	return list;
}

static json_t *databases(const struct backup_result *result)
{
	json_t *list = json_array();

	for (size_t i = 0; list && result && i < result->databases_count; i++) {
		const struct backup_database *database = &result->databases[i];
		json_t *item = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "kind", database->kind,
		    "path", text(database->path), "size", number_of(database->size), "tables",
		    number_of(database->tables), "rows", number_of(database->rows), "version", text(database->version),
		    "client", text(database->client), "consistency", text(database->consistency), "position",
		    text(database->position));

		if (!item || json_array_append_new(list, item) != 0) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}

static json_t *checks(const struct backup_result *result)
{
	json_t *list = json_array();

	for (size_t i = 0; list && result && i < result->checks_count; i++) {
		const struct backup_check *check = &result->checks[i];
		json_t *item =
		    json_pack("{s:s, s:b, s:o, s:o, s:o}", "name", check->name, "good", check->good, "objects",
			number_of(check->objects), "bytes", number_of(check->bytes), "detail", text(check->detail));

		if (!item || json_array_append_new(list, item) != 0) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}

static json_t *totals(const struct backup_result *result)
{
	static const struct snapshot_totals none;
	const struct snapshot_totals *totals = result ? &result->snapshot.totals : &none;
	const struct {
		const char *name;
		uint64_t value;
	} members[] = {
	    {"files", totals->files},
	    {"folders", totals->folders},
	    {"others", totals->others},
	    {"bytes", totals->bytes},
	    {"new_files", totals->new_files},
	    {"changed_files", totals->changed_files},
	    {"unchanged_files", totals->unchanged_files},
	    {"unreadable", totals->unreadable},
	    {"changed_while_read", totals->changed_while_read},
	    {"vanished", totals->vanished},
	    {"bytes_read", totals->bytes_read},
	    {"bytes_new", totals->bytes_new},
	    {"bytes_stored", totals->bytes_stored},
	    {"chunks", totals->chunks},
	    {"chunks_new", totals->chunks_new},
	    {"packs_new", totals->packs_new},
	};
	json_t *object = json_object();

	for (size_t i = 0; object && i < sizeof(members) / sizeof(members[0]); i++)
		if (json_object_set_new(object, members[i].name, number_of(members[i].value)) != 0) {
			json_decref(object);
			object = NULL;
		}
	return object;
}

static json_t *failure(const struct failure *failure)
{
	char code[16];

	if (failure->kind == ERR_OK)
		return json_null();
	return json_pack("{s:s, s:s, s:o}", "code", message_code(failure->id, code), "kind", error_name(failure->kind),
	    "message", text(failure->text));
}

static json_t *medium(const struct target_medium *medium)
{
	if (!*medium->device && !*medium->type && !*medium->label && !*medium->uuid && !*medium->serial)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "device", text(medium->device), "type", text(medium->type),
	    "label", text(medium->label), "uuid", text(medium->uuid), "serial", text(medium->serial));
}

static json_t *target(const struct record *record)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "name", text(record->target_name), "url",
	    text(record->target_url), "total", number_of(record->target_total), "available",
	    number_of(record->target_available), "medium", medium(&record->medium));
}

/* What would have been lost where the disaster had come just before this run ended, or just before it began its snapshot. */
static json_t *recovery_point(const struct record *record)
{
	int64_t until = record->result && !is_zero(record->result->snapshot.id, OBJECT_ID_SIZE)
	    ? record->result->snapshot.started
	    : record->ended;

	if (!record->previous_started || until < record->previous_started)
		return json_null();
	return json_pack("{s:o, s:I}", "previous", time_of(record->previous_started), "reached_ms",
	    (json_int_t)((until - record->previous_started) / (CLOCK_SECOND / 1000)));
}

static json_t *unread(const struct record *record)
{
	if (!record->packs)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:I}", "packs", number_of(record->packs), "never_read_again",
	    number_of(record->packs_never_read_again), "since", time_of(record->packs_read_since), "age_ms",
	    (json_int_t)(record->ended > record->packs_read_since
		    ? (record->ended - record->packs_read_since) / (CLOCK_SECOND / 1000)
		    : 0));
}

json_t *record_repository_json(const struct keys *keys)
{
	if (!keys)
		return json_null();
	return json_pack("{s:o, s:s, s:o}", "id", hex(keys->repository, REPOSITORY_ID_SIZE), "suite",
	    suite_name(keys->suite), "writer", hex(keys->signer.writer, WRITER_ID_SIZE));
}

static json_t *login(const struct record *record)
{
	if (!record->user)
		return json_null();
	return json_pack("{s:o, s:o}", "user", text(record->user), "through", text(record->through));
}

static json_t *snapshot(const struct backup_result *result)
{
	if (!result || is_zero(result->snapshot.id, OBJECT_ID_SIZE))
		return json_null();
	return json_pack("{s:o, s:o}", "id", hex(result->snapshot.id, OBJECT_ID_SIZE), "previous",
	    id_or_empty(result->snapshot.previous));
}

json_t *record_problem_json(const struct backup_problem *problem)
{
	json_t *object = json_pack("{s:s, s:o}", "kind", problem_kinds[problem->kind], "reason", text(problem->reason));

	if (object && output_set_bytes(object, "path", problem->path.data, problem->path.size) != ERR_OK) {
		json_decref(object);
		object = NULL;
	}
	return object;
}

enum err record_json(json_t **out, const struct record *record, uint64_t number, const uint8_t previous[HASH_SIZE])
{
	json_t *first = NULL, *second = NULL, *third = NULL;
	enum err err;

	*out = NULL;
	err = canonical_pack(&first, "{s:i, s:o, s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:o}", "format", FORMAT,
	    "number", number_of(number), "id", record->id, "previous",
	    is_zero(previous, HASH_SIZE) ? json_string("") : hex(previous, HASH_SIZE), "job", record->job, "office",
	    record_office_json(&record->office), "sop", sop(&record->sop), "performer",
	    record_person_json(&record->performer), "reviewer", record_person_json(&record->reviewer), "acknowledger",
	    record->acknowledger.name ? record_person_json(&record->acknowledger) : json_null(), "trigger",
	    record->trigger, "period", period_of(record->started));
	if (err == ERR_OK)
		err = canonical_pack(&second, "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "planned",
		    time_of(record->planned), "started", time_of(record->started), "ended", time_of(record->ended),
		    "duration_ms", record->ended ? json_integer(record->duration / (CLOCK_SECOND / 1000)) : json_null(),
		    "host", text(record->host), "system", text(record->system), "sources", sources(record), "tool",
		    "pulih " PULIH_VERSION, "target", target(record), "repository",
		    record_repository_json(record->keys), "snapshot", snapshot(record->result), "totals",
		    totals(record->result));
	if (err == ERR_OK)
		err = canonical_pack(&third, "{s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "kind",
		    record->drill ? "drill" : "run", "login", login(record), "rpo", recovery_point(record), "unread",
		    unread(record), "databases", databases(record->result), "checks", checks(record->result), "status",
		    statuses[record->status], "failure", failure(&record->failure), "problems",
		    record->problems ? json_deep_copy(record->problems) : json_array(), "problems_omitted",
		    number_of(record->problems_omitted), "retention", text(record->retention), "schedule",
		    text(record->schedule));
	if (err == ERR_OK && (json_object_update(first, second) != 0 || json_object_update(first, third) != 0))
		err = fail(PL_NO_MEMORY, "no memory for JSON");
	if (err == ERR_OK && record->drill && json_object_set_new(first, "drill", json_deep_copy(record->drill)) != 0)
		err = fail(PL_NO_MEMORY, "no memory for JSON");
	if (err == ERR_OK) {
		*out = first;
		first = NULL;
	}
	json_decref(first);
	json_decref(second);
	json_decref(third);
	return err;
}

json_t *record_time_json(int64_t time)
{
	return time_of(time);
}

json_t *record_text_json(const char *bytes)
{
	return text(bytes);
}

/* ---- ids ---- */

static enum err new_id(char id[RECORD_ID_SIZE], const char *middle, int64_t time)
{
	time_t seconds = (time_t)(time / CLOCK_SECOND);
	char when[20], digits[5];
	uint8_t random[2];
	struct tm parts;
	enum err err = crypto_random(random, sizeof(random));

	if (err != ERR_OK)
		return err;
	localtime_r(&seconds, &parts);
	strftime(when, sizeof(when), "%Y%m%dt%H%M%S", &parts);
	snprintf(id, RECORD_ID_SIZE, "%s-%.75s-%s", when, middle, hex_encode(digits, random, sizeof(random)));
	return ERR_OK;
}

enum err record_new_id(char id[RECORD_ID_SIZE], const char *job, int64_t started)
{
	return new_id(id, job, started);
}

enum err record_new_id_of(char id[RECORD_ID_SIZE], const char *kind, const char *job, int64_t made)
{
	char middle[RECORD_ID_SIZE];

	snprintf(middle, sizeof(middle), "%.64s%s%.10s", job, *job ? "-" : "", kind);
	return new_id(id, middle, made);
}

bool record_id_valid(const char *id)
{
	size_t length = strlen(id);

	return length > 0 && length < RECORD_ID_SIZE && strspn(id, ID_LETTERS) == length;
}

/* ---- the signed original ---- */

enum err record_hash(json_t *record, uint8_t hash[HASH_SIZE])
{
	struct buffer bytes = {0};
	enum err err = canonical_write(record, &bytes);

	if (err == ERR_OK)
		err = sha256(bytes.data, bytes.length, hash);
	buffer_free(&bytes);
	return err;
}

enum err record_sign(json_t *record, const struct keys *keys, struct buffer *out)
{
	uint8_t hash[HASH_SIZE], signature[SIGNATURE_SIZE];
	char signature_hex[2 * SIGNATURE_SIZE + 1] = "";
	json_t *original = NULL;
	enum err err = record_hash(record, hash);

	if (err == ERR_OK && keys)
		err = ed25519_sign(keys->signer.seed, hash, sizeof(hash), signature);
	if (err == ERR_OK && keys)
		hex_encode(signature_hex, signature, sizeof(signature));
	if (err == ERR_OK)
		err = canonical_pack(&original, "{s:O, s:o, s:o, s:s}", "record", record, "writer",
		    keys ? hex(keys->signer.writer, WRITER_ID_SIZE) : json_string(""), "public_key",
		    keys ? hex(keys->signer.public_key, KEY_SIZE) : json_string(""), "signature", signature_hex);
	if (err == ERR_OK)
		err = canonical_write(original, out);
	if (err == ERR_OK)
		err = buffer_append_u8(out, '\n');
	json_decref(original);
	return err;
}

void record_original_free(struct record_original *original)
{
	json_decref(original->record);
	*original = (struct record_original){0};
}

/* The library does not tell a lack of memory from a wrong text: see canonical.c. No failure was remembered before. */
static enum err broken(const char *why)
{
	return failure_last()->kind == ERR_NOMEM ? ERR_NOMEM : fail(PL_RECORD_BROKEN, "%s", why);
}

/* Members that every reader relies on; the rest is shown as it is. */
static enum err check_record(json_t *record)
{
	const char *id, *job, *status, *previous;
	json_int_t format, number;

	if (json_unpack(record, "{s:I, s:I, s:s, s:s, s:s, s:s}", "format", &format, "number", &number, "id", &id,
		"job", &job, "status", &status, "previous", &previous) != 0)
		return broken("a record lacks a member, or has one of another type");
	if (format != FORMAT)
		return fail(PL_FORMAT_VERSION, "a record has format %" JSON_INTEGER_FORMAT ", this program knows %d",
		    format, FORMAT);
	if (!record_id_valid(id) || number < 1)
		return fail(PL_RECORD_BROKEN, "a record has an id or a number that no record has");
	return ERR_OK;
}

static enum err check_signature(
    struct record_original *out, const char *writer, const char *public_key, const char *signature)
{
	uint8_t bytes[SIGNATURE_SIZE];

	if (!*writer && !*public_key && !*signature)
		return ERR_OK;
	if (!hex_decode(out->writer, WRITER_ID_SIZE, writer) || !hex_decode(out->public_key, KEY_SIZE, public_key) ||
	    !hex_decode(bytes, SIGNATURE_SIZE, signature))
		return fail(PL_RECORD_BROKEN,
		    "writer, public key or signature of a record are no hexadecimal numbers of their length");
	out->is_signed = true;
	return ed25519_verify(out->public_key, out->hash, HASH_SIZE, bytes);
}

enum err record_read(struct record_original *out, const void *bytes, size_t size)
{
	const char *writer, *public_key, *signature;
	struct failure before;
	json_t *original, *record;
	enum err err;

	*out = (struct record_original){0};
	failure_take(&before);
	original = size <= RECORD_MAX ? json_loadb(bytes, size, JSON_REJECT_DUPLICATES, NULL) : NULL;
	if (!original ||
	    json_unpack_ex(original, NULL, JSON_STRICT, "{s:o, s:s, s:s, s:s}", "record", &record, "writer", &writer,
		"public_key", &public_key, "signature", &signature) != 0) {
		json_decref(original);
		return broken("it is no signed record");
	}
	out->record = json_incref(record);
	err = check_record(record);
	if (err == ERR_OK)
		failure_put(&before);
	if (err == ERR_OK)
		err = record_hash(record, out->hash);
	if (err == ERR_OK)
		err = check_signature(out, writer, public_key, signature);
	json_decref(original);
	if (err != ERR_OK)
		record_original_free(out);
	return err;
}

enum err record_check_signer(const struct record_original *original, const struct keys *keys)
{
	uint8_t owner[WRITER_ID_SIZE] = {0};

	if (!original->is_signed)
		return fail(PL_WRITER_UNKNOWN, "the record is not signed");
	if (memcmp(original->writer, owner, WRITER_ID_SIZE) == 0 &&
	    memcmp(original->public_key, keys->owner_public, KEY_SIZE) == 0)
		return ERR_OK;
	for (size_t i = 0; i < keys->writers_count; i++)
		if (memcmp(original->writer, keys->writers[i].id, WRITER_ID_SIZE) == 0 &&
		    memcmp(original->public_key, keys->writers[i].public_key, KEY_SIZE) == 0)
			return ERR_OK;
	return fail(PL_WRITER_UNKNOWN, "the repository lists no writer with the key that signed this record");
}
