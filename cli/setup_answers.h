/* What setup must know: each question, its default, and what is an answer to it. Options and typed answers go the same way. */
#ifndef PULIH_CLI_SETUP_ANSWERS_H
#define PULIH_CLI_SETUP_ANSWERS_H

#include "cli/setup_server.h"
#include "cli/setup_site.h"

#define SETUP_DATABASES_MAX 200 /* of servers, more than a person wants to choose from */

/* In the order in which they are asked. */
enum setup_answer {
	ANSWER_OFFICE,
	ANSWER_CITY,
	ANSWER_TIMEZONE,
	ANSWER_LANGUAGE,
	ANSWER_OPERATOR,
	ANSWER_OPERATOR_NIP,
	ANSWER_OPERATOR_POSITION,
	ANSWER_OPERATOR_EMAIL,
	ANSWER_REVIEWER,
	ANSWER_REVIEWER_NIP,
	ANSWER_REVIEWER_POSITION,
	ANSWER_REVIEWER_EMAIL,
	ANSWER_HEAD,
	ANSWER_HEAD_NIP,
	ANSWER_HEAD_POSITION,
	ANSWER_HEAD_EMAIL,
	ANSWER_TARGET,
	ANSWER_SOP,
	ANSWER_JOB,
	ANSWER_AT,
	ANSWER_KEEP,
	ANSWER_MAIL_SERVER,
	ANSWER_MAIL_SECURITY,
	ANSWER_MAIL_FROM,
	ANSWER_MAIL_USER,
	ANSWER_MAIL_PASSWORD_FILE,
	ANSWER_SHEET,
	ANSWERS
};

/* Starts as {0}; released with setup_answers_free. */
struct setup_answers {
	char *text[ANSWERS];	     /* NULL: not answered yet; "": none */
	struct setup_list address;   /* lines */
	struct setup_list paths;     /* that are backed up: absolute, there, no links */
	struct setup_list databases; /* SQLite; likewise */
	struct setup_cms *cms;	     /* in the sites that are backed up, each once */
	size_t cms_count, cms_capacity;
	struct setup_servers servers; /* whose databases are backed up */
	/* What is not part of the job, as "the PostgreSQL server (/run/postgresql)", and the lines of YAML that add it to the sources of the job */
	struct setup_list uncovered, by_hand;
	struct setup_sites sites; /* that were found */
};
void setup_answers_free(struct setup_answers *answers);

/* The long option that answers it, without its dashes. */
const char *setup_answers_option(enum setup_answer which);
/* "Name of the office" */
const char *setup_answers_question(enum setup_answer which);
/* Whether there is anything to ask: the position of a head is only wanted where there is one. */
bool setup_answers_wanted(const struct setup_answers *answers, enum setup_answer which);
/* Sets *out to what holds where nothing else is said, to be released with mem_free: "" none, NULL: somebody must say it. ERR_NOMEM. */
enum err setup_answers_standard(const struct setup_answers *answers, enum setup_answer which, char **out);

/* Checks the text and keeps it; spaces around it do not count, "none" and "-" are none where none is an answer. PL_OPTION_VALUE (ERR_USAGE),
 * naming the option; nothing is changed then. */
enum err setup_answers_take(struct setup_answers *answers, enum setup_answer which, const char *text);
/* The same for what there may be several of. A path that is a link becomes the folder behind it. */
enum err setup_answers_add_address(struct setup_answers *answers, const char *text);
enum err setup_answers_add_path(struct setup_answers *answers, const char *text);
enum err setup_answers_add_database(struct setup_answers *answers, const char *text);
/* The path of a site, the settings that lie beside it, and what is known of its database. */
enum err setup_answers_add_site(struct setup_answers *answers, const struct setup_site *site);

/* "14 8 24" or "14,8,24": daily, weekly, monthly ones; 0 for none of a kind. False where the text is anything else, or keeps nothing. */
bool setup_answers_keep(const char *text, int out[3]);

#endif
