/* pulih setup */
#include "cli/access.h"
#include "cli/commands.h"
#include "cli/configured.h"
#include "cli/passphrase.h"
#include "cli/settings.h"
#include "cli/setup_gather.h"
#include "cli/setup_make.h"
#include "cli/setup_passphrase.h"
#include "cli/setup_plan.h"
#include "cli/setup_summary.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#include <errno.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const languages[] = {"id", "en", NULL}, *const sops[] = {"as28", "as29", "none", NULL},
			 *const securities[] = {"starttls", "tls", "none", NULL},
			 *const passwords[] = {"copy", "none", NULL};

static struct {
	struct setup_given answers;
	int language, sop, security, passwords; /* -1: not given */
	const char *key, *new_password_file;
	bool enable, run, force, dry_run;
} given = {.language = -1, .sop = -1, .security = -1, .passwords = -1};

#define ANSWER(name, value, help, which)                                              \
	{                                                                             \
		OPTION(name, 0, OPTION_TEXT, value, help, &given.answers.text[which]) \
	}
static const struct option_spec options[] = {
    {OPTION("yes", 'y', OPTION_FLAG, NULL, "ask nothing: what no option says is the default", &given.answers.yes)},
    {OPTION("dry-run", 'n', OPTION_FLAG, NULL, "only print the configuration", &given.dry_run)},
    {OPTION("force", 0, OPTION_FLAG, NULL, "replace a configuration that is there; the old one stays as .bak",
	&given.force)},
    ANSWER("office", "NAME", "name of the office", ANSWER_OFFICE),
    {OPTION("address", 0, OPTION_LIST, "LINE", "a line of its address; may be repeated", &given.answers.address)},
    ANSWER("city", "NAME", "for the date of signatures", ANSWER_CITY),
    ANSWER("timezone", "ZONE", "as Asia/Jayapura (default: this machine's)", ANSWER_TIMEZONE),
    {OPTION("language", 0, OPTION_CHOICE, "WORD", "of the reports: id (default) or en", &given.language),
	.choices = languages},
    ANSWER("operator", "NAME", "who runs the backups", ANSWER_OPERATOR),
    ANSWER("operator-nip", "NIP", "the operator's number", ANSWER_OPERATOR_NIP),
    ANSWER("operator-position", "TEXT", "default: Operator/Admin", ANSWER_OPERATOR_POSITION),
    ANSWER("operator-email", "ADDRESS", "the operator's address", ANSWER_OPERATOR_EMAIL),
    ANSWER("reviewer", "NAME", "who reviews the reports: another person", ANSWER_REVIEWER),
    ANSWER("reviewer-nip", "NIP", "the reviewer's number", ANSWER_REVIEWER_NIP),
    ANSWER("reviewer-position", "TEXT", "default: Kasub Bag Kepeg dan TI", ANSWER_REVIEWER_POSITION),
    ANSWER("reviewer-email", "ADDRESS", "the reviewer's address", ANSWER_REVIEWER_EMAIL),
    ANSWER("head", "NAME", "who signs as well (default: none)", ANSWER_HEAD),
    ANSWER("head-nip", "NIP", "the head's number", ANSWER_HEAD_NIP),
    ANSWER("head-position", "TEXT", "default: Ketua", ANSWER_HEAD_POSITION),
    ANSWER("head-email", "ADDRESS", "the head's address", ANSWER_HEAD_EMAIL),
    {OPTION("path", 0, OPTION_LIST, "PATH", "back this up; may be repeated (default: what was found)",
	&given.answers.paths)},
    {OPTION("sqlite", 0, OPTION_LIST, "FILE", "an SQLite database, or none; may be repeated (default: what was found)",
	&given.answers.databases)},
    {OPTION("mariadb", 0, OPTION_LIST, "NAME",
	"a database of MariaDB or MySQL, all, or none; may be repeated (default: those of the web sites)",
	&given.answers.mariadb)},
    {OPTION("postgresql", 0, OPTION_LIST, "NAME",
	"a database of PostgreSQL, or none; may be repeated (default: those of the web sites)",
	&given.answers.postgresql)},
    {OPTION("database-passwords", 0, OPTION_CHOICE, "WORD",
	 "copy (default) those in the settings of web sites into files only root can read, or none", &given.passwords),
	.choices = passwords},
    ANSWER("target", "DIR", "where the backups go (default: /srv/pulih)", ANSWER_TARGET),
    {OPTION("sop", 0, OPTION_CHOICE, "WORD", "as28 (web site), as29 (routine backup) or none", &given.sop),
	.choices = sops},
    ANSWER("job", "NAME", "name of the job (default: website or data-kantor)", ANSWER_JOB),
    ANSWER("at", "HH:MM", "time of day (default: 01:00)", ANSWER_AT),
    ANSWER("keep", "D,W,M", "daily, weekly and monthly backups to keep (default: 14,8,24)", ANSWER_KEEP),
    ANSWER("mail-server", "HOST", "to be told of failures (default: none)", ANSWER_MAIL_SERVER),
    {OPTION("mail-security", 0, OPTION_CHOICE, "WORD", "starttls (default), tls or none", &given.security),
	.choices = securities},
    ANSWER("mail-from", "ADDRESS", "the sender (default: the operator's address)", ANSWER_MAIL_FROM),
    ANSWER("mail-user", "NAME", "to log in at the mail server as (default: none)", ANSWER_MAIL_USER),
    ANSWER("mail-password-file", "FILE", "with that user's password", ANSWER_MAIL_PASSWORD_FILE),
    ANSWER("sheet", "FILE", "the recovery sheet, a PDF, or none (default: in the home folder)", ANSWER_SHEET),
    {OPTION(
	"key", 0, OPTION_TEXT, "FILE", "the backup key (default: backup.key beside the configuration)", &given.key)},
    {OPTION("new-password-file", 0, OPTION_TEXT, "FILE", "read the repository's passphrase from FILE",
	&given.new_password_file)},
    {OPTION("enable", 0, OPTION_FLAG, NULL, "enable and start the scheduler (systemctl)", &given.enable)},
    {OPTION("run", 0, OPTION_FLAG, NULL, "run the first backup at once", &given.run)},
    {0},
};

/* ---- options ---- */

static void take_choices(void)
{
	if (given.language >= 0)
		given.answers.text[ANSWER_LANGUAGE] = languages[given.language];
	if (given.sop >= 0)
		given.answers.text[ANSWER_SOP] = sops[given.sop];
	if (given.security >= 0)
		given.answers.text[ANSWER_MAIL_SECURITY] = securities[given.security];
	given.answers.copy_passwords = given.passwords == 0;
	given.answers.keep_passwords = given.passwords == 1;
	if (!given.answers.text[ANSWER_TARGET])
		given.answers.text[ANSWER_TARGET] = settings.repository;
	settings.repository = NULL;
}

/* A unit that the package brings reads the default configuration, and none else. */
static enum err check_options(void)
{
	if (given.answers.text[ANSWER_TARGET] && settings.repository &&
	    settings.repository != options_environment("PULIH_REPOSITORY"))
		return fail(PL_OPTION_CONFLICT, "give --target or --repo, not both");
	if (given.enable && strcmp(configured_file(), CONFIGURATION_DEFAULT) != 0)
		return fail(PL_OPTION_CONFLICT,
		    "--enable is for %s, which the scheduler's unit reads; without it, setup writes %s and leaves the "
		    "unit alone",
		    CONFIGURATION_DEFAULT, configured_file());
	return ERR_OK;
}

/* An absolute form of a path, to be released with mem_free. */
static char *absolute(const char *path)
{
	char *folder, *whole;

	if (path[0] == '/')
		return mem_string(path);
	folder = getcwd(NULL, 0);
	whole = folder ? path_join(folder, path) : mem_string(path);
	free(folder); /* getcwd's own allocation */
	return whole;
}

static enum err make_request(struct setup_request *out, char **configuration, char **key, char **folder)
{
	*configuration = absolute(configured_file());
	*folder = *configuration ? path_folder(*configuration) : NULL;
	if (*folder)
		*key = given.key ? absolute(given.key) : path_join(*folder, "backup.key");
	given.answers.folder = *folder;
	out->configuration = *configuration;
	out->key = *key;
	out->force = given.force;
	return *configuration && *key ? ERR_OK : ERR_NOMEM;
}

/* ---- behind the making ---- */

/* The run uses what was just written: the backup key, not the passphrase. */
static enum err first_run(const struct setup_request *request)
{
	const char *const words[] = {request->answers->text[ANSWER_JOB], NULL};

	settings.repository = settings.password_file = settings.password_command = settings.key_file = NULL;
	settings.config = request->configuration;
	return commands_find("run")->run(&(struct arguments){words, 1});
}

static enum err enable_scheduler(void)
{
	static const char *const argv[] = {"systemctl", "enable", "--now", "pulih-scheduler", NULL};
	int status = 0, error;
	pid_t pid;

	error = posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)(uintptr_t)argv, environ);
	if (error != 0) {
		errno = error;
		return fail_errno(PL_SETUP_ENABLE, "cannot run systemctl");
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status == 0 ? ERR_OK : fail(PL_SETUP_ENABLE, "systemctl enable --now pulih-scheduler failed");
}

/* The backups are configured whatever becomes of the run and of the scheduler: all is tried, and the first that failed is the command's end. */
static enum err begin(const struct setup_request *request, const struct setup_ask *ask, struct setup_summary *summary)
{
	struct failure kept = {0};
	enum err err = ERR_OK;

	if (given.enable) {
		err = enable_scheduler();
		summary->enabled = err == ERR_OK;
	}
	if (err != ERR_OK)
		failure_take(&kept);
	if (!given.run && ask->tty >= 0) {
		err = setup_ask_yes(ask, "\nRun the first backup now", true, &given.run);
		if (err != ERR_OK)
			return err;
	}
	if (given.run) {
		err = first_run(request);
		summary->ran = true;
	}
	if (kept.kind == ERR_OK)
		return given.run ? err : ERR_OK;
	if (given.run && err != ERR_OK)
		output_failure_warning(failure_last());
	return failure_put(&kept);
}

static enum err make(const struct setup_request *request, const struct setup_ask *ask)
{
	struct setup_summary summary = {.request = request};
	struct setup_passphrase passphrase = {.ask = ask, .file = given.new_password_file};
	bool wanted = true;
	enum err err = setup_passphrase_get(&passphrase, request->answers->text[ANSWER_TARGET]);

	if (err == ERR_OK && ask->tty >= 0) {
		setup_summary_plan(request, ask);
		err = setup_ask_yes(ask, "Make all this", true, &wanted);
	}
	if (err == ERR_OK && !wanted)
		err = fail(PL_INTERRUPTED, "stopped by hand; nothing was written");
	if (err == ERR_OK) {
		err = setup_make_all(request, setup_passphrase_give, &passphrase, &summary.made);
		if (err != ERR_OK)
			setup_summary_incomplete(&summary);
	}
	setup_passphrase_free(&passphrase);
	if (err == ERR_OK) {
		err = begin(request, ask, &summary);
		setup_summary_show(&summary);
	}
	mem_free(summary.made.kept);
	return err;
}

static enum err print_configuration(const struct setup_request *request)
{
	struct buffer text = {0};
	enum err err = setup_plan_text(&text, request->answers, request->key);

	if (err == ERR_OK) {
		output_print("%.*s", (int)text.length, (const char *)text.data);
		output_object("configuration",
		    json_pack("{s:s, s:s#, s:b}", "file", request->configuration, "text", text.data, text.length,
			"dry_run", 1));
	}
	buffer_free(&text);
	return err == ERR_OK ? setup_make_check(request) : err;
}

static enum err setup_run(const struct arguments *arguments)
{
	struct setup_answers answers = {0};
	struct setup_request request = {.answers = &answers};
	struct setup_ask ask = {.tty = -1};
	char *configuration = NULL, *key = NULL, *folder = NULL;
	enum err err = check_options();

	(void)arguments;
	take_choices();
	if (err == ERR_OK)
		err = make_request(&request, &configuration, &key, &folder);
	if (err == ERR_OK && !given.dry_run)
		err = setup_make_check_files(&request);
	if (err == ERR_OK && !given.answers.yes && !output_is_json() && setup_ask_open(&ask))
		setup_summary_welcome(&request, &ask);
	if (err == ERR_OK) {
		err = setup_gather(&answers, &given.answers, &ask);
		if (err == ERR_INTERRUPTED)
			output_note("nothing was written");
	}
	if (err == ERR_OK && given.dry_run)
		err = print_configuration(&request);
	else if (err == ERR_OK)
		err = setup_make_check(&request);
	if (err == ERR_OK && ask.tty < 0)
		setup_gather_say_uncovered(&answers, &ask);
	if (err == ERR_OK && !given.dry_run)
		err = make(&request, &ask);
	setup_ask_close(&ask);
	setup_answers_free(&answers);
	option_list_free(&given.answers.address);
	option_list_free(&given.answers.paths);
	option_list_free(&given.answers.databases);
	option_list_free(&given.answers.mariadb);
	option_list_free(&given.answers.postgresql);
	mem_free(configuration);
	mem_free(key);
	mem_free(folder);
	return err;
}

const struct command setup_command = {
    .name = "setup",
    .purpose = "set up nightly backups: asks a few questions, makes the rest",
    .arguments = "",
    .options = options,
    .makes_configuration = true,
    .details =
	"Finds web sites and databases on this machine, and asks in a terminal what no option says. Then it makes the\n"
	"repository, a backup key that reads nothing, a recovery sheet to print, and the configuration\n"
	"(/etc/pulih/pulih.yaml, or that of -c). A repository that is there is used. Nothing is overwritten.\n"
	"The databases of Joomla and WordPress sites are dumped by the job that backs up their files; their\n"
	"passwords, where they are needed, are copied into files beside the configuration (mode 0600).\n"
	"Without a terminal, give the options; with --yes the rest is the default.",
    .examples =
	"pulih setup\n"
	"pulih setup -n --yes --office 'Pengadilan Agama Ternate' --operator 'Nama Admin' --reviewer 'Nama Kasubbag'\n"
	"pulih setup --yes --office 'PA Ternate' --operator 'Nama Admin' --reviewer 'Nama Kasubbag' \\\n"
	"    --target /media/hdd/pulih --path /var/www/html --new-password-file /root/passphrase --enable --run",
    .run = setup_run,
};
