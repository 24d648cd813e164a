/* The outbox: pauses, bounds, one process at a time. */
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
	snprintf(notify_place_url, sizeof(notify_place_url), "http://127.0.0.1:%d/x", ntohs(address.sin_port));
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

static size_t waiting(void)
{
	size_t count;

	assert_int_equal(notify_outbox_count(notify_place_folder, &count), ERR_OK);
	return count;
}

static void empty_outbox(void)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/notify", notify_place_folder);
	assert_int_equal(file_remove_tree(path), ERR_OK);
}

static void put(const char *job, int64_t when, struct notify_results *results)
{
	struct notify_event event = notify_place_failure();
	struct notify_message message = {0};

	event.job = job;
	assert_int_equal(notify_message_new(&message, &event, notify_place_configuration.notifications->name), ERR_OK);
	(fail)(PL_NOTIFY_TIMEOUT, "first");
	assert_int_equal(notify_outbox_add(&notify_place, &message, when, results), ERR_OK);
	notify_message_free(&message);
}

/* One round at `now`; the results of it. */
static struct notify_results round_at(int64_t now)
{
	struct notify_results results = {0};

	assert_int_equal(notify_outbox_retry(&notify_place, now, &results), ERR_OK);
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
		snprintf(path, sizeof(path), "%s/notify/outbox/%016d-%032d-hook.json", notify_place_folder, i, i);
		assert_int_equal(file_replace(path, zeros, piece, 0600), ERR_OK);
	}
	put("website", MOMENT + 1, &results);
	assert_int_equal(results.count, 0);
	snprintf(path, sizeof(path), "%s/notify/outbox/%016d-%032d-hook.json", notify_place_folder, 3, 3);
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
		snprintf(path, sizeof(path), "%s/notify/outbox/%s", notify_place_folder, names[i]);
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
	notify_place_configuration.notifications = &notify_place_channels[1];
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
	notify_place_configuration.notifications = notify_place_channels;
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
	snprintf(path, sizeof(path), "%s/notify/lock", notify_place_folder);
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
	const struct notify_event event = notify_place_failure();
	struct notify_results results = {0};

	(void)state;
	server_prepare();
	server_start();
	interrupt_set(true);
	assert_int_equal(notify_send(&notify_place, &event, &results), ERR_OK);
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
	const struct notify_event event = notify_place_failure();
	bool whole = false;

	(void)state;
	server_prepare();
	notify_place_configuration.notifications_count = 2;
	for (unsigned long n = 1; !whole; n++) {
		struct notify_results results = {0};
		enum err sent, retried;

		mem_fail_at(n);
		sent = notify_send(&notify_place, &event, &results);
		retried = notify_outbox_retry(&notify_place, clock_now() + 10 * MINUTE, &results);
		whole = mem_count() < n;
		mem_fail_at(0);
		assert_true(sent == ERR_OK || sent == ERR_NOMEM);
		assert_true(retried == ERR_OK || retried == ERR_NOMEM);
		assert_true(results.count >= 2 || sent == ERR_NOMEM);
		notify_results_free(&results);
		empty_outbox();
	}
	notify_place_configuration.notifications_count = 1;
	server_stop(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
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

	return cmocka_run_group_tests(tests, notify_place_up, notify_place_down);
}
