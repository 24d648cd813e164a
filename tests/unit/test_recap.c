/* Papers about more than one run: what a month counts, what is due in it, what a failed run means. */
#include "tests/unit/report_samples.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/record/report_html.h"
#include "core/record/report_pdf.h"
#include "core/record/report_recap.h"
#include "core/record/report_schedule.h"
#include "core/record/report_situation.h"
#include "core/record/report_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct keys *keys;
static struct report_samples_month november;

static void text_of(const struct report_model *model, struct buffer *text)
{
	buffer_clear(text);
	assert_int_equal(report_text(model, text), ERR_OK);
	assert_int_equal(buffer_append_u8(text, 0), ERR_OK);
}

static void assert_has(const struct buffer *text, const char *words)
{
	if (!strstr((const char *)text->data, words))
		fail_msg("\"%s\" is missing in\n%s", words, (const char *)text->data);
}

/* The same without any blanks: how wide columns are is of no account. */
static void assert_row(const struct buffer *text, const char *words)
{
	char *all = mem_string((const char *)text->data), *to = all;

	assert_non_null(all);
	for (const char *at = all; *at; at++)
		if (*at != ' ')
			*to++ = *at;
	*to = '\0';
	if (!strstr(all, words))
		fail_msg("\"%s\" is missing in\n%s", words, all);
	mem_free(all);
}

/* ---- months ---- */

static void test_months(void **state)
{
	static const char *const none[] = {"", "2026", "2026-1", "2026-00", "2026-13", "2026-111", "2026/11", " 2026-1",
	    "1969-12", "2262-01", "2026-1x", "+026-11", "2026-11 "};
	struct report_month month;

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(report_month_of(&month, none[i]));
	assert_true(report_month_of(&month, "2026-11"));
	assert_int_equal(month.days, 30);
	assert_int_equal(month.from, INT64_C(1793458800) * CLOCK_SECOND); /* 2026-11-01T00:00:00+09:00 */
	assert_int_equal(month.until - month.from, 30 * 86400 * CLOCK_SECOND);
	assert_true(report_month_of(&month, "2024-02"));
	assert_int_equal(month.days, 29);
	assert_true(report_month_of(&month, "2100-02"));
	assert_int_equal(month.days, 28);
	assert_true(report_month_of(&month, "2026-12"));
	assert_int_equal(month.until - month.from, 31 * 86400 * CLOCK_SECOND);
}

/* ---- recapitulation ---- */

static void make_recap(struct recap *recap)
{
	assert_int_equal(
	    recap_make(recap, &november.list, &november.month, november.plans, november.plans_count, november.now),
	    ERR_OK);
}

static void test_recap_counts(void **state)
{
	struct recap recap = {0};

	(void)state;
	make_recap(&recap);
	assert_int_equal(recap.rows_count, 3);
	assert_int_equal(recap.records_count, 22); /* without those of October and December */
	assert_int_equal(recap.as_of, november.now);

	assert_string_equal(recap.rows[0].job, "website");
	assert_true(recap.rows[0].is_planned);
	assert_int_equal(recap.rows[0].planned, 22);
	assert_int_equal(recap.rows[0].runs, 21);
	assert_int_equal(recap.rows[0].done, 20);
	assert_int_equal(recap.rows[0].notes, 1);
	assert_int_equal(recap.rows[0].failed, 1);
	assert_int_equal(recap.rows[0].late, 1);
	assert_int_equal(recap.rows[0].missed, 1);
	assert_int_equal(recap.rows[0].missed_at[0], november.nightly[6]);
	assert_int_equal(recap.rows[0].stored, UINT64_C(20) * 52428800);
	assert_int_equal(recap.rows[0].source, UINT64_C(13314398611));
	assert_int_equal(recap.rows[0].drills_planned, 0); /* the 30th is still to come */

	assert_string_equal(recap.rows[1].job, "basis-data");
	assert_int_equal(recap.rows[1].planned, 21 * 24 + 12);
	assert_int_equal(recap.rows[1].missed, 21 * 24 + 12);
	assert_int_equal(recap.rows[1].runs, 0);
	assert_int_equal(recap.rows[1].missed_at[RECAP_MISSED_NAMED - 1], november.hourly[RECAP_MISSED_NAMED - 1]);

	assert_string_equal(recap.rows[2].job, "arsip");
	assert_false(recap.rows[2].is_planned);
	assert_int_equal(recap.rows[2].done, 1);
	assert_int_equal(recap.rows[2].missed, 0);

	assert_null(recap.total.job);
	assert_int_equal(recap.total.runs, recap.total.done + recap.total.failed);
	assert_int_equal(recap.total.done, 21);
	assert_int_equal(recap.total.missed, 1 + 21 * 24 + 12);
	recap_free(&recap);
}

/* The whole month, asked for afterwards; and one in which nothing was. */
static void test_recap_of_past_and_empty_months(void **state)
{
	struct recap recap = {0};
	struct report_month may;

	(void)state;
	assert_int_equal(recap_make(&recap, &november.list, &november.month, november.plans, november.plans_count,
			     november.month.until + 5 * 86400 * CLOCK_SECOND),
	    ERR_OK);
	assert_int_equal(recap.as_of, november.month.until);
	assert_int_equal(recap.rows[0].planned, 30);
	assert_int_equal(recap.rows[0].missed, 9);
	assert_int_equal(recap.rows[0].drills_planned, 1);
	recap_free(&recap);
	assert_true(report_month_of(&may, "2026-05"));
	assert_int_equal(recap_make(&recap, &november.list, &may, NULL, 0, november.now), ERR_OK);
	assert_int_equal(recap.records_count, 0);
	assert_int_equal(recap.rows_count, 0);
	recap_free(&recap);
}

/* A run counts for the month in which it was due, whenever it was made up for; records of drills, and of what is no run, stand apart. */
static void test_recap_sorts_records(void **state)
{
	struct record made_up = report_sample_run(
	    "m-1", "website", november.nightly[29] / CLOCK_SECOND, november.month.until / CLOCK_SECOND + 86400);
	struct record_original items[3] = {{0}};
	enum record_decision reviews[3] = {RECORD_APPROVED};
	struct record_list list = {.items = items, .reviews = reviews, .count = 3};
	struct recap recap = {0};

	(void)state;
	made_up.trigger = "catch_up";
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(report_sample_sign(&items[i], &made_up, i + 1, keys), ERR_OK);
	json_object_set_new(items[1].record, "kind", json_string("drill"));
	json_object_set_new(items[1].record, "status", json_string("failed"));
	json_object_set_new(items[2].record, "kind", json_string("review"));
	assert_int_equal(recap_make(&recap, &list, &november.month, november.plans, 1, november.month.until), ERR_OK);
	assert_int_equal(recap.records_count, 2);
	assert_int_equal(recap.rows[0].runs, 1);
	assert_int_equal(recap.rows[0].reviewed, 1);
	assert_int_equal(recap.rows[0].late, 1);
	assert_int_equal(recap.rows[0].missed, 29);
	assert_int_equal(recap.rows[0].drills, 1);
	assert_int_equal(recap.rows[0].drills_failed, 1);
	recap_free(&recap);
	for (size_t i = 0; i < 3; i++)
		record_original_free(&items[i]);
}

/* What was planned before the job's first record, or by another schedule than today's, was not missed; nor what is at work or waits. */
static void test_recap_knows_what_was_not_planned(void **state)
{
	struct report_plan plan = november.plans[0];
	struct recap recap = {0};

	(void)state;
	assert_int_equal(recap_make(&recap, &november.list, &november.month, &plan, 1, november.month.until), ERR_OK);
	assert_int_equal(recap.rows[0].drills_planned, 1);
	recap_free(&recap);
	plan.first = november.drills[0] + 1;
	assert_int_equal(recap_make(&recap, &november.list, &november.month, &plan, 1, november.month.until), ERR_OK);
	assert_int_equal(recap.rows[0].drills_planned, 0);
	recap_free(&recap);
	plan.first = november.nightly[3];
	plan.open[0] = november.nightly[6];
	assert_int_equal(recap_make(&recap, &november.list, &november.month, &plan, 1, november.now), ERR_OK);
	assert_int_equal(recap.rows[0].since, november.nightly[3]);
	assert_int_equal(recap.rows[0].planned, 19);
	assert_int_equal(recap.rows[0].missed, 0);
	recap_free(&recap);
	plan = november.plans[0];
	plan.first = november.month.from - 1;
	for (size_t i = 0; i < november.list.count; i++) {
		json_t *record = november.list.items[i].record;

		if (strcmp(json_string_value(json_object_get(record, "id")), "20261105t010000-website-3f05") == 0)
			json_object_set_new(record, "schedule", json_string("day 02:00"));
	}
	assert_int_equal(recap_make(&recap, &november.list, &november.month, &plan, 1, november.now), ERR_OK);
	assert_int_equal(recap.rows[0].since, november.nightly[4] + 1);
	assert_int_equal(recap.rows[0].planned, 17);
	assert_int_equal(recap.rows[0].missed, 1);
	recap_free(&recap);
	for (size_t i = 0; i < november.list.count; i++)
		json_object_set_new(november.list.items[i].record, "schedule", json_string("day 01:00"));
	assert_int_equal(recap_make(&recap, &november.list, &november.month, &plan, 1, november.now), ERR_OK);
	assert_int_equal(recap.rows[0].since, 0);
	assert_int_equal(recap.rows[0].planned, 22);
	recap_free(&recap);
}

static void test_recap_paper(void **state)
{
	struct report_filer filer = november.filer;
	struct recap recap = {0};
	struct report_model model = {0};
	struct buffer text = {0};

	(void)state;
	make_recap(&recap);
	assert_int_equal(report_recap(&model, &recap, &filer), ERR_OK);
	text_of(&model, &text);
	assert_has(&text, "REKAPITULASI PELAKSANAAN BACKUP\n");
	assert_has(&text, "Keadaan sampai           : Minggu, 22 November 2026, 12.00.00 WIT (UTC+09:00)\n");
	assert_row(&text, "|website|22|20|1|1|1|");
	assert_row(&text, "|arsip|-|1|0|-|0|");
	assert_has(&text, "Terlewat, website: 7 November 2026, 01.00.\n");
	assert_has(&text, "dan 506 waktu lain.");
	assert_has(&text, "|PL-1002: Media cadangan ");
	assert_has(&text, "dibaca. Berkas tidak");
	assert_has(&text, "0 dari 22 laporan sudah diperiksa.");
	assert_has(&text, "LAMPIRAN 1: DAFTAR PELAKSANAAN\n");
	report_model_free(&model);
	filer.office.english = true;
	filer.acknowledger = (struct record_person){0};
	recap.damaged = 2;
	assert_int_equal(report_recap(&model, &recap, &filer), ERR_OK);
	text_of(&model, &text);
	assert_has(&text, "MONTHLY RECAPITULATION OF BACKUPS\n");
	assert_has(&text, "Missed, website: 7 November 2026, 01:00.\n");
	assert_has(&text, "2 records are damaged and not counted");
	assert_has(&text, "NIP .....");
	report_model_free(&model);
	recap_free(&recap);
	buffer_free(&text);
}

static void test_recap_json(void **state)
{
	struct recap recap = {0};
	json_t *object, *jobs, *total;

	(void)state;
	make_recap(&recap);
	object = recap_json(&recap);
	assert_non_null(object);
	jobs = json_object_get(object, "jobs");
	total = json_object_get(object, "total");
	assert_string_equal(json_string_value(json_object_get(object, "month")), "2026-11");
	assert_string_equal(json_string_value(json_object_get(object, "as_of")), "2026-11-22T12:00:00+09:00");
	assert_int_equal(json_array_size(jobs), 3);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(jobs, 0), "missed")), 1);
	assert_true(json_is_null(json_object_get(json_array_get(jobs, 2), "planned")));
	assert_null(json_object_get(total, "job"));
	assert_int_equal(json_integer_value(json_object_get(total, "done")), 21);
	json_decref(object);
	recap_free(&recap);
}

/* ---- schedule ---- */

static void test_schedule(void **state)
{
	struct report_model model = {0};
	struct buffer text = {0};
	const struct report_block *table = NULL;

	(void)state;
	assert_int_equal(
	    report_schedule(&model, &november.month, november.plans, november.plans_count, &november.filer), ERR_OK);
	for (size_t i = 0; i < model.blocks_count; i++)
		if (model.blocks[i].kind == REPORT_TABLE)
			table = &model.blocks[i]; /* the last one */
	assert_non_null(table);
	assert_int_equal(table->rows_count, 30 + 30 + 1);
	assert_string_equal(table->cells[1], "Minggu, 1 November 2026");
	assert_string_equal(table->cells[2], "01.00");
	assert_string_equal(table->cells[3], "Backup: website");
	assert_string_equal(table->cells[4], "AS/28 / 2");
	assert_string_equal(table->cells[7 + 2],
	    "24 kali, 00.15\xe2\x80\x93"
	    "23.15");
	assert_string_equal(table->cells[59 * 7 + 3], "Uji pemulihan: website");
	text_of(&model, &text);
	assert_has(&text, "JADWAL BACKUP DAN UJI PEMULIHAN\n");
	assert_has(&text, "Jadwal");
	report_model_free(&model);
	buffer_free(&text);
}

static void test_schedule_of_nothing_and_of_few(void **state)
{
	int64_t times[4];
	struct report_plan plan = {.job = "j",
	    .performer = "p",
	    .performer_position = "q",
	    .reviewer = "r",
	    .backups = {times, 4, true, NULL}};
	struct report_model model = {0};
	struct buffer text = {0};

	(void)state;
	assert_int_equal(report_schedule(&model, &november.month, NULL, 0, &november.filer), ERR_OK);
	text_of(&model, &text);
	assert_has(&text, "Tidak ada pekerjaan terjadwal pada bulan ini.");
	report_model_free(&model);
	for (int i = 0; i < 4; i++) /* one before the month, two in it, one behind it */
		times[i] = november.month.from + (i - 1) * 6 * 3600 * CLOCK_SECOND;
	times[3] = november.month.until;
	assert_int_equal(report_schedule(&model, &november.month, &plan, 1, &november.filer), ERR_OK);
	text_of(&model, &text);
	assert_has(&text, "00.00, 06.00");
	assert_row(&text, "|j|-|-|-|p|r|");
	report_model_free(&model);
	buffer_free(&text);
}

/* ---- situation ---- */

static void situation_of(size_t at, struct buffer *text)
{
	struct report_model model = {0};

	assert_int_equal(report_situation(&model, &november.list.items[at], &november.list), ERR_OK);
	text_of(&model, text);
	report_model_free(&model);
}

static void test_situation_of_a_failed_run(void **state)
{
	struct report_model model = {0};
	struct buffer text = {0};

	(void)state;
	situation_of(november.failed, &text);
	assert_has(&text, "LAPORAN SITUASI DAN KONDISI\n");
	assert_has(&text, "(Konsep)\n");
	assert_has(&text, "Kepada Yth.              : Contoh Pemeriksa, S.H., Kasub Bag Kepeg dan TI");
	assert_has(&text, "Perihal                  : Pelaksanaan backup website gagal\n");
	assert_has(&text, "Penjelasan               : Media cadangan penuh.\n");
	assert_has(&text, "PL-1002: cannot write");
	assert_has(&text, "Pelaksanaan ini tidak menghasilkan cadangan.");
	assert_has(&text, "Cadangan terakhir yang baik sebelum itu: Sabtu, 14 November 2026");
	assert_has(&text, "(20261116t010000-website-");
	assert_has(&text, "1. Mengosongkan ruang pada media");
	assert_has(&text, "Rabu, 18 November 2026, 01.00.02 WIT");
	assert_has(&text, "Diterima oleh");
	/* the next run, which has notes: what it lacks is named, and the last good one is the same */
	situation_of(november.failed + 1, &text);
	assert_has(&text, "Pelaksanaan backup website berhasil dengan catatan\n");
	assert_has(&text, "Cadangan ada, tetapi 1 berkas");
	assert_has(&text, "Sabtu, 14 November 2026");
	assert_has(&text, "/var/www/html/rahasia.php");
	/* no good one before, and one that was good */
	assert_int_equal(report_situation(&model, &november.list.items[0], &november.list), ERR_USAGE);
	assert_non_null(strstr(failure_last()->text, "was successful"));
	report_model_free(&model);
	buffer_free(&text);
}

/* Each kind of failure has words of its own, in both languages. */
static void test_words_for_every_failure(void **state)
{
	(void)state;
	for (enum err kind = ERR_FAILED; kind <= ERR_DRILL; kind++) {
		struct record record = report_sample_run("a-1", "website", 0, 1795276800);
		struct record_original original = {0};
		struct record_list none = {0};
		struct report_model model = {0};
		struct buffer text = {0};

		record.keys = keys;
		record.result = NULL;
		record.office.english = kind % 2 == 1;
		record.status = RECORD_FAILED;
		record.failure = (struct failure){.kind = kind, .id = PL_TARGET_READ, .text = "x"};
		assert_int_equal(report_sample_sign(&original, &record, 1, keys), ERR_OK);
		assert_int_equal(report_situation(&model, &original, &none), ERR_OK);
		text_of(&model, &text);
		assert_has(&text, kind % 2 == 1 ? "SITUATION REPORT" : "LAPORAN SITUASI DAN KONDISI");
		assert_has(&text,
		    kind % 2 == 1 ? "There is no record of a good backup of this job before that."
				  : "Sebelum itu tidak ada catatan tentang cadangan yang baik");
		assert_has(&text, "\n1. ");
		assert_has(&text, "\n2. ");
		report_model_free(&model);
		record_original_free(&original);
		buffer_free(&text);
	}
}

/* ---- memory ---- */

static enum err make_all(struct buffer *out)
{
	struct report_model recap_paper = {0}, schedule = {0}, situation = {0};
	struct recap recap = {0};
	enum err err =
	    recap_make(&recap, &november.list, &november.month, november.plans, november.plans_count, november.now);

	if (err == ERR_OK)
		err = report_recap(&recap_paper, &recap, &november.filer);
	if (err == ERR_OK)
		err = report_text(&recap_paper, out);
	if (err == ERR_OK)
		err = report_schedule(&schedule, &november.month, november.plans, 1, &november.filer);
	if (err == ERR_OK)
		err = report_html(&schedule, out);
	if (err == ERR_OK)
		err = report_situation(&situation, &november.list.items[november.failed], &november.list);
	if (err == ERR_OK)
		err = report_text(&situation, out);
	report_model_free(&recap_paper);
	report_model_free(&schedule);
	report_model_free(&situation);
	recap_free(&recap);
	return err;
}

static void test_memory_runs_out(void **state)
{
	enum err err = ERR_NOMEM;

	(void)state;
	for (unsigned long n = 1; err != ERR_OK; n += 3) {
		struct buffer out = {0};

		mem_fail_at(n);
		err = make_all(&out);
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
		buffer_free(&out);
	}
}

static int set_up(void **state)
{
	(void)state;
	keys = report_samples_begin();
	return keys && report_samples_month(&november, keys) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	report_samples_month_free(&november);
	keys_free(keys);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_months),
	    cmocka_unit_test(test_recap_counts),
	    cmocka_unit_test(test_recap_of_past_and_empty_months),
	    cmocka_unit_test(test_recap_sorts_records),
	    cmocka_unit_test(test_recap_knows_what_was_not_planned),
	    cmocka_unit_test(test_recap_paper),
	    cmocka_unit_test(test_recap_json),
	    cmocka_unit_test(test_schedule),
	    cmocka_unit_test(test_schedule_of_nothing_and_of_few),
	    cmocka_unit_test(test_situation_of_a_failed_run),
	    cmocka_unit_test(test_words_for_every_failure),
	    cmocka_unit_test(test_memory_runs_out),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
