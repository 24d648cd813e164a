/* Every member of a record, in every form; what is hostile or lacks. */
#include "core/base/mem.h"
#include "tests/unit/report_forms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* What a paper shows of each member: NULL where it is not shown, because something else says the same. Of what stands in narrow columns, the
 * words that stay on one line. */
static const struct shown {
	const char *path, *words;
} shown[] = {
    {"acknowledger.name", "Contoh Ketua, S.Ag."},
    {"acknowledger.nip", "19700303 199703 1 003"},
    {"acknowledger.position", "Ketua"},
    {"checks.bytes", "50,00 MiB"},
    {"checks.detail", NULL}, /* the name of the check in words says it; see test_bad_check */
    {"checks.good", "Sesuai"},
    {"checks.name", "Struktur: snapshot"},
    {"checks.objects", "219 objek"},
    {"databases.client", NULL}, /* of a file there is none; that of a server stands behind its version */
    {"databases.consistency", "satu saat"},
    {"databases.kind", "sqlite"},
    {"databases.path", "/var/lib/site"},
    {"databases.position", NULL}, /* the same, behind the consistency */
    {"databases.rows", "184.213"},
    {"databases.size", "46,00 MiB"},
    {"databases.tables", "37"},
    {"databases.version", "3.40.1"},
    {"duration_ms", "0:12:34"},
    {"ended.local", "Minggu, 22 November 2026, 01.12.36 WIT (UTC+09:00)"},
    {"ended.utc", "2026-11-21 16.12.36 UTC"},
    {"failure", NULL}, /* null here */
    {"format", NULL},
    {"host", "web1.pa-ternate.example"},
    {"id", "20261122t010000-website-3f2a"},
    {"job", "website"},
    {"number", "128"},
    {"office.address", "Tlp. (0921) 3124945"},
    {"office.city", "Ternate, ...."},
    {"office.language", NULL},
    {"office.name", "PENGADILAN AGAMA TERNATE"},
    {"office.timezone", "WIT"},
    {"performer.name", "Contoh Admin, S.Kom."},
    {"performer.nip", "19900101 201503 1 001"},
    {"performer.position", "Admin Web"},
    {"period", "November 2026"},
    {"planned.local", "Minggu, 22 November 2026, 01.00.00 WIT (UTC+09:00)"},
    {"planned.utc", "2026-11-21 16.00.00 UTC"},
    {"previous", "3fa2510000000000000000000000000000000000000000000000"},
    {"problems", NULL}, /* none here */
    {"problems_omitted", NULL},
    {"repository.id", "07000000000000000000000000000000"},
    {"repository.suite", "AES-256-GCM"},
    {"repository.writer", "pemilik"},
    {"retention", "14 harian, 8 mingguan, 24 bulanan"},
    {"reviewer.name", "Contoh Pemeriksa, S.H."},
    {"reviewer.nip", "19800202 200604 2 002"},
    {"reviewer.position", "Kasub Bag Kepeg dan TI"},
    {"rpo.previous.local", "sejak backup sebelumnya 21 November 2026, 01.00"},
    {"rpo.previous.utc", NULL}, /* the local time with its offset says it */
    {"rpo.reached_ms", "24 jam"},
    {"schedule", "setiap hari pukul 01.00"},
    {"snapshot.id", "cb7901020304000000000000000000000000000000"},
    {"snapshot.previous", "5a11090807000000000000000000000000000000"},
    {"sop.activity", "Melakukan backup"},
    {"sop.approved_by", "Ketua Pengadilan Agama Ternate"},
    {"sop.created", "09/04/2017"},
    {"sop.effective", "09/05/2017"},
    {"sop.item", "2"},
    {"sop.number", "AS/28"},
    {"sop.output", "elektronik"},
    {"sop.requirements", "Akses server"},
    {"sop.revised", "-"},
    {"sop.time", "1 Hari"},
    {"sop.title", "SOP Pemeliharaan Website"},
    {"sources.kind", "Berkas /var/www/html"},
    {"sources.path", "Basis data /var/lib/site/content.sqlite"},
    {"started.local", "Minggu, 22 November 2026, 01.00.02 WIT (UTC+09:00)"},
    {"acknowledger.id", NULL},
    {"performer.id", NULL},
    {"reviewer.id", NULL},
    {"kind", NULL},
    {"login.through", "(sudo: budi)"},
    {"login.user", "root (sudo"},
    {"started.utc", "2026-11-21 16.00.02 UTC"},
    {"status", "Berhasil"},
    {"system", "Linux 6.1.0-18-amd64 x86_64"},
    {"target.available", "1,28 TiB (1.412.348.125.184 byte)"},
    {"target.medium.device", "perangkat /dev/sdb1"},
    {"target.medium.label", "label ARSIP-1"},
    {"target.medium.serial", "nomor seri disk WD-WX41"},
    {"target.medium.type", "sistem berkas ext4"},
    {"target.medium.uuid", "UUID 9f3c-11"},
    {"target.name", "hdd"},
    {"target.total", "1,82 TiB (1.999.844.147.200 byte)"},
    {"target.url", "/srv/pulih"},
    {"tool", "pulih " PULIH_VERSION},
    {"totals.bytes", "12,40 GiB (13.314.398.611 byte)"},
    {"totals.bytes_new", "94,00 MiB (98.566.145 byte)"},
    {"totals.bytes_read", "210,00 MiB (220.200.961 byte)"},
    {"totals.bytes_stored", "50,00 MiB (52.428.800 byte)"},
    {"totals.changed_files", "43 berubah"},
    {"totals.changed_while_read", "Berubah saat dibaca"},
    {"totals.chunks", "611.234 bagian"},
    {"totals.chunks_new", "4.711 baru"},
    {"totals.files", "83.412"},
    {"totals.folders", "5.121"},
    {"totals.new_files", "118 baru"},
    {"totals.others", "66"},
    {"totals.packs_new", "4 paket baru"},
    {"totals.unchanged_files", "83.251 tetap"},
    {"totals.unreadable", "Tidak terbaca"},
    {"totals.vanished", "Hilang saat dibaca"},
    {"trigger", "terjadwal"},
    {"unread.age_ms", "paling lama 9 hari"},
    {"unread.never_read_again", "4 dari"},
    {"unread.packs", "219 paket"},
    {"unread.since.local", "sejak 13 November 2026, 01.00"},
    {"unread.since.utc", NULL},
};

static void check_shown(const char *path, const char *form, const char *text)
{
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		if (strcmp(shown[i].path, path) != 0)
			continue;
		if (shown[i].words && !has_words(text, shown[i].words))
			fail_msg("the %s lacks \"%s\", the record's %s, in\n%s", form, shown[i].words, path, text);
		return;
	}
	fail_msg("the record's %s has no place in the report", path);
}

/* Every leaf below the object; those of an array have the name of the array. */
static void check_members(json_t *value, const char *path, const char *form, const char *text)
{
	const char *name;
	json_t *member;
	size_t at;

	json_array_foreach(value, at, member) check_members(member, path, form, text);
	json_object_foreach(value, name, member)
	{
		char *below = mem_printf("%s%s%s", path, *path ? "." : "", name);

		check_members(member, below, form, text);
		mem_free(below);
	}
	if (!json_is_object(value) && !json_is_array(value))
		check_shown(path, form, text);
}

/* HTML without its tags and escapes. */
static char *text_of_html(const struct buffer *html)
{
	static const char *const escapes[][2] = {
	    {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&#39;", "'"}, {"&amp;", "&"}};
	char *out = mem_alloc(html->length + 1), *to = out;
	const char *body = strstr((const char *)html->data, "<body>");
	bool tag = false;

	assert_non_null(out);
	assert_non_null(body);
	for (const char *at = body; *at; at++) {
		tag = tag ? *at != '>' : *at == '<';
		if (!tag && *at != '>')
			*to++ = *at;
	}
	*to = '\0';
	for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++)
		for (char *at = out; (at = strstr(at, escapes[i][0])) != NULL; at++) {
			size_t length = strlen(escapes[i][0]);

			*at = escapes[i][1][0];
			memmove(at + 1, at + length, strlen(at + length) + 1);
		}
	return out;
}

static void test_every_member_in_every_form(void **state)
{
	struct record_original original = {0};
	struct report_model model = {0};
	struct buffer text = {0}, html = {0}, pdf = {0}, pdf_text = {0};
	char hash[2 * HASH_SIZE + 1], *html_text;

	(void)state;
	form_of(REPORT_SAMPLE_FULL, report_text, &text);
	form_of(REPORT_SAMPLE_FULL, report_html, &html);
	form_of(REPORT_SAMPLE_FULL, report_pdf, &pdf);
	text_of_pdf(&pdf, 0, &pdf_text);
	html_text = text_of_html(&html);
	make_report(&model, &original, REPORT_SAMPLE_FULL);
	check_members(original.record, "", "text", (const char *)text.data);
	check_members(original.record, "", "HTML", html_text);
	check_members(original.record, "", "PDF", (const char *)pdf_text.data);
	hex_encode(hash, original.hash, HASH_SIZE);
	assert_true(has_words((const char *)text.data, hash) && has_words(html_text, hash));
	assert_true(has_words((const char *)pdf_text.data, hash));
	mem_free(html_text);
	report_model_free(&model);
	record_original_free(&original);
	buffer_free(&text);
	buffer_free(&html);
	buffer_free(&pdf);
	buffer_free(&pdf_text);
}

/* Whatever the sample, each text of the model stands in each form. */
static void test_forms_never_differ(void **state)
{
	(void)state;
	for (enum report_sample which = 0; which < REPORT_SAMPLES; which++) {
		struct record_original original = {0};
		struct report_model model = {0};
		struct buffer html = {0}, text = {0};
		char *html_text;

		if (which == REPORT_SAMPLE_MANY)
			continue; /* thousands of rows say no more than ten */
		make_report(&model, &original, which);
		form_of(which, report_html, &html);
		form_of(which, report_text, &text);
		html_text = text_of_html(&html);
		for (size_t i = 0; i < model.blocks_count; i++) {
			const struct report_block *block = &model.blocks[i];

			if (block->kind == REPORT_HEADING || block->kind == REPORT_PARAGRAPH ||
			    block->kind == REPORT_ANNEX)
				assert_true(has_words(html_text, block->text) &&
				    has_words((const char *)text.data, block->text));
			for (size_t j = 0; j < block->fields_count; j++)
				assert_true(has_words(html_text, block->fields[j].value) &&
				    has_words((const char *)text.data, block->fields[j].value));
			for (size_t j = 0; j < block->rows_count * block->columns_count; j++)
				assert_true(has_words(html_text, block->cells[j]));
			for (size_t j = 0; j < block->signatures_count; j++)
				assert_true(has_words(html_text, block->signatures[j].name));
		}
		mem_free(html_text);
		report_model_free(&model);
		record_original_free(&original);
		buffer_free(&html);
		buffer_free(&text);
	}
}

static void test_bad_check(void **state)
{
	struct buffer text = {0};

	(void)state;
	form_of(REPORT_SAMPLE_ODD, report_text, &text);
	assert_true(has_words((const char *)text.data, "Tidak sesuai"));
	assert_non_null(strstr((const char *)text.data, "(read back)"));
	buffer_free(&text);
}

static void test_what_is_missing_is_a_blank(void **state)
{
	struct buffer text = {0};

	(void)state;
	form_of(REPORT_SAMPLE_SPARSE, report_text, &text);
	assert_null(strstr((const char *)text.data, "IDENTITAS SOP"));
	assert_null(strstr((const char *)text.data, "Kapasitas"));
	assert_null(strstr((const char *)text.data, "Masa simpan"));
	assert_non_null(strstr((const char *)text.data, "Tanggal, .............."));
	assert_non_null(strstr((const char *)text.data, "NIP -"));
	assert_non_null(strstr((const char *)text.data, "Melakukan backup"));
	buffer_clear(&text);
	form_of(REPORT_SAMPLE_FAILED, report_text, &text);
	assert_non_null(strstr((const char *)text.data, "Selesai                  : tidak diketahui\n"));
	assert_non_null(strstr((const char *)text.data, "Snapshot                 : tidak ada\n"));
	assert_true(has_words((const char *)text.data, "Pelaksanaan terputus: komputer atau program berhenti"));
	assert_true(has_words((const char *)text.data, "PL-1906: the run"));
	assert_true(has_words((const char *)text.data, "belum ditandatangani"));
	assert_non_null(strstr((const char *)text.data, "Penanggung"));
	buffer_free(&text);
}

static void test_record_that_lacks_what_a_report_needs(void **state)
{
	static const char *const members[] = {"office", "performer", "reviewer", "problems"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct record_original original = {0};
		struct report_model model = {0};
		struct buffer out = {0};

		assert_int_equal(report_sample(&original, REPORT_SAMPLE_FULL, report_forms_keys), ERR_OK);
		json_object_del(original.record, members[i]);
		assert_int_equal(record_report(&model, &original, NULL), ERR_CORRUPT);
		assert_int_equal(report_text(&model, &out), ERR_CORRUPT);
		assert_int_equal(report_html(&model, &out), ERR_CORRUPT);
		assert_int_equal(report_pdf(&model, &out), ERR_CORRUPT);
		assert_int_equal(out.length, 0);
		report_model_free(&model);
		record_original_free(&original);
	}
}

/* Members that are not needed may be gone, or be of any other type: the paper is made all the same. */
static void test_hostile_members(void **state)
{
	static const char *const needed[] = {"office", "performer", "reviewer", "problems", "kind"};
	const char *name;
	json_t *ignored, *names;

	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		struct record_original whole = {0};

		assert_int_equal(report_sample(&whole, REPORT_SAMPLE_ODD, report_forms_keys), ERR_OK);
		names = json_copy(whole.record);
		json_object_foreach(names, name, ignored)
		{
			struct record_original changed = {.record = json_deep_copy(whole.record)};
			struct report_model model = {0};
			struct buffer out = {0};
			bool skip = false;

			for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
				skip = skip || strcmp(name, needed[i]) == 0;
			if (kind == 0)
				json_object_del(changed.record, name);
			else
				json_object_set_new(changed.record, name,
				    kind == 1	    ? json_integer(-7)
					: kind == 2 ? json_string("\x01<b>")
						    : json_pack("[{s:[]}, i]", "path", 5));
			if (!skip) {
				assert_int_equal(record_report(&model, &changed, NULL), ERR_OK);
				assert_int_equal(report_text(&model, &out), ERR_OK);
				assert_int_equal(report_html(&model, &out), ERR_OK);
			}
			report_model_free(&model);
			json_decref(changed.record);
			buffer_free(&out);
		}
		json_decref(names);
		record_original_free(&whole);
	}
}

static void test_html_runs_and_loads_nothing(void **state)
{
	struct buffer html = {0};
	struct report_model model = {0};
	struct buffer hostile = {0};

	(void)state;
	form_of(REPORT_SAMPLE_ODD, report_html, &html);
	assert_null(strstr((const char *)html.data, "<script"));
	assert_non_null(
	    strstr((const char *)html.data, "/srv/&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;&quot;&#39;.html"));
	assert_null(strstr((const char *)html.data, "src="));
	assert_null(strstr((const char *)html.data, "href="));
	assert_null(strstr((const char *)html.data, "url("));
	assert_non_null(strstr((const char *)html.data, "default-src 'none'"));
	report_model_head(&model, "\"><img onerror=x>", "</span><b>", WORD_TITLE, "<i>");
	model.foot = report_model_text(&model, "\"}</style><script>\\");
	assert_int_equal(report_html(&model, &hostile), ERR_OK);
	assert_int_equal(buffer_append_u8(&hostile, 0), ERR_OK);
	assert_null(strstr((const char *)hostile.data, "<script"));
	assert_null(strstr((const char *)hostile.data, "<img"));
	assert_null(strstr((const char *)hostile.data, "<b>"));
	assert_null(strstr((const char *)hostile.data, "<i>"));
	assert_int_equal(times_in((const char *)hostile.data, "</style>"), 1);
	assert_non_null(strstr((const char *)hostile.data, "\"\\000022\\00007d\\00003c\\00002fstyle\\00003e"));
	report_model_free(&model);
	buffer_free(&html);
	buffer_free(&hostile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_member_in_every_form),
	    cmocka_unit_test(test_forms_never_differ),
	    cmocka_unit_test(test_bad_check),
	    cmocka_unit_test(test_what_is_missing_is_a_blank),
	    cmocka_unit_test(test_record_that_lacks_what_a_report_needs),
	    cmocka_unit_test(test_hostile_members),
	    cmocka_unit_test(test_html_runs_and_loads_nothing),
	};

	return cmocka_run_group_tests(tests, report_forms_up, report_forms_down);
}
