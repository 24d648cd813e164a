#include "cli/setup_summary.h"
#include "cli/setup_checks.h"
#include "cli/setup_plan.h"
#include "conf/configuration.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#include <string.h>

void setup_summary_welcome(const struct setup_request *request, const struct setup_ask *ask)
{
	setup_ask_say(ask,
	    "pulih setup: a nightly backup with a report that can be signed.\n"
	    "Press Enter for what stands in [brackets]. Nothing is written before you agree at the\n"
	    "end; Ctrl-C stops. The configuration will be %s.\n\n",
	    request->configuration);
}

void setup_summary_plan(const struct setup_request *request, const struct setup_ask *ask)
{
	const struct setup_answers *answers = request->answers;

	setup_ask_say(ask, "\n  configuration   %s\n  backup key      %s\n", request->configuration, request->key);
	setup_ask_say(ask, "  repository      %s%s\n", answers->text[ANSWER_TARGET],
	    setup_checks_place(answers->text[ANSWER_TARGET]) == PLACE_REPOSITORY ? " (is there)" : "");
	setup_ask_say(
	    ask, "  recovery sheet  %s\n", *answers->text[ANSWER_SHEET] ? answers->text[ANSWER_SHEET] : "none");
	setup_ask_say(
	    ask, "  job             %s, every day at %s\n", answers->text[ANSWER_JOB], answers->text[ANSWER_AT]);
	for (size_t i = 0; i < answers->paths.count; i++)
		setup_ask_say(
		    ask, "  %s%s\n", i == 0 ? "backs up        " : "                ", answers->paths.items[i]);
	for (size_t i = 0; i < answers->databases.count; i++)
		setup_ask_say(
		    ask, "  %s%s\n", i == 0 ? "SQLite          " : "                ", answers->databases.items[i]);
	for (size_t i = 0; i < answers->servers.count; i++) {
		const struct setup_server *server = &answers->servers.items[i];
		char *databases = setup_server_databases(server), *way = setup_server_way(server);

		setup_ask_say(ask, "  %s%s (%s)\n",
		    server->engine == CMS_POSTGRESQL ? "PostgreSQL      " : "MariaDB, MySQL  ",
		    databases ? databases : "", way ? way : "");
		if (server->password_file)
			setup_ask_say(ask, "  password in     %s\n", server->password_file);
		mem_free(databases);
		mem_free(way);
	}
}

void setup_summary_incomplete(const struct setup_summary *summary)
{
	const struct setup_made *made = &summary->made;
	const struct setup_answers *answers = summary->request->answers;
	struct failure kept = *failure_last();

	if (!*made->repository) {
		output_note("no repository, no key and no configuration was made; run pulih setup again when the cause "
			    "is put right");
	} else {
		output_note("the repository %s at %s is there%s%s%s%s%s; the configuration is not. Put the cause right "
			    "and run pulih "
			    "setup again with the same answers and the same passphrase: it goes on from there",
		    made->repository, answers->text[ANSWER_TARGET], made->key ? ", the backup key " : "",
		    made->key ? summary->request->key : "", made->sheet ? ", the recovery sheet " : "",
		    made->sheet ? answers->text[ANSWER_SHEET] : "",
		    made->passwords ? ", files with passwords of databases" : "");
	}
	if (kept.kind != ERR_OK)
		failure_put(&kept);
}

/* ---- the end ---- */

/* What a command line needs beside its words: " -c FILE" where the configuration is not the default one. To be released with mem_free. */
static char *with_configuration(const struct setup_summary *summary)
{
	char *quoted, *text;

	if (strcmp(summary->request->configuration, CONFIGURATION_DEFAULT) == 0)
		return mem_string("");
	quoted = setup_plan_quoted(summary->request->configuration);
	text = quoted ? mem_printf(" -c %s", quoted) : NULL;
	mem_free(quoted);
	return text;
}

static void show_duties(const struct setup_summary *summary, const char *with)
{
	const struct setup_answers *answers = summary->request->answers;
	char *target = setup_plan_quoted(answers->text[ANSWER_TARGET]);
	char *sheet = setup_plan_quoted(answers->text[ANSWER_SHEET]);
	int number = 1;

	output_print("\nWhat you must do now\n");
	if (*answers->text[ANSWER_SHEET])
		output_print(
		    "  %d. Print the recovery sheet, let it be signed, put it into the safe, then remove the file:\n"
		    "       rm %s\n",
		    number++, sheet ? sheet : "");
	else
		output_print("  %d. Make a recovery sheet for the safe:\n       pulih key sheet -r %s -o sheet.pdf\n",
		    number++, target ? target : "");
	if (!summary->ran)
		output_print(
		    "  %d. Run the first backup:\n       pulih run %s%s\n", number++, answers->text[ANSWER_JOB], with);
	output_print("  %d. Try a restore (it asks for the passphrase, or takes the code of the sheet):\n"
		     "       pulih restore -r %s latest -t /root/restore-test --verify\n",
	    number++, target ? target : "");
	output_print("  %d. Look at the first report:\n       pulih report show latest%s\n", number++, with);
	mem_free(target);
	mem_free(sheet);
}

/* Where passwords lie, a person must know: whoever changes one changes it there as well. */
static void show_servers(const struct setup_answers *answers)
{
	for (size_t i = 0; i < answers->servers.count; i++) {
		const struct setup_server *server = &answers->servers.items[i];
		char *databases = setup_server_databases(server), *way = setup_server_way(server);

		output_print(
		    "  %s: %s (%s)\n", cms_engine_name(server->engine), databases ? databases : "", way ? way : "");
		if (server->password_file)
			output_print(
			    "    its password is in %s: when it changes, change it there too\n", server->password_file);
		mem_free(databases);
		mem_free(way);
	}
}

static void show_uncovered(const struct setup_summary *summary)
{
	const struct setup_answers *answers = summary->request->answers;

	if (answers->uncovered.count > 0)
		output_print("\nNOT backed up by this job:\n");
	for (size_t i = 0; i < answers->uncovered.count; i++)
		output_print("  - %s\n", answers->uncovered.items[i]);
	if (answers->by_hand.count > 0)
		output_print("  To add it, write under sources in %s (the password into the file, chmod 600):\n",
		    summary->request->configuration);
	for (size_t i = 0; i < answers->by_hand.count; i++)
		output_print("      %s\n", answers->by_hand.items[i]);
}

static void show_text(const struct setup_summary *summary)
{
	const struct setup_answers *answers = summary->request->answers;
	char *with = with_configuration(summary);

	output_print("\nSet up: %s, every day at %s, to %s\n", answers->text[ANSWER_JOB], answers->text[ANSWER_AT],
	    answers->text[ANSWER_TARGET]);
	show_servers(answers);
	if (summary->enabled)
		output_print("  The scheduler is enabled; pulih schedule shows what runs when.\n");
	else if (with && !*with)
		output_print("  So that it runs every day:  systemctl enable --now pulih-scheduler\n");
	else
		output_print("  So that it runs every day:  pulih scheduler%s\n"
			     "  The unit pulih-scheduler reads %s; name this file in a drop-in (systemctl edit).\n",
		    with ? with : "", CONFIGURATION_DEFAULT);
	output_print("  This machine holds no passphrase: it can add backups, and neither read nor forget old ones.\n"
		     "  Retention (%s) is carried out by whoever has the passphrase: pulih help forget\n",
	    answers->text[ANSWER_KEEP]);
	show_uncovered(summary);
	show_duties(summary, with ? with : "");
	mem_free(with);
}

static json_t *text_or_null(const char *text)
{
	return text ? output_text(text) : json_null();
}

static json_t *texts(const struct setup_list *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(array, output_text(list->items[i]));
	return array;
}

static json_t *servers(const struct setup_servers *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->count; i++) {
		const struct setup_server *server = &list->items[i];

		json_array_append_new(array,
		    json_pack("{s:s, s:o, s:o, s:o, s:i, s:o, s:o}", "kind",
			server->engine == CMS_POSTGRESQL ? "postgresql" : "mariadb", "databases",
			texts(&server->databases), "socket", text_or_null(server->socket), "host",
			text_or_null(server->host), "port", server->port, "user", text_or_null(server->user),
			"password_file", text_or_null(server->password_file)));
	}
	return array;
}

void setup_summary_show(const struct setup_summary *summary)
{
	const struct setup_answers *answers = summary->request->answers;
	const struct setup_made *made = &summary->made;
	struct failure kept = *failure_last();

	if (output_level() >= OUTPUT_NORMAL)
		show_text(summary);
	output_object("summary",
	    json_pack("{s:o, s:o, s:o, s:o, s:o, s:s, s:b, s:s, s:o, s:o, s:o, s:o, s:b, s:b}", "configuration",
		output_text(summary->request->configuration), "kept",
		made->kept ? output_text(made->kept) : json_null(), "key", output_text(summary->request->key), "sheet",
		made->sheet ? output_text(answers->text[ANSWER_SHEET]) : json_null(), "target",
		output_text(answers->text[ANSWER_TARGET]), "repository", made->repository, "repository_was_there",
		made->repository_was_there, "job", answers->text[ANSWER_JOB], "paths", texts(&answers->paths),
		"databases", texts(&answers->databases), "servers", servers(&answers->servers), "not_covered",
		texts(&answers->uncovered), "enabled", summary->enabled, "ran", summary->ran));
	if (kept.kind != ERR_OK)
		failure_put(&kept);
}
