/* What setup keeps of a content management system that it found: all that its settings say of its database but the password, which is read again
 * where it is needed. */
#ifndef PULIH_CLI_SETUP_CMS_H
#define PULIH_CLI_SETUP_CMS_H

#include "core/source/cms.h"
#include "core/source/cms_address.h"

#define SETUP_CMS_NAME 65 /* bytes of a name of a database or a user, NUL included: no server takes longer ones */

struct setup_cms {
	enum cms_kind kind; /* CMS_NONE: none is there */
	enum cms_engine engine;
	bool above;		       /* its settings lie beside the folder, not in it */
	char database[SETUP_CMS_NAME]; /* "" where there is no literal, or none that can be shown to a person */
	char user[SETUP_CMS_NAME];     /* likewise */
	bool address_known;	       /* `address` is where its server is */
	struct cms_address address;
	enum cms_state
	    password; /* CMS_ABSENT: none, or an empty one; CMS_LITERAL: one that a file of one line can hold */
	char *folder; /* that was looked into */
};
/* Looks into the folder. ERR_NOMEM. Released with setup_cms_free, also after an error. */
enum err setup_cms_look(struct setup_cms *out, const char *folder);
void setup_cms_free(struct setup_cms *cms);
enum err setup_cms_copy(struct setup_cms *out, const struct setup_cms *from);

/* The settings' password in secret memory of SETUP_CMS_PASSWORD bytes, with a line feed behind. PL_DATABASE_SECRET where they have none that can
 * be used any more. */
#define SETUP_CMS_PASSWORD (CMS_TEXT_MAX + 1)
enum err setup_cms_password(const char *folder, char **out);

#endif
