/* The configuration as it is written: what is read back is the same, whatever the names are. */
#include "conf/configuration.h"
#include "conf/write.h"
#include "core/base/mem.h"
#include "core/crypto/crypto.h"
#include "tests/unit/random_bytes.h"
#include "tests/unit/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <syslog.h>

#define ROUNDS 3000
#define FILE_NAME "pulih.yaml"

/* What YAML gives a meaning to, and what needs escapes. */
static const char *const pieces[] = {"a", "Z", "name", " ", "  ", ":", ": ", " #", "#", "- ", "-", "'", "\"", "\\", "{",
    "}", "[", "]", ",", "&x", "*x", "!", "|", ">", "%", "@", "`", "?", "=", "<<", "---", "...", "null", "~", "true",
    "yes", "1", "0x1f", "1e3", "09/04/2017", "\xc3\xa9", "\xe4\xb8\xad", "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9",
    "\xef\xbb\xbf", "\xf0\x9f\x98\x80", "\xc2\x81", "\xc2\xa0", "/", "$HOME", "${x}"};
#define PIECES (sizeof(pieces) / sizeof(pieces[0]))

static uint64_t seed;

static uint64_t number(uint64_t below)
{
	uint8_t bytes[8];
	uint64_t value;

	random_bytes(++seed, bytes, sizeof(bytes));
	memcpy(&value, bytes, sizeof(value));
	return value % below;
}

/* Leaked into a pool that a round gives back. */
static char *pool[64];
static size_t pooled;

static char *text_with(const char *start, bool lines)
{
	struct buffer text = {0};
	size_t count = 1 + number(8);

	assert_int_equal(buffer_append_text(&text, "%s", start), ERR_OK);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(
		    buffer_append_text(&text, "%s", lines && number(3) == 0 ? "\n" : pieces[number(PIECES)]), ERR_OK);
	assert_int_equal(buffer_append_u8(&text, 0), ERR_OK);
	assert_true(pooled < sizeof(pool) / sizeof(pool[0]));
	return pool[pooled++] = (char *)text.data;
}

static char *any(void)
{
	return text_with("", false);
}

static void give_back(void)
{
	while (pooled > 0)
		mem_free(pool[--pooled]);
}

static char *fixed(const char *text)
{
	return (char *)(uintptr_t)text;
}

static void write_and_read(const struct configuration *configuration, struct buffer *text, struct configuration **out)
{
	static const struct write_comment comments[] = {
	    {"", "first\nsecond\n\nlast"}, {"jobs", "caf\xc3\xa9: [\x01\xe2\x80\xa8 - {"}, {NULL, NULL}};

	assert_int_equal(write_configuration(configuration, comments, text), ERR_OK);
	assert_int_equal(buffer_append_u8(text, 0), ERR_OK);
	text->length--;
	write_text(FILE_NAME, (const char *)text->data);
	if (configuration_load(out, FILE_NAME) != ERR_OK)
		fail_msg("%s\n%.*s", failure_last()->text, (int)text->length, (const char *)text->data);
}

static void same(const char *a, const char *b)
{
	assert_int_equal(a != NULL, b != NULL);
	if (a)
		assert_string_equal(a, b);
}

/* All that test_random fills in. */
static void assert_same(const struct configuration *a, const struct configuration *b)
{
	const struct configuration_job *job = &a->jobs[0], *other = &b->jobs[0];

	same(a->office.name, b->office.name);
	same(a->office.address, b->office.address);
	same(a->office.city, b->office.city);
	same(a->office.timezone, b->office.timezone);
	assert_int_equal(a->office.language, b->office.language);
	assert_int_equal(a->people_count, b->people_count);
	for (uint32_t i = 0; i < a->people_count; i++) {
		same(a->people[i].id, b->people[i].id);
		same(a->people[i].name, b->people[i].name);
		same(a->people[i].nip, b->people[i].nip);
		same(a->people[i].position, b->people[i].position);
		assert_int_equal(a->people[i].role, b->people[i].role);
	}
	same(a->targets[0].url, b->targets[0].url);
	same(job->sop->item, other->sop->item);
	same(job->sop->activity, other->sop->activity);
	same(job->sop->approved_by, other->sop->approved_by);
	assert_int_equal(job->sources_count, other->sources_count);
	assert_int_equal(job->sources[0].files->paths_count, other->sources[0].files->paths_count);
	for (uint32_t i = 0; i < job->sources[0].files->paths_count; i++)
		same(job->sources[0].files->paths[i], other->sources[0].files->paths[i]);
	assert_int_equal(job->sources[0].files->exclude_caches, other->sources[0].files->exclude_caches);
	same(job->sources[1].sqlite->path, other->sources[1].sqlite->path);
	same(job->schedule->at, other->schedule->at);
	assert_int_equal(job->keep->daily, other->keep->daily);
	assert_int_equal(job->keep->weekly, other->keep->weekly);
	assert_int_equal(job->priority, other->priority);
	assert_int_equal(job->before_count, other->before_count);
	for (uint32_t i = 0; i < job->before_count; i++)
		same(job->before[i], other->before[i]);
}

static void random_names_come_back(void **state)
{
	static char *hours[] = {"00:00", "01:00", "23:59"};

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct buffer text = {0};
		struct configuration *read = NULL;
		char *paths[3] = {text_with("/", false), text_with("/srv/", false), text_with("/", false)};
		char *before[2] = {fixed("/bin/true"), any()};
		struct configuration_files files = {
		    .paths = paths, .paths_count = 1 + (uint32_t)number(3), .exclude_caches = number(2) == 1};
		struct configuration_sqlite sqlite = {.path = text_with("/", false)};
		struct configuration_source sources[] = {{.files = &files}, {.sqlite = &sqlite}};
		struct configuration_schedule schedule = {.every = EVERY_DAY, .at = hours[number(3)]};
		struct configuration_keep keep = {.daily = (int)number(30), .weekly = 1 + (int)number(9)};
		struct configuration_sop sop = {
		    .number = any(), .item = any(), .output = any(), .activity = any(), .approved_by = any()};
		struct configuration_person people[] = {
		    {.id = fixed("admin"), .name = any(), .nip = any(), .position = any(), .role = ROLE_OPERATOR},
		    {.id = fixed("kasubbag"),
			.name = text_with("Kasubbag ", false),
			.position = any(),
			.role = ROLE_REVIEWER}};
		struct configuration_target target = {.name = fixed("hdd"), .url = text_with("/", false)};
		struct configuration_job job = {.name = fixed("website"),
		    .sop = &sop,
		    .performer = fixed("admin"),
		    .reviewer = fixed("kasubbag"),
		    .sources = sources,
		    .sources_count = 2,
		    .target = fixed("hdd"),
		    .schedule = &schedule,
		    .keep = &keep,
		    .before = before,
		    .before_count = 2};
		struct configuration configuration = {
		    .office = {any(), number(2) ? text_with("Jln. ", true) : NULL, number(2) ? any() : NULL,
			fixed("Asia/Jayapura"), number(2) ? LANGUAGE_ENGLISH : LANGUAGE_INDONESIAN},
		    .people = people,
		    .people_count = 2,
		    .targets = &target,
		    .targets_count = 1,
		    .jobs = &job,
		    .jobs_count = 1};

		write_and_read(&configuration, &text, &read);
		assert_same(&configuration, read);
		configuration_free(read);
		buffer_free(&text);
		give_back();
	}
}

/* Every kind of thing that the schema knows, by a text: what is read is written, and says the same when it is read again. */
static void every_key_comes_back(void **state)
{
	static const char all[] =
	    "office: {name: A, address: \"a\\nb\\n\", city: C, timezone: UTC, language: en}\n"
	    "review: {remind_after: 3d, escalate_after: 7d, escalate_to: ketua}\n"
	    "people:\n"
	    "  - {id: admin, name: B, nip: \"1\", position: P, role: operator, email: a@example.org}\n"
	    "  - {id: kasubbag, name: C, position: P, role: reviewer}\n"
	    "  - {id: ketua, name: D, position: P, role: head}\n"
	    "targets:\n  - {name: hdd, url: /srv/a}\n  - {name: b, url: /srv/b, password_command: \"cat x\"}\n"
	    "limits: {parallel: 1, timeout: 12h, nice: 0, ionice: idle, bandwidth: 2M, retries: 0, retry_pause: 5m}\n"
	    "jobs:\n"
	    "  - name: a\n    sop: {number: AS/28, item: \"2\", output: O, title: T, activity: X, created: C, revised: "
	    "\"-\",\n"
	    "      effective: E, approved_by: K, requirements: R, time: 1 Hari}\n"
	    "    performer: admin\n    reviewer: kasubbag\n    acknowledger: ketua\n"
	    "    sources:\n"
	    "      - files: {paths: [/a, /b], exclude: [cache/, \"*.tmp\"], exclude_if_present: [.n], exclude_caches: "
	    "true,\n"
	    "          one_file_system: true}\n"
	    "      - sqlite: {paths: [/c, /d]}\n      - sqlite: {path: /e}\n"
	    "    target: hdd\n    schedule: {every: hour, hours: 6, minute: 0}\n"
	    "    keep: {last: 1, hourly: 2, daily: 3, weekly: 4, monthly: 5, yearly: 6, within: 90d}\n"
	    "    drill: {every: month, day: 30, at: \"03:00\", window: {from: \"01:00\", to: \"05:00\"}}\n"
	    "    priority: 10\n    limits: {timeout: 6h}\n    before: [/bin/true, \"\\\"x\\\"\"]\n    after: "
	    "[/bin/true]\n"
	    "    review: {remind_after: 5d}\n"
	    "  - {name: b, performer: admin, reviewer: ketua, sources: [{files: {paths: [/x]}}], target: b,\n"
	    "     schedule: {every: week, weekdays: [monday, sunday], at: \"02:00\"}, drill: {cron: \"15 1 * * "
	    "1-5\"}}\n"
	    "  - {name: c, performer: admin, reviewer: ketua, sources: [{files: {paths: [/x]}}], target: b,\n"
	    "     schedule: {every: week, weekday: friday, at: \"02:00\"}}\n"
	    "notifications:\n"
	    "  - {name: m, on: [failure, success], jobs: [a], mail: {server: h, port: 25, security: none, from: a@b.c, "
	    "people: [admin],\n"
	    "     roles: [operator], attach_report: true, timeout: 30}}\n"
	    "  - {name: w, webhook: {url: \"https://h/x?a=b\", insecure: true}}\n  - {name: p, ping: {url: "
	    "\"https://h/p\"}}\n"
	    "  - {name: l, log: {facility: local3}}\n  - {name: d, log: {}}\n  - {name: x, metrics: {file: "
	    "/tmp/y.prom}}\n";
	struct configuration *first = NULL, *second = NULL;
	struct buffer text = {0}, again = {0};

	(void)state;
	write_text(FILE_NAME, all);
	if (configuration_load(&first, FILE_NAME) != ERR_OK)
		fail_msg("%s", failure_last()->text);
	write_and_read(first, &text, &second);
	assert_int_equal(second->jobs[0].schedule->minute, 0);
	assert_int_equal(second->jobs[0].schedule->hours, 6);
	assert_int_equal(*second->limits->nice, 0);
	assert_int_equal(*second->limits->retries, 0);
	assert_int_equal(second->jobs[1].schedule->weekdays_count, 2);
	assert_int_equal(second->jobs[1].schedule->weekdays[1], 7);
	assert_string_equal(second->jobs[1].drill->schedule.cron, "15 1 * * 1-5");
	assert_string_equal(second->jobs[0].keep->within, "90d");
	assert_string_equal(second->jobs[0].drill->schedule.window->to, "05:00");
	assert_int_equal(second->notifications_count, 6);
	assert_int_equal(second->notifications[0].on, ON_FAILURE | ON_SUCCESS);
	assert_int_equal(second->notifications[0].mail->security, SECURITY_NONE);
	assert_int_equal(second->notifications[0].mail->connection.timeout, 30);
	assert_true(second->notifications[1].webhook->connection.insecure);
	assert_int_equal(second->notifications[3].log->facility, LOG_LOCAL3);
	configuration_free(first);
	write_and_read(second, &again, &first);
	assert_int_equal(text.length, again.length);
	assert_memory_equal(text.data, again.data, text.length);
	configuration_free(first);
	configuration_free(second);
	buffer_free(&text);
	buffer_free(&again);
}

static void small(struct configuration *out, struct configuration_person *people, struct configuration_target *target)
{
	people[0] = (struct configuration_person){
	    .id = fixed("a"), .name = fixed("A"), .position = fixed("P"), .role = ROLE_REVIEWER};
	*target = (struct configuration_target){.name = fixed("t"), .url = fixed("/t")};
	*out = (struct configuration){.office = {.name = fixed("N"), .timezone = fixed("UTC")},
	    .people = people,
	    .people_count = 1,
	    .targets = target,
	    .targets_count = 1};
}

static void comments_stay_comments(void **state)
{
	static const struct write_comment comments[] = {
	    {"", "a\n\nb"}, {"people", "x\x01\x7f\xc2\x85jobs: []"}, {NULL, NULL}};
	struct configuration configuration;
	struct configuration_person person;
	struct configuration_target target;
	struct buffer text = {0};

	(void)state;
	small(&configuration, &person, &target);
	assert_int_equal(write_configuration(&configuration, comments, &text), ERR_OK);
	assert_int_equal(buffer_append_u8(&text, 0), ERR_OK);
	assert_string_equal((const char *)text.data,
	    "# a\n#\n# b\n\noffice: {name: \"N\", timezone: UTC}\n\n# x????jobs: []\npeople:\n"
	    "- {id: a, name: A, position: P, role: reviewer}\n\ntargets:\n- {name: t, url: /t}\n");
	buffer_free(&text);
}

static void what_is_no_utf8_is_refused(void **state)
{
	struct configuration configuration;
	struct configuration_person person;
	struct configuration_target target;
	struct buffer text = {0};

	(void)state;
	small(&configuration, &person, &target);
	person.name = fixed("caf\xe9");
	assert_int_equal(write_configuration(&configuration, NULL, &text), ERR_CONFIG);
	assert_int_equal(failure_last()->id, PL_CONFIG_SYNTAX);
	buffer_free(&text);
}

static void memory_may_run_out(void **state)
{
	struct configuration configuration;
	struct configuration_person person;
	struct configuration_target target;
	enum err err = ERR_NOMEM;

	(void)state;
	small(&configuration, &person, &target);
	for (unsigned long n = 1; err != ERR_OK; n++) {
		struct buffer text = {0};

		mem_fail_at(n);
		err = write_configuration(&configuration, NULL, &text);
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
		assert_true(n < 1000);
		assert_true(n > 1 || err != ERR_OK);
		buffer_free(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random_names_come_back),
	    cmocka_unit_test(every_key_comes_back),
	    cmocka_unit_test(comments_stay_comments),
	    cmocka_unit_test(what_is_no_utf8_is_refused),
	    cmocka_unit_test(memory_may_run_out),
	};

	return crypto_setup() == ERR_OK ? cmocka_run_group_tests(tests, scratch_enter, scratch_leave) : 1;
}
