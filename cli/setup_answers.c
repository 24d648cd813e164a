#include "cli/setup_answers.h"
#include "cli/setup_checks.h"
#include "cli/setup_sqlite.h"
#include "core/base/mem.h"

#include <limits.h>
#include <sys/stat.h>

#define TEXT_MAX 1000 /* bytes of an answer; a configuration takes 4096 */

static bool check_language(const char *text)
{
	return strcmp(text, "id") == 0 || strcmp(text, "en") == 0;
}

static bool check_sop(const char *text)
{
	return strcmp(text, "as28") == 0 || strcmp(text, "as29") == 0 || strcmp(text, "none") == 0;
}

static bool check_security(const char *text)
{
	return strcmp(text, "starttls") == 0 || strcmp(text, "tls") == 0 || strcmp(text, "none") == 0;
}

static bool check_keep(const char *text)
{
	int counts[3];

	return setup_answers_keep(text, counts);
}

/* Besides `is`, which looks at the text alone, answers are compared with others in check_others. */
static const struct question {
	const char *option, *text;
	const char *standard;	  /* NULL: found by standard_of, or there is none */
	bool may_be_none;	  /* then "none" and "-" are that */
	bool (*is)(const char *); /* NULL: any text */
	const char *wanted;	  /* for what `is` refuses: "allowed: …" */
	enum setup_answer only_with;
} questions[ANSWERS] = {
    [ANSWER_OFFICE] = {"office", "Name of the office", NULL, false, NULL, NULL, ANSWERS},
    [ANSWER_CITY] = {"city", "City, for the date of signatures", "", true, NULL, NULL, ANSWERS},
    [ANSWER_TIMEZONE] = {"timezone", "Time zone", NULL, false, setup_checks_zone,
	"a name as Asia/Jakarta (WIB), Asia/Makassar (WITA) or Asia/Jayapura (WIT)", ANSWERS},
    [ANSWER_LANGUAGE] = {"language", "Language of the reports, id or en", "id", false, check_language, "id or en",
	ANSWERS},
    [ANSWER_OPERATOR] = {"operator", "Operator, who runs the backups: name", NULL, false, NULL, NULL, ANSWERS},
    [ANSWER_OPERATOR_NIP] = {"operator-nip", "  NIP", "", true, setup_checks_nip, "digits, or none", ANSWERS},
    [ANSWER_OPERATOR_POSITION] = {"operator-position", "  position", "Operator/Admin", false, NULL, NULL, ANSWERS},
    [ANSWER_OPERATOR_EMAIL] = {"operator-email", "  e-mail", "", true, setup_checks_email, "name@host, or none",
	ANSWERS},
    [ANSWER_REVIEWER] = {"reviewer", "Reviewer of the reports, another person: name", NULL, false, NULL, NULL, ANSWERS},
    [ANSWER_REVIEWER_NIP] = {"reviewer-nip", "  NIP", "", true, setup_checks_nip, "digits, or none", ANSWERS},
    [ANSWER_REVIEWER_POSITION] = {"reviewer-position", "  position", "Kasub Bag Kepeg dan TI", false, NULL, NULL,
	ANSWERS},
    [ANSWER_REVIEWER_EMAIL] = {"reviewer-email", "  e-mail", "", true, setup_checks_email, "name@host, or none",
	ANSWERS},
    [ANSWER_HEAD] = {"head", "Head, who signs as well (\"Mengetahui\"): name", "", true, NULL, NULL, ANSWERS},
    [ANSWER_HEAD_NIP] = {"head-nip", "  NIP", "", true, setup_checks_nip, "digits, or none", ANSWER_HEAD},
    [ANSWER_HEAD_POSITION] = {"head-position", "  position", "Ketua", false, NULL, NULL, ANSWER_HEAD},
    [ANSWER_HEAD_EMAIL] = {"head-email", "  e-mail", "", true, setup_checks_email, "name@host, or none", ANSWER_HEAD},
    [ANSWER_TARGET] = {"target", "Folder for the backups, best on another disk", "/srv/pulih", false, NULL, NULL,
	ANSWERS},
    [ANSWER_SOP] = {"sop", "SOP that this carries out: as28 (web site), as29 (routine backup) or none", NULL, false,
	check_sop, "as28, as29 or none", ANSWERS},
    [ANSWER_JOB] = {"job", "Name of the job", NULL, false, setup_checks_name, "lower-case letters, digits and '-'",
	ANSWERS},
    [ANSWER_AT] = {"at", "Time of day", "01:00", false, setup_checks_time, "HH:MM, from 00:00 to 23:59", ANSWERS},
    [ANSWER_KEEP] = {"keep", "How many daily, weekly and monthly backups to keep", "14,8,24", false, check_keep,
	"three numbers, as 14,8,24, not all of them 0", ANSWERS},
    [ANSWER_MAIL_SERVER] = {"mail-server", "Mail server, to be told of failures", "", true, setup_checks_host,
	"a name or an address, or none", ANSWERS},
    [ANSWER_MAIL_SECURITY] = {"mail-security", "  encryption: starttls, tls or none", "starttls", false, check_security,
	"starttls, tls or none", ANSWER_MAIL_SERVER},
    [ANSWER_MAIL_FROM] = {"mail-from", "  address of the sender", NULL, false, setup_checks_email, "name@host",
	ANSWER_MAIL_SERVER},
    [ANSWER_MAIL_USER] = {"mail-user", "  user to log in as", "", true, NULL, NULL, ANSWER_MAIL_SERVER},
    [ANSWER_MAIL_PASSWORD_FILE] = {"mail-password-file", "  file with its password (one line, chmod 600)", NULL, false,
	setup_checks_secret, "the absolute path of a file that nobody else can read", ANSWER_MAIL_USER},
    [ANSWER_SHEET] = {"sheet", "File for the recovery sheet, a PDF to print", NULL, true, NULL, NULL, ANSWERS},
};

void setup_answers_free(struct setup_answers *answers)
{
	for (size_t i = 0; i < ANSWERS; i++)
		mem_free(answers->text[i]);
	setup_list_free(&answers->address);
	setup_list_free(&answers->paths);
	setup_list_free(&answers->databases);
	setup_list_free(&answers->uncovered);
	setup_list_free(&answers->by_hand);
	for (size_t i = 0; i < answers->cms_count; i++)
		setup_cms_free(&answers->cms[i]);
	mem_free(answers->cms);
	setup_servers_free(&answers->servers);
	setup_site_free(&answers->sites);
	*answers = (struct setup_answers){0};
}

const char *setup_answers_option(enum setup_answer which)
{
	return questions[which].option;
}

const char *setup_answers_question(enum setup_answer which)
{
	return questions[which].text;
}

bool setup_answers_wanted(const struct setup_answers *answers, enum setup_answer which)
{
	const enum setup_answer other = questions[which].only_with;

	return other == ANSWERS || (answers->text[other] && *answers->text[other]);
}

/* ---- what holds where nothing else is said ---- */

static bool has_sites(const struct setup_answers *answers)
{
	for (size_t i = 0; i < answers->sites.count; i++)
		for (size_t k = 0; k < answers->paths.count; k++)
			if (strcmp(answers->sites.items[i].path, answers->paths.items[k]) == 0)
				return true;
	return false;
}

enum err setup_answers_standard(const struct setup_answers *answers, enum setup_answer which, char **out)
{
	const char *text = questions[which].standard, *home = getenv("HOME");
	char zone[64];

	*out = NULL;
	switch (which) {
	case ANSWER_TIMEZONE:
		text = setup_checks_host_zone(zone, sizeof(zone));
		break;
	case ANSWER_SOP:
		text = has_sites(answers) ? "as28" : "as29";
		break;
	case ANSWER_JOB:
		text = strcmp(answers->text[ANSWER_SOP], "as28") == 0 ? "website" : "data-kantor";
		break;
	case ANSWER_MAIL_FROM:
		text = answers->text[ANSWER_OPERATOR_EMAIL];
		text = text && *text ? text : NULL;
		break;
	case ANSWER_SHEET:
		*out = mem_printf("%s/%s", home && *home == '/' ? home : "/root",
		    strcmp(answers->text[ANSWER_LANGUAGE], "en") == 0 ? "recovery-sheet.pdf" : "lembar-pemulihan.pdf");
		return *out ? ERR_OK : ERR_NOMEM;
	default:
		break;
	}
	if (!text)
		return ERR_OK;
	*out = mem_string(text);
	return *out ? ERR_OK : ERR_NOMEM;
}

/* ---- what is an answer ---- */

bool setup_answers_keep(const char *text, int out[3])
{
	char separator = ' ';
	int used = 0;

	if (strspn(text, "0123456789, ") != strlen(text) || strlen(text) > 20)
		return false;
	if (sscanf(text, "%4d%*[, ]%4d%*[, ]%4d%n%c", &out[0], &out[1], &out[2], &used, &separator) != 3 || used == 0)
		return false;
	return out[0] + out[1] + out[2] > 0;
}

/* Without the spaces around it; "" for none. To be released with mem_free. */
static char *tidy(const struct question *question, const char *text)
{
	size_t length;

	text += strspn(text, " ");
	length = strlen(text);
	while (length > 0 && text[length - 1] == ' ')
		length--;
	if (question->may_be_none && ((length == 4 && strncmp(text, "none", 4) == 0) || (length == 1 && *text == '-')))
		length = 0;
	return mem_printf("%.*s", (int)length, text);
}

static const char *of(const struct setup_answers *answers, enum setup_answer which)
{
	return answers->text[which] ? answers->text[which] : "";
}

/* Nobody reviews their own runs. */
static enum err check_person(const struct setup_answers *answers, enum setup_answer which, const char *text)
{
	const bool is_name = which == ANSWER_REVIEWER || which == ANSWER_HEAD;
	const enum setup_answer other = is_name ? ANSWER_OPERATOR : ANSWER_OPERATOR_NIP;

	if (*text && *of(answers, other) && setup_checks_same(text, of(answers, other)))
		return fail(PL_OPTION_VALUE,
		    "--%s: %s is the operator, who cannot review or acknowledge their own backups; "
		    "name another person",
		    questions[which].option, text);
	return ERR_OK;
}

static enum err check_others(const struct setup_answers *answers, enum setup_answer which, const char *text)
{
	switch (which) {
	case ANSWER_REVIEWER:
	case ANSWER_REVIEWER_NIP:
	case ANSWER_HEAD:
	case ANSWER_HEAD_NIP:
		return check_person(answers, which, text);
	case ANSWER_TARGET:
		return setup_checks_target(&answers->paths, text);
	case ANSWER_MAIL_SERVER:
		if (*text && !*of(answers, ANSWER_OPERATOR_EMAIL) && !*of(answers, ANSWER_REVIEWER_EMAIL))
			return fail(PL_OPTION_VALUE,
			    "--mail-server: nobody has an e-mail address to be told at; give "
			    "--operator-email or --reviewer-email");
		return ERR_OK;
	case ANSWER_MAIL_USER:
		if (*text && strcmp(of(answers, ANSWER_MAIL_SECURITY), "none") == 0)
			return fail(PL_OPTION_VALUE,
			    "--mail-user: without encryption no password is sent; give "
			    "--mail-security starttls or tls");
		return ERR_OK;
	default:
		return ERR_OK;
	}
}

static enum err check(const struct setup_answers *answers, enum setup_answer which, const char *text)
{
	const struct question *question = &questions[which];

	if (!setup_checks_text(text) || strlen(text) > TEXT_MAX)
		return fail(PL_OPTION_VALUE, "--%s: that is no text of one line in UTF-8, of at most %d bytes",
		    question->option, TEXT_MAX);
	if (!*text && !question->may_be_none)
		return fail(PL_OPTION_VALUE, "--%s: an answer is needed", question->option);
	if (*text && question->is && !question->is(text))
		return fail(PL_OPTION_VALUE, "--%s: \"%s\" is not allowed; wanted: %s", question->option, text,
		    question->wanted);
	return check_others(answers, which, text);
}

enum err setup_answers_take(struct setup_answers *answers, enum setup_answer which, const char *text)
{
	char *kept = tidy(&questions[which], text);
	enum err err = kept ? check(answers, which, kept) : ERR_NOMEM;

	if (err == ERR_OK && which == ANSWER_TARGET)
		for (size_t length = strlen(kept); length > 1 && kept[length - 1] == '/'; length--)
			kept[length - 1] = '\0';
	if (err == ERR_OK) {
		mem_free(answers->text[which]);
		answers->text[which] = kept;
		kept = NULL;
	}
	mem_free(kept);
	return err;
}

enum err setup_answers_add_address(struct setup_answers *answers, const char *text)
{
	if (!*text || !setup_checks_text(text) || strlen(text) > TEXT_MAX)
		return fail(
		    PL_OPTION_VALUE, "--address: that is no text of one line in UTF-8, of at most %d bytes", TEXT_MAX);
	return setup_list_add(&answers->address, text);
}

enum err setup_answers_add_path(struct setup_answers *answers, const char *text)
{
	char real[PATH_MAX];
	enum err err = setup_checks_path("path", text, real);

	return err == ERR_OK ? setup_list_add_new(&answers->paths, real) : err;
}

enum err setup_answers_add_database(struct setup_answers *answers, const char *text)
{
	char real[PATH_MAX];
	enum err err = setup_checks_path("sqlite", text, real);

	if (err == ERR_OK && !setup_sqlite_is(real))
		err = fail(PL_OPTION_VALUE, "--sqlite: %s is no SQLite database", text);
	return err == ERR_OK ? setup_list_add_new(&answers->databases, real) : err;
}

/* ---- sites ---- */

static enum err add_cms(struct setup_answers *answers, const struct setup_cms *cms)
{
	struct setup_cms *items;

	for (size_t i = 0; i < answers->cms_count; i++)
		if (strcmp(answers->cms[i].folder, cms->folder) == 0)
			return ERR_OK;
	if (answers->cms_count == SETUP_DATABASES_MAX)
		return fail(PL_OPTION_VALUE, "--path: there are more web sites with databases than setup takes (%d)",
		    SETUP_DATABASES_MAX);
	items = mem_more(answers->cms, answers->cms_count, &answers->cms_capacity, sizeof(*items));
	if (!items)
		return ERR_NOMEM;
	answers->cms = items;
	if (setup_cms_copy(&items[answers->cms_count], cms) != ERR_OK)
		return ERR_NOMEM;
	answers->cms_count++;
	return ERR_OK;
}

enum err setup_answers_add_site(struct setup_answers *answers, const struct setup_site *site)
{
	enum err err = setup_answers_add_path(answers, site->path);
	int above = (int)(strrchr(site->path, '/') - site->path);

	for (size_t i = 0; err == ERR_OK && i < site->cms_count; i++) {
		char *settings = mem_printf("%.*s/wp-config.php", above, site->path);

		err = settings ? add_cms(answers, &site->cms[i]) : ERR_NOMEM;
		if (err == ERR_OK && site->cms[i].above)
			err = setup_answers_add_path(answers, settings);
		mem_free(settings);
	}
	return err;
}
