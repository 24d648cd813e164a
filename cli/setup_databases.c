#include "cli/setup_databases.h"
#include "cli/setup_checks.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#include <stdio.h>

/* A database that the job may get. */
struct wish {
	enum cms_engine engine;
	const char *database;	     /* NULL: all of a MariaDB server */
	const struct setup_cms *cms; /* NULL: of this machine's server */
	bool named;		     /* by an option: a person wants just this */
};
struct wishes {
	struct wish items[2 * SETUP_DATABASES_MAX];
	size_t count;
};

struct work {
	struct setup_answers *answers;
	const struct setup_given *given;
	const struct setup_ask *ask;
	const struct setup_site_servers *host;
	struct wishes wishes;
};

static bool is_asked(const struct work *work)
{
	return work->ask->tty >= 0;
}

static const struct option_list *named(const struct work *work, enum cms_engine engine)
{
	return engine == CMS_MARIADB ? &work->given->mariadb : &work->given->postgresql;
}

static const char *found(const struct work *work, enum cms_engine engine)
{
	return engine == CMS_MARIADB ? work->host->mariadb : work->host->postgresql;
}

static const char *option_of(enum cms_engine engine)
{
	return engine == CMS_MARIADB ? "mariadb" : "postgresql";
}

/* ---- what is left to a person ---- */

/* In double quotes, as YAML reads them. To be released with mem_free. */
static char *quoted(const char *text)
{
	char *out = mem_alloc(2 * strlen(text) + 3), *at = out;

	if (!out)
		return NULL;
	*at++ = '"';
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			*at++ = '\\';
		*at++ = *text;
	}
	*at++ = '"';
	*at = '\0';
	return out;
}

/* "socket: …, " or "host: …, port: …, " */
static char *address_of(const struct setup_cms *cms)
{
	const struct cms_address *address = &cms->address;
	char port[32] = "";

	if (!cms->address_known)
		return mem_string("host: HOST, ");
	if (address->port)
		snprintf(port, sizeof(port), "port: %u, ", address->port);
	if (*address->socket)
		return mem_printf("socket: \"%s\", ", address->socket);
	return address->local && !address->port ? mem_string("") : mem_printf("host: \"%s\", %s", address->host, port);
}

/* The line of YAML that a person adds to the sources of the job. What is not known stands in capitals. */
static enum err add_line(struct work *work, enum cms_engine engine, const char *database, const struct setup_cms *cms)
{
	char *file = mem_printf("%s/%s.password", work->given->folder, option_of(engine));
	char *name = quoted(database && *database ? database : "DATABASE");
	char *user = quoted(cms && *cms->user ? cms->user : "USER");
	char *password = file ? quoted(file) : NULL, *address = cms ? address_of(cms) : mem_string(""), *line = NULL;
	enum err err;

	if (name && user && password && address)
		line = mem_printf("- %s: {databases: [%s], %suser: %s, password_file: %s}", option_of(engine), name,
		    address, user, password);
	err = line ? setup_list_add_new(&work->answers->by_hand, line) : ERR_NOMEM;
	mem_free(line);
	mem_free(address);
	mem_free(password);
	mem_free(user);
	mem_free(name);
	mem_free(file);
	return err;
}

static enum err leave_out(struct work *work, const struct setup_cms *cms, const char *why)
{
	const char *engine = cms_engine_name(cms->engine);
	char *text =
	    mem_printf("the database%s%s of the web site in %s (%s%s%s)%s%s", *cms->database ? " " : "", cms->database,
		cms->folder, cms_name(cms->kind), *engine ? ", " : "", engine, why ? ": " : "", why ? why : "");
	enum err err = text ? setup_list_add_new(&work->answers->uncovered, text) : ERR_NOMEM;

	mem_free(text);
	return err == ERR_OK && cms->engine != CMS_ENGINE_UNKNOWN ? add_line(work, cms->engine, cms->database, cms)
								  : err;
}

static bool covers(const struct setup_servers *servers, enum cms_engine engine, bool *all)
{
	struct cms_address address;
	bool any = false;

	*all = false;
	for (size_t i = 0; i < servers->count; i++) {
		const struct setup_server *server = &servers->items[i];

		if (server->engine != engine)
			continue;
		if (server->host && !(cms_address_read(&address, server->host) && address.local))
			continue;
		any = true;
		*all = *all || server->databases.count == 0;
	}
	return any;
}

/* A server of this host of which the job has nothing, or not all. */
static enum err leave_server(struct work *work, enum cms_engine engine)
{
	bool all, any = covers(&work->answers->servers, engine, &all);
	char *text;
	enum err err;

	if (!*found(work, engine) || all)
		return ERR_OK;
	text = mem_printf("%s %s server (%s)", any ? "the other databases of the" : "the", cms_engine_name(engine),
	    found(work, engine));
	err = text ? setup_list_add_new(&work->answers->uncovered, text) : ERR_NOMEM;
	mem_free(text);
	return err == ERR_OK && !any ? add_line(work, engine, NULL, NULL) : err;
}

/* ---- what there is ---- */

static enum err add_wish(struct work *work, struct wish wish)
{
	struct wishes *wishes = &work->wishes;

	if (wishes->count == sizeof(wishes->items) / sizeof(wishes->items[0]))
		return fail(PL_OPTION_VALUE, "--%s: there are more databases than setup takes (%d)",
		    option_of(wish.engine), SETUP_DATABASES_MAX);
	wishes->items[wishes->count++] = wish;
	return ERR_OK;
}

static bool is_word(const struct option_list *list, const char *word)
{
	return list->count == 1 && strcmp(list->items[0].value, word) == 0;
}

static bool is_named(const struct option_list *list, const char *database)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].value, database) == 0)
			return true;
	return false;
}

static enum err check_named(const struct option_list *list, enum cms_engine engine)
{
	if (is_word(list, "none") || (engine == CMS_MARIADB && is_word(list, "all")))
		return ERR_OK;
	for (size_t i = 0; i < list->count; i++) {
		const char *name = list->items[i].value;

		if (strlen(name) >= SETUP_CMS_NAME || !setup_checks_text(name) || strcmp(name, "none") == 0 ||
		    strcmp(name, "all") == 0)
			return fail(PL_OPTION_VALUE,
			    "--%s: \"%s\" is not allowed; wanted: the name of a database, or by itself %s",
			    option_of(engine), name, engine == CMS_MARIADB ? "all or none" : "none");
	}
	return ERR_OK;
}

enum err setup_databases_check(const struct setup_given *given)
{
	enum err err = check_named(&given->mariadb, CMS_MARIADB);

	return err == ERR_OK ? check_named(&given->postgresql, CMS_POSTGRESQL) : err;
}

/* Those that options name; of sites where they have one of that name. */
static enum err wish_named(struct work *work, enum cms_engine engine)
{
	const struct option_list *list = named(work, engine);
	enum err err = ERR_OK;

	if (is_word(list, "none"))
		return ERR_OK;
	if (is_word(list, "all"))
		return add_wish(work, (struct wish){.engine = engine, .named = true});
	for (size_t i = 0; err == ERR_OK && i < list->count; i++) {
		const char *name = list->items[i].value;
		bool of_site = false;

		for (size_t k = 0; k < work->answers->cms_count; k++)
			of_site = of_site ||
			    (work->answers->cms[k].engine == engine &&
				strcmp(work->answers->cms[k].database, name) == 0);
		if (!of_site)
			err = add_wish(work, (struct wish){.engine = engine, .database = name, .named = true});
	}
	return err;
}

/* Databases that the settings of chosen sites name. */
static enum err wish_sites(struct work *work)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < work->answers->cms_count; i++) {
		const struct setup_cms *cms = &work->answers->cms[i];
		const struct option_list *list = named(work, cms->engine);
		const bool listed = cms->engine != CMS_ENGINE_UNKNOWN && list->count > 0;

		if (cms->engine == CMS_ENGINE_UNKNOWN || !*cms->database)
			err = leave_out(work, cms, "its settings do not name it");
		else if (listed && is_word(list, "all") && cms->address_known && cms->address.local)
			continue; /* with all of that server */
		else if (listed && !is_named(list, cms->database))
			err = leave_out(work, cms, NULL);
		else
			err = add_wish(work,
			    (struct wish){
				.engine = cms->engine, .database = cms->database, .cms = cms, .named = listed});
	}
	return err;
}

/* A MariaDB server of which no site has anything: all of it. */
static enum err wish_server(struct work *work)
{
	for (size_t i = 0; i < work->wishes.count; i++)
		if (work->wishes.items[i].engine == CMS_MARIADB)
			return ERR_OK;
	if (work->given->mariadb.count > 0 || !strstr(work->host->mariadb, ".sock"))
		return ERR_OK;
	return add_wish(work, (struct wish){.engine = CMS_MARIADB});
}

/* ---- which of it ---- */

static void show(const struct work *work, size_t number, const struct wish *wish)
{
	if (wish->database)
		setup_ask_say(
		    work->ask, "  %2zu  %s, of the web site in %s\n", number, wish->database, wish->cms->folder);
	else
		setup_ask_say(work->ask, "  %2zu  all of the server at %s\n", number, found(work, wish->engine));
	setup_ask_say(work->ask, "        %s\n", cms_engine_name(wish->engine));
}

static enum err choose(struct work *work, bool *chosen)
{
	bool shown[2 * SETUP_DATABASES_MAX];
	size_t count = 0, at = 0;
	enum err err;

	for (size_t i = 0; i < work->wishes.count; i++) {
		chosen[i] = true;
		count += !work->wishes.items[i].named;
	}
	if (!is_asked(work) || count == 0)
		return ERR_OK;
	setup_ask_say(work->ask, "\nDatabases of servers, which are dumped into the same backup as the files:\n");
	for (size_t i = 0, number = 1; i < work->wishes.count; i++)
		if (!work->wishes.items[i].named)
			show(work, number++, &work->wishes.items[i]);
	err = setup_ask_which(work->ask, "Which of them", true, shown, count);
	for (size_t i = 0; err == ERR_OK && i < work->wishes.count; i++)
		if (!work->wishes.items[i].named)
			chosen[i] = shown[at++];
	return err;
}

/* ---- how to get at it ---- */

/* What a site uses and does not work now: the job tells each night why it fails, until that is put right. */
static enum err accept_failure(struct work *work, const struct wish *wish, bool *wanted)
{
	const char *why = failure_last()->text;

	*wanted = true;
	if (!is_asked(work)) {
		output_warning(PL_SETUP_LOGIN, "the database %s of the web site in %s cannot be read now: %s",
		    wish->database, wish->cms->folder, why);
		return ERR_OK;
	}
	setup_ask_say(work->ask, "  ! %s cannot be read now: %s\n", wish->database, why);
	return setup_ask_yes(
	    work->ask, "  Put it into the job all the same, which fails until that is put right", true, wanted);
}

static enum err give_up(struct work *work, const struct wish *wish)
{
	struct failure why;

	failure_take(&why);
	if (wish->cms)
		return leave_out(work, wish->cms, why.text);
	if (!wish->named)
		return ERR_OK; /* the server is named as one that is left out */
	return fail(PL_OPTION_VALUE, "--%s %s: the server of this machine does not give it without a password: %s",
	    option_of(wish->engine), wish->database ? wish->database : "all", why.text);
}

static enum err get_in(struct work *work, const struct wish *wish)
{
	const struct setup_login login = {.engine = wish->engine,
	    .database = wish->database,
	    .cms = wish->cms,
	    .host = work->host,
	    .ask = work->ask,
	    .may_copy = !work->given->keep_passwords,
	    .asks_copy = is_asked(work) && !work->given->copy_passwords && !work->given->keep_passwords};
	struct setup_server server = {0};
	enum setup_login_result result;
	bool wanted = true;
	enum err err = setup_login_find(&login, &server, &result);

	if (err == ERR_OK && result == LOGIN_FAILS)
		err = accept_failure(work, wish, &wanted);
	if (err == ERR_OK && result == LOGIN_REFUSED)
		err = leave_out(work, wish->cms, "it takes a password");
	else if (err == ERR_OK && result == LOGIN_UNKNOWN)
		err = give_up(work, wish);
	else if (err == ERR_OK && wanted)
		err = setup_servers_add(&work->answers->servers, &server);
	else if (err == ERR_OK)
		err = leave_out(work, wish->cms, NULL);
	setup_server_free(&server);
	if (err == ERR_OK)
		failure_clear();
	return err;
}

static enum err get_all(struct work *work)
{
	bool chosen[2 * SETUP_DATABASES_MAX];
	enum err err = choose(work, chosen);

	for (size_t i = 0; err == ERR_OK && i < work->wishes.count; i++) {
		const struct wish *wish = &work->wishes.items[i];

		if (chosen[i])
			err = get_in(work, wish);
		else if (wish->cms)
			err = leave_out(work, wish->cms, NULL);
	}
	return err == ERR_OK ? setup_servers_name(&work->answers->servers, work->given->folder) : err;
}

enum err setup_databases_get(struct setup_answers *answers, const struct setup_given *given,
    const struct setup_ask *ask, const struct setup_site_servers *host)
{
	struct work *work = mem_calloc(1, sizeof(*work));
	enum err err;

	if (!work)
		return ERR_NOMEM;
	work->answers = answers;
	work->given = given;
	work->ask = ask;
	work->host = host;
	err = wish_named(work, CMS_MARIADB);
	if (err == ERR_OK)
		err = wish_named(work, CMS_POSTGRESQL);
	if (err == ERR_OK)
		err = wish_sites(work);
	if (err == ERR_OK)
		err = wish_server(work);
	if (err == ERR_OK)
		err = get_all(work);
	if (err == ERR_OK)
		err = leave_server(work, CMS_MARIADB);
	if (err == ERR_OK)
		err = leave_server(work, CMS_POSTGRESQL);
	mem_free(work);
	return err;
}
