/* Papers: the words of both languages, the model. */
#include "core/base/mem.h"
#include "tests/unit/report_forms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* ---- words ---- */

/* Bit n: {n} stands in the text. */
static unsigned placeholders(const char *text)
{
	unsigned found = 0;

	for (const char *at = text; (at = strchr(at, '{')) != NULL; at++) {
		assert_true(at[1] >= '1' && at[1] <= '9' && at[2] == '}');
		found |= 1u << (at[1] - '0');
	}
	return found;
}

static void test_words_of_both_languages(void **state)
{
	(void)state;
	for (int word = 0; word < WORD_COUNT; word++) {
		const char *indonesian = record_word((enum word)word, false);
		const char *english = record_word((enum word)word, true);
		unsigned found = placeholders(indonesian);

		assert_non_null(indonesian);
		assert_non_null(english);
		assert_true(*indonesian && *english);
		if (found != placeholders(english))
			fail_msg("\"%s\" and \"%s\" have other placeholders", indonesian, english);
		assert_int_equal(found & (found + 2), 0); /* {1} up to the last, none left out */
	}
}

static void test_fill(void **state)
{
	char out[64], small[8];

	(void)state;
	assert_int_equal(record_fill(out, sizeof(out), WORD_PAGE_OF, false, RECORD_ARGUMENTS("2", "5")), 16);
	assert_string_equal(out, "Halaman 2 dari 5");
	/* what is put in is not looked at again, and what is not given is empty */
	record_fill(out, sizeof(out), WORD_PAGE_OF, true, RECORD_ARGUMENTS("{2}"));
	assert_string_equal(out, "Page {2} of ");
	assert_int_equal(record_fill(small, sizeof(small), WORD_PAGE_OF, true, RECORD_ARGUMENTS("1", "2")), 11);
	assert_string_equal(small, "Page 1 ");
	assert_int_equal(record_fill(NULL, 0, WORD_PAGE_OF, true, RECORD_ARGUMENTS("1", "2")), 11);
}

static void test_times_and_numbers(void **state)
{
	char out[RECORD_PHRASE];

	(void)state;
	assert_string_equal(record_time(out, "2026-11-22T18:00:05+09:00", record_zone("Asia/Jayapura"), false),
	    "Minggu, 22 November 2026, 18.00.05 WIT (UTC+09:00)");
	assert_string_equal(record_time(out, "2026-11-22T18:00:05+07:00", record_zone("Europe/Berlin"), true),
	    "Sunday, 22 November 2026, 18:00:05 (UTC+07:00)");
	assert_string_equal(record_time(out, "yesterday", "", false), "yesterday");
	assert_string_equal(record_time_utc(out, "2026-11-21T16:00:02Z", false), "2026-11-21 16.00.02 UTC");
	assert_string_equal(record_time_utc(out, "2026-11-21T16:00:02Z", true), "2026-11-21 16:00:02 UTC");
	assert_string_equal(record_time_utc(out, "?", true), "?");
	assert_string_equal(record_time_short(out, "2026-11-22T18:00:05+09:00", false), "22 November 2026, 18.00");
	assert_string_equal(record_date(out, 2026, 8, 17, 1, false), "Senin, 17 Agustus 2026");
	assert_string_equal(record_period(out, "2026-05", false), "Mei 2026");
	assert_string_equal(record_period(out, "2026-13", false), "2026-13");
	assert_string_equal(record_duration(out, 12345, false), "12,3 detik");
	assert_string_equal(record_duration(out, 12345, true), "12.3 s");
	assert_string_equal(record_duration(out, 3661000, true), "1:01:01");
	assert_string_equal(record_ratio(out, 254, 100, false), "2,5");
	assert_string_equal(record_size_short(out, 1536, false), "1,50 KiB");
}

/* ---- the model ---- */

static void test_texts_are_made_visible(void **state)
{
	static const struct {
		const char *text, *shown;
	} texts[] = {
	    {"plain \xc3\xa9 \xe5\x88\xa4 \xf0\x9f\x93\xb7", "plain \xc3\xa9 \xe5\x88\xa4 \xf0\x9f\x93\xb7"},
	    {"a\nb\tc\x1b[31m\x7f", "a\\x0ab\\x09c\\x1b[31m\\x7f"},
	    {"\xff\xc3", "\\xff\\xc3"},
	    {"\xe2\x80\xae\xe2\x81\xa6\xd8\x9c", "\\u{202e}\\u{2066}\\u{061c}"},
	    {"a\xe2\x80\xa8"
	     "b\xef\xbb\xbf\xc2\xad",
		"a\\u{2028}b\\u{feff}\\u{00ad}"},
	    {"\xf3\xa0\x81\x81", "\\u{e0041}"},
	    {"", ""},
	};
	struct report_model model = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_string_equal(report_model_text(&model, texts[i].text), texts[i].shown);
	assert_string_equal(report_model_format(&model, "%s-%d", "\x01", 5), "\\x01-5");
	assert_int_equal(model.err, ERR_OK);
	report_model_free(&model);
}

static void test_model_of_blocks(void **state)
{
	static const struct report_heading columns[] = {{WORD_JOB, REPORT_NO_GROUP, 1, false},
	    {WORD_TIME, WORD_QUALITY, 1, true}, {WORD_OUTPUT, WORD_QUALITY, 2, false}};
	struct report_model model = {.english = true};
	double edges[4];

	(void)state;
	report_model_head(&model, "Office", "one\n\ntwo\x07\n", WORD_TITLE, "");
	assert_string_equal(model.address, "one\ntwo\\x07");
	report_model_heading(&model, WORD_STATUS);
	report_model_field(&model, WORD_JOB, "");
	report_model_field_more(&model, "more");
	report_model_field_given(&model, WORD_JOB, "");
	report_model_heading(&model, WORD_STATUS);
	report_model_table(&model, columns, 3);
	report_model_row(&model, (const char *const[]){"1", "", ""}, false);
	report_model_row(&model, (const char *const[]){"2", "x", ""}, true);
	assert_int_equal(report_model_annex(&model, WORD_OBJECTS_ANNEX, "of this"), 1);
	assert_int_equal(report_model_annex(&model, WORD_PROBLEM_ANNEX, "of this"), 2);
	assert_int_equal(model.err, ERR_OK);
	assert_int_equal(model.blocks_count, 6);
	assert_string_equal(model.blocks[0].text, "A. Status");
	assert_int_equal(model.blocks[1].fields_count, 2);
	assert_string_equal(model.blocks[1].fields[1].label, "");
	assert_string_equal(model.blocks[2].text, "B. Status");
	report_model_edges(&model.blocks[3], edges);
	assert_true(edges[0] == 0 && edges[1] == 0.25 && edges[2] == 0.5 && edges[3] == 1);
	assert_int_equal(report_model_group(&model.blocks[3], 0), 1);
	assert_int_equal(report_model_group(&model.blocks[3], 1), 2);
	assert_true(report_model_row_is_blank(&model.blocks[3], 0));
	assert_false(report_model_row_is_blank(&model.blocks[3], 1));
	assert_string_equal(model.blocks[5].text, "ANNEX 2: FILES THAT NEED ATTENTION");
	report_model_free(&model);
}

static void test_blanks_for_signatures(void **state)
{
	const struct report_signature signatures[] = {{.role = "a", .position = "", .name = "", .nip = ""},
	    {.role = "b", .position = "", .name = "N", .nip = ""}};
	struct report_model model = {0};

	(void)state;
	report_model_signatures(&model, "Ternate", signatures, 2);
	assert_string_equal(model.blocks[0].signatures[0].name, REPORT_SIGN_BLANK);
	assert_string_equal(model.blocks[0].signatures[0].nip, "NIP " REPORT_SIGN_BLANK);
	assert_string_equal(model.blocks[0].signatures[0].place, "");
	assert_string_equal(model.blocks[0].signatures[1].nip, "NIP -");
	assert_string_equal(model.blocks[0].signatures[1].place, "Ternate, " REPORT_DATE_BLANK);
	report_model_free(&model);
}

static void test_memory_runs_out(void **state)
{
	static const struct {
		report_form *form;
		unsigned long step; /* letters take long */
	} forms[] = {{report_text, 1}, {report_html, 1}, {report_pdf, 11}};
	struct record_original original = {0};

	(void)state;
	assert_int_equal(report_sample(&original, REPORT_SAMPLE_ODD, report_forms_keys), ERR_OK);
	for (size_t i = 0; i < 3; i++) {
		enum err err = ERR_NOMEM;

		for (unsigned long n = 1; err != ERR_OK; n += forms[i].step) {
			struct report_model model = {0};
			struct buffer out = {0};

			mem_fail_at(n);
			err = record_report(&model, &original, NULL);
			if (err == ERR_OK)
				err = forms[i].form(&model, &out);
			mem_fail_at(0);
			assert_true(err == ERR_OK || err == ERR_NOMEM);
			report_model_free(&model);
			buffer_free(&out);
		}
	}
	record_original_free(&original);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_words_of_both_languages),
	    cmocka_unit_test(test_fill),
	    cmocka_unit_test(test_times_and_numbers),
	    cmocka_unit_test(test_texts_are_made_visible),
	    cmocka_unit_test(test_model_of_blocks),
	    cmocka_unit_test(test_blanks_for_signatures),
	    cmocka_unit_test(test_memory_runs_out),
	};

	return cmocka_run_group_tests(tests, report_forms_up, report_forms_down);
}
