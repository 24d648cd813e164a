/* Messages: their words, how they are kept and read again. */
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/repo/canonical.h"
#include "tests/unit/notify_place.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- words ---- */

static const char *body_of(const struct notify_event *event, bool english)
{
	static struct buffer out;
	struct notify_message message = {0};

	buffer_clear(&out);
	notify_place_configuration.office.language = english ? LANGUAGE_ENGLISH : LANGUAGE_INDONESIAN;
	assert_int_equal(notify_message_new(&message, event, "hook"), ERR_OK);
	assert_int_equal(notify_text_subject(&notify_place_configuration, &message, &out), ERR_OK);
	out.data[out.length - 1] = '\n';
	assert_int_equal(notify_text_body(&notify_place_configuration, &message, &out), ERR_OK);
	notify_message_free(&message);
	return (const char *)out.data;
}

static void test_words_of_a_failure(void **state)
{
	const struct notify_event event = notify_place_failure();
	char host[NOTIFY_HOST_SIZE], wanted[2000];

	(void)state;
	snprintf(wanted, sizeof(wanted),
	    "[Pulih] Backup website GAGAL - Pengadilan Agama Ternate\n"
	    "Backup website GAGAL.\n"
	    "\n"
	    "Kantor                : Pengadilan Agama Ternate\n"
	    "Server                : %s\n"
	    "Waktu                 : Minggu, 22 November 2026, 01.00.05 (UTC+09:00)\n"
	    "Pelaksanaan           : 20261122t010000-website-3f2a\n"
	    "Penyebab              : PL-1002: cannot write /srv/pulih/x: No space left on device\n"
	    "Cadangan baik terakhir: Kamis, 19 November 2026, 23.00.05 (UTC+09:00), 2 hari sebelumnya\n"
	    "\n"
	    "Catatan:\n"
	    "- /srv/a: Permission denied\n"
	    "- /srv/\\xff: gone\n"
	    "\n"
	    "Yang harus dilakukan:\n"
	    "1. Media cadangan penuh. Sediakan tempat, tetapi jangan menghapus apa pun di dalam repositori.\n"
	    "2. Arti pesan itu dan cara mengatasinya, ketik di server: pulih help PL-1002\n"
	    "3. Jalankan backup lagi, ketik di server: pulih run website\n"
	    "\n"
	    "Hubungi: Nama Admin (Operator), admin@example.org\n"
	    "\n"
	    "Pesan ini dibuat otomatis oleh Pulih. Jangan dibalas.\n",
	    notify_text_host(host));
	assert_string_equal(body_of(&event, false), wanted);
}

static void test_words_of_each_kind(void **state)
{
	static const struct {
		enum notify_kind kind;
		const char *subject, *indonesian, *english;
	} cases[] = {
	    {NOTIFY_SUCCESS, "Backup website berhasil -", "Tidak ada yang harus dilakukan.", "There is nothing to do."},
	    {NOTIFY_NOTES, "berhasil dengan catatan", "pulih report show 20261122t010000-website-3f2a",
		"not in the backup"},
	    {NOTIFY_MISSED, "Backup website TIDAK BERJALAN", "Waktu rencana         : Sabtu, 21 November",
		"Planned for           : Saturday, 21 November"},
	    {NOTIFY_REVIEW_OVERDUE, "Laporan backup website BELUM DIPERIKSA", "Pemeriksa: Nama Kasubbag (Kasub Bag)\n",
		"Due since             : Saturday"},
	    {NOTIFY_DRILL_OVERDUE, "Uji pemulihan website BELUM DILAKUKAN", "ketik di server: pulih drill website",
		"Restore test of website IS OVERDUE"},
	    {NOTIFY_TEST, "Pesan percobaan - Pengadilan", "saluran ini berfungsi", "the channel works"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct notify_event event = {.kind = cases[i].kind,
		    .job = cases[i].kind == NOTIFY_TEST ? NULL : "website",
		    .run_id = "20261122t010000-website-3f2a",
		    .time = MOMENT,
		    .due = MOMENT - 24 * 60 * MINUTE};

		assert_non_null(strstr(body_of(&event, false), cases[i].subject));
		assert_non_null(strstr(body_of(&event, false), cases[i].indonesian));
		assert_non_null(strstr(body_of(&event, true), cases[i].english));
	}
}

/* Unknown is not the same as never. */
static void test_words_of_the_last_good_backup(void **state)
{
	struct notify_event event = notify_place_failure();

	(void)state;
	event.last_good = 0;
	assert_non_null(strstr(body_of(&event, false), "Cadangan baik terakhir: BELUM PERNAH ADA"));
	event.last_good = NOTIFY_UNKNOWN;
	assert_null(strstr(body_of(&event, false), "Cadangan baik terakhir"));
	event.last_good = MOMENT - 119 * MINUTE;
	assert_non_null(strstr(body_of(&event, true), ", 119 minutes before"));
	event.last_good = MOMENT - 47 * 60 * MINUTE;
	assert_non_null(strstr(body_of(&event, true), ", 47 hours before"));
	event.last_good = MOMENT + 10 * MINUTE; /* a clock that was set back */
	assert_null(strstr(body_of(&event, true), "before"));
}

/* A job that the configuration has no more still has words, only nobody to ask. */
static void test_words_of_a_job_that_is_gone(void **state)
{
	struct notify_event event = notify_place_failure();

	(void)state;
	event.job = "gone";
	assert_non_null(strstr(body_of(&event, false), "Backup gone GAGAL"));
	assert_null(strstr(body_of(&event, false), "Hubungi"));
}

static void test_many_lines_are_counted(void **state)
{
	struct notify_event event = notify_place_failure();
	const char *lines[NOTIFY_LINES_MAX + 5];

	(void)state;
	for (size_t i = 0; i < NOTIFY_LINES_MAX + 5; i++)
		lines[i] = "x";
	event.lines = lines;
	event.lines_count = NOTIFY_LINES_MAX + 5;
	event.lines_omitted = 7;
	assert_non_null(strstr(body_of(&event, false), "- x\n- dan lainnya, sejumlah 12\n"));
}

/* ---- kept and read again ---- */

static void test_round_trip(void **state)
{
	struct notify_event event = notify_place_failure();
	struct notify_message message = {0}, again = {0};
	struct buffer bytes = {0}, second = {0};

	(void)state;
	event.attachment_name = "report.txt";
	event.attachment_type = "text/plain";
	event.attachment = "\0\xff";
	event.attachment_size = 2;
	assert_int_equal(notify_message_new(&message, &event, "hook"), ERR_OK);
	message.attempts = 3;
	message.created = 5;
	message.next = 7;
	(fail)(PL_NOTIFY_TIMEOUT, "slow \xff");
	message.last_failure = *failure_last();
	assert_int_equal(notify_message_write(&message, &bytes), ERR_OK);
	assert_int_equal(notify_message_read(&again, bytes.data, bytes.length, "x"), ERR_OK);
	assert_string_equal(again.channel, "hook");
	assert_string_equal(again.id, message.id);
	assert_int_equal(again.kind, NOTIFY_FAILURE);
	assert_int_equal(again.time, MOMENT);
	assert_int_equal(again.failure_id, PL_NO_SPACE);
	assert_int_equal(again.failure_kind, ERR_NOSPACE);
	assert_string_equal(again.attachment_hex, "00ff");
	assert_int_equal(again.last_failure.id, PL_NOTIFY_TIMEOUT);
	assert_string_equal(again.last_failure.text, "slow \\xff");
	assert_true(again.attempts == 3 && again.created == 5 && again.next == 7);
	assert_int_equal(notify_message_write(&again, &second), ERR_OK);
	assert_int_equal(second.length, bytes.length);
	assert_memory_equal(second.data, bytes.data, bytes.length);
	notify_message_free(&message);
	notify_message_free(&again);
	buffer_free(&bytes);
	buffer_free(&second);
}

static void test_large_attachment_is_left_out(void **state)
{
	struct notify_event event = notify_place_failure();
	struct notify_message message = {0};
	void *large = mem_calloc(1, NOTIFY_ATTACHMENT_MAX + 1);

	(void)state;
	event.attachment_name = "report.txt";
	event.attachment_type = "text/plain";
	event.attachment = large;
	event.attachment_size = NOTIFY_ATTACHMENT_MAX;
	assert_int_equal(notify_message_new(&message, &event, "hook"), ERR_OK);
	assert_false(message.attachment_left_out);
	notify_message_free(&message);
	event.attachment_size++;
	assert_int_equal(notify_message_new(&message, &event, "hook"), ERR_OK);
	assert_true(message.attachment_left_out);
	assert_string_equal(message.attachment_name, "");
	notify_message_free(&message);
	assert_non_null(strstr(body_of(&event, false), "terlalu besar untuk dilampirkan"));
	mem_free(large);
}

/* Each member gone, or of another type, or with a value that it cannot have. */
static void test_damaged_messages_are_refused(void **state)
{
	static const struct {
		const char *member;
		json_int_t number; /* or text */
		const char *text;
	} wrong[] = {{"kind", 0, "metrics"}, {"kind", 0, "x"}, {"time", 0, NULL}, {"attempts", -1, NULL},
	    {"id", 0, "../../etc"}, {"id", 0, "0123456789ABCDEF0123456789abcdef"}, {"lines", 0, "x"},
	    {"delivered", 1, NULL}};
	const struct notify_event event = notify_place_failure();
	struct notify_message message = {0}, other;
	const char *name;
	json_t *value;

	(void)state;
	assert_int_equal(notify_message_new(&message, &event, "hook"), ERR_OK);
	json_object_foreach(message.object, name, value)
	{
		json_t *object = json_deep_copy(message.object);
		struct buffer bytes = {0};

		assert_int_equal(json_object_set_new(object, name, json_null()), 0);
		assert_int_equal(canonical_add_check(object), ERR_OK);
		assert_int_equal(canonical_write(object, &bytes), ERR_OK);
		assert_int_equal(notify_message_read(&other, bytes.data, bytes.length, "x"), ERR_CORRUPT);
		assert_int_equal(failure_last()->id, PL_NOTIFY_OUTBOX);
		assert_int_equal(json_object_del(object, name), 0);
		assert_int_equal(canonical_add_check(object), ERR_OK);
		buffer_clear(&bytes);
		assert_int_equal(canonical_write(object, &bytes), ERR_OK);
		assert_int_equal(notify_message_read(&other, bytes.data, bytes.length, "x"), ERR_CORRUPT);
		json_decref(object);
		buffer_free(&bytes);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		json_t *object = json_deep_copy(message.object);
		struct buffer bytes = {0};

		json_object_set_new(object, wrong[i].member,
		    wrong[i].text ? json_string(wrong[i].text) : json_integer(wrong[i].number));
		assert_int_equal(canonical_add_check(object), ERR_OK);
		assert_int_equal(canonical_write(object, &bytes), ERR_OK);
		assert_int_equal(notify_message_read(&other, bytes.data, bytes.length, "x"), ERR_CORRUPT);
		json_decref(object);
		buffer_free(&bytes);
	}
	notify_message_free(&message);
}

/* A bit that flips anywhere. */
static void test_flipped_bits_are_seen(void **state)
{
	const struct notify_event event = notify_place_failure();
	struct notify_message message = {0}, other;
	struct buffer bytes = {0};

	(void)state;
	assert_int_equal(notify_message_new(&message, &event, "hook"), ERR_OK);
	assert_int_equal(notify_message_write(&message, &bytes), ERR_OK);
	for (size_t i = 0; i < bytes.length; i++) {
		enum err err;

		bytes.data[i] ^= 1;
		err = notify_message_read(&other, bytes.data, bytes.length, "x");
		assert_true(err == ERR_CORRUPT || err == ERR_UNSUPPORTED); /* "format" says another number */
		bytes.data[i] ^= 1;
	}
	assert_int_equal(notify_message_read(&other, bytes.data, bytes.length, "x"), ERR_OK);
	notify_message_free(&other);
	notify_message_free(&message);
	buffer_free(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_words_of_a_failure),
	    cmocka_unit_test(test_words_of_each_kind),
	    cmocka_unit_test(test_words_of_the_last_good_backup),
	    cmocka_unit_test(test_words_of_a_job_that_is_gone),
	    cmocka_unit_test(test_many_lines_are_counted),
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_large_attachment_is_left_out),
	    cmocka_unit_test(test_damaged_messages_are_refused),
	    cmocka_unit_test(test_flipped_bits_are_seen),
	};

	return cmocka_run_group_tests(tests, notify_place_up, notify_place_down);
}
