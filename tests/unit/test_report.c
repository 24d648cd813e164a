/* Papers: the words of both languages, the model, and the three forms that must say the same. */
#include "tests/unit/report_samples.h"

#include "core/base/mem.h"
#include "core/record/record_report.h"
#include "core/record/report_html.h"
#include "core/record/report_pdf.h"
#include "core/record/report_text.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static struct keys *keys;

/* ---- help ---- */

typedef enum err render(const struct report_model *model, struct buffer *out);

static void make(struct report_model *model, struct record_original *original, enum report_sample which)
{
	assert_int_equal(report_sample(original, which, keys), ERR_OK);
	assert_int_equal(record_report(model, original, NULL), ERR_OK);
}

static void form_of(enum report_sample which, render *form, struct buffer *out)
{
	struct record_original original = {0};
	struct report_model model = {0};

	make(&model, &original, which);
	assert_int_equal(form(&model, out), ERR_OK);
	assert_int_equal(buffer_append_u8(out, 0), ERR_OK);
	out->length--;
	report_model_free(&model);
	record_original_free(&original);
}

/* The text of a page of a PDF (0: of all), in the order in which it was drawn. */
static void text_of_pdf(const struct buffer *pdf, int page, struct buffer *text)
{
	char path[] = "/tmp/pulih-test-XXXXXX", command[160], bytes[4096];
	int fd = mkstemp(path);
	size_t got;
	FILE *pipe;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, pdf->data, pdf->length), pdf->length);
	close(fd);
	if (page > 0)
		snprintf(command, sizeof(command), "pdftotext -raw -f %d -l %d %s -", page, page, path);
	else
		snprintf(command, sizeof(command), "pdftotext -raw %s -", path);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	while ((got = fread(bytes, 1, sizeof(bytes), pipe)) > 0)
		assert_int_equal(buffer_append(text, bytes, got), ERR_OK);
	assert_int_equal(pclose(pipe), 0);
	assert_int_equal(buffer_append_u8(text, 0), ERR_OK);
	text->length--;
	unlink(path);
}

static size_t pages_of(const struct buffer *pdf)
{
	static const char mark[] = "/Count ";
	const char *at = memmem(pdf->data, pdf->length, mark, strlen(mark));

	assert_non_null(at);
	return (size_t)atoi(at + strlen(mark));
}

/* Without blanks and line ends: how a text is wrapped is the form's own affair. */
static char *squeezed(const char *text)
{
	char *out = mem_string(text), *to = out;

	assert_non_null(out);
	for (const char *at = out; *at; at++)
		if (!isspace((unsigned char)*at))
			*to++ = *at;
	*to = '\0';
	return out;
}

static bool has(const char *text, const char *words)
{
	char *in = squeezed(text), *wanted = squeezed(words);
	bool found = strstr(in, wanted) != NULL;

	mem_free(in);
	mem_free(wanted);
	return found;
}

static size_t times_in(const char *text, const char *words)
{
	size_t count = 0;

	for (const char *at = text; (at = strstr(at, words)) != NULL; at++)
		count++;
	return count;
}

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

/* ---- every member of a record ---- */

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
    {"databases.consistency", "satu saat"},
    {"databases.kind", "sqlite"},
    {"databases.path", "/var/lib/site"},
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
		if (shown[i].words && !has(text, shown[i].words))
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
	make(&model, &original, REPORT_SAMPLE_FULL);
	check_members(original.record, "", "text", (const char *)text.data);
	check_members(original.record, "", "HTML", html_text);
	check_members(original.record, "", "PDF", (const char *)pdf_text.data);
	hex_encode(hash, original.hash, HASH_SIZE);
	assert_true(has((const char *)text.data, hash) && has(html_text, hash));
	assert_true(has((const char *)pdf_text.data, hash));
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
		make(&model, &original, which);
		form_of(which, report_html, &html);
		form_of(which, report_text, &text);
		html_text = text_of_html(&html);
		for (size_t i = 0; i < model.blocks_count; i++) {
			const struct report_block *block = &model.blocks[i];

			if (block->kind == REPORT_HEADING || block->kind == REPORT_PARAGRAPH ||
			    block->kind == REPORT_ANNEX)
				assert_true(has(html_text, block->text) && has((const char *)text.data, block->text));
			for (size_t j = 0; j < block->fields_count; j++)
				assert_true(has(html_text, block->fields[j].value) &&
				    has((const char *)text.data, block->fields[j].value));
			for (size_t j = 0; j < block->rows_count * block->columns_count; j++)
				assert_true(has(html_text, block->cells[j]));
			for (size_t j = 0; j < block->signatures_count; j++)
				assert_true(has(html_text, block->signatures[j].name));
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
	assert_true(has((const char *)text.data, "Tidak sesuai"));
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
	assert_true(has((const char *)text.data, "Pelaksanaan terputus: komputer atau program berhenti"));
	assert_true(has((const char *)text.data, "PL-1906: the run"));
	assert_true(has((const char *)text.data, "belum ditandatangani"));
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

		assert_int_equal(report_sample(&original, REPORT_SAMPLE_FULL, keys), ERR_OK);
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

		assert_int_equal(report_sample(&whole, REPORT_SAMPLE_ODD, keys), ERR_OK);
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

/* ---- HTML ---- */

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

/* ---- PDF ---- */

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
		record.keys = keys;
		record.sop.activity = activity;
		record.sources = sources;
		record.sources_count = 1 + words / 200;
		assert_int_equal(report_sample_sign(&original, &record, 1, keys), ERR_OK);
		assert_int_equal(record_report(&model, &original, NULL), ERR_OK);
		assert_int_equal(report_pdf(&model, &pdf), ERR_OK);
		pages = pages_of(&pdf);
		for (size_t page = 1; page <= pages; page++) {
			struct buffer text = {0};
			char *number = mem_printf("Halaman %zu dari %zu", page, pages);

			text_of_pdf(&pdf, (int)page, &text);
			assert_true(has((const char *)text.data, number));
			if (has((const char *)text.data, "Mengetahui")) {
				found++;
				assert_true(has((const char *)text.data, "PEMERIKSAAN DAN TANDA TANGAN"));
				assert_true(has((const char *)text.data, "Dibuat oleh"));
				assert_true(has((const char *)text.data, "NIP 19900101 201503 1 001"));
				assert_true(has((const char *)text.data, "NIP 19700303 199703 1 003"));
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
	assert_true(
	    has((const char *)text.data, "dokumen-00000.pdf") && has((const char *)text.data, "dokumen-09999.pdf"));
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
	record.keys = keys;
	record.office.name = record.office.address = record.office.city = name;
	record.performer = record.reviewer = record.acknowledger = (struct record_person){name, name, name, NULL};
	record.target_url = record.host = name;
	record.sop = (struct record_sop){name, name, name, name, name, name, name, name, name, name, name};
	assert_int_equal(report_sample_sign(&original, &record, 1, keys), ERR_OK);
	assert_int_equal(record_report(&model, &original, NULL), ERR_OK);
	assert_int_equal(report_pdf(&model, &pdf), ERR_OK);
	text_of_pdf(&pdf, 0, &text);
	assert_true(has((const char *)text.data, "Mengetahui"));
	assert_int_equal(report_text(&model, &text), ERR_OK);
	report_model_free(&model);
	record_original_free(&original);
	buffer_free(&pdf);
	buffer_free(&text);
}

/* ---- memory ---- */

static void test_memory_runs_out(void **state)
{
	static const struct {
		render *form;
		unsigned long step; /* letters take long */
	} forms[] = {{report_text, 1}, {report_html, 1}, {report_pdf, 11}};
	struct record_original original = {0};

	(void)state;
	assert_int_equal(report_sample(&original, REPORT_SAMPLE_ODD, keys), ERR_OK);
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

static int set_up(void **state)
{
	(void)state;
	keys = report_samples_begin();
	return keys ? 0 : -1;
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
	    cmocka_unit_test(test_words_of_both_languages),
	    cmocka_unit_test(test_fill),
	    cmocka_unit_test(test_times_and_numbers),
	    cmocka_unit_test(test_texts_are_made_visible),
	    cmocka_unit_test(test_model_of_blocks),
	    cmocka_unit_test(test_blanks_for_signatures),
	    cmocka_unit_test(test_every_member_in_every_form),
	    cmocka_unit_test(test_forms_never_differ),
	    cmocka_unit_test(test_bad_check),
	    cmocka_unit_test(test_what_is_missing_is_a_blank),
	    cmocka_unit_test(test_record_that_lacks_what_a_report_needs),
	    cmocka_unit_test(test_hostile_members),
	    cmocka_unit_test(test_html_runs_and_loads_nothing),
	    cmocka_unit_test(test_pdf_is_always_the_same),
	    cmocka_unit_test(test_signatures_stay_together),
	    cmocka_unit_test(test_pdf_of_many_rows),
	    cmocka_unit_test(test_row_longer_than_a_page),
	    cmocka_unit_test(test_long_names_everywhere),
	    cmocka_unit_test(test_memory_runs_out),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
