/* core/ssh: known_hosts files, fingerprints, what may be said of a host. */
#include "core/base/mem.h"
#include "core/ssh/known_hosts.h"
#include "core/ssh/ssh.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define A "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
#define B "AAAAC3NzaC1lZDI1NTE5AAAAIG5kZmdoamtsbW5vcHFyc3R1dnd4eXowMTIzNDU2Nzg5"
#define E "ssh-ed25519 "
#define R "ssh-rsa "

struct ask_case {
	const char *text, *host;
	unsigned port;
	enum known_verdict verdict;
	size_t line;
};

/* Each asks for key A of type ssh-ed25519. */
static const struct ask_case cases[] = {
    {"", "host", 22, KNOWN_NOTHING, 0},
    {"host " E A "\n", "host", 22, KNOWN_MATCH, 1},
    {"host " E A, "host", 22, KNOWN_MATCH, 1}, /* no end of the line */
    {"host " E A " comment here\r\n", "host", 22, KNOWN_MATCH, 1},
    {"\t host \t" E "\t" A "\n", "host", 22, KNOWN_MATCH, 1},
    {"HOST " E A "\n", "host", 22, KNOWN_MATCH, 1},
    {"host " E A "\n", "HOST", 22, KNOWN_MATCH, 1},
    {"host " E B "\n", "host", 22, KNOWN_CHANGED, 1},
    {"host " R A "\n", "host", 22, KNOWN_CHANGED, 1}, /* the same bytes as another type are no such key */
    {"host " E B "\nhost " E A "\n", "host", 22, KNOWN_MATCH, 2},
    {"other " E A "\n", "host", 22, KNOWN_NOTHING, 0},
    {"hosts " E A "\nhos " E A "\n", "host", 22, KNOWN_NOTHING, 0},
    {"# host " E A "\n\n  \n#\nhost " E A "\n", "host", 22, KNOWN_MATCH, 5},
    /* Lists, patterns, negation. */
    {"a,host,b " E A "\n", "host", 22, KNOWN_MATCH, 1},
    {"a,,host " E A "\n", "host", 22, KNOWN_MATCH, 1},
    {"*.example " E A "\n", "a.b.example", 22, KNOWN_MATCH, 1},
    {"*.example " E A "\n", "example", 22, KNOWN_NOTHING, 0},
    {"h?st " E A "\n", "host", 22, KNOWN_MATCH, 1},
    {"h?t " E A "\n", "host", 22, KNOWN_NOTHING, 0},
    {"*a*b*c " E A "\n", "xaxbxc", 22, KNOWN_MATCH, 1},
    {"*a*b*c " E A "\n", "xaxbxcx", 22, KNOWN_NOTHING, 0},
    {"* " E A "\n", "host", 22, KNOWN_MATCH, 1},
    {"*,!host " E A "\n", "host", 22, KNOWN_NOTHING, 0},
    {"!host,* " E A "\n", "host", 22, KNOWN_NOTHING, 0},
    {"!other,* " E A "\n", "host", 22, KNOWN_MATCH, 1},
    {"!other " E A "\n", "host", 22, KNOWN_NOTHING, 0},
    /* Ports. */
    {"[host]:2222 " E A "\n", "host", 2222, KNOWN_MATCH, 1},
    {"[host]:2222 " E A "\n", "host", 22, KNOWN_NOTHING, 0},
    {"[host]:2222 " E A "\n", "host", 222, KNOWN_NOTHING, 0},
    {"host " E A "\n", "host", 2222, KNOWN_MATCH, 1},
    {"host " E B "\n", "host", 2222, KNOWN_NOTHING, 0},
    {"host " E A "\n[host]:2222 " E B "\n", "host", 2222, KNOWN_CHANGED, 2},
    {"[::1]:2222 " E A "\n", "::1", 2222, KNOWN_MATCH, 1},
    {"::1 " E A "\n", "::1", 22, KNOWN_MATCH, 1},
    /* Markers. */
    {"host " E A "\n@revoked host " E A "\n", "host", 22, KNOWN_REVOKED, 2},
    {"@revoked * " E A "\nhost " E A "\n", "host", 22, KNOWN_REVOKED, 1},
    {"@revoked host " E A "\n[host]:2222 " E A "\n", "host", 2222, KNOWN_REVOKED, 1},
    {"@revoked other " E A "\nhost " E A "\n", "host", 22, KNOWN_MATCH, 2},
    {"@revoked host " E B "\nhost " E A "\n", "host", 22, KNOWN_MATCH, 2},
    {"@revoked host " E B "\n", "host", 22, KNOWN_NOTHING, 0},
    {"@cert-authority host " E A "\n", "host", 22, KNOWN_NOTHING, 0},
    {"@unknown host " E A "\n", "host", 22, KNOWN_NOTHING, 0},
    /* Hashed: HMAC-SHA1 with the salt as its key, of "host", and of "[host]:2222". */
    {"|1|MDEyMzQ1Njc4OTAxMjM0NTY3ODk=|G2NwrPoiPXIJ7Crty1M5oM9/0cA= " E A "\n", "host", 22, KNOWN_MATCH, 1},
    {"|1|MDEyMzQ1Njc4OTAxMjM0NTY3ODk=|G2NwrPoiPXIJ7Crty1M5oM9/0cA= " E B "\n", "host", 22, KNOWN_CHANGED, 1},
    {"|1|MDEyMzQ1Njc4OTAxMjM0NTY3ODk=|G2NwrPoiPXIJ7Crty1M5oM9/0cA= " E A "\n", "hosts", 22, KNOWN_NOTHING, 0},
    {"|1|MDEyMzQ1Njc4OTAxMjM0NTY3ODk=|1jfluDj2NpWJnUQoFL1wCo9LdsQ= " E A "\n", "host", 2222, KNOWN_MATCH, 1},
    {"|1|MDEyMzQ1Njc4OTAxMjM0NTY3ODk=|1jfluDj2NpWJnUQoFL1wCo9LdsQ= " E A "\n", "host", 22, KNOWN_NOTHING, 0},
    /* Lines that are none hide nothing that follows. */
    {"|1| " E A "\n|1|x " E A "\n|1||| " E A "\n|1|a|b " E A "\nhost " E A "\n", "host", 22, KNOWN_MATCH, 5},
    {"host\nhost ssh-ed25519\n@revoked\n@revoked host\nhost " E A "\n", "host", 22, KNOWN_MATCH, 5},
    {"host 1024 35 1234567\nhost " E A "\n", "host", 22, KNOWN_MATCH, 2},
};

static void test_ask(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct ask_case *c = &cases[i];
		struct known_answer answer =
		    known_hosts_ask(c->text, strlen(c->text), c->host, c->port, "ssh-ed25519", A);

		if (answer.verdict != c->verdict || answer.line != c->line)
			fail_msg("case %zu: %s asked for %s:%u: verdict %d, line %zu", i, c->text, c->host, c->port,
			    (int)answer.verdict, answer.line);
	}
}

static void test_nul_ends_nothing(void **state)
{
	static const char text[] = "a\0b " E B "\nhost " E A "\n";

	(void)state;
	assert_int_equal(known_hosts_ask(text, sizeof(text) - 1, "host", 22, "ssh-ed25519", A).verdict, KNOWN_MATCH);
}

static void keep(void *context, const char *type)
{
	char *list = context;
	size_t length = strlen(list);

	snprintf(list + length, 200 - length, "%s ", type);
}

static void test_types(void **state)
{
	static const char text[] = "host ecdsa-sha2-nistp256 x\n@revoked host ssh-rsa y\n*,!host ssh-dss z\nh* "
				   "ssh-ed25519 v\n@cert-authority host ssh-rsa w\n"
				   "[host]:2222 ssh-rsa u\n";
	char list[200] = "";

	(void)state;
	known_hosts_types(text, strlen(text), "host", 22, keep, list);
	assert_string_equal(list, "ecdsa-sha2-nistp256 ssh-ed25519 ");
	list[0] = '\0';
	known_hosts_types(text, strlen(text), "host", 2222, keep, list);
	assert_string_equal(list, "ssh-dss ssh-rsa ");
	list[0] = '\0';
	known_hosts_types(text, strlen(text), "help", 2223, keep, list);
	assert_string_equal(list, "ssh-dss ");
}

static void test_base64(void **state)
{
	static const char *const cases64[][2] = {
	    {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}, {"\xff\xfe\xfd", "//79"}};
	char out[16];

	(void)state;
	for (size_t i = 0; i < sizeof(cases64) / sizeof(cases64[0]); i++) {
		assert_int_equal(known_hosts_base64(out, (const uint8_t *)cases64[i][0], strlen(cases64[i][0])),
		    strlen(cases64[i][1]));
		assert_string_equal(out, cases64[i][1]);
	}
}

static void test_fingerprints(void **state)
{
	static const char *const bad[] = {"", "SHA256:", "SHA256:bBmt+8CHCGRiDOgUx5th0QtvNadkm8h8LFX/G8l5ur",
	    "SHA256:bBmt+8CHCGRiDOgUx5th0QtvNadkm8h8LFX/G8l5urI=", "SHA256:bBmt+8CHCGRiDOgUx5th0QtvNadkm8h8LFX/G8l5urJ",
	    "SHA256:bBmt+8CHCGRiDOgUx5th0QtvNadkm8h8LFX/G8l5 rI", "sha256:bBmt+8CHCGRiDOgUx5th0QtvNadkm8h8LFX/G8l5urI",
	    "MD5:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff", "bBmt+8CHCGRiDOgUx5th0QtvNadkm8h8LFX/G8l5urI"};

	(void)state;
	assert_true(ssh_is_fingerprint("SHA256:bBmt+8CHCGRiDOgUx5th0QtvNadkm8h8LFX/G8l5urI"));
	assert_true(ssh_is_fingerprint("SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(ssh_is_fingerprint(bad[i]));
}

static void test_options(void **state)
{
	static const struct ssh_options bad[] = {{.user = "u"}, {.host = "h"}, {.host = "", .user = "u"},
	    {.host = "-h", .user = "u"}, {.host = "[::1]", .user = "u"}, {.host = "u@h", .user = "u"},
	    {.host = "h", .user = "u u"}, {.host = "h\n", .user = "u"}, {.host = "h", .user = "u", .port = 65536},
	    {.host = "h", .user = "u", .timeout = 4}, {.host = "h", .user = "u", .connect_timeout = 86401},
	    {.host = "h", .user = "u", .fingerprint = "x"}};
	struct ssh *ssh;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(ssh_open(&ssh, &bad[i]), ERR_USAGE);
		assert_int_equal(failure_last()->id, PL_SSH_OPTION);
		assert_null(ssh);
	}
	ssh_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_ask), cmocka_unit_test(test_nul_ends_nothing),
	    cmocka_unit_test(test_types), cmocka_unit_test(test_base64), cmocka_unit_test(test_fingerprints),
	    cmocka_unit_test(test_options)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
