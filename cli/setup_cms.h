/* Which content management system a folder holds, and the database that its settings name. The settings are somebody else's PHP: they are
 * searched, never run, and wiped from memory, since they hold a password. */
#ifndef PULIH_CLI_SETUP_CMS_H
#define PULIH_CLI_SETUP_CMS_H

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define SETUP_CMS_DATABASE 65 /* bytes of a database's name, NUL included */

enum setup_cms_kind { CMS_NONE, CMS_JOOMLA, CMS_WORDPRESS };
enum setup_cms_engine { ENGINE_UNKNOWN, ENGINE_MARIADB, ENGINE_POSTGRESQL };
struct setup_cms {
	enum setup_cms_kind kind;
	enum setup_cms_engine engine;	   /* of its database */
	char database[SETUP_CMS_DATABASE]; /* of letters, digits and _ $ . - only; "" where none could be read */
	bool settings_above;		   /* WordPress: wp-config.php lies beside the folder, not in it */
};

/* "Joomla"; "MariaDB or MySQL". "" for none and unknown. */
const char *setup_cms_name(enum setup_cms_kind kind);
const char *setup_cms_engine_name(enum setup_cms_engine engine);

/* What settings of that kind say; false where the text is none of them. */
bool setup_cms_joomla(struct setup_cms *out, const char *text, size_t size);
bool setup_cms_wordpress(struct setup_cms *out, const char *text, size_t size);

/* Looks into the folder; kind CMS_NONE where it holds none, or its settings cannot be read. ERR_NOMEM. */
enum err setup_cms_look(struct setup_cms *out, const char *folder);

#endif
