/* Notification channels of the configuration: what is taken, and one refusal for each kind of error, at its exact line and column. */
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

#define CHANNEL(text) "    keep: {daily: 14, within: 90d}\nnotifications:\n" text
#define MAIL "mail: {server: mx, from: a@b"
#define PEOPLE ", people: [kasubbag]}"

static void test_channels(void **state)
{
	struct configuration *configuration;
	const struct configuration_channel *channel;

	(void)state;
	assert_int_equal(load_channel(CHANNEL("  - {name: a, " MAIL ", roles: [reviewer, head]}}\n"
					      "  - {name: b, on: [success, notes], jobs: [website], webhook: {url: "
					      "\"https://[::1]:8443/x?y=z\", timeout: 5}}\n"
					      "  - {name: c, ping: {url: \"http://127.0.0.1:1/\"}}\n"
					      "  - {name: d, log: {}}\n"
					      "  - {name: e, metrics: {file: /tmp/x.prom}}"),
			     &configuration),
	    ERR_OK);
	assert_int_equal(configuration->notifications_count, 5);
	channel = configuration_channel(configuration, "a");
	assert_ptr_equal(channel, &configuration->notifications[0]);
	assert_int_equal(channel->on, EVENTS_DEFAULT);
	assert_int_equal(channel->mail->security, SECURITY_STARTTLS);
	assert_int_equal(channel->mail->roles, 1 << ROLE_REVIEWER | 1 << ROLE_HEAD);
	assert_int_equal(channel->mail->connection.timeout, CONNECTION_TIMEOUT_DEFAULT);
	assert_false(channel->mail->connection.insecure);
	assert_false(channel->mail->attach_report);
	channel = configuration_channel(configuration, "b");
	assert_int_equal(channel->on, ON_SUCCESS | ON_NOTES);
	assert_string_equal(channel->jobs[0], "website");
	assert_int_equal(channel->webhook->connection.timeout, 5);
	assert_int_equal(configuration_channel(configuration, "c")->on, ON_FAILURE);
	assert_int_equal(configuration_channel(configuration, "d")->log->facility, LOG_DAEMON);
	assert_null(configuration_channel(configuration, "f"));
	configuration_free(configuration);
}

static void test_refused_channels(void **state)
{
	static const struct {
		const char *text;
		enum message id;
		const char *place, *words;
	} cases[] = {
	    {"  []", PL_CONFIG_NO_VALUE, "24:3", "empty"},
	    {"  - {name: A, log: {}}", PL_CONFIG_VALUE, "24:12", "is no name"},
	    {"  - {log: {}}", PL_CONFIG_NO_VALUE, "24:5", "\"name\" is missing"},
	    {"  - {name: a, log: {}}\n  - {name: a, log: {}}", PL_CONFIG_DUPLICATE, "25:12", "another channel"},
	    {"  - {name: a}", PL_CONFIG_NO_VALUE, "24:5", "of one kind"},
	    {"  - {name: a, log: {}, ping: {url: \"http://a/\"}}", PL_CONFIG_VALUE, "24:5", "of one kind"},
	    {"  - {name: a, sms: {}}", PL_CONFIG_KEY, "24:15", "allowed: name, on, jobs, mail, webhook"},
	    {"  - {name: a, on: [fail], log: {}}", PL_CONFIG_VALUE, "24:20",
		"allowed: failure, notes, success, missed, review_overdue, drill_overdue"},
	    {"  - {name: a, on: [], log: {}}", PL_CONFIG_NO_VALUE, "24:19", "empty"},
	    {"  - {name: a, on: failure, log: {}}", PL_CONFIG_TYPE, "24:19", "wanted: a list of words"},
	    {"  - {name: a, on: [[failure]], log: {}}", PL_CONFIG_TYPE, "24:20", "this is a list; wanted: a word"},
	    {"  - {name: a, on: [notes, notes], log: {}}", PL_CONFIG_DUPLICATE, "24:27", "\"notes\" stands twice"},
	    {"  - {name: a, jobs: [nothing], log: {}}", PL_CONFIG_REFERENCE, "24:22", "no job of the name \"nothing\""},
	    {"  - {name: a, log: {facility: kern}}", PL_CONFIG_VALUE, "24:31", "allowed: daemon, user, local0"},
	    {"  - {name: a, " MAIL ", people: [nobody]}}", PL_CONFIG_REFERENCE, "24:54", "no person of the id"},
	    {"  - {name: a, " MAIL ", people: [admin]}}", PL_CONFIG_NO_VALUE, "5:5", "\"admin\" has no e-mail address"},
	    {"  - {name: a, " MAIL ", roles: [operator]}}", PL_CONFIG_NO_VALUE, "24:52", "nobody of that role"},
	    {"  - {name: a, " MAIL "}}", PL_CONFIG_NO_VALUE, "24:21", "nobody gets it"},
	    {"  - {name: a, mail: {server: \"mx:25\", from: a@b" PEOPLE "}", PL_CONFIG_VALUE, "24:30",
		"key of its own"},
	    {"  - {name: a, mail: {server: m/x, from: a@b" PEOPLE "}", PL_CONFIG_VALUE, "24:30", "no name of a host"},
	    {"  - {name: a, mail: {server: mx, from: ab" PEOPLE "}", PL_CONFIG_VALUE, "24:40", "no e-mail address"},
	    {"  - {name: a, mail: {server: mx, from: \"a b@c\"" PEOPLE "}", PL_CONFIG_VALUE, "24:40",
		"no e-mail address"},
	    {"  - {name: a, mail: {server: mx, from: \"<a@b>\"" PEOPLE "}", PL_CONFIG_VALUE, "24:40",
		"no e-mail address"},
	    {"  - {name: a, mail: {server: mx, from: a@b@c" PEOPLE "}", PL_CONFIG_VALUE, "24:40", "no e-mail address"},
	    {"  - {name: a, " MAIL ", port: 0" PEOPLE "}", PL_CONFIG_VALUE, "24:51", "allowed: 1 to 65535"},
	    {"  - {name: a, " MAIL ", port: 70000" PEOPLE "}", PL_CONFIG_VALUE, "24:51", "allowed: 1 to 65535"},
	    {"  - {name: a, " MAIL ", timeout: 0" PEOPLE "}", PL_CONFIG_VALUE, "24:54", "1 to 600 seconds"},
	    {"  - {name: a, " MAIL ", timeout: 601" PEOPLE "}", PL_CONFIG_VALUE, "24:54", "1 to 600 seconds"},
	    {"  - {name: a, " MAIL ", password: x" PEOPLE "}", PL_CONFIG_KEY, "24:45", "there is no key \"password\""},
	    {"  - {name: a, " MAIL ", user: x" PEOPLE "}", PL_CONFIG_NO_VALUE, "24:51", "one of password_file"},
	    {"  - {name: a, " MAIL ", password_command: x" PEOPLE "}", PL_CONFIG_NO_VALUE, "24:21", "and no user"},
	    {"  - {name: a, " MAIL ", user: x, password_command: x, security: none" PEOPLE "}", PL_CONFIG_VALUE,
		"24:85", "in the open"},
	    {"  - {name: a, " MAIL ", user: x, password_command: x, insecure: true" PEOPLE "}", PL_CONFIG_VALUE,
		"24:85", "a secret would go to whoever answers"},
	    {"  - {name: a, " MAIL ", ca_file: /etc/passwd, insecure: true" PEOPLE "}", PL_CONFIG_VALUE, "24:77",
		"give one of the two"},
	    {"  - {name: a, " MAIL ", ca_file: ca.pem" PEOPLE "}", PL_CONFIG_VALUE, "24:54", "relative"},
	    {"  - {name: a, " MAIL ", ca_file: /nonexistent" PEOPLE "}", PL_CONFIG_FILE, "24:54", "cannot read"},
	    {"  - {name: a, webhook: {}}", PL_CONFIG_NO_VALUE, "24:24", "url or url_file"},
	    {"  - {name: a, webhook: {url: \"https://a/\", url_file: /x}}", PL_CONFIG_VALUE, "24:24",
		"url or url_file"},
	    {"  - {name: a, webhook: {url: \"ftp://a/\"}}", PL_CONFIG_VALUE, "24:30", "https:// or http://"},
	    {"  - {name: a, webhook: {url: \"https://\"}}", PL_CONFIG_VALUE, "24:30", "names no host"},
	    {"  - {name: a, webhook: {url: \"https://:1/\"}}", PL_CONFIG_VALUE, "24:30", "names no host"},
	    {"  - {name: a, webhook: {url: \"https://u:p@a/\"}}", PL_CONFIG_VALUE, "24:30",
		"could be read by everybody"},
	    {"  - {name: a, webhook: {url: \"https://a/ b\"}}", PL_CONFIG_VALUE, "24:30", "%XX"},
	    {"  - {name: a, webhook: {url: \"https://a/#b\"}}", PL_CONFIG_VALUE, "24:30", "%XX"},
	    {"  - {name: a, webhook: {url_file: x}}", PL_CONFIG_VALUE, "24:35", "relative"},
	    {"  - {name: a, webhook: {url: \"https://a/\", header_file: /nonexistent}}", PL_CONFIG_FILE, "24:57",
		"cannot read"},
	    {"  - {name: a, webhook: {url: \"https://a/\", signing_key_file: /nonexistent}}", PL_CONFIG_FILE, "24:62",
		"cannot read"},
	    {"  - {name: a, on: [success], ping: {url: \"https://a/\"}}", PL_CONFIG_VALUE, "24:19",
		"allowed: failure, notes"},
	    {"  - {name: a, on: [failure], metrics: {file: /tmp/x.prom}}", PL_CONFIG_VALUE, "24:19", "of all jobs"},
	    {"  - {name: a, jobs: [website], metrics: {file: /tmp/x.prom}}", PL_CONFIG_VALUE, "24:21", "of all jobs"},
	    {"  - {name: a, metrics: {file: /tmp/x.txt}}", PL_CONFIG_VALUE, "24:31", ".prom"},
	    {"  - {name: a, metrics: {file: x.prom}}", PL_CONFIG_VALUE, "24:31", "relative"},
	    {"  - {name: a, metrics: {file: /nonexistent/x.prom}}", PL_CONFIG_FILE, "24:31", "no folder /nonexistent/"},
	};
	struct configuration *configuration;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[400];

		snprintf(text, sizeof(text), CHANNEL("%s"), cases[i].text);
		assert_int_equal(load_channel(text, &configuration), ERR_CONFIG);
		refused_with(cases[i].id, cases[i].place, cases[i].words);
	}
}

static void test_secrets_of_channels(void **state)
{
	static const char *const keys[] = {
	    "  - {name: a, webhook: {url: \"https://a/\", header_file: %s}}",
	    "  - {name: a, webhook: {url: \"https://a/\", signing_key_file: %s}}",
	    "  - {name: a, webhook: {url_file: %s}}",
	    "  - {name: a, ping: {url_file: %s}}",
	    "  - {name: a, " MAIL ", user: x, password_file: %s" PEOPLE "}",
	};
	struct configuration *configuration;

	(void)state;
	assert_int_equal(file_replace(configurations_secret, "x\n", 2, 0600), ERR_OK);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char line[200], text[400];
		const char *hole = strstr(keys[i], "%s");

		snprintf(
		    line, sizeof(line), "%.*s%s%s", (int)(hole - keys[i]), keys[i], configurations_secret, hole + 2);
		snprintf(text, sizeof(text), CHANNEL("%s"), line);
		assert_int_equal(chmod(configurations_secret, 0600), 0);
		assert_int_equal(load_channel(text, &configuration), ERR_OK);
		configuration_free(configuration);
		assert_int_equal(chmod(configurations_secret, 0644), 0);
		assert_int_equal(load_channel(text, &configuration), ERR_CONFIG);
		assert_int_equal(failure_last()->id, PL_CONFIG_SECRET);
	}
	/* A configurations_secret header in the open. */
	assert_int_equal(chmod(configurations_secret, 0600), 0);
	{
		char text[400];

		snprintf(text, sizeof(text), CHANNEL("  - {name: a, webhook: {url: \"http://a/\", header_file: %s}}"),
		    configurations_secret);
		assert_int_equal(load_channel(text, &configuration), ERR_CONFIG);
		refused_with(PL_CONFIG_VALUE, "24:56", "in the open");
	}
}

/* Loads the file again and again, until no allocation fails any more. */
static void fail_each_allocation(void)
{
	struct configuration *configuration;
	enum err err = ERR_NOMEM;

	for (unsigned long n = 1; err != ERR_OK; n++) {
		mem_fail_at(n);
		err = configuration_load(&configuration, configurations_file);
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
	}
	configuration_free(configuration);
}

static void test_memory_runs_out(void **state)
{
	struct configuration *configuration;

	(void)state;
	assert_int_equal(load_with(21,
			     "    schedule: {every: week, weekdays: [monday, sunday], at: \"21:00\", window: {from: "
			     "\"20:00\", to: \"05:00\"}}\n    drill: {cron: \"0 3 30 * *\"}",
			     &configuration),
	    ERR_OK);
	configuration_free(configuration);
	fail_each_allocation();
	assert_int_equal(
	    load_channel(
		CHANNEL("  - {name: a, " MAIL PEOPLE "}\n  - {name: b, metrics: {file: /tmp/x.prom}}"), &configuration),
	    ERR_OK);
	configuration_free(configuration);
	fail_each_allocation();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_channels),
	    cmocka_unit_test(test_refused_channels),
	    cmocka_unit_test(test_secrets_of_channels),
	    cmocka_unit_test(test_memory_runs_out),
	};

	return cmocka_run_group_tests(tests, configurations_up, configurations_down);
}
