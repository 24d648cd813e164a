/* People and office of the configuration, as records name them, and the office's time. */
#ifndef PULIH_SCHEDULER_OFFICE_H
#define PULIH_SCHEDULER_OFFICE_H

#include "conf/configuration.h"
#include "core/record/record.h"

/* The office's time zone becomes that of the process. */
enum err office_enter_zone(const struct configuration *configuration);

/* Texts are borrowed from the configuration. */
struct record_office office_record(const struct configuration *configuration);
struct record_person office_person(const struct configuration_person *person);
/* "operator", "reviewer", "head"; static. */
const char *office_role(const struct configuration_person *person);

/* ---- who acts ---- */

#define OFFICE_LOGIN 64 /* bytes of a Unix user's name with its NUL */
struct office_caller {
	char user[OFFICE_LOGIN];    /* who runs this process */
	char through[OFFICE_LOGIN]; /* root through sudo: who called that; "" otherwise */
	bool root;
};
struct office_caller office_caller(void);
/* Whether it is that person's own Unix user who calls. */
bool office_is_login(const struct office_caller *caller, const struct configuration_person *person);

/* Who acts: the person of the id `by`, or `otherwise` where it is NULL, with the role reviewer or head, under their own Unix user where the
 * configuration gives one. Root may act as anybody; then *warning says so, for the record. PL_REVIEW_PERSON (ERR_USAGE),
 * PL_REVIEW_REFUSED (ERR_DENIED). */
#define OFFICE_WARNING 256 /* bytes with the NUL */
enum err office_acting(const struct configuration *configuration, const char *by, const char *otherwise,
    const struct office_caller *caller, const struct configuration_person **out, char warning[OFFICE_WARNING]);

#endif
