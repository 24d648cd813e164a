/* Messages: their words, how they are kept and read again, the bounds of the outbox, and what happens when memory runs out. */
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/crypto/crypto.h"
#include "core/repo/canonical.h"
#include "scheduler/notify_internal.h"

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

#define MOMENT (INT64_C(1795276805) * CLOCK_SECOND) /* 2026-11-22T01:00:05+09:00 */
#define MINUTE (60 * CLOCK_SECOND)

static char folder[64], url[64];
static struct configuration_person people[] = {
    {.id = "admin", .name = "Nama Admin", .position = "Operator", .role = ROLE_OPERATOR, .email = "admin@example.org"},
    {.id = "kasubbag", .name = "Nama Kasubbag", .position = "Kasub Bag", .role = ROLE_REVIEWER},
};
static struct configuration_job jobs[] = {
    {.name = "website", .performer = "admin", .reviewer = "kasubbag"},
    {.name = "other", .performer = "admin", .reviewer = "kasubbag"},
};
static struct configuration_webhook webhook = {.url = url, .connection = {.timeout = 20}};
static struct configuration_ping ping = {.url = url, .connection = {.timeout = 20}};
static struct configuration_channel channels[] = {
    {.name = "hook", .on = EVENTS_DEFAULT, .webhook = &webhook},
    {.name = "watch", .on = ON_FAILURE, .ping = &ping},
};
static struct configuration configuration = {
    .file = "pulih.yaml",
    .office = {.name = "Pengadilan Agama Ternate", .timezone = "Asia/Jayapura"},
    .people = people,
    .people_count = 2,
    .jobs = jobs,
    .jobs_count = 2,
    .notifications = channels,
    .notifications_count = 1,
};
static const struct notify notify = {.configuration = &configuration, .state_folder = folder};

static struct notify_event failed_event(void)
{
	static const char *const lines[] = {"/srv/a: Permission denied", "/srv/\xff: gone"};
	struct notify_event event = {.kind = NOTIFY_FAILURE,
	    .job = "website",
	    .run_id = "20261122t010000-website-3f2a",
	    .time = MOMENT,
	    .last_good = MOMENT - 50 * 60 * MINUTE,
	    .lines = lines,
	    .lines_count = 2};

	(fail)(PL_NO_SPACE, "cannot write /srv/pulih/x: No space left on device");
	failure_take(&event.failure);
	return event;
}

/* ---- a server that says 200 to everything, or nobody at all ---- */

static int listener = -1;
static pthread_t server;

static void *serve(void *context)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	char request[65536];
	int connection;

	(void)context;
	while ((connection = accept(listener, NULL, NULL)) >= 0) {
		size_t length = 0;
		const char *end = NULL;
		ssize_t got = 1;

		while (got > 0 && length < sizeof(request) - 1) {
			const char *size = end ? strstr(request, "Content-Length: ") : NULL;

			if (end && (!size || length >= (size_t)(end - request) + 4 + strtoul(size + 16, NULL, 10)))
				break;
			got = read(connection, request + length, sizeof(request) - 1 - length);
			length += got > 0 ? (size_t)got : 0;
			request[length] = '\0';
			end = strstr(request, "\r\n\r\n");
		}
		file_write_all(connection, answer, strlen(answer));
		close(connection);
	}
	return NULL;
}

/* A port of loopback; nobody listens there until server_start. */
static void server_prepare(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(listener >= 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/x", ntohs(address.sin_port));
}

static void server_start(void)
{
	assert_int_equal(listen(listener, 5), 0);
	assert_int_equal(pthread_create(&server, NULL, serve, NULL), 0);
}

static void server_stop(bool started)
{
	if (started) {
		shutdown(listener, SHUT_RDWR);
		pthread_join(server, NULL);
	}
	close(listener);
}

/* ---- words ---- */

static const char *body_of(const struct notify_event *event, bool english)
{
	static struct buffer out;
	struct notify_message message = {0};

	buffer_clear(&out);
	configuration.office.language = english ? LANGUAGE_ENGLISH : LANGUAGE_INDONESIAN;
	assert_int_equal(notify_message_new(&message, event, "hook"), ERR_OK);
	assert_int_equal(notify_text_subject(&configuration, &message, &out), ERR_OK);
	out.data[out.length - 1] = '\n';
	assert_int_equal(notify_text_body(&configuration, &message, &out), ERR_OK);
	notify_message_free(&message);
	return (const char *)out.data;
}

static void test_words_of_a_failure(void **state)
{
	const struct notify_event event = failed_event();
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
	    {NOTIFY_DRILL_OVERDUE, "Uji pemulihan website BELUM DILAKUKAN", "Pulihkan cadangan ke tempat percobaan",
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
	struct notify_event event = failed_event();

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
	struct notify_event event = failed_event();

	(void)state;
	event.job = "gone";
	assert_non_null(strstr(body_of(&event, false), "Backup gone GAGAL"));
	assert_null(strstr(body_of(&event, false), "Hubungi"));
}

static void test_many_lines_are_counted(void **state)
{
	struct notify_event event = failed_event();
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
	struct notify_event event = failed_event();
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
	struct notify_event event = failed_event();
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
	const struct notify_event event = failed_event();
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
	const struct notify_event event = failed_event();
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

/* ---- the outbox ---- */

static size_t waiting(void)
{
	size_t count;

	assert_int_equal(notify_outbox_count(folder, &count), ERR_OK);
	return count;
}

static void empty_outbox(void)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/notify", folder);
	assert_int_equal(file_remove_tree(path), ERR_OK);
}

static void put(const char *job, int64_t when, struct notify_results *results)
{
	struct notify_event event = failed_event();
	struct notify_message message = {0};

	event.job = job;
	assert_int_equal(notify_message_new(&message, &event, configuration.notifications->name), ERR_OK);
	(fail)(PL_NOTIFY_TIMEOUT, "first");
	assert_int_equal(notify_outbox_add(&notify, &message, when, results), ERR_OK);
	notify_message_free(&message);
}

/* One round at `now`; the results of it. */
static struct notify_results round_at(int64_t now)
{
	struct notify_results results = {0};

	assert_int_equal(notify_outbox_retry(&notify, now, &results), ERR_OK);
	return results;
}

static void test_pauses(void **state)
{
	static const int64_t minutes[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360};
	struct notify_results results = {0};
	int64_t now = MOMENT;

	(void)state;
	server_prepare();
	put("website", now, &results);
	assert_int_equal(results.count, 0);
	for (size_t i = 0; i < sizeof(minutes) / sizeof(minutes[0]); i++) {
		results = round_at(now + minutes[i] * MINUTE - 1);
		assert_int_equal(results.count, 0);
		now += minutes[i] * MINUTE;
		results = round_at(now);
		assert_int_equal(results.count, 1);
		assert_true(results.items[0].kept && !results.items[0].ok);
		assert_int_equal(results.items[0].failure.id, PL_NOTIFY_CONNECT);
		notify_results_free(&results);
	}
	/* The clock is set back by years: it does not wait for them. */
	results = round_at(now - 1000 * 24 * 60 * MINUTE);
	assert_int_equal(results.count, 1);
	notify_results_free(&results);
	server_stop(false);
	empty_outbox();
}

static void test_it_is_sent_once_the_server_is_there(void **state)
{
	struct notify_results results = {0};

	(void)state;
	server_prepare();
	server_start();
	put("website", MOMENT, &results);
	put("other", MOMENT, &results);
	results = round_at(MOMENT + MINUTE);
	assert_int_equal(results.count, 2);
	assert_true(results.items[0].ok && results.items[1].ok);
	notify_results_free(&results);
	assert_int_equal(waiting(), 0);
	server_stop(true);
	empty_outbox();
}

/* Of a server that is not there, one message is the probe: the others wait untouched. */
static void test_silent_server_is_asked_once(void **state)
{
	struct notify_results results = {0};

	(void)state;
	server_prepare();
	for (int i = 0; i < 5; i++)
		put("website", MOMENT + i, &results);
	results = round_at(MOMENT + 2 * MINUTE);
	assert_int_equal(results.count, 1);
	notify_results_free(&results);
	assert_int_equal(waiting(), 5);
	server_stop(false);
	empty_outbox();
}

static void test_too_old(void **state)
{
	const int64_t week = 7 * 24 * 60 * MINUTE;
	struct notify_results results = {0};
	int64_t now = MOMENT;

	(void)state;
	server_prepare();
	put("website", now, &results);
	for (int attempts = 1; attempts < 5; attempts++) {
		results = round_at(now + week + attempts * 400 * MINUTE);
		assert_true(results.count == 1 && results.items[0].kept);
		notify_results_free(&results);
	}
	results = round_at(now + week + 5 * 400 * MINUTE);
	assert_int_equal(results.count, 1);
	assert_true(!results.items[0].kept && !results.items[0].ok);
	assert_int_equal(results.items[0].failure.id, PL_NOTIFY_DROPPED);
	assert_string_equal(results.items[0].job, "website");
	assert_non_null(strstr(results.items[0].failure.text, "too old"));
	notify_results_free(&results);
	assert_int_equal(waiting(), 0);
	server_stop(false);
	empty_outbox();
}

static void test_bound_of_items(void **state)
{
	struct notify_results results = {0};

	(void)state;
	for (unsigned i = 0; i < NOTIFY_OUTBOX_ITEMS; i++)
		put(i == 0 ? "other" : "website", MOMENT + i, &results);
	assert_int_equal(results.count, 0);
	put("website", MOMENT + MINUTE, &results);
	assert_int_equal(results.count, 1);
	assert_string_equal(results.items[0].job, "other"); /* the oldest */
	assert_int_equal(results.items[0].failure.id, PL_NOTIFY_DROPPED);
	assert_false(results.items[0].kept);
	notify_results_free(&results);
	assert_int_equal(waiting(), NOTIFY_OUTBOX_ITEMS);
	empty_outbox();
}

/* Of large messages fewer fit; and a damaged one is no obstacle. */
static void test_bound_of_bytes(void **state)
{
	struct notify_results results = {0};
	char path[200];
	size_t piece = 24 << 20;
	void *zeros = mem_calloc(1, piece);

	(void)state;
	put("website", MOMENT, &results);
	for (int i = 1; i <= 2; i++) {
		snprintf(path, sizeof(path), "%s/notify/outbox/%016d-%032d-hook.json", folder, i, i);
		assert_int_equal(file_replace(path, zeros, piece, 0600), ERR_OK);
	}
	put("website", MOMENT + 1, &results);
	assert_int_equal(results.count, 0);
	snprintf(path, sizeof(path), "%s/notify/outbox/%016d-%032d-hook.json", folder, 3, 3);
	assert_int_equal(file_replace(path, zeros, piece, 0600), ERR_OK);
	put("website", MOMENT + 2, &results);
	assert_int_equal(results.count, 1);
	assert_int_equal(results.items[0].failure.id, PL_NOTIFY_OUTBOX);
	assert_string_equal(results.items[0].channel, "hook");
	notify_results_free(&results);
	assert_int_equal(waiting(), 5);
	mem_free(zeros);
	empty_outbox();
}

/* What a person or a program puts into the folder is not ours. */
static void test_other_names_are_left_alone(void **state)
{
	static const char *const names[] = {"readme", "x.json",
	    "0000000000000001-00000000000000000000000000000001-hook.json.tmp",
	    "0000000000000001-00000000000000000000000000000001-.json",
	    "000000000000000g-00000000000000000000000000000001-hook.json"};
	struct notify_results results = {0};
	char path[200];

	(void)state;
	put("website", MOMENT, &results);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/notify/outbox/%s", folder, names[i]);
		assert_int_equal(file_replace(path, "x", 1, 0600), ERR_OK);
	}
	assert_int_equal(waiting(), 1);
	results = round_at(MOMENT);
	assert_int_equal(results.count, 0);
	empty_outbox();
}

static void test_ping_supersedes_its_own_job_only(void **state)
{
	struct notify_results results = {0};

	(void)state;
	configuration.notifications = &channels[1];
	put("website", MOMENT, &results);
	put("other", MOMENT + 1, &results);
	assert_int_equal(waiting(), 2);
	put("website", MOMENT + 2, &results);
	assert_int_equal(waiting(), 2);
	results = round_at(MOMENT + 6 * 60 * MINUTE + 3);
	assert_int_equal(results.count, 2); /* an old sign of life would hide a silence */
	assert_true(
	    results.items[0].failure.id == PL_NOTIFY_DROPPED && results.items[1].failure.id == PL_NOTIFY_DROPPED);
	notify_results_free(&results);
	assert_int_equal(waiting(), 0);
	configuration.notifications = channels;
	empty_outbox();
}

static void test_one_process_at_a_time(void **state)
{
	struct notify_results results = {0};
	char path[100];
	int lock;

	(void)state;
	server_prepare();
	put("website", MOMENT, &results);
	snprintf(path, sizeof(path), "%s/notify/lock", folder);
	lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(flock(lock, LOCK_EX), 0);
	results = round_at(MOMENT + MINUTE);
	assert_int_equal(results.count, 0);
	close(lock);
	results = round_at(MOMENT + MINUTE);
	assert_int_equal(results.count, 1);
	notify_results_free(&results);
	server_stop(false);
	empty_outbox();
}

/* Asked to stop: nothing is lost, and it counts as no attempt. */
static void test_interrupted(void **state)
{
	const struct notify_event event = failed_event();
	struct notify_results results = {0};

	(void)state;
	server_prepare();
	server_start();
	interrupt_set(true);
	assert_int_equal(notify_send(&notify, &event, &results), ERR_OK);
	assert_true(results.count == 1 && results.items[0].kept);
	assert_int_equal(results.items[0].failure.kind, ERR_INTERRUPTED);
	notify_results_free(&results);
	interrupt_set(false);
	results = round_at(clock_now() + MINUTE);
	assert_true(results.count == 1 && results.items[0].ok);
	notify_results_free(&results);
	server_stop(true);
	empty_outbox();
}

/* Wherever memory runs out: no crash, and either it is told, or the caller hears that it is not. */
static void test_memory_runs_out(void **state)
{
	const struct notify_event event = failed_event();
	bool whole = false;

	(void)state;
	server_prepare();
	configuration.notifications_count = 2;
	for (unsigned long n = 1; !whole; n++) {
		struct notify_results results = {0};
		enum err sent, retried;

		mem_fail_at(n);
		sent = notify_send(&notify, &event, &results);
		retried = notify_outbox_retry(&notify, clock_now() + 10 * MINUTE, &results);
		whole = mem_count() < n;
		mem_fail_at(0);
		assert_true(sent == ERR_OK || sent == ERR_NOMEM);
		assert_true(retried == ERR_OK || retried == ERR_NOMEM);
		assert_true(results.count >= 2 || sent == ERR_NOMEM);
		notify_results_free(&results);
		empty_outbox();
	}
	configuration.notifications_count = 1;
	server_stop(false);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/pulih-test-XXXXXX");
	assert_non_null(mkdtemp(folder));
	setenv("TZ", "Asia/Jayapura", 1);
	tzset();
	return crypto_setup() == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return file_remove_tree(folder) == ERR_OK ? 0 : -1;
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
	    cmocka_unit_test(test_pauses),
	    cmocka_unit_test(test_it_is_sent_once_the_server_is_there),
	    cmocka_unit_test(test_silent_server_is_asked_once),
	    cmocka_unit_test(test_too_old),
	    cmocka_unit_test(test_bound_of_items),
	    cmocka_unit_test(test_bound_of_bytes),
	    cmocka_unit_test(test_other_names_are_left_alone),
	    cmocka_unit_test(test_ping_supersedes_its_own_job_only),
	    cmocka_unit_test(test_one_process_at_a_time),
	    cmocka_unit_test(test_interrupted),
	    cmocka_unit_test(test_memory_runs_out),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
