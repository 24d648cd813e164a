/* Folders that web servers serve, as their configuration files name them. The text is somebody else's: nothing in it is carried out, included
 * or expanded; what cannot be understood is passed over. */
#ifndef PULIH_CLI_SETUP_WEB_H
#define PULIH_CLI_SETUP_WEB_H

#include "cli/setup_list.h"

#define SETUP_WEB_PATH_MAX 4095	   /* bytes of a path; longer ones are no paths */
#define SETUP_WEB_FOLDERS_MAX 1000 /* of one text: more are not taken */

/* Whether the configuration of a job can name it: absolute, UTF-8, no control characters, not too long. */
bool setup_web_path_usable(const char *path);

/* Adds what DocumentRoot names, each once: absolute paths without variables. */
enum err setup_web_apache(struct setup_list *out, const char *text, size_t size);
/* The same for nginx and `root`. */
enum err setup_web_nginx(struct setup_list *out, const char *text, size_t size);

#endif
