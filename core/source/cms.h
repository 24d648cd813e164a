/* Which content management system a folder holds, and how its settings get to its database.
 *
 * The settings are somebody else's PHP: they are searched, never run. Only a literal is a value; what PHP computes (getenv(), a constant, a text
 * that is put together, what stands in an "if") is known to be there, and never guessed. */
#ifndef PULIH_SOURCE_CMS_H
#define PULIH_SOURCE_CMS_H

#include "core/base/error.h"

#define CMS_TEXT_MAX 501 /* bytes of a value, NUL included: longer than any name or password that a server takes */

enum cms_kind { CMS_NONE, CMS_JOOMLA, CMS_WORDPRESS };
enum cms_engine { CMS_ENGINE_UNKNOWN, CMS_MARIADB, CMS_POSTGRESQL };
enum cms_state {
	CMS_ABSENT,  /* the settings say nothing about it */
	CMS_LITERAL, /* `text` is the value; it may be "" */
	CMS_COMPUTED, /* it is set, to something that only PHP knows; or it is set twice, or has a NUL, or CMS_TEXT_MAX bytes or more */
};
struct cms_text {
	enum cms_state state;
	char text[CMS_TEXT_MAX]; /* "" where the state is another. Bytes as they came: any but NUL */
};
struct cms {
	enum cms_kind kind;
	enum cms_engine engine; /* of its database */
	struct cms_text database, host, user, password;
	bool above; /* WordPress: wp-config.php lies beside the folder, not in it */
};

/* What settings of that kind say; false (kind CMS_NONE) where the text is none of them. *out holds a password then: it should be secret memory. */
bool cms_read_joomla(struct cms *out, const char *text, size_t size);
bool cms_read_wordpress(struct cms *out, const char *text, size_t size);

/* Looks into a folder: configuration.php of Joomla, wp-config.php of WordPress (there, or beside the folder). *out is in secret memory, to be
 * released with cms_free; NULL where the folder holds none, its settings cannot be read, or after an error: ERR_NOMEM. Nothing waits for a
 * FIFO, and of the file nothing stays in memory. */
enum err cms_look(struct cms **out, const char *folder);
/* cms_free(NULL) does nothing. */
void cms_free(struct cms *cms);

/* "Joomla"; "MariaDB or MySQL". "" for none and unknown. */
const char *cms_name(enum cms_kind kind);
const char *cms_engine_name(enum cms_engine engine);

#endif
