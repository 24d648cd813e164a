#include "core/repo/session.h"

#include "core/base/clock.h"
#include "core/repo/canonical.h"
#include "core/repo/object.h"

#define PURPOSE "session"

static enum err encode(const struct session *session, const struct keys *keys, uint64_t generation, struct buffer *out)
{
	char id[33], repository[2 * REPOSITORY_ID_SIZE + 1], domain[2 * DOMAIN_TAG_SIZE + 1],
	    writer[2 * WRITER_ID_SIZE + 1];
	char started[CLOCK_TEXT];
	json_t *object = NULL;
	enum err err = canonical_pack(&object, "{s:i, s:s, s:s, s:s, s:s, s:s, s:I}", "format", 1, "id",
	    hex_encode(id, session->id, sizeof(session->id)), "repository",
	    hex_encode(repository, keys->repository, REPOSITORY_ID_SIZE), "domain",
	    hex_encode(domain, keys->domain.tag, DOMAIN_TAG_SIZE), "writer",
	    hex_encode(writer, keys->signer.writer, WRITER_ID_SIZE), "started", clock_format_utc(started, clock_now()),
	    "generation", (json_int_t)generation);

	if (err == ERR_OK)
		err = canonical_sign(object, PURPOSE, keys->signer.seed);
	if (err == ERR_OK)
		err = canonical_write(object, out);
	json_decref(object);
	return err;
}

/* Crash story: a writer that dies leaves its marker. It blocks nobody but the collector, and that only until the grace time is
 * over; the next backup makes a marker of its own. */
enum err session_begin(struct session *session, struct target *target, const struct keys *keys, uint64_t generation)
{
	struct buffer bytes = {0};
	enum err err = crypto_random(session->id, sizeof(session->id));

	if (err == ERR_OK)
		err = encode(session, keys, generation, &bytes);
	if (err == ERR_OK)
		err = target_put(target, object_session(session->id).text, bytes.data, bytes.length);
	buffer_free(&bytes);
	return err;
}

enum err session_end(struct session *session, struct target *target)
{
	enum err err = target_remove(target, object_session(session->id).text);

	if (err != ERR_DENIED && err != ERR_MISSING)
		return err;
	failure_clear();
	return ERR_OK;
}

static enum err broken(const char *name, const char *why)
{
	return fail(PL_SESSION_BROKEN, "%s: %s", name, why);
}

static bool hex_member(void *out, size_t size, const char *text)
{
	return strlen(text) == 2 * size && hex_decode(out, size, text);
}

static enum err decode(struct session_marker *out, const struct keys *keys, json_t *object, const char *name)
{
	const char *id, *repository, *domain, *writer, *started, *signature;
	uint8_t repository_id[REPOSITORY_ID_SIZE], public_key[KEY_SIZE];
	json_int_t generation;
	enum err err = canonical_unpack(object, PL_SESSION_BROKEN, name, "{s:i, s:s, s:s, s:s, s:s, s:s, s:I, s:s}",
	    "format", &(int){0}, "id", &id, "repository", &repository, "domain", &domain, "writer", &writer, "started",
	    &started, "generation", &generation, "signature", &signature);

	if (err != ERR_OK)
		return err;
	if (!hex_member(out->id, sizeof(out->id), id) || strcmp(object_session(out->id).text, name) != 0)
		return broken(name, "its id is not its name");
	if (!hex_member(repository_id, sizeof(repository_id), repository) ||
	    memcmp(repository_id, keys->repository, REPOSITORY_ID_SIZE) != 0)
		return broken(name, "it belongs to another repository");
	if (!hex_member(out->domain, DOMAIN_TAG_SIZE, domain))
		return broken(name, "its domain");
	if (!hex_member(out->writer, WRITER_ID_SIZE, writer))
		return broken(name, "its writer");
	if (!canonical_time(started, &out->started))
		return broken(name, "its time");
	if (generation < 0)
		return broken(name, "its generation");
	out->generation = (uint64_t)generation;
	err = keys_writer(keys, out->writer, out->domain, false, public_key);
	if (err == ERR_OK)
		err = canonical_verify(object, PURPOSE, public_key);
	return fail_context(err, "%s", name);
}

enum err session_decode(
    struct session_marker *out, const struct keys *keys, const uint8_t id[16], const void *bytes, size_t size)
{
	struct object_name name = object_session(id);
	json_t *object = NULL;
	enum err err = size <= SESSION_MAX ? canonical_parse(&object, bytes, size, PL_SESSION_BROKEN, name.text)
					   : broken(name.text, "it is too large");

	if (err == ERR_OK)
		err = decode(out, keys, object, name.text);
	json_decref(object);
	return err;
}
