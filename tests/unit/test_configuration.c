/* The configuration: what is taken, and one refusal for each kind of error, at its exact line and column. */
#include "core/base/file.h"
#include "core/base/mem.h"
#include "tests/unit/configurations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

static void test_good(void **state)
{
	struct configuration *configuration;

	(void)state;
	assert_int_equal(load_with(0, NULL, &configuration), ERR_OK);
	assert_string_equal(configuration->office.timezone, "Asia/Jayapura");
	assert_int_equal(configuration->office.language, LANGUAGE_INDONESIAN);
	assert_int_equal(configuration->people_count, 2);
	assert_int_equal(configuration->people[1].role, ROLE_REVIEWER);
	assert_string_equal(configuration->jobs[0].sources[0].files->paths[0], "/var/www");
	assert_string_equal(configuration->jobs[0].sources[1].sqlite->path, "/var/db");
	assert_int_equal(configuration->jobs[0].keep->daily, 14);
	assert_int_equal(configuration->jobs[0].schedule->every, EVERY_DAY);
	assert_ptr_equal(configuration_job(configuration, "website"), &configuration->jobs[0]);
	assert_null(configuration_job(configuration, "other"));
	configuration_free(configuration);
}

/* What stands in the place of a line of the good one, and how it is refused. */
static const struct {
	size_t line;
	const char *text;
	enum message id;
	const char *place, *words;
} refusals[] = {
    {2, "  nama: x", PL_CONFIG_KEY, "2:3", "allowed: name, address, city, timezone, language"},
    {16, "    reviewed: kasubbag", PL_CONFIG_KEY, "16:5",
	"jobs[0]: there is no key \"reviewed\" here; allowed: name, sop, performer"},
    {2, "  name: [x]", PL_CONFIG_TYPE, "2:9", "this is a list; wanted: a text"},
    {2, "  name:", PL_CONFIG_NO_VALUE, "2:8", "office.name: the value is missing"},
    {2, "  name: \"\"", PL_CONFIG_NO_VALUE, "2:9", "empty"},
    {2, "  city: Ternate", PL_CONFIG_NO_VALUE, "2:3", "the key \"name\" is missing"},
    {2, "  name: a\n  name: b", PL_CONFIG_DUPLICATE, "3:3", "the key \"name\" stands twice"},
    {2, "  name: \"a\\nb\"", PL_CONFIG_VALUE, "2:9", "control character"},
    {3, "  timezone: Asia/Ternate", PL_CONFIG_VALUE, "3:13", "\"Asia/Ternate\" is no time zone"},
    {3, "  timezone: ../../../etc/passwd", PL_CONFIG_VALUE, "3:13", "no time zone"},
    {3, "  timezone: UTC\n  language: fr", PL_CONFIG_VALUE, "4:13", "allowed: id, en"},
    {5, "  - id: Admin", PL_CONFIG_VALUE, "5:9", "lower-case"},
    {5, "  - id: kasubbag", PL_CONFIG_DUPLICATE, "9:10", "another person"},
    {8, "    role: operator\n    email: somebody", PL_CONFIG_VALUE, "9:12", "is no e-mail address"},
    {8, "    role: boss", PL_CONFIG_VALUE, "8:11", "allowed: operator, reviewer, head"},
    {12, "    url: srv/pulih", PL_CONFIG_VALUE, "12:10", "relative"},
    {12, "    url: ssh://host/srv", PL_CONFIG_UNSUPPORTED, "12:10", "name a folder"},
    {12, "    url: /srv\n    copy_of: hdd", PL_CONFIG_UNSUPPORTED, "13:14", "copies"},
    {12, "    url: /srv\n    key: /nonexistent/key", PL_CONFIG_FILE, "13:10", "cannot read /nonexistent/key"},
    {12, "    url: /srv\n    key: keys/backup", PL_CONFIG_VALUE, "13:10", "relative"},
    {12, "    url: /srv\n    key: /a\n    password_file: /b", PL_CONFIG_VALUE, "11:5", "not two"},
    {12, "    url: /srv\n  - {name: hdd, url: /other}", PL_CONFIG_DUPLICATE, "13:12", "another target"},
    {14, "  - name: Web Site", PL_CONFIG_VALUE, "14:11", "is no name"},
    {15, "    performer: nobody", PL_CONFIG_REFERENCE, "15:16", "no person of the id \"nobody\""},
    {16, "    reviewer: nobody", PL_CONFIG_REFERENCE, "16:15", "no person of the id \"nobody\""},
    {16, "    reviewer: kasubbag\n    acknowledger: nobody", PL_CONFIG_REFERENCE, "17:19",
	"no person of the id \"nobody\""},
    {16, "    reviewer: kasubbag\n    acknowledger: kasubbag", PL_CONFIG_VALUE, "17:19", "role head"},
    {16, "    reviewer: admin", PL_CONFIG_REVIEWER, "16:15", "performs this job"},
    {15, "    performer: kasubbag", PL_CONFIG_REVIEWER, "16:15", "performs this job"},
    {18, "      - files: {paths: [www]}", PL_CONFIG_VALUE, "18:25", "sources[0].files.paths[0]: \"www\" is relative"},
    {18, "      - files: {paths: []}", PL_CONFIG_NO_VALUE, "18:24", "empty"},
    {18, "      - files: {paths: [/w], exclude_files: [/nonexistent]}", PL_CONFIG_FILE, "18:46",
	"cannot read /nonexistent"},
    {18, "      - files: {paths: [/w], one_file_system: maybe}", PL_CONFIG_TYPE, "18:47", "true or false"},
    {18, "      - {}", PL_CONFIG_NO_VALUE, "18:9", "of one kind"},
    {18, "      - mariadb:", PL_CONFIG_NO_VALUE, "18:17", "wanted: a mapping"},
    {18, "      - mariadb: {basis: [joomla]}", PL_CONFIG_KEY, "18:19",
	"allowed: name, databases, socket, host, port, user, password_file, defaults_file"},
    {18, "      - mariadb: {databases: all}", PL_CONFIG_TYPE, "18:30", "wanted: a list"},
    {18, "      - mariadb: {databases: []}", PL_CONFIG_NO_VALUE, "18:30", "empty"},
    {18, "      - mariadb: {databases: [a, b, a]}", PL_CONFIG_DUPLICATE, "18:37", "databases[2]"},
    {18, "      - mariadb: {socket: run/s}", PL_CONFIG_VALUE, "18:27", "relative"},
    {18, "      - mariadb: {socket: /run/s, host: db}", PL_CONFIG_VALUE, "18:27", "not both"},
    {18, "      - mariadb: {socket: /run/s, port: 3306}", PL_CONFIG_VALUE, "18:27", "not both"},
    {18, "      - mariadb: {host: ../etc}", PL_CONFIG_VALUE, "18:25", "no host"},
    {18, "      - mariadb: {port: 65536}", PL_CONFIG_VALUE, "18:25", "1 to 65535"},
    {18, "      - mariadb: {port: 0}", PL_CONFIG_VALUE, "18:25", "1 to 65535"},
    {18, "      - mariadb: {name: ../x}", PL_CONFIG_VALUE, "18:25", "is no name"},
    {18, "      - mariadb: {password: x}", PL_CONFIG_KEY, "18:19", "no key \"password\""},
    {18, "      - mariadb: {password_file: /nonexistent}", PL_CONFIG_FILE, "18:34", "cannot read"},
    {18, "      - mariadb: {defaults_file: /etc/passwd}", PL_CONFIG_SECRET, "18:34", "0600"},
    {18, "      - {mariadb: {}, sqlite: {path: /x}}", PL_CONFIG_VALUE, "18:9", "of one kind"},
    {18, "      - mariadb: {}\n      - mariadb: {databases: [a]}", PL_CONFIG_DUPLICATE, "19:9", "called \"local\""},
    {18, "      - mariadb: {host: db}\n      - mariadb: {name: db}", PL_CONFIG_DUPLICATE, "19:9", "called \"db\""},
    {18, "      - postgresql: {}", PL_CONFIG_NO_VALUE, "18:21", "\"databases\" is missing"},
    {18, "      - postgresql: {databases: [a/b]}", PL_CONFIG_VALUE, "18:34", "without '/'"},
    {18, "      - postgresql: {databases: [globals]}", PL_CONFIG_VALUE, "18:34", "globals"},
    {18, "      - postgresql: {databases: [a], without_lock: true}", PL_CONFIG_KEY, "18:38",
	"allowed: name, databases"},
    {18, "      - postgresql: {databases: [a]}\n      - postgresql: {databases: [b]}", PL_CONFIG_DUPLICATE, "19:9",
	"called \"local\""},
    {19, "      - files: {paths: [/x]}", PL_CONFIG_DUPLICATE, "19:9", "files already"},
    {19, "      - sqlite: {}", PL_CONFIG_NO_VALUE, "19:17", "path or paths"},
    {20, "    target: offsite", PL_CONFIG_REFERENCE, "20:13", "no target of the name \"offsite\""},
    {20, "    target: hdd\n    copies: [x]", PL_CONFIG_UNSUPPORTED, "21:13", "copies"},
    {20, "    target: hdd\n  - name: website", PL_CONFIG_NO_VALUE, "21:5", "\"performer\" is missing"},
    {21, "    schedule: {every: fortnight, at: \"01:00\"}", PL_CONFIG_VALUE, "21:23",
	"allowed: hour, day, week, month"},
    {21, "    schedule: {every: day, at: \"24:00\"}", PL_CONFIG_VALUE, "21:32", "is no time"},
    {21, "    schedule: {every: day}", PL_CONFIG_NO_VALUE, "21:15", "\"at\" is missing"},
    {21, "    schedule: {every: day, at: \"01:00\", day: 3}", PL_CONFIG_VALUE, "21:46", "means nothing here"},
    {21, "    schedule: {every: month, day: 32, at: \"01:00\"}", PL_CONFIG_VALUE, "21:35", "1 to 31"},
    {21, "    schedule: {every: month, day: 3x, at: \"01:00\"}", PL_CONFIG_TYPE, "21:35", "no number"},
    {21, "    schedule: {every: hour, minute: 60}", PL_CONFIG_VALUE, "21:37", "0 to 59"},
    {21, "    schedule: {every: week, weekday: minggu, at: \"01:00\"}", PL_CONFIG_VALUE, "21:38", "monday"},
    {21, "    schedule: {at: \"01:00\"}", PL_CONFIG_NO_VALUE, "21:15", "\"every\" is missing, or \"cron\""},
    {21, "    schedule: {every: week, at: \"01:00\"}", PL_CONFIG_NO_VALUE, "21:15", "\"weekday\" is missing"},
    {21, "    schedule: {every: week, weekday: monday, weekdays: [sunday], at: \"01:00\"}", PL_CONFIG_VALUE, "21:56",
	"not both"},
    {21, "    schedule: {every: week, weekdays: [monday, sunday, monday], at: \"01:00\"}", PL_CONFIG_DUPLICATE, "21:56",
	"weekdays[2]: this day stands in the list already"},
    {21, "    schedule: {every: week, weekdays: [monday, senin], at: \"01:00\"}", PL_CONFIG_VALUE, "21:48",
	"weekdays[1]: \"senin\" is not known; allowed: monday"},
    {21, "    schedule: {every: week, weekdays: [], at: \"01:00\"}", PL_CONFIG_NO_VALUE, "21:39", "empty"},
    {21, "    schedule: {every: week, weekdays: monday, at: \"01:00\"}", PL_CONFIG_TYPE, "21:39", "a list"},
    {21, "    schedule: {every: day, weekdays: [monday], at: \"01:00\"}", PL_CONFIG_VALUE, "21:38",
	"means nothing here; see \"every\""},
    {21, "    schedule: {every: hour, hours: 0, minute: 5}", PL_CONFIG_VALUE, "21:36", "1 to 23"},
    {21, "    schedule: {every: hour, hours: 24, minute: 5}", PL_CONFIG_VALUE, "21:36", "1 to 23"},
    {21, "    schedule: {every: hour, hours: 6}", PL_CONFIG_NO_VALUE, "21:15", "\"minute\" is missing"},
    {21, "    schedule: {every: day, hours: 6, at: \"01:00\"}", PL_CONFIG_VALUE, "21:35", "means nothing here"},
    {21, "    schedule: {every: day, cron: \"0 1 * * *\", at: \"01:00\"}", PL_CONFIG_VALUE, "21:34",
	"means nothing here; see \"every\""},
    {21, "    schedule: {cron: \"0 1 * * *\", minute: 3}", PL_CONFIG_VALUE, "21:43",
	"means nothing here; see \"cron\""},
    /* at the very character of the expression, quoted or not */
    {21, "    schedule: {cron: \"15 25 * * 1-5\"}", PL_CONFIG_VALUE, "21:26",
	"schedule.cron: field 2 (hour): \"25\" is no such value; allowed: *, or 0 to 23"},
    {21, "    schedule: {cron: '15 1 * * 1-9'}", PL_CONFIG_VALUE, "21:34", "field 5 (day of the week): \"9\""},
    {21, "    schedule:\n      cron: 15 1 0 * 1-5", PL_CONFIG_VALUE, "22:18", "field 3 (day of the month)"},
    {21, "    schedule: {cron: \"@daily\"}", PL_CONFIG_VALUE, "21:23", "field 1 (minute)"},
    {21, "    schedule: {cron: \"0 1 * *\"}", PL_CONFIG_VALUE, "21:30", "it is missing"},
    /* not where an escape or a line end makes the places differ: there at the value */
    {21, "    schedule: {cron: \"\\x31 25 * * *\"}", PL_CONFIG_VALUE, "21:22", "field 2 (hour)"},
    {21, "    schedule: {cron: \"1\n      25 * * *\"}", PL_CONFIG_VALUE, "21:22", "field 2 (hour)"},
    {21, "    schedule: {cron: \"0 1 30 feb *\"}", PL_CONFIG_VALUE, "21:22", "never due"},
    {21, "    schedule: {cron: [1, 2]}", PL_CONFIG_TYPE, "21:22", "this is a list"},
    {21, "    schedule: {every: day, at: \"01:00\", window: {from: \"20:00\"}}", PL_CONFIG_NO_VALUE, "21:49",
	"\"to\" is missing"},
    {21, "    schedule: {every: day, at: \"01:00\", window: {from: \"20:00\", to: \"24:00\"}}", PL_CONFIG_VALUE,
	"21:69", "window.to: \"24:00\" is no time"},
    {21, "    schedule: {every: day, at: \"01:00\", window: {from: \"2000\", to: \"05:00\"}}", PL_CONFIG_VALUE, "21:56",
	"window.from: \"2000\" is no time"},
    {21, "    schedule: {every: day, at: \"01:00\", window: {from: \"01:00\", to: \"01:00\"}}", PL_CONFIG_VALUE,
	"21:49", "ends when it begins"},
    {21, "    schedule: {every: day, at: \"05:00\", window: {from: \"20:00\", to: \"05:00\"}}", PL_CONFIG_VALUE,
	"21:49", "the planned time 05:00 is outside, the window is from 20:00 until before 05:00"},
    {21, "    schedule: {every: hour, hours: 6, minute: 0, window: {from: \"20:00\", to: \"06:30\"}}", PL_CONFIG_VALUE,
	"21:58", "the planned time 12:00 is outside"},
    {21, "    schedule: {cron: \"0 22,19 * * *\", window: {from: \"20:00\", to: \"05:00\"}}", PL_CONFIG_VALUE, "21:47",
	"the planned time 19:00 is outside"},
    {21, "    drill: {cron: \"0 3 32 * *\"}", PL_CONFIG_VALUE, "21:24", "drill.cron: field 3"},
    {21, "    drill: {every: day, at: \"12:00\", window: {from: \"13:00\", to: \"15:00\"}}", PL_CONFIG_VALUE, "21:46",
	"drill.window: the planned time 12:00 is outside"},
    {21, "    drill: {every: day, at: noon}", PL_CONFIG_VALUE, "21:29", "is no time"},
    {22, "    keep: {daily: 0}", PL_CONFIG_VALUE, "22:19", "0 keeps nothing"},
    {22, "    keep: {}", PL_CONFIG_NO_VALUE, "22:11", "keep nothing"},
    {22, "    keep: {within: 90}", PL_CONFIG_VALUE, "22:20", "is no span"},
    {22, "    keep: {daily: -1}", PL_CONFIG_TYPE, "22:19", "no number"},
    {22, "---\nx: y", PL_CONFIG_SYNTAX, "23:1", "second document"},
    {22, "    keep: {daily: 14", PL_CONFIG_SYNTAX, "23:1", ""},
};

static void test_refusals(void **state)
{
	struct configuration *configuration;

	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		if (load_with(refusals[i].line, refusals[i].text, &configuration) == ERR_OK)
			fail_msg("taken: %s", refusals[i].text);
		assert_null(configuration);
		assert_int_equal(failure_last()->kind, ERR_CONFIG);
		refused_with(refusals[i].id, refusals[i].place, refusals[i].words);
	}
}

static void test_schedules(void **state)
{
	static const char *const good[] = {
	    "    schedule: {every: week, weekday: sunday, at: \"02:00\"}",
	    "    schedule: {every: week, weekdays: [thursday, monday], at: \"02:00\"}",
	    "    schedule: {every: hour, hours: 6, minute: 15}",
	    "    schedule: {every: hour, minute: 15}",
	    "    schedule: {every: month, day: 31, at: \"03:00\"}",
	    "    schedule: {cron: \"15 1 * * 1-5\"}",
	    "    schedule:\n      cron: 15 1 * * mon-fri",
	    "    schedule: {every: day, at: \"20:00\", window: {from: \"20:00\", to: \"05:00\"}}",
	    "    schedule: {every: day, at: \"04:59\", window: {from: \"20:00\", to: \"05:00\"}}",
	    "    schedule: {every: hour, hours: 23, minute: 0, window: {from: \"23:00\", to: \"00:01\"}}",
	    "    schedule: {every: hour, hours: 1, minute: 0, window: {from: \"12:31\", to: \"12:30\"}}",
	};
	struct configuration *configuration;
	const struct configuration_schedule *schedule;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (load_with(21, good[i], &configuration) != ERR_OK)
			fail_msg("%s: %s", good[i], failure_last()->text);
		configuration_free(configuration);
	}
	assert_int_equal(load_with(21, good[1], &configuration), ERR_OK);
	schedule = configuration->jobs[0].schedule;
	assert_int_equal(schedule->every, EVERY_WEEK);
	assert_int_equal(schedule->weekdays_count, 2);
	assert_int_equal(schedule->weekdays[0], 4);
	assert_int_equal(schedule->weekdays[1], 1);
	assert_null(schedule->window);
	assert_null(schedule->cron);
	configuration_free(configuration);
	assert_int_equal(load_with(21, "    drill: {cron: \"0 21 * * 0\", window: {from: \"20:00\", to: \"05:00\"}}",
			     &configuration),
	    ERR_OK);
	schedule = configuration_drill_schedule(&configuration->jobs[0]);
	assert_int_equal(schedule->every, EVERY_CRON);
	assert_string_equal(schedule->cron, "0 21 * * 0");
	assert_string_equal(schedule->window->from, "20:00");
	assert_string_equal(schedule->window->to, "05:00");
	assert_null(configuration->jobs[0].schedule);
	configuration_free(configuration);
}

static void test_two_jobs_of_one_name(void **state)
{
	struct configuration *configuration;

	(void)state;
	assert_int_equal(load_with(20,
			     "    target: hdd\n  - {name: website, performer: admin, reviewer: kasubbag, target: hdd, "
			     "sources: [{sqlite: {path: "
			     "/x}}],",
			     &configuration),
	    ERR_CONFIG); /* the mapping is not closed: syntax first */
	assert_int_equal(failure_last()->id, PL_CONFIG_SYNTAX);
	assert_int_equal(load_with(22,
			     "  - {name: website, performer: admin, reviewer: kasubbag, target: hdd, sources: "
			     "[{sqlite: {path: /x}}]}",
			     &configuration),
	    ERR_CONFIG);
	refused_with(PL_CONFIG_DUPLICATE, "22:12", "another job of the name \"website\"");
}

static void test_secret_files(void **state)
{
	struct configuration *configuration;
	char line[160];

	(void)state;
	snprintf(line, sizeof(line), "    url: /srv\n    password_file: %s", configurations_secret);
	assert_int_equal(file_replace(configurations_secret, "x\n", 2, 0600), ERR_OK);
	assert_int_equal(chmod(configurations_secret, 0640), 0);
	assert_int_equal(load_with(12, line, &configuration), ERR_CONFIG);
	refused_with(PL_CONFIG_SECRET, "13:20", "mode 0640");
	assert_int_equal(chmod(configurations_secret, 0602), 0);
	assert_int_equal(load_with(12, line, &configuration), ERR_CONFIG);
	refused_with(PL_CONFIG_SECRET, "13:20", "mode 0602");
	assert_int_equal(chmod(configurations_secret, 0600), 0);
	assert_int_equal(load_with(12, line, &configuration), ERR_OK);
	configuration_free(configuration);
	snprintf(line, sizeof(line), "    url: /srv\n    password_file: %s", configurations_folder);
	assert_int_equal(load_with(12, line, &configuration), ERR_CONFIG);
	refused_with(PL_CONFIG_FILE, "13:20", "no regular file");
}

static void test_other_files(void **state)
{
	struct configuration *configuration;

	(void)state;
	assert_int_equal(file_replace(configurations_file, "", 0, 0600), ERR_OK);
	assert_int_equal(configuration_load(&configuration, configurations_file), ERR_CONFIG);
	refused_with(PL_CONFIG_NO_VALUE, "1:1", "empty");
	assert_int_equal(file_replace(configurations_file, "- a\n", 4, 0600), ERR_OK);
	assert_int_equal(configuration_load(&configuration, configurations_file), ERR_CONFIG);
	refused_with(PL_CONFIG_TYPE, "1:1", "this is a list; wanted: a mapping");
	assert_int_equal(file_replace(configurations_file, "a: \xff\n", 5, 0600), ERR_OK);
	assert_int_equal(configuration_load(&configuration, configurations_file), ERR_CONFIG);
	assert_int_equal(failure_last()->id, PL_CONFIG_SYNTAX);
	assert_int_equal(configuration_load(&configuration, "/nonexistent/pulih.yaml"), ERR_MISSING);
}

/* Whoever works goes on where files of others are gone, and nothing else is forgiven. */
static void test_for_work(void **state)
{
	static const char *const files[] = {"    url: /srv\n    password_file: /nonexistent/file",
	    "    url: /srv\n    key: /nonexistent/file", "    url: /srv\n    key: /dev/null"};
	struct configuration *configuration;
	struct buffer text = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		assert_int_equal(load_with(12, files[i], &configuration), ERR_CONFIG);
		assert_int_equal(configuration_load_for_work(&configuration, configurations_file, NULL), ERR_OK);
		assert_string_equal(configuration->targets[0].url, "/srv");
		configuration_free(configuration);
	}
	assert_int_equal(
	    load_with(18, "      - files: {paths: [/var/www], exclude_files: [/nonexistent/file]}", &configuration),
	    ERR_CONFIG);
	assert_int_equal(configuration_load_for_work(&configuration, configurations_file, &text), ERR_OK);
	assert_memory_equal(text.data, "office:", 7);
	buffer_free(&text);
	configuration_free(configuration);
	assert_int_equal(load_with(20, "    target: none", &configuration), ERR_CONFIG);
	assert_int_equal(configuration_load_for_work(&configuration, configurations_file, NULL), ERR_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_schedules),
	    cmocka_unit_test(test_two_jobs_of_one_name),
	    cmocka_unit_test(test_secret_files),
	    cmocka_unit_test(test_for_work),
	    cmocka_unit_test(test_other_files),
	};

	return cmocka_run_group_tests(tests, configurations_up, configurations_down);
}
