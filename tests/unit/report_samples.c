#include "tests/unit/report_samples.h"

#include "core/base/clock.h"
#include "core/base/mem.h"

#include <time.h>

#define STARTED INT64_C(1795276800) /* 2026-11-22T01:00:00+09:00 */
#define MANY 10000

const char *const report_sample_names[REPORT_SAMPLES] = {"full", "english", "failed", "sparse", "many", "odd"};

static struct backup_database databases[] = {
    {.kind = "sqlite",
	.path = (char *)"/var/lib/site/content.sqlite",
	.size = 48234496,
	.tables = 37,
	.rows = 184213,
	.version = "3.40.1",
	.consistency = "snapshot"},
    {.kind = "sqlite",
	.path = (char *)"/var/lib/site/arsip.sqlite",
	.size = 9437184,
	.tables = 12,
	.rows = 20771,
	.version = "3.40.1",
	.consistency = "snapshot"},
};
static struct backup_result result = {
    .databases = databases,
    .databases_count = 2,
    .checks = {{.name = "structure", .good = true, .objects = 219, .detail = "every pack"},
	{.name = "stored", .good = true, .objects = 4, .bytes = 52428800, .detail = "read back"}},
    .checks_count = 2,
    .snapshot = {.id = {0xcb, 0x79, 1, 2, 3, 4},
	.previous = {0x5a, 0x11, 9, 8, 7},
	.totals = {.files = 83412,
	    .folders = 5121,
	    .others = 66,
	    .bytes = UINT64_C(13314398611),
	    .new_files = 118,
	    .changed_files = 43,
	    .unchanged_files = 83251,
	    .bytes_read = 220200961,
	    .bytes_new = 98566145,
	    .bytes_stored = 52428800,
	    .chunks = 611234,
	    .chunks_new = 4711,
	    .packs_new = 4}},
};
static struct backup_result troubled; /* the same with problems */

static const struct record_source sources[] = {{"files", "/var/www/html"}, {"files", "/etc/apache2"},
    {"sqlite", "/var/lib/site/content.sqlite"}, {"sqlite", "/var/lib/site/arsip.sqlite"}};
static struct record_source many_sources[40];
static char many_names[40][64];

struct record report_sample_run(const char *id, const char *job, int64_t planned, int64_t started)
{
	result.snapshot.started = started * CLOCK_SECOND;
	return (struct record){.id = id,
	    .job = job,
	    .office = {.name = "PENGADILAN AGAMA TERNATE",
		.address = "Jln. Tugu Makugawene, Kel. Kayu Merah, Kec. Ternate Selatan\n"
			   "Tlp. (0921) 3124945  Fax. (0921) 3122980",
		.city = "Ternate",
		.timezone = "Asia/Jayapura"},
	    .sop = {.number = "AS/28",
		.item = "2",
		.output = "ADK / Dokumen elektronik",
		.title = "SOP Pemeliharaan Website",
		.activity = "Melakukan backup seluruh sistem, data dan informasi yang tersedia pada website secara "
			    "berkala ke dalam media backup CD, Hardisk maupun media backup lain",
		.created = "09/04/2017",
		.revised = "-",
		.effective = "09/05/2017",
		.approved_by = "Ketua Pengadilan Agama Ternate",
		.requirements = "Akses server",
		.time = "1 Hari"},
	    .performer = {"Contoh Admin, S.Kom.", "19900101 201503 1 001", "Admin Web", NULL},
	    .reviewer = {"Contoh Pemeriksa, S.H.", "19800202 200604 2 002", "Kasub Bag Kepeg dan TI", NULL},
	    .acknowledger = {"Contoh Ketua, S.Ag., M.H.", "19700303 199703 1 003", "Ketua", NULL},
	    .trigger = planned ? "scheduled" : "manual",
	    .user = "root",
	    .through = "budi",
	    .planned = planned * CLOCK_SECOND,
	    .started = started * CLOCK_SECOND,
	    .ended = (started + 754) * CLOCK_SECOND,
	    .duration = 754 * CLOCK_SECOND,
	    .host = "web1.pa-ternate.example",
	    .system = "Linux 6.1.0-18-amd64 x86_64",
	    .sources = sources,
	    .sources_count = 4,
	    .target_name = "hdd",
	    .target_url = "/srv/pulih",
	    .target_total = UINT64_C(1999844147200),
	    .target_available = UINT64_C(1412348125184),
	    .medium =
		{.device = "/dev/sdb1", .type = "ext4", .label = "ARSIP-1", .uuid = "9f3c-11", .serial = "WD-WX41"},
	    .previous_started = (started - 86400) * CLOCK_SECOND,
	    .packs = 219,
	    .packs_never_read_again = 4,
	    .packs_read_since = (started - 9 * 86400) * CLOCK_SECOND,
	    .result = &result,
	    .retention = "daily 14, weekly 8, monthly 24",
	    .schedule = "day 01:00",
	    .status = RECORD_SUCCESS};
}

enum err report_sample_sign(
    struct record_original *out, const struct record *record, uint64_t number, const struct keys *keys)
{
	static const uint8_t previous[HASH_SIZE] = {0x3f, 0xa2, 0x51};
	struct buffer bytes = {0};
	json_t *object = NULL;
	enum err err = record_json(&object, record, number, previous);

	if (err == ERR_OK)
		err = record_sign(object, keys, &bytes);
	if (err == ERR_OK)
		err = record_read(out, bytes.data, bytes.length);
	json_decref(object);
	buffer_free(&bytes);
	return err;
}

static void add_problem(struct record *record, enum backup_problem_kind kind, const char *path, const char *reason)
{
	struct backup_problem problem = {
	    .kind = kind, .path = {.data = (const uint8_t *)path, .size = strlen(path)}, .reason = reason};

	json_array_append_new(record->problems, record_problem_json(&problem));
}

static void with_problems(struct record *record)
{
	troubled = result;
	record->problems = json_array();
	record->result = &troubled;
	record->status = RECORD_NOTES;
	(fail)(PL_BACKUP_PARTIAL, "part of the source could not be read");
	failure_take(&record->failure);
}

static void many(struct record *record)
{
	char path[128];

	with_problems(record);
	for (int i = 0; i < MANY; i++) {
		snprintf(path, sizeof(path), "var/www/html/arsip/putusan/%d/%04d/Pdt.G/dokumen-%05d.pdf", 2010 + i % 17,
		    i % 1000, i);
		add_problem(record,
		    i % 9	? BACKUP_UNREADABLE
			: i % 2 ? BACKUP_CHANGED_WHILE_READ
				: BACKUP_VANISHED,
		    path, "Permission denied");
	}
	troubled.snapshot.totals.unreadable = 8888;
	record->problems_omitted = 17;
	for (size_t i = 0; i < 40; i++) {
		snprintf(many_names[i], sizeof(many_names[i]), "/srv/bagian/%02zu/dokumen", i);
		many_sources[i] = (struct record_source){"files", many_names[i]};
	}
	record->sources = many_sources;
	record->sources_count = 40;
}

static void odd(struct record *record)
{
	static const char *const names[] = {"srv/\xd8\xad\xd9\x83\xd9\x85 2026.pdf", /* Arabic */
	    "srv/\xe5\x88\xa4\xe6\xb1\xba\xe6\x9b\xb8.pdf",			     /* Chinese */
	    "srv/\xd0\xbf\xd1\x80\xd0\xb8\xd0\xbc\xd0\xb5\xd1\x80.txt",		     /* Cyrillic */
	    "srv/\xff\xfe no utf-8.txt", "srv/two\nlines and a \x1b[31mcolour", "srv/tab\tand bell\a",
	    "srv/\xe2\x80\xaegnp.exe", /* turned round */
	    "srv/<script>alert(1)</script>&amp;\"'.html"};
	static char deep[1200];

	with_problems(record);
	memset(deep, 'x', sizeof(deep) - 1);
	for (size_t i = 0; i < sizeof(deep); i += 60)
		deep[i] = '/';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		add_problem(record, BACKUP_UNREADABLE, names[i], "Input/output error");
	add_problem(record, BACKUP_CHANGED_WHILE_READ, deep, "three readings differed");
	troubled.snapshot.totals.unreadable = 8;
	troubled.snapshot.totals.changed_while_read = 1;
	troubled.checks[1].good = false;
	record->performer.name = "Drs. H. Muhammad Abdurrahman Wahidin Kusumawardhana Hadiningrat, S.Ag., S.H., M.H.I.";
	record->reviewer.name = "Dr. Hj. Siti Nurhaliza Rahmawati Puspitasari Kartikaningsih Djojohadikoesoemo, M.Kom";
	record->acknowledger.position = "Kepala Bagian Perencanaan, Kepegawaian, Teknologi Informasi dan Pelaporan";
}

static void failed(struct record *record)
{
	record->result = NULL;
	record->ended = 0;
	record->status = RECORD_FAILED;
	record->trigger = "catch_up";
	(fail)(PL_RUN_CUT_OFF,
	    "the run 20261122t010000-website-3f2a was cut off: the program or the machine was stopped while it ran");
	failure_take(&record->failure);
}

static void sparse(struct record *record)
{
	record->office.address = record->office.city = NULL;
	record->sop = (struct record_sop){0};
	record->acknowledger = (struct record_person){0};
	record->performer.nip = record->reviewer.nip = NULL;
	record->planned = 0;
	record->trigger = "manual";
	record->sources_count = 1;
	record->retention = record->schedule = NULL;
	record->target_total = record->target_available = 0;
}

enum err report_sample(struct record_original *out, enum report_sample which, const struct keys *keys)
{
	struct record record = report_sample_run("20261122t010000-website-3f2a", "website", STARTED, STARTED + 2);
	enum err err;

	record.keys = which == REPORT_SAMPLE_FAILED ? NULL : keys;
	switch (which) {
	case REPORT_SAMPLE_ENGLISH:
		record.office.english = true;
		break;
	case REPORT_SAMPLE_FAILED:
		failed(&record);
		break;
	case REPORT_SAMPLE_SPARSE:
		sparse(&record);
		break;
	case REPORT_SAMPLE_MANY:
		many(&record);
		break;
	case REPORT_SAMPLE_ODD:
		odd(&record);
		break;
	default:
		break;
	}
	err = report_sample_sign(out, &record, 128, record.keys);
	json_decref(record.problems);
	return err;
}

struct keys *report_samples_begin(void)
{
	static const uint8_t repository[REPOSITORY_ID_SIZE] = {7}, root[KEY_SIZE] = {9};
	struct keys *keys;

	setenv("TZ", "Asia/Jayapura", 1);
	tzset();
	keys = crypto_setup() == ERR_OK ? keys_new() : NULL;
	if (keys && keys_from_root(keys, repository, SUITE_AES_256_GCM, root, "web1") != ERR_OK) {
		keys_free(keys);
		return NULL;
	}
	return keys;
}

/* ---- a month ---- */

static enum err add_run(struct report_samples_month *month, const struct record *record, const struct keys *keys)
{
	struct record_original original = {0};
	enum err err = report_sample_sign(&original, record, month->list.count + 1, keys);

	return err == ERR_OK ? record_list_add(&month->list, &original, RECORD_PENDING) : err;
}

/* One run a night up to the 22nd; the 7th is missed, the 8th late, the 15th fails, the 16th has notes. */
static enum err add_nights(struct report_samples_month *month, const struct keys *keys)
{
	enum err err = ERR_OK;

	for (int day = 1; err == ERR_OK && day <= 22; day++) {
		int64_t planned = month->nightly[day - 1] / CLOCK_SECOND;
		char id[64];
		struct record record;

		if (day == 7)
			continue;
		snprintf(id, sizeof(id), "202611%02dt010000-website-%04x", day, 0x3f00 + day);
		record = report_sample_run(id, "website", planned, planned + (day == 8 ? 5 * 3600 : 2));
		record.keys = keys;
		if (day == 15) {
			month->failed = month->list.count;
			record.result = NULL;
			record.status = RECORD_FAILED;
			(fail)(PL_NO_SPACE, "cannot write /srv/pulih/packs/3f/3fa9.new: No space left on device");
			failure_take(&record.failure);
		}
		if (day == 16) {
			with_problems(&record);
			add_problem(&record, BACKUP_UNREADABLE, "var/www/html/rahasia.php", "Permission denied");
		}
		err = add_run(month, &record, keys);
		if (day == 16)
			json_decref(record.problems);
	}
	return err;
}

enum err report_samples_month(struct report_samples_month *out, const struct keys *keys)
{
	struct record sample = report_sample_run("x", "x", 0, STARTED);
	struct record by_hand =
	    report_sample_run("20261110t093000-arsip-aa01", "arsip", 0, STARTED - 12 * 86400 + 30600);
	struct record before =
	    report_sample_run("20261031t010000-website-bb02", "website", STARTED - 22 * 86400, STARTED - 22 * 86400);
	struct record after =
	    report_sample_run("20261201t010000-website-cc03", "website", STARTED + 9 * 86400, STARTED + 9 * 86400);
	enum err err;

	by_hand.keys = before.keys = after.keys = keys;
	*out = (struct report_samples_month){.now = (STARTED + 11 * 3600) * CLOCK_SECOND, .plans_count = 2};
	if (!report_month_of(&out->month, "2026-11"))
		return fail(PL_OPTION_VALUE, "no month");
	for (int i = 0; i < 30; i++)
		out->nightly[i] = out->month.from + (i * INT64_C(86400) + 3600) * CLOCK_SECOND;
	for (int i = 0; i < 30 * 24; i++)
		out->hourly[i] = out->month.from + (i * INT64_C(3600) + 900) * CLOCK_SECOND;
	out->drills[0] = out->month.from + (29 * INT64_C(86400) + 3 * 3600) * CLOCK_SECOND;
	out->plans[0] = (struct report_plan){.job = "website",
	    .sop = sample.sop,
	    .performer = sample.performer.name,
	    .performer_position = sample.performer.position,
	    .reviewer = sample.reviewer.name,
	    .backups = {out->nightly, 30, true, "day 01:00"},
	    .drills = {out->drills, 1, true, "month, day 30, 03:00"}};
	out->plans[1] = (struct report_plan){.job = "basis-data",
	    .sop = {.number = "AS/29", .item = "D7"},
	    .performer = sample.performer.name,
	    .performer_position = sample.performer.position,
	    .reviewer = sample.reviewer.name,
	    .backups = {out->hourly, 30 * 24, true, "hour, minute 15"}};
	out->filer = (struct report_filer){.office = sample.office,
	    .performer = sample.performer,
	    .reviewer = sample.reviewer,
	    .acknowledger = sample.acknowledger};
	err = add_run(out, &before, keys);
	if (err == ERR_OK)
		err = add_nights(out, keys);
	if (err == ERR_OK)
		err = add_run(out, &by_hand, keys);
	return err == ERR_OK ? add_run(out, &after, keys) : err;
}

void report_samples_month_free(struct report_samples_month *month)
{
	record_list_free(&month->list);
}
