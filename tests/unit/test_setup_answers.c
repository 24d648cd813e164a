/* Answers of pulih setup: what is taken, what is refused, and how it is written down. */
#include "cli/setup_ask.h"
#include "cli/setup_checks.h"
#include "cli/setup_plan.h"
#include "cli/setup_sqlite.h"
#include "cli/setup_web.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/crypto/crypto.h"
#include "tests/unit/random_bytes.h"
#include "tests/unit/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

static void refused(struct setup_answers *answers, enum setup_answer which, const char *text, const char *words)
{
	assert_int_equal(setup_answers_take(answers, which, text), ERR_USAGE);
	assert_int_equal(failure_last()->id, PL_OPTION_VALUE);
	if (!strstr(failure_last()->text, words) || !strstr(failure_last()->text, setup_answers_option(which)))
		fail_msg("%s", failure_last()->text);
}

static void taken(struct setup_answers *answers, enum setup_answer which, const char *text, const char *kept)
{
	assert_int_equal(setup_answers_take(answers, which, text), ERR_OK);
	assert_string_equal(answers->text[which], kept);
}

static void answers_are_checked(void **state)
{
	struct setup_answers answers = {0};

	(void)state;
	taken(&answers, ANSWER_OFFICE, "  Pengadilan Agama  ", "Pengadilan Agama");
	refused(&answers, ANSWER_OFFICE, " ", "needed");
	refused(&answers, ANSWER_OFFICE, "a\nb", "one line");
	refused(&answers, ANSWER_OFFICE, "caf\xe9", "UTF-8");
	assert_string_equal(answers.text[ANSWER_OFFICE], "Pengadilan Agama");
	taken(&answers, ANSWER_CITY, "none", "");
	taken(&answers, ANSWER_CITY, "-", "");
	taken(&answers, ANSWER_OPERATOR, "none", "none"); /* nothing that may be left out */
	refused(&answers, ANSWER_TIMEZONE, "Asia/Ternate", "Asia/Jayapura");
	refused(&answers, ANSWER_LANGUAGE, "fr", "id or en");
	taken(&answers, ANSWER_OPERATOR, "Siti R. Hamid, S.Kom.", "Siti R. Hamid, S.Kom.");
	taken(&answers, ANSWER_OPERATOR_NIP, "19800101 200501 1 001", "19800101 200501 1 001");
	refused(&answers, ANSWER_OPERATOR_NIP, "NIP 1", "digits");
	refused(&answers, ANSWER_REVIEWER, "siti r hamid S.KOM", "another person");
	refused(&answers, ANSWER_REVIEWER_NIP, "198001012005011001", "another person");
	refused(&answers, ANSWER_HEAD, "Siti R. Hamid S.Kom", "another person");
	taken(&answers, ANSWER_REVIEWER, "Siti Hamid", "Siti Hamid");
	refused(&answers, ANSWER_OPERATOR_EMAIL, "siti", "name@host");
	refused(&answers, ANSWER_MAIL_SERVER, "mail.example.org", "nobody has");
	taken(&answers, ANSWER_OPERATOR_EMAIL, "siti@example.org", "siti@example.org");
	taken(&answers, ANSWER_MAIL_SERVER, "mail.example.org", "mail.example.org");
	taken(&answers, ANSWER_MAIL_SECURITY, "none", "none");
	refused(&answers, ANSWER_MAIL_USER, "siti", "without encryption");
	refused(&answers, ANSWER_MAIL_PASSWORD_FILE, "/nonexistent", "nobody else");
	refused(&answers, ANSWER_AT, "25:00", "HH:MM");
	refused(&answers, ANSWER_KEEP, "0,0,0", "three numbers");
	refused(&answers, ANSWER_KEEP, "14", "three numbers");
	refused(&answers, ANSWER_KEEP, "14,8,24,1", "three numbers");
	refused(&answers, ANSWER_KEEP, "14,8,99999", "three numbers");
	taken(&answers, ANSWER_KEEP, "14 0 24", "14 0 24");
	refused(&answers, ANSWER_JOB, "Web Site", "lower-case");
	refused(&answers, ANSWER_SOP, "AS/28", "as28");
	assert_false(setup_answers_wanted(&answers, ANSWER_HEAD_NIP));
	assert_true(setup_answers_wanted(&answers, ANSWER_MAIL_FROM));
	setup_answers_free(&answers);
}

static void places_are_checked(void **state)
{
	struct setup_answers answers = {0};
	char path[96];

	(void)state;
	make_each_folder((const char *const[]){"data", "full", "empty", "disk", "disk/lost+found", "repo", NULL});
	write_text("full/letter.odt", "x");
	write_text("file", "x");
	write_text("repo/config", "x");
	write_text("repo/other", "x");
	assert_int_equal(symlink("data", "link"), 0);
	refused(&answers, ANSWER_TARGET, "srv/pulih", "absolute");
	refused(&answers, ANSWER_TARGET, "ssh://host/srv", "absolute");
	snprintf(path, sizeof(path), "%s/full", scratch_folder);
	refused(&answers, ANSWER_TARGET, path, "full/pulih");
	snprintf(path, sizeof(path), "%s/file", scratch_folder);
	refused(&answers, ANSWER_TARGET, path, "no folder");
	snprintf(path, sizeof(path), "%s/file/x", scratch_folder);
	refused(&answers, ANSWER_TARGET, path, "cannot look");
	snprintf(path, sizeof(path), "%s/link", scratch_folder);
	assert_int_equal(setup_answers_add_path(&answers, path), ERR_OK);
	snprintf(path, sizeof(path), "%s/data", scratch_folder);
	assert_string_equal(answers.paths.items[0], path); /* what is behind the link */
	refused(&answers, ANSWER_TARGET, path, "to be backed up");
	snprintf(path, sizeof(path), "%s/gone", scratch_folder);
	assert_int_equal(setup_answers_add_path(&answers, path), ERR_USAGE);
	assert_int_equal(setup_answers_add_path(&answers, "data"), ERR_USAGE);
	assert_int_equal(setup_answers_add_database(&answers, path), ERR_USAGE);
	snprintf(path, sizeof(path), "%s/empty/new/deep//", scratch_folder);
	assert_int_equal(setup_answers_take(&answers, ANSWER_TARGET, path), ERR_OK);
	assert_int_equal(setup_checks_place(answers.text[ANSWER_TARGET]), PLACE_NEW);
	assert_string_equal(answers.text[ANSWER_TARGET] + strlen(scratch_folder), "/empty/new/deep");
	snprintf(path, sizeof(path), "%s/disk", scratch_folder);
	taken(&answers, ANSWER_TARGET, path, path);
	snprintf(path, sizeof(path), "%s/repo", scratch_folder);
	taken(&answers, ANSWER_TARGET, path, path);
	assert_int_equal(setup_checks_place(path), PLACE_REPOSITORY);
	setup_answers_free(&answers);
}

static void choices_are_read(void **state)
{
	static const struct {
		const char *text, *chosen; /* NULL: refused */
	} cases[] = {{"1", "10000"}, {"1 3", "10100"}, {"2-4", "01110"}, {" 1,5 ", "10001"}, {"1, 2-2", "11000"},
	    {"all", "11111"}, {"NONE ", "00000"}, {"0", NULL}, {"6", NULL}, {"4-2", NULL}, {"1-", NULL}, {"x", NULL},
	    {"1x", NULL}, {"", NULL}, {"all 1", NULL}, {"99999999999999999999", NULL}, {"-1", NULL}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool chosen[5];
		bool read = setup_ask_parse(cases[i].text, chosen, 5);

		if (read != (cases[i].chosen != NULL))
			fail_msg("\"%s\"", cases[i].text);
		for (size_t k = 0; read && k < 5; k++)
			assert_int_equal(chosen[k], cases[i].chosen[k] == '1');
	}
}

static void words_are_quoted(void **state)
{
	static const char *const cases[][2] = {{"/srv/pulih", "/srv/pulih"}, {"a b", "'a b'"}, {"it's", "'it'\\''s'"},
	    {"", "''"}, {"$(x)", "'$(x)'"}, {"~", "'~'"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *quoted = setup_plan_quoted(cases[i][0]);

		assert_string_equal(quoted, cases[i][1]);
		mem_free(quoted);
	}
}

static void weak_passphrases_are_named(void **state)
{
	static const char *const weak[] = {"rahasia", "12345678901234567890", "pengadilan2026", "satu dua"};
	static const char *const good[] = {"lima kata yang tidak ditebak", "Xk3-99f.kQ2!mmz0L_p7", "aa bb cc dd ee"};

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_non_null(setup_checks_passphrase(weak[i], strlen(weak[i])));
	for (size_t i = 0; i < 3; i++)
		assert_null(setup_checks_passphrase(good[i], strlen(good[i])));
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_enter, scratch_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answers_are_checked),
	    IN_SCRATCH(places_are_checked),
	    cmocka_unit_test(choices_are_read),
	    cmocka_unit_test(words_are_quoted),
	    cmocka_unit_test(weak_passphrases_are_named),
	};

	return crypto_setup() == ERR_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
