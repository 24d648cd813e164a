/* Who reviews, under which Unix user, and when a review is overdue. */
#include "conf/configuration_internal.h"
#include "conf/review_rules.h"

#include <stdio.h>
#include <string.h>

#define LOGIN_MAX 32 /* useradd's bound */
#define LOGIN_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

enum err validate_review_login(struct locate *locate, const struct configuration *configuration, size_t at)
{
	const char *login = configuration->people[at].login;
	struct locate_path path = locate_path("people[%zu].login", at);

	if (!login)
		return ERR_OK;
	/* Whether there is such a user is not asked: a backup must not fail because somebody left. */
	if (strlen(login) > LOGIN_MAX || login[0] == '-' || strspn(login, LOGIN_LETTERS) != strlen(login))
		return locate_fail(locate, PL_CONFIG_VALUE, path.text,
		    "\"%s\" is no name of a Unix user; allowed: 1 to %d letters, digits, '_', '-' and '.'", login,
		    LOGIN_MAX);
	if (strcmp(login, "root") == 0)
		return locate_fail(locate, PL_CONFIG_VALUE, path.text,
		    "root is no person; allowed: the person's own Unix user, or leave it out");
	for (size_t i = 0; i < at; i++)
		if (configuration->people[i].login && strcmp(configuration->people[i].login, login) == 0)
			return locate_fail(locate, PL_CONFIG_DUPLICATE, path.text,
			    "\"%s\" is the Unix user of another person already", login);
	return ERR_OK;
}

static enum err check_span(struct locate *locate, const char *path, const char *member, const char *span)
{
	int64_t length;

	if (!span || review_rules_span(span, &length))
		return ERR_OK;
	return locate_fail(locate, PL_CONFIG_VALUE, locate_path("%s.%s", path, member).text,
	    "\"%s\" is no span; allowed: a number from 1 to 9999 and one of h d w, as 3d", span);
}

static enum err check_escalate_to(
    struct locate *locate, const struct configuration *configuration, const char *id, const char *path)
{
	const struct configuration_person *person = id ? configuration_person(configuration, id) : NULL;
	struct locate_path full = locate_path("%s.escalate_to", path);

	if (id && !person)
		return locate_fail(
		    locate, PL_CONFIG_REFERENCE, full.text, "there is no person of the id \"%s\" under people", id);
	if (id && person->role == ROLE_OPERATOR)
		return locate_fail(locate, PL_CONFIG_REVIEWER, full.text,
		    "\"%s\" has the role operator; allowed: a person with the role reviewer or head", id);
	return ERR_OK;
}

/* `job` NULL: of the office. */
static enum err check_review(struct locate *locate, const struct configuration *configuration,
    const struct configuration_job *job, const struct configuration_review *review, const char *path)
{
	struct review_rules rules;
	enum err err = check_span(locate, path, "remind_after", review->remind_after);

	if (err == ERR_OK)
		err = check_span(locate, path, "escalate_after", review->escalate_after);
	if (err == ERR_OK)
		err = check_escalate_to(locate, configuration, review->escalate_to, path);
	if (err != ERR_OK)
		return err;
	rules = review_rules_of(configuration, job);
	if (rules.escalate_after < rules.remind_after)
		return locate_fail(locate, PL_CONFIG_VALUE, path,
		    "escalate_after is shorter than remind_after; allowed: the same or longer (without a value: "
		    "remind_after " REVIEW_REMIND_DEFAULT ", escalate_after " REVIEW_ESCALATE_DEFAULT ")");
	return ERR_OK;
}

enum err validate_review_rules(struct locate *locate, const struct configuration *configuration)
{
	enum err err =
	    configuration->review ? check_review(locate, configuration, NULL, configuration->review, "review") : ERR_OK;

	for (uint32_t i = 0; err == ERR_OK && i < configuration->jobs_count; i++) {
		const struct configuration_job *job = &configuration->jobs[i];

		if (job->review)
			err = check_review(
			    locate, configuration, job, job->review, locate_path("jobs[%u].review", i).text);
	}
	return err;
}
