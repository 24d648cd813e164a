/* Session markers: begun, ended, read by a collector. */
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/repo/canonical.h"
#include "core/repo/object.h"
#include "core/repo/session.h"
#include "targets/memory.h"
#include "tests/unit/repository_place.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void sessions_begin_and_end(void **state)
{
	struct place *place = *state;
	struct target *target = place->repository.target;
	struct session session;
	struct session_marker marker;
	const uint8_t *bytes;
	size_t size;
	int64_t before = clock_now() / CLOCK_SECOND * CLOCK_SECOND;

	assert_int_equal(session_begin(&session, target, place->repository.keys, 42), ERR_OK);
	bytes = memory_target_bytes(target, object_session(session.id).text, &size);
	assert_non_null(bytes);
	assert_true(size <= SESSION_MAX);
	assert_int_equal(session_decode(&marker, place->repository.keys, session.id, bytes, size), ERR_OK);
	assert_memory_equal(marker.id, session.id, sizeof(marker.id));
	assert_memory_equal(marker.domain, place->repository.keys->domain.tag, DOMAIN_TAG_SIZE);
	assert_int_equal(marker.generation, 42);
	assert_true(marker.started >= before && marker.started <= clock_now());
	assert_int_equal(session_end(&session, target), ERR_OK);
	assert_int_equal(memory_target_count(target, "sessions/"), 0);
	assert_int_equal(session_end(&session, target), ERR_OK); /* gone already */
}

static void sessions_where_nothing_can_be_removed(void **state)
{
	struct place *place = *state;
	struct target *target = place->repository.target;
	struct session session;

	assert_int_equal(session_begin(&session, target, place->repository.keys, 0), ERR_OK);
	memory_target_set_read_only(target, true);
	assert_int_equal(session_end(&session, target), ERR_OK);
	assert_int_equal(session_begin(&session, target, place->repository.keys, 0), ERR_DENIED);
	memory_target_set_read_only(target, false);
	memory_target_fail(target, MEMORY_REMOVE, 1, PL_TARGET_WRITE, false);
	assert_int_equal(session_end(&session, target), ERR_IO);
}

static void every_byte_of_a_session_counts(void **state)
{
	struct place *place = *state;
	struct target *target = place->repository.target;
	struct session session;
	struct session_marker marker;
	const uint8_t *stored;
	uint8_t *bytes, id[16];
	size_t size;

	assert_int_equal(session_begin(&session, target, place->repository.keys, 1), ERR_OK);
	stored = memory_target_bytes(target, object_session(session.id).text, &size);
	bytes = mem_copy(stored, size);
	for (size_t i = 0; i < size; i++) {
		enum err err;

		bytes[i] ^= 0x01;
		err = session_decode(&marker, place->repository.keys, session.id, bytes, size);
		assert_true(err == ERR_CORRUPT || err == ERR_UNSUPPORTED);
		bytes[i] ^= 0x01;
	}
	assert_int_equal(session_decode(&marker, place->repository.keys, session.id, bytes, size - 1), ERR_CORRUPT);
	assert_int_equal(
	    session_decode(&marker, place->repository.keys, session.id, bytes, SESSION_MAX + 1), ERR_CORRUPT);
	memcpy(id, session.id, sizeof(id));
	id[0] ^= 1;
	assert_int_equal(session_decode(&marker, place->repository.keys, id, bytes, size), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_SESSION_BROKEN);
	place->repository.keys->repository[0] ^= 1; /* a marker of another repository */
	assert_int_equal(session_decode(&marker, place->repository.keys, session.id, bytes, size), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_SESSION_BROKEN);
	place->repository.keys->repository[0] ^= 1;
	mem_free(bytes);
}

/* A marker with one member changed, signed again by the writer. */
static void expect_session(struct place *place, const char *member, json_t *value, enum message id)
{
	struct session session;
	struct session_marker marker;
	struct buffer changed = {0};
	json_t *object = NULL;
	const uint8_t *bytes;
	size_t size;

	assert_int_equal(session_begin(&session, place->repository.target, place->repository.keys, 1), ERR_OK);
	bytes = memory_target_bytes(place->repository.target, object_session(session.id).text, &size);
	assert_int_equal(canonical_parse(&object, bytes, size, PL_SESSION_BROKEN, "session"), ERR_OK);
	if (value)
		assert_int_equal(json_object_set_new(object, member, value), 0);
	else
		assert_int_equal(json_object_del(object, member), 0);
	assert_int_equal(canonical_sign(object, "session", place->repository.keys->signer.seed), ERR_OK);
	assert_int_equal(canonical_write(object, &changed), ERR_OK);
	assert_int_not_equal(
	    session_decode(&marker, place->repository.keys, session.id, changed.data, changed.length), ERR_OK);
	assert_int_equal(failure_last()->id, id);
	json_decref(object);
	buffer_free(&changed);
}

static void every_member_of_a_session_is_checked(void **state)
{
	static const char *const members[] = {
	    "format", "id", "repository", "domain", "writer", "started", "generation"};
	struct place *place = *state;

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		expect_session(place, members[i], NULL, PL_SESSION_BROKEN);
		expect_session(place, members[i], json_true(), PL_SESSION_BROKEN);
	}
	expect_session(place, "stranger", json_true(), PL_SESSION_BROKEN);
	expect_session(place, "format", json_integer(2), PL_FORMAT_VERSION);
	expect_session(place, "id", json_string("00000000000000000000000000000000"), PL_SESSION_BROKEN);
	expect_session(place, "repository", json_string("00000000000000000000000000000000"), PL_SESSION_BROKEN);
	expect_session(place, "domain", json_string("00"), PL_SESSION_BROKEN);
	expect_session(place, "writer", json_string("00"), PL_SESSION_BROKEN);
	expect_session(place, "writer", json_string("11111111111111111111111111111111"), PL_WRITER_UNKNOWN);
	expect_session(place, "started", json_string("2026"), PL_SESSION_BROKEN);
	expect_session(place, "generation", json_integer(-1), PL_SESSION_BROKEN);
}

#define PLACE_TEST(name) cmocka_unit_test_setup_teardown(name, place_up, place_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PLACE_TEST(sessions_begin_and_end),
	    PLACE_TEST(sessions_where_nothing_can_be_removed),
	    PLACE_TEST(every_byte_of_a_session_counts),
	    PLACE_TEST(every_member_of_a_session_is_checked),
	};

	return cmocka_run_group_tests(tests, place_crypto, NULL);
}
