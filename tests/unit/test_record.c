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
	    cmocka_unit_test(test_unknown_medium_and_ages),
	    cmocka_unit_test(test_report_of_failures_and_long_names),
	    cmocka_unit_test(test_sheet),
	    cmocka_unit_test(test_memory_runs_out),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
