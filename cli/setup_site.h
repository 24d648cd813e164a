/* Web sites and database servers of this host. All is looked at below `root`: "" on the host itself, a folder without a '/' at its end in
 * tests. */
#ifndef PULIH_CLI_SETUP_SITE_H
#define PULIH_CLI_SETUP_SITE_H

#include "cli/setup_cms.h"
#include "cli/setup_list.h"

#define SETUP_SITES_MAX 100   /* more than a person wants to choose from */
#define SETUP_SITE_CMS_MAX 16 /* of one site: in the folder itself and those directly in it */

struct setup_site {
	char *path; /* as the backup reads it: a folder, no link; below `root` */
	struct setup_cms cms[SETUP_SITE_CMS_MAX];
	size_t cms_count;
};

/* Starts as {0}; released with setup_site_free. */
struct setup_sites {
	struct setup_site *items; /* by path, each once */
	size_t count, capacity;
	bool cut; /* there are more than SETUP_SITES_MAX */
};

/* Folders that apache2 and nginx serve (their sites-enabled and conf.d), and those in /var/www, as far as they are there. ERR_NOMEM. */
enum err setup_site_find(struct setup_sites *out, const char *root);
void setup_site_free(struct setup_sites *sites);

/* The content management systems of a folder; to be forgotten with setup_site_forget, also after an error. ERR_NOMEM. */
enum err setup_site_look(struct setup_site *site);
void setup_site_forget(struct setup_site *site);

/* Sockets and data folders of database servers, one of each kind; "" where there is none. */
struct setup_site_servers {
	char mariadb[128], postgresql[128];
};
void setup_site_servers(struct setup_site_servers *out, const char *root);

#endif
