#include "scheduler/office.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum err office_enter_zone(const struct configuration *configuration)
{
	if (setenv("TZ", configuration->office.timezone, 1) != 0)
		return fail_errno(PL_NO_MEMORY, "cannot set the time zone");
	tzset();
	return ERR_OK;
}

struct record_office office_record(const struct configuration *configuration)
{
	const struct configuration_office *office = &configuration->office;

	return (struct record_office){
	    office->name, office->address, office->city, office->timezone, office->language == LANGUAGE_ENGLISH};
}

struct record_person office_person(const struct configuration_person *person)
{
	return (struct record_person){
	    .name = person->name, .nip = person->nip, .position = person->position, .id = person->id};
}

const char *office_role(const struct configuration_person *person)
{
	static const char *const roles[] = {
	    [ROLE_OPERATOR] = "operator", [ROLE_REVIEWER] = "reviewer", [ROLE_HEAD] = "head"};

	return roles[person->role];
}

/* ---- who acts ---- */

static void name_of(uid_t uid, char out[OFFICE_LOGIN])
{
	struct passwd entry, *found = NULL;
	char text[4096];

	if (getpwuid_r(uid, &entry, text, sizeof(text), &found) == 0 && found)
		snprintf(out, OFFICE_LOGIN, "%s", found->pw_name);
	else
		snprintf(out, OFFICE_LOGIN, "%lu", (unsigned long)uid);
}

struct office_caller office_caller(void)
{
	struct office_caller caller = {.root = getuid() == 0};
	/* Only root's own doing could make this false, and root may do everything anyway. */
	const char *sudo = caller.root ? getenv("SUDO_UID") : NULL;
	char *end = NULL;
	unsigned long uid;

	name_of(getuid(), caller.user);
	errno = 0;
	uid = sudo ? strtoul(sudo, &end, 10) : 0;
	if (uid != 0 && errno == 0 && end && *end == '\0')
		name_of((uid_t)uid, caller.through);
	return caller;
}

bool office_is_login(const struct office_caller *caller, const struct configuration_person *person)
{
	return person->login && strcmp(person->login, *caller->through ? caller->through : caller->user) == 0;
}

static enum err find_person(const struct configuration *configuration, const char *by, const char *otherwise,
    const struct configuration_person **out)
{
	const char *id = by ? by : otherwise;

	*out = id ? configuration_person(configuration, id) : NULL;
	if (*out)
		return ERR_OK;
	if (by)
		return fail(PL_REVIEW_PERSON, "%s describes no person \"%s\"", configuration->file, by);
	return fail(PL_REVIEW_PERSON, "the configuration does not say who acts here: name them with --by PERSON");
}

enum err office_acting(const struct configuration *configuration, const char *by, const char *otherwise,
    const struct office_caller *caller, const struct configuration_person **out, char warning[OFFICE_WARNING])
{
	const struct configuration_person *person;
	enum err err = find_person(configuration, by, otherwise, out);

	warning[0] = '\0';
	if (err != ERR_OK)
		return err;
	person = *out;
	if (person->role == ROLE_OPERATOR)
		return fail(PL_REVIEW_REFUSED,
		    "%s has the role operator; only a person with the role reviewer or head may do this", person->id);
	if (!person->login || office_is_login(caller, person))
		return ERR_OK;
	if (!caller->root)
		return fail(PL_REVIEW_REFUSED, "only the Unix user %s acts as %s; this is %s", person->login,
		    person->id, caller->user);
	if (*caller->through)
		snprintf(warning, OFFICE_WARNING, "root, called by %s through sudo, acted as %s, whose Unix user is %s",
		    caller->through, person->id, person->login);
	else
		snprintf(warning, OFFICE_WARNING, "root acted as %s, whose Unix user is %s", person->id, person->login);
	return ERR_OK;
}
