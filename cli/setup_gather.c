#include "cli/setup_gather.h"
#include "cli/settings.h"
#include "cli/setup_checks.h"
#include "cli/setup_databases.h"
#include "cli/setup_sqlite.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#include <dirent.h>
#include <limits.h>
#include <unistd.h>

static bool is_asked(const struct setup_ask *ask)
{
	return ask->tty >= 0;
}

/* ---- one question ---- */

static enum err take_standard(struct setup_answers *answers, enum setup_answer which, bool yes)
{
	char *standard = NULL;
	enum err err = setup_answers_standard(answers, which, &standard);

	if (err == ERR_OK && (!standard || !yes))
		err = fail(PL_SETUP_ANSWER, "--%s is missing (%s)%s%s%s", setup_answers_option(which),
		    setup_answers_question(which) + strspn(setup_answers_question(which), " "),
		    standard ? "; --yes would take \"" : "", standard ? *standard ? standard : "none" : "",
		    standard ? "\"" : "");
	if (err == ERR_OK)
		err = setup_answers_take(answers, which, standard);
	mem_free(standard);
	return err;
}

static enum err get(struct setup_answers *answers, const struct setup_given *given, const struct setup_ask *ask,
    enum setup_answer which)
{
	if (!setup_answers_wanted(answers, which)) {
		if (given->text[which])
			return fail(PL_OPTION_CONFLICT, "--%s says more about something that was not given",
			    setup_answers_option(which));
		answers->text[which] = mem_string("");
		return answers->text[which] ? ERR_OK : ERR_NOMEM;
	}
	if (given->text[which])
		return setup_answers_take(answers, which, given->text[which]);
	return is_asked(ask) ? setup_ask_question(ask, answers, which) : take_standard(answers, which, given->yes);
}

static enum err get_all(struct setup_answers *answers, const struct setup_given *given, const struct setup_ask *ask,
    enum setup_answer first, enum setup_answer last)
{
	enum err err = ERR_OK;

	for (enum setup_answer which = first; err == ERR_OK && which <= last; which++)
		err = get(answers, given, ask, which);
	return err;
}

/* Options are looked at before the first question: nobody shall type ten answers to hear that the command was wrong. */
static enum err try_given(const struct setup_given *given)
{
	struct setup_answers tried = {0};
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < given->address.count; i++)
		err = setup_answers_add_address(&tried, given->address.items[i].value);
	for (size_t i = 0; err == ERR_OK && i < given->paths.count; i++)
		err = setup_answers_add_path(&tried, given->paths.items[i].value);
	if (err == ERR_OK)
		err = setup_databases_check(given);
	for (enum setup_answer which = 0; err == ERR_OK && which < ANSWERS; which++)
		if (given->text[which])
			err = setup_answers_take(&tried, which, given->text[which]);
	setup_answers_free(&tried);
	return err;
}

static enum err get_address(struct setup_answers *answers, const struct setup_given *given, const struct setup_ask *ask)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < given->address.count; i++)
		err = setup_answers_add_address(answers, given->address.items[i].value);
	return err == ERR_OK && given->address.count == 0 && is_asked(ask) ? setup_ask_address(ask, answers) : err;
}

/* ---- what is backed up ---- */

/* Besides sites: what a machine cannot be set up again without, and what its users have. */
static const char *const others[][2] = {{"/etc", "the settings of this machine"}, {"/home", "the files of its users"}};
#define OTHERS (sizeof(others) / sizeof(others[0]))

static bool is_worth_it(const char *folder)
{
	DIR *listing = opendir(folder);
	struct dirent *entry;
	bool found = false;

	while (listing && !found && (entry = readdir(listing)) != NULL)
		found = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	if (listing)
		closedir(listing);
	return found;
}

static void show_site(const struct setup_ask *ask, size_t number, const struct setup_site *site)
{
	setup_ask_say(ask, "  %2zu  %s\n", number, site->path);
	for (size_t i = 0; i < site->cms_count; i++)
		setup_ask_say(ask, "        %s%s%s\n", cms_name(site->cms[i].kind),
		    *site->cms[i].database ? ", its database is " : "", site->cms[i].database);
}

static enum err choose_paths(struct setup_answers *answers, const struct setup_ask *ask)
{
	const struct setup_sites *sites = &answers->sites;
	bool chosen[SETUP_SITES_MAX + OTHERS];
	const char *extra[OTHERS];
	size_t count = sites->count, extras = 0;
	enum err err = ERR_OK;

	if (is_asked(ask))
		setup_ask_say(ask, "\nWhat to back up. On this machine there are:\n");
	for (size_t i = 0; is_asked(ask) && i < sites->count; i++)
		show_site(ask, i + 1, &sites->items[i]);
	for (size_t i = 0; i < OTHERS; i++) {
		if (!is_worth_it(others[i][0]))
			continue;
		extra[extras++] = others[i][0];
		count++;
		if (is_asked(ask))
			setup_ask_say(ask, "  %2zu  %s\n        %s\n", count, others[i][0], others[i][1]);
	}
	for (size_t i = 0; i < count; i++)
		chosen[i] = true;
	if (is_asked(ask) && count > 0)
		err = setup_ask_which(ask, "Which of them (\"1 3\", \"2-4\", all, none)", true, chosen, count);
	for (size_t i = 0; err == ERR_OK && i < count; i++)
		if (chosen[i])
			err = i < sites->count ? setup_answers_add_site(answers, &sites->items[i])
					       : setup_answers_add_path(answers, extra[i - sites->count]);
	return err;
}

/* A path as a person names it, with what is known of sites there. */
static enum err add_named(struct setup_answers *answers, const char *path)
{
	struct setup_site site = {0};
	size_t before = answers->paths.count, length;
	enum err err = setup_answers_add_path(answers, path);

	if (err != ERR_OK || answers->paths.count == before)
		return err;
	site.path = answers->paths.items[before];
	length = strlen(site.path);
	err = setup_site_look(&site);
	if (err == ERR_OK)
		err = setup_answers_add_site(answers, &site);
	setup_site_forget(&site);
	for (size_t i = 0; err == ERR_OK && i < answers->sites.count; i++) {
		const struct setup_site *found = &answers->sites.items[i];

		/* Its databases count; its path is part of this one. */
		if (strncmp(found->path, answers->paths.items[before], length) == 0 && found->path[length] == '/') {
			size_t paths = answers->paths.count;

			err = setup_answers_add_site(answers, found);
			if (err == ERR_OK && answers->paths.count > paths)
				mem_free(answers->paths.items[--answers->paths.count]);
		}
	}
	return err;
}

static enum err get_paths(struct setup_answers *answers, const struct setup_given *given, const struct setup_ask *ask)
{
	enum err err = setup_site_find(&answers->sites, "");

	if (err == ERR_OK && answers->sites.cut)
		output_note("there are more web sites than setup shows; name others with --path");
	for (size_t i = 0; err == ERR_OK && i < given->paths.count; i++)
		err = add_named(answers, given->paths.items[i].value);
	if (err != ERR_OK || given->paths.count > 0)
		return err;
	if (!is_asked(ask) && !given->yes)
		return fail(
		    PL_SETUP_ANSWER, "--path is missing (what to back up); --yes would take all that was found");
	err = choose_paths(answers, ask);
	if (err == ERR_OK && is_asked(ask))
		err = setup_ask_paths(ask, answers, "Another folder or file, by its whole path [no more]", add_named);
	return err;
}

/* ---- SQLite ---- */

static enum err choose_databases(
    struct setup_answers *answers, const struct setup_ask *ask, const struct setup_sqlite *found)
{
	bool chosen[SETUP_SQLITE_MAX];
	const size_t count = found->paths.count;
	enum err err = ERR_OK;

	for (size_t i = 0; i < count; i++)
		chosen[i] = true;
	if (is_asked(ask) && count > 0) {
		setup_ask_say(
		    ask, "\nSQLite databases in these folders, which are copied consistently while in use:\n");
		for (size_t i = 0; i < count; i++)
			setup_ask_say(ask, "  %2zu  %s\n", i + 1, found->paths.items[i]);
		err = setup_ask_which(ask, "Which of them (the others are copied as plain files)", true, chosen, count);
	}
	for (size_t i = 0; err == ERR_OK && i < count; i++)
		if (chosen[i])
			err = setup_answers_add_database(answers, found->paths.items[i]);
	return err;
}

static enum err find_databases(struct setup_answers *answers, const struct setup_ask *ask)
{
	struct setup_sqlite found = {0};
	struct file_identity own = {0};
	struct stat status;
	const bool known = stat(settings.state_folder, &status) == 0;
	enum err err;

	if (known)
		own = (struct file_identity){status.st_dev, status.st_ino};
	err = setup_sqlite_find(&found, (const char *const *)answers->paths.items, answers->paths.count, &own, known);
	if (err == ERR_OK && found.cut)
		output_note(
		    "not everything was searched for SQLite databases; name those that are missing with --sqlite");
	if (err == ERR_OK)
		err = choose_databases(answers, ask, &found);
	setup_list_free(&found.paths);
	return err;
}

static enum err get_databases(
    struct setup_answers *answers, const struct setup_given *given, const struct setup_ask *ask)
{
	const struct option_list *list = &given->databases;
	enum err err = ERR_OK;

	if (list->count == 0)
		err = find_databases(answers, ask);
	else if (list->count > 1 || strcmp(list->items[0].value, "none") != 0)
		for (size_t i = 0; err == ERR_OK && i < list->count; i++)
			err = setup_answers_add_database(answers, list->items[i].value);
	return err;
}

void setup_gather_say_uncovered(const struct setup_answers *answers, const struct setup_ask *ask)
{
	for (size_t i = 0; i < answers->uncovered.count; i++) {
		if (is_asked(ask))
			setup_ask_say(ask, "  ! NOT part of these backups: %s\n", answers->uncovered.items[i]);
		else
			output_warning(
			    PL_SETUP_UNCOVERED, "%s is not part of these backups", answers->uncovered.items[i]);
	}
	if (is_asked(ask) && answers->uncovered.count > 0)
		setup_ask_say(ask, "    How to add it to the job is shown at the end.\n");
}

/* ---- where to ---- */

/* In a terminal a person decides; otherwise what speaks against the place is a warning. */
static enum err accept_target(struct setup_answers *answers, const struct setup_ask *ask, bool *accepted)
{
	struct setup_list concerns = {0};
	enum err err = setup_checks_concerns(&concerns, answers->text[ANSWER_TARGET], &answers->paths);

	*accepted = true;
	for (size_t i = 0; err == ERR_OK && i < concerns.count; i++) {
		if (is_asked(ask))
			setup_ask_say(ask, "  ! %s\n", concerns.items[i]);
		else
			output_warning(PL_SETUP_PLACE, "%s", concerns.items[i]);
	}
	if (err == ERR_OK && is_asked(ask) && concerns.count > 0)
		err = setup_ask_yes(ask, "  Use it all the same", false, accepted);
	setup_list_free(&concerns);
	return err;
}

static enum err get_target(struct setup_answers *answers, const struct setup_given *given, const struct setup_ask *ask)
{
	struct setup_given again = *given;
	bool accepted;
	enum err err;

	do {
		err = get(answers, &again, ask, ANSWER_TARGET);
		if (err == ERR_OK)
			err = accept_target(answers, ask, &accepted);
		again.text[ANSWER_TARGET] = NULL; /* one that was given and refused is asked for */
	} while (err == ERR_OK && !accepted);
	return err;
}

enum err setup_gather(struct setup_answers *answers, const struct setup_given *given, const struct setup_ask *ask)
{
	struct setup_site_servers host;
	enum err err = try_given(given);

	if (err == ERR_OK)
		err = get(answers, given, ask, ANSWER_OFFICE);
	if (err == ERR_OK)
		err = get_address(answers, given, ask);
	if (err == ERR_OK)
		err = get_all(answers, given, ask, ANSWER_CITY, ANSWER_HEAD_EMAIL);
	if (err == ERR_OK)
		err = get_paths(answers, given, ask);
	if (err == ERR_OK)
		err = get_databases(answers, given, ask);
	setup_site_servers(&host, "");
	if (err == ERR_OK)
		err = setup_databases_get(answers, given, ask, &host);
	if (err == ERR_OK && answers->paths.count + answers->databases.count + answers->servers.count == 0)
		err = fail(PL_SETUP_ANSWER, "nothing is to be backed up; name it with --path");
	if (err == ERR_OK && is_asked(ask))
		setup_gather_say_uncovered(answers, ask);
	if (err == ERR_OK)
		err = get_target(answers, given, ask);
	return err == ERR_OK ? get_all(answers, given, ask, ANSWER_TARGET + 1, ANSWER_SHEET) : err;
}
