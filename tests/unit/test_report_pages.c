/* Papers as PDF: pages, tables, what stays together. */
#include "core/base/mem.h"
#include "tests/unit/report_forms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_pdf_is_always_the_same(void **state)
{
	struct buffer one = {0}, other = {0};

	(void)state;
	form_of(REPORT_SAMPLE_ODD, report_pdf, &one);
	form_of(REPORT_SAMPLE_ODD, report_pdf, &other);
	assert_memory_equal(one.data, "%PDF-", 5);
	assert_int_equal(one.length, other.length);
	assert_memory_equal(one.data, other.data, one.length);
	assert_non_null(memmem(one.data, one.length, "(20261121160002Z)", strlen("(20261121160002Z)")));
	buffer_free(&one);
	buffer_free(&other);
}

/* Whatever stands above them, the signatures are on one page, with what leads to them; pages are numbered to the last. */
static void test_signatures_stay_together(void **state)
{
	static struct record_source sources[12];
	static char activity[3000];
	size_t pages_seen = 0;

	(void)state;
	for (size_t i = 0; i < 12; i++)
		sources[i] = (struct record_source){"files", "/srv/x"};
	for (size_t words = 0; words < 2400; words += 150) {
		struct record record = report_sample_run("a-1", "website", 0, 1795276800);
		struct record_original original = {0};
		struct report_model model = {0};
		struct buffer pdf = {0};
		size_t found = 0, pages;

		for (size_t i = 0; i < words; i++)
			activity[i] = i % 6 == 5 ? ' ' : 'k';
		activity[words] = '\0';
		record.keys = report_forms_keys;
		record.sop.activity = activity;
		record.sources = sources;
		record.sources_count = 1 + words / 200;
		assert_int_equal(report_sample_sign(&original, &record, 1, report_forms_keys), ERR_OK);
		assert_int_equal(record_report(&model, &original, NULL), ERR_OK);
		assert_int_equal(report_pdf(&model, &pdf), ERR_OK);
		pages = pages_of(&pdf);
		for (size_t page = 1; page <= pages; page++) {
			struct buffer text = {0};
			char *number = mem_printf("Halaman %zu dari %zu", page, pages);

			text_of_pdf(&pdf, (int)page, &text);
			assert_true(has_words((const char *)text.data, number));
			if (has_words((const char *)text.data, "Mengetahui")) {
				found++;
				assert_true(has_words((const char *)text.data, "PEMERIKSAAN DAN TANDA TANGAN"));
				assert_true(has_words((const char *)text.data, "Dibuat oleh"));
				assert_true(has_words((const char *)text.data, "NIP 19900101 201503 1 001"));
				assert_true(has_words((const char *)text.data, "NIP 19700303 199703 1 003"));
			}
			mem_free(number);
			buffer_free(&text);
		}
		assert_int_equal(found, 1);
		pages_seen |= 1u << pages;
		report_model_free(&model);
		record_original_free(&original);
		buffer_free(&pdf);
	}
	assert_true(pages_seen & (pages_seen - 1)); /* the end of a page was somewhere in between */
}

static void test_pdf_of_many_rows(void **state)
{
	struct buffer pdf = {0}, text = {0};
	size_t pages;

	(void)state;
	form_of(REPORT_SAMPLE_MANY, report_pdf, &pdf);
	pages = pages_of(&pdf);
	assert_true(pages > 100);
	text_of_pdf(&pdf, 0, &text);
	assert_true(has_words((const char *)text.data, "dokumen-00000.pdf") &&
	    has_words((const char *)text.data, "dokumen-09999.pdf"));
	assert_non_null(strstr((const char *)text.data, "Masih ada 17 berkas lain"));
	/* the head of the table stands on every page of the annex */
	assert_true(times_in((const char *)text.data, "Nama berkas") > pages - 6);
	buffer_free(&pdf);
	buffer_free(&text);
}

/* A row that is longer than a page goes on, and loses nothing. */
static void test_row_longer_than_a_page(void **state)
{
	static const struct report_heading columns[] = {
	    {WORD_JOB, REPORT_NO_GROUP, 1, false}, {WORD_TIME, REPORT_NO_GROUP, 9, false}};
	static char path[60000];
	struct report_model model = {0};
	struct buffer pdf = {0}, text = {0};
	char *out;

	(void)state;
	for (size_t i = 0; i + 8 < sizeof(path); i += 8)
		snprintf(path + i, 9, "k%06zu/", i / 8);
	report_model_head(&model, "o", "", WORD_TITLE, "");
	report_model_table(&model, columns, 2);
	report_model_row(&model, (const char *const[]){"1", path}, false);
	report_model_row(&model, (const char *const[]){"2", "end"}, false);
	assert_int_equal(report_pdf(&model, &pdf), ERR_OK);
	assert_true(pages_of(&pdf) > 5);
	text_of_pdf(&pdf, 0, &text);
	out = squeezed((const char *)text.data);
	for (size_t i = 0; i + 8 < sizeof(path); i += 8) {
		char piece[9];

		snprintf(piece, sizeof(piece), "k%06zu/", i / 8);
		if (!strstr(out, piece)) /* a line ends behind a slash: no page parts a piece */
			fail_msg("%s is lost", piece);
	}
	assert_true(strstr(out, "end") != NULL);
	mem_free(out);
	report_model_free(&model);
	buffer_free(&pdf);
	buffer_free(&text);
}

/* Enough of everything at once: nothing leaves the page, nothing is lost without a word. */
static void test_long_names_everywhere(void **state)
{
	static char name[4000];
	struct record record = report_sample_run("a-1", "website", 0, 1795276800);
	struct record_original original = {0};
	struct report_model model = {0};
	struct buffer pdf = {0}, text = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(name) - 1; i++)
		name[i] = i % 9 == 8 ? ' ' : 'm';
	record.keys = report_forms_keys;
	record.office.name = record.office.address = record.office.city = name;
	record.performer = record.reviewer = record.acknowledger = (struct record_person){name, name, name, NULL};
	record.target_url = record.host = name;
	record.sop = (struct record_sop){name, name, name, name, name, name, name, name, name, name, name};
	assert_int_equal(report_sample_sign(&original, &record, 1, report_forms_keys), ERR_OK);
	assert_int_equal(record_report(&model, &original, NULL), ERR_OK);
	assert_int_equal(report_pdf(&model, &pdf), ERR_OK);
	text_of_pdf(&pdf, 0, &text);
	assert_true(has_words((const char *)text.data, "Mengetahui"));
	assert_int_equal(report_text(&model, &text), ERR_OK);
	report_model_free(&model);
	record_original_free(&original);
	buffer_free(&pdf);
	buffer_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pdf_is_always_the_same),
	    cmocka_unit_test(test_signatures_stay_together),
	    cmocka_unit_test(test_pdf_of_many_rows),
	    cmocka_unit_test(test_row_longer_than_a_page),
	    cmocka_unit_test(test_long_names_everywhere),
	};

	return cmocka_run_group_tests(tests, report_forms_up, report_forms_down);
}
