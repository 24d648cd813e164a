/* Records: signed, chained, sealed; every member guarded; the report's text in both languages. */
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/record/record_object.h"
#include "core/record/record_report.h"
#include "core/record/record_words.h"
#include "core/record/report_page.h"
#include "core/record/sheet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

static struct keys *keys;

static struct backup_result result = {
    .checks = {{.name = "structure", .good = true, .objects = 3, .detail = "d"},
	{.name = "stored", .good = false, .objects = 2, .bytes = 4096}},
    .checks_count = 2,
    .snapshot = {.id = {1, 2, 3},
	.started = INT64_C(1795338000) * CLOCK_SECOND,
	.totals = {.files = 1234567, .bytes = 1331439861, .new_files = 1, .unreadable = 1}},
};
static const struct record_source sources[] = {{"files", "/var/www/html"}, {"sqlite", "/var/lib/site.db"}};

static struct record sample(const char *id)
{
	return (struct record){.id = id,
	    .job = "website",
	    .office = {.name = "Pengadilan Agama Ternate", .city = "Ternate", .timezone = "Asia/Jayapura"},
	    .sop = {.number = "AS/28", .item = "2", .output = "ADK / Dokumen elektronik"},
	    .performer = {"Contoh Admin", "19", "Admin Web", NULL},
	    .reviewer = {"Contoh Pemeriksa", NULL, "Kasubbag", NULL},
	    .trigger = "manual",
	    .started = INT64_C(1795338000) * CLOCK_SECOND,
	    .ended = INT64_C(1795338061) * CLOCK_SECOND,
	    .duration = 61 * CLOCK_SECOND,
	    .host = "srv",
	    .system = "Linux",
	    .sources = sources,
	    .sources_count = 2,
	    .target_name = "hdd",
	    .target_url = "/srv/pulih",
	    .medium =
		{.device = "/dev/sdb1", .type = "exfat", .label = "ARSIP 1", .uuid = "12AB-34CD", .serial = "WD123"},
	    .previous_started = (INT64_C(1795338000) - 86399) * CLOCK_SECOND,
	    .packs = 40,
	    .packs_never_read_again = 12,
	    .packs_read_since = (INT64_C(1795338061) - 3 * 86400 - 7200) * CLOCK_SECOND,
	    .keys = keys,
	    .result = &result,
	    .retention = "",
	    .schedule = "",
	    .status = RECORD_NOTES};
}

static void sign(const struct record *record, const struct keys *by, struct buffer *out)
{
	static const uint8_t first[HASH_SIZE];
	json_t *object;

	assert_int_equal(record_json(&object, record, 1, first), ERR_OK);
	assert_int_equal(record_sign(object, by, out), ERR_OK);
	json_decref(object);
}

static void test_sign_and_read(void **state)
{
	struct record record = sample("20261122t010000-website-3f2a");
	struct record_original original;
	struct buffer bytes = {0};

	(void)state;
	sign(&record, keys, &bytes);
	assert_int_equal(record_read(&original, bytes.data, bytes.length), ERR_OK);
	assert_true(original.is_signed);
	assert_int_equal(record_check_signer(&original, keys), ERR_OK);
	original.public_key[0] ^= 1;
	assert_int_equal(record_check_signer(&original, keys), ERR_CORRUPT);
	record_original_free(&original);
	buffer_clear(&bytes);
	sign(&record, NULL, &bytes);
	assert_int_equal(record_read(&original, bytes.data, bytes.length), ERR_OK);
	assert_false(original.is_signed);
	assert_int_equal(record_check_signer(&original, keys), ERR_CORRUPT);
	record_original_free(&original);
	buffer_free(&bytes);
}

/* Whatever member of the record changes, and whatever of the three strings beside it, the original is refused. */
static void test_every_member_is_guarded(void **state)
{
	struct record record = sample("20261122t010000-website-3f2a");
	struct record_original original;
	struct buffer bytes = {0};
	json_t *whole, *value;
	const char *name;

	(void)state;
	sign(&record, keys, &bytes);
	whole = json_loadb((const char *)bytes.data, bytes.length, 0, NULL);
	assert_non_null(whole);
	json_object_foreach(json_object_get(whole, "record"), name, value)
	{
		json_t *changed = json_deep_copy(whole);
		char *text;

		json_object_set_new(json_object_get(changed, "record"), name, json_string("x"));
		text = json_dumps(changed, JSON_COMPACT);
		if (record_read(&original, text, strlen(text)) == ERR_OK)
			fail_msg("a changed %s was taken", name);
		mem_free(text);
		json_object_del(json_object_get(changed, "record"), name);
		text = json_dumps(changed, JSON_COMPACT);
		if (record_read(&original, text, strlen(text)) == ERR_OK)
			fail_msg("without %s it was taken", name);
		mem_free(text);
		json_decref(changed);
	}
	for (size_t i = 0; i < 3; i++) {
		static const char *const members[] = {"public_key", "signature", "writer"};
		json_t *changed = json_deep_copy(whole);
		char *text;

		json_object_set_new(changed, members[i], json_string(""));
		text = json_dumps(changed, JSON_COMPACT);
		assert_int_equal(record_read(&original, text, strlen(text)), ERR_CORRUPT);
		mem_free(text);
		json_decref(changed);
	}
	json_decref(whole);
	buffer_free(&bytes);
}

static void test_object(void **state)
{
	const char *id = "20261122t010000-website-3f2a";
	struct record record = sample(id);
	struct buffer original = {0}, sealed = {0}, opened = {0};

	(void)state;
	sign(&record, keys, &original);
	assert_int_equal(record_object_encode(&original, keys, &sealed), ERR_OK);
	assert_int_equal(record_object_decode(id, sealed.data, sealed.length, keys, &opened), ERR_OK);
	assert_int_equal(opened.length, original.length);
	assert_memory_equal(opened.data, original.data, original.length);
	/* one bit of each field of the header, of the box, of the signature */
	for (size_t at = 0; at < sealed.length; at += at < 128 ? 1 : 97) {
		buffer_clear(&opened);
		sealed.data[at] ^= 1;
		assert_int_not_equal(record_object_decode(id, sealed.data, sealed.length, keys, &opened), ERR_OK);
		assert_int_equal(opened.length, 0);
		sealed.data[at] ^= 1;
	}
	assert_int_not_equal(record_object_decode(id, sealed.data, sealed.length - 1, keys, &opened), ERR_OK);
	assert_int_not_equal(record_object_decode(id, sealed.data, 10, keys, &opened), ERR_OK);
	assert_int_equal(
	    record_object_decode("20261122t010000-other-3f2a", sealed.data, sealed.length, keys, &opened), ERR_CORRUPT);
	assert_non_null(strstr(failure_last()->text, "another run"));
	buffer_free(&original);
	buffer_free(&sealed);
	buffer_free(&opened);
}

/* ---- the report ---- */

static void assert_page(const struct buffer *text)
{
	size_t width = 0;

	for (size_t i = 0; i < text->length; i++) {
		if (text->data[i] == '\n')
			width = 0;
		else if ((text->data[i] & 0xC0) != 0x80)
			width++;
		if (width > REPORT_WIDTH)
			fail_msg("a line is longer than %d characters near byte %zu", REPORT_WIDTH, i);
	}
}

static void report_of(const struct record *record, struct buffer *text)
{
	struct record_original original;
	struct buffer bytes = {0};

	sign(record, keys, &bytes);
	assert_int_equal(record_read(&original, bytes.data, bytes.length), ERR_OK);
	assert_int_equal(record_report_text(&original, NULL, text), ERR_OK);
	assert_int_equal(buffer_append_u8(text, 0), ERR_OK);
	text->length--;
	assert_page(text);
	record_original_free(&original);
	buffer_free(&bytes);
}

static void assert_has(const struct buffer *text, const char *words)
{
	if (!strstr((const char *)text->data, words))
		fail_msg("\"%s\" is missing in\n%s", words, (const char *)text->data);
}

static void test_report_in_both_languages(void **state)
{
	struct record record = sample("20261122t010000-website-3f2a");
	struct buffer text = {0};

	(void)state;
	record.schedule = "day 01:00";
	record.retention = "daily 14, weekly 8, monthly 24";
	report_of(&record, &text);
	assert_has(&text, "Jadwal                   : setiap hari pukul 01.00\n");
	assert_has(&text, "Masa simpan              : 14 harian, 8 mingguan, 24 bulanan\n");
	assert_has(&text, "                          LAPORAN PELAKSANAAN BACKUP\n");
	assert_has(&text, "Nomor SOP                : AS/28\n");
	assert_has(&text, "Nomor                    : ....");
	assert_has(&text, "Periode                  : November 2026\n");
	assert_has(&text,
	    "Mulai                    : Minggu, 22 November 2026, 18.00.00 WIT (UTC+09:00);\n"
	    "                           2026-11-22 09.00.00 UTC\n");
	assert_has(&text, "Lama                     : 0:01:01\n");
	assert_has(&text, "Status                   : Berhasil dengan catatan\n");
	assert_has(&text, "Ukuran sumber            : 1,24 GiB (1.331.439.861 byte)\n");
	assert_has(&text,
	    "Identitas media          : label ARSIP 1, UUID 12AB-34CD, nomor seri disk\n"
	    "                           WD123, sistem berkas exfat, perangkat /dev/sdb1\n");
	assert_has(&text,
	    "RPO yang dicapai         : 23 jam 59 menit, sejak backup sebelumnya 21\n"
	    "                           November 2026, 18.00\n");
	assert_has(&text,
	    "Belum dibaca ulang       : paling lama 3 hari 2 jam, sejak 19 November 2026,\n"
	    "                           16.01; 12 dari 40 paket belum dibaca ulang sejak\n"
	    "                           ditulis\n");
	assert_has(&text, "|3 objek             |Sesuai      |\n");
	assert_has(&text, "|Tidak sesuai|\n");
	assert_has(&text,
	    "                                                    Ternate, ..............\n"
	    "Mengetahui                Diperiksa oleh            Dibuat oleh\n"
	    "                          Kasubbag                  Admin Web\n\n\n\n\n"
	    ".....................     Contoh Pemeriksa          Contoh Admin\n"
	    "NIP ..................... NIP -                     NIP 19\n");
	buffer_clear(&text);
	record.office.english = true;
	report_of(&record, &text);
	assert_has(&text, "                                BACKUP REPORT\n");
	assert_has(&text, "Schedule                 : every day at 01:00\n");
	assert_has(&text, "Retention                : 14 daily, 8 weekly, 24 monthly\n");
	assert_has(&text, "Started                  : Sunday, 22 November 2026, 18:00:00 WIT (UTC+09:00);\n");
	assert_has(&text, "Status                   : Successful with notes\n");
	assert_has(&text, "Size of the source       : 1.24 GiB (1,331,439,861 byte)\n");
	assert_has(&text, "RPO reached              : 23 hours 59 minutes, since the backup before 21\n");
	assert_has(&text, "Not read again           : at most 3 days 2 hours, since 19 November 2026,\n");
	assert_has(&text, "|Does not    |\n");
	buffer_free(&text);
}

static void test_schedule_and_retention_in_words(void **state)
{
	static const struct {
		const char *text, *indonesian, *english;
	} schedules[] =
	    {
		{"hour, minute 5", "setiap jam pada menit ke-5", "every hour at minute 5"},
		{"day 01:00", "setiap hari pukul 01.00", "every day at 01:00"},
		{"week sunday 02:30", "setiap hari Minggu pukul 02.30", "every Sunday at 02:30"},
		{"week saturday 02:30", "setiap hari Sabtu pukul 02.30", "every Saturday at 02:30"},
		{"month, day 30, 23:59", "setiap tanggal 30 (atau hari terakhir bulan) pukul 23.59",
		    "on day 30 of every month (or its last day) at 23:59"},
		{"month, day 28, 00:05", "setiap tanggal 28 pukul 00.05", "on day 28 of every month at 00:05"},
		{"week monday thursday 02:00", "setiap hari Senin dan Kamis pukul 02.00",
		    "every Monday and Thursday at 02:00"},
		{"week monday tuesday wednesday thursday friday saturday sunday 02:00, window 20:00-05:00",
		    "setiap hari Senin, Selasa, Rabu, Kamis, Jumat, Sabtu, dan Minggu pukul 02.00; hanya antara pukul "
		    "20.00 dan 05.00",
		    "every Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, and Sunday at 02:00; only between "
		    "20:00 "
		    "and 05:00"},
		{"hour, minute 15, every 6", "setiap 6 jam sejak tengah malam, pada menit ke-15",
		    "every 6 hours from midnight on, at minute 15"},
		{"cron 15 1,2 * * 1-5, window 01:00-03:00",
		    "menurut ekspresi cron 15 1,2 * * 1-5; hanya antara pukul 01.00 dan 03.00",
		    "by the cron expression 15 1,2 * * 1-5; only between 01:00 and 03:00"},
		{"day 01:00, window 20:00-05:00", "setiap hari pukul 01.00; hanya antara pukul 20.00 dan 05.00",
		    "every day at 01:00; only between 20:00 and 05:00"},
		{"", "", ""},
		{"week 02:30", "week 02:30", "week 02:30"},
		{"week ", "week ", "week "},
		{"week", "week", "week"},
		{"week monday someday 02:30", "week monday someday 02:30", "week monday someday 02:30"},
		{"week monday  thursday 02:30", "week monday  thursday 02:30", "week monday  thursday 02:30"},
		{"hour, minute 5, every", "hour, minute 5, every", "hour, minute 5, every"},
		{"hour, minute 5, every 6 x", "hour, minute 5, every 6 x", "hour, minute 5, every 6 x"},
		{"day 01:00, window 20:00", "day 01:00, window 20:00", "day 01:00, window 20:00"},
		{"day 01:00, window 20:00-05:00 x", "day 01:00, window 20:00-05:00 x",
		    "day 01:00, window 20:00-05:00 x"},
		{", window 20:00-05:00", ", window 20:00-05:00", ", window 20:00-05:00"},
		{"week someday 02:30", "week someday 02:30", "week someday 02:30"},
		{"day 01:00 and more", "day 01:00 and more", "day 01:00 and more"},
		{"day 01", "day 01", "day 01"},
	    },
	  rules[] = {
	      {"daily 14, weekly 8, monthly 24", "14 harian, 8 mingguan, 24 bulanan", "14 daily, 8 weekly, 24 monthly"},
	      {"last 3, hourly 24, yearly 1", "3 terakhir, 24 per jam, 1 tahunan", "3 latest, 24 hourly, 1 yearly"},
	      {"daily 1, within 90d", "1 harian, semua yang berumur paling lama 90 hari",
		  "1 daily, everything of the last 90 days"},
	      {"within 1y", "semua yang berumur paling lama 1 tahun", "everything of the last 1 year"},
	      {"", "", ""},
	      {"within 90", "within 90", "within 90"},
	      {"daily 14x", "daily 14x", "daily 14x"},
	      {"daily 14, ", "daily 14, ", "daily 14, "},
	      {"daily 14; weekly 8", "daily 14; weekly 8", "daily 14; weekly 8"},
	      {"sometimes 3", "sometimes 3", "sometimes 3"},
	  };
	static const char most[] =
	    "last 999999999, hourly 999999999, daily 999999999, weekly 999999999, monthly 999999999, "
	    "yearly 999999999, within 999999999m";
	char out[RECORD_RULES], schedule[RECORD_SCHEDULE], cron[5 + 200 + 21] = "", too_long[2000] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(schedules) / sizeof(schedules[0]); i++) {
		assert_string_equal(record_schedule(schedule, schedules[i].text, false), schedules[i].indonesian);
		assert_string_equal(record_schedule(schedule, schedules[i].text, true), schedules[i].english);
	}
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		assert_string_equal(record_retention(out, rules[i].text, false), rules[i].indonesian);
		assert_string_equal(record_retention(out, rules[i].text, true), rules[i].english);
	}
	memset(cron, '*', sizeof(cron) - 1);
	memcpy(cron, "cron ", 5);
	memcpy(cron + 205, ", window 20:00-05:00", 21);
	assert_non_null(strstr(record_schedule(schedule, cron, false), "***; hanya antara pukul 20.00 dan 05.00"));
	assert_non_null(strstr(record_schedule(schedule, cron, true), "***; only between 20:00 and 05:00"));
	/* what is no schedule is cut, however long it is */
	memset(too_long, 'x', sizeof(too_long) - 1);
	memcpy(too_long, "cron ", 5);
	assert_int_equal(strlen(record_schedule(schedule, too_long, true)), RECORD_SCHEDULE - 1);
	assert_memory_equal(schedule, "cron xxx", 8);
	/* all that a job can have fits */
	assert_non_null(strstr(
	    record_retention(out, most, false), "999999999 tahunan, semua yang berumur paling lama 999999999 bulan"));
	assert_non_null(
	    strstr(record_retention(out, most, true), "999999999 yearly, everything of the last 999999999 months"));
}

static void test_ages_in_words(void **state)
{
	static const uint64_t minute = 60000, hour = 60 * minute, day = 24 * hour;
	const struct {
		uint64_t milliseconds;
		const char *indonesian, *english;
	} ages[] = {{0, "0 menit", "0 minutes"}, {minute - 1, "0 menit", "0 minutes"}, {minute, "1 menit", "1 minute"},
	    {hour, "1 jam", "1 hour"}, {hour + 2 * minute, "1 jam 2 menit", "1 hour 2 minutes"},
	    {2 * day - 1, "47 jam 59 menit", "47 hours 59 minutes"}, {2 * day, "2 hari", "2 days"},
	    {2 * day + hour + minute, "2 hari 1 jam", "2 days 1 hour"}, {1234 * day, "1.234 hari", "1,234 days"},
	    {UINT64_MAX, "213.503.982.334 hari 14 jam", "213,503,982,334 days 14 hours"}};
	char out[RECORD_PHRASE];

	(void)state;
	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
		assert_string_equal(record_age(out, ages[i].milliseconds, false), ages[i].indonesian);
		assert_string_equal(record_age(out, ages[i].milliseconds, true), ages[i].english);
	}
}

/* What is not known is null in the record; the report says so, or nothing. */
static void test_unknown_medium_and_ages(void **state)
{
	static const uint8_t first[HASH_SIZE];
	struct record record = sample("20261122t010000-website-3f2a");
	struct buffer text = {0};
	json_t *object;

	(void)state;
	record.medium = (struct target_medium){0};
	record.previous_started = 0;
	record.packs = 0;
	assert_int_equal(record_json(&object, &record, 1, first), ERR_OK);
	assert_true(json_is_null(json_object_get(json_object_get(object, "target"), "medium")));
	assert_true(json_is_null(json_object_get(object, "rpo")));
	assert_true(json_is_null(json_object_get(object, "unread")));
	json_decref(object);
	report_of(&record, &text);
	assert_has(&text, "RPO yang dicapai         : belum dapat dihitung: tidak ada backup sebelumnya\n");
	assert_null(strstr((const char *)text.data, "Identitas media"));
	assert_null(strstr((const char *)text.data, "Belum dibaca ulang"));
	buffer_clear(&text);
	/* a run that failed: the recovery point slipped until it ended */
	record.result = NULL;
	record.previous_started = record.started - 10 * CLOCK_SECOND;
	assert_int_equal(record_json(&object, &record, 1, first), ERR_OK);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(object, "rpo"), "reached_ms")), 71000);
	json_decref(object);
	/* a clock that was set back */
	record.previous_started = record.ended + 1;
	assert_int_equal(record_json(&object, &record, 1, first), ERR_OK);
	assert_true(json_is_null(json_object_get(object, "rpo")));
	json_decref(object);
	buffer_free(&text);
}

static void test_report_of_failures_and_long_names(void **state)
{
	char name[600];
	struct record record = sample("20261122t010000-website-3f2a");
	struct backup_problem problem = {.kind = BACKUP_UNREADABLE, .reason = "Permission denied"};
	struct buffer text = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(name) - 1; i += 2)
		memcpy(name + i, "\xc3\xa9", 2); /* é */
	name[sizeof(name) - 2] = '\0';
	record.office.name = name;
	record.performer.name = name;
	record.reviewer.position = name;
	record.target_url = name;
	memcpy(record.medium.label, name, sizeof(record.medium.label) - 1);
	memcpy(record.medium.device, name, sizeof(record.medium.device) - 1);
	record.host = name;
	record.office.city = name;
	record.status = RECORD_FAILED;
	record.ended = 0;
	record.result = NULL;
	(fail)(PL_TARGET_READ, "\xff\n\x1b[31m");
	failure_take(&record.failure);
	record.problems = json_array();
	problem.path.data = (const uint8_t *)"var/\xff\nname";
	problem.path.size = strlen("var/\xff\nname");
	json_array_append_new(record.problems, record_problem_json(&problem));
	report_of(&record, &text);
	assert_has(&text, "Status                   : Gagal\n");
	assert_has(&text, "Selesai                  : tidak diketahui\n");
	assert_has(&text, "PL-1203: ");
	assert_has(&text, "|     1|Tidak terbaca|/var/");
	assert_null(strchr((const char *)text.data, '\x1b'));
	json_decref(record.problems);
	buffer_free(&text);
}

static void test_sheet(void **state)
{
	struct sheet sheet = {.office = "Pengadilan <Agama> & Ternate",
	    .url = "/srv/pulih",
	    .host = "srv",
	    .made = 1,
	    .code = "AAAAAA-BBBBBB-CCCCCC-DDDDDD-EEEEEE-FFFFFF"};
	struct buffer pdf = {0};
	char qr[SHEET_QR_TEXT], url[4000];

	(void)state;
	assert_int_equal(sheet_pdf(&sheet, &pdf), ERR_OK);
	assert_memory_equal(pdf.data, "%PDF-", 5);
	assert_string_equal(sheet_qr_text(qr, &sheet),
	    "PULIH-RECOVERY:1:00000000000000000000000000000000:AAAAAA-BBBBBB-CCCCCC-DDDDDD-EEEEEE-FFFFFF");
	memset(url, 'x', sizeof(url) - 1);
	url[sizeof(url) - 1] = '\0';
	sheet.url = url;
	assert_int_equal(sheet_pdf(&sheet, &pdf), ERR_FAILED); /* never a second page, never cut */
	buffer_free(&pdf);
}

static void test_memory_runs_out(void **state)
{
	struct record record = sample("20261122t010000-website-3f2a");
	static const uint8_t first[HASH_SIZE];
	enum err err = ERR_NOMEM;

	(void)state;
	for (unsigned long n = 1; err != ERR_OK; n++) {
		struct record_original original = {0};
		struct buffer bytes = {0}, text = {0};
		json_t *object = NULL;

		mem_fail_at(n);
		err = record_json(&object, &record, 1, first);
		if (err == ERR_OK)
			err = record_sign(object, keys, &bytes);
		mem_fail_at(0);
		if (err == ERR_OK)
			assert_int_equal(record_read(&original, bytes.data, bytes.length), ERR_OK);
		json_decref(object);
		record_original_free(&original);
		buffer_free(&bytes);
		buffer_free(&text);
	}
}

static int set_up(void **state)
{
	static const uint8_t repository[REPOSITORY_ID_SIZE] = {7}, root[KEY_SIZE] = {9};

	(void)state;
	setenv("TZ", "Asia/Jayapura", 1);
	tzset();
	if (crypto_setup() != ERR_OK || !(keys = keys_new()))
		return -1;
	return keys_from_root(keys, repository, SUITE_AES_256_GCM, root, "srv") == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	keys_free(keys);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sign_and_read),
	    cmocka_unit_test(test_every_member_is_guarded),
	    cmocka_unit_test(test_object),
	    cmocka_unit_test(test_report_in_both_languages),
	    cmocka_unit_test(test_schedule_and_retention_in_words),
	    cmocka_unit_test(test_ages_in_words),
	    cmocka_unit_test(test_unknown_medium_and_ages),
	    cmocka_unit_test(test_report_of_failures_and_long_names),
	    cmocka_unit_test(test_sheet),
	    cmocka_unit_test(test_memory_runs_out),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
