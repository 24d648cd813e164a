#include "cli/setup_site.h"
#include "cli/setup_file.h"
#include "cli/setup_web.h"
#include "core/base/file.h"
#include "core/base/mem.h"

#include <dirent.h>
#include <limits.h>
#include <unistd.h>

#define CONFIGURATION_MAX (1u << 20) /* bytes of a file of a web server */
#define FILES_MAX 1000		     /* in a folder of such files, or of sites */

/* ---- folders ---- */

/* The names in a folder, sorted, no more than FILES_MAX; none where it cannot be read. Names with a leading dot do not count. */
static enum err list_folder(struct setup_list *out, const char *path)
{
	DIR *listing = opendir(path);
	struct dirent *entry;
	enum err err = ERR_OK;

	while (listing && err == ERR_OK && out->count < FILES_MAX && (entry = readdir(listing)) != NULL)
		if (entry->d_name[0] != '.')
			err = setup_list_add(out, entry->d_name);
	if (listing)
		closedir(listing);
	setup_list_sort(out);
	return err;
}

static bool is_folder(const char *path, bool follow)
{
	struct stat status;

	return (follow ? stat(path, &status) : lstat(path, &status)) == 0 && S_ISDIR(status.st_mode);
}

/* ---- sites ---- */

void setup_site_forget(struct setup_site *site)
{
	while (site->cms_count > 0)
		setup_cms_free(&site->cms[--site->cms_count]);
}

void setup_site_free(struct setup_sites *sites)
{
	for (size_t i = 0; i < sites->count; i++) {
		setup_site_forget(&sites->items[i]);
		mem_free(sites->items[i].path);
	}
	mem_free(sites->items);
	*sites = (struct setup_sites){0};
}

static enum err look_once(struct setup_site *site, const char *folder, bool inner)
{
	struct setup_cms cms;
	enum err err = site->cms_count < SETUP_SITE_CMS_MAX ? setup_cms_look(&cms, folder) : ERR_OK;

	if (site->cms_count == SETUP_SITE_CMS_MAX)
		return ERR_OK;
	/* What is above a folder of a site is the site: it was looked at. */
	if (err == ERR_OK && cms.kind != CMS_NONE && !(inner && cms.above))
		site->cms[site->cms_count++] = cms;
	else
		setup_cms_free(&cms);
	return err;
}

enum err setup_site_look(struct setup_site *site)
{
	struct setup_list names = {0};
	enum err err = look_once(site, site->path, false);

	if (err == ERR_OK)
		err = list_folder(&names, site->path);
	for (size_t i = 0; err == ERR_OK && i < names.count; i++) {
		char *folder = path_join(site->path, names.items[i]);

		err = folder ? ERR_OK : ERR_NOMEM;
		if (err == ERR_OK && is_folder(folder, false))
			err = look_once(site, folder, true);
		mem_free(folder);
	}
	setup_list_free(&names);
	return err;
}

/* `path` is below root. A link would be stored as a link, not as what it leads to: the folder behind it counts. */
static enum err add_site(struct setup_sites *sites, const char *path)
{
	struct setup_site *items;
	char *real;
	enum err err = ERR_OK;

	if (!is_folder(path, true) || access(path, R_OK | X_OK) != 0)
		return ERR_OK;
	real = realpath(path, NULL);
	if (!real || !setup_web_path_usable(real))
		goto done;
	for (size_t i = 0; i < sites->count; i++)
		if (strcmp(sites->items[i].path, real) == 0)
			goto done;
	if (sites->count == SETUP_SITES_MAX) {
		sites->cut = true;
		goto done;
	}
	items = mem_more(sites->items, sites->count, &sites->capacity, sizeof(*items));
	if (!items) {
		err = ERR_NOMEM;
		goto done;
	}
	sites->items = items;
	items[sites->count] = (struct setup_site){.path = mem_string(real)};
	err = items[sites->count].path ? setup_site_look(&items[sites->count]) : ERR_NOMEM;
	if (err == ERR_OK) {
		sites->count++;
	} else {
		setup_site_forget(&items[sites->count]);
		mem_free(items[sites->count].path);
	}
done:
	free(real); /* realpath's own allocation */
	return err;
}

/* The sites that the files of a folder name. */
static enum err read_files(struct setup_sites *sites, const char *root, const char *folder,
    enum err (*read)(struct setup_list *, const char *, size_t))
{
	struct setup_list names = {0}, paths = {0};
	char *base = mem_printf("%s%s", root, folder);
	enum err err = base ? list_folder(&names, base) : ERR_NOMEM;

	for (size_t i = 0; err == ERR_OK && i < names.count; i++) {
		struct buffer text = {0};
		char *path = path_join(base, names.items[i]);
		bool found = false;

		err = path ? setup_file_read(path, CONFIGURATION_MAX, &text, &found) : ERR_NOMEM;
		if (err == ERR_OK && found)
			err = read(&paths, (const char *)text.data, text.length);
		buffer_free(&text);
		mem_free(path);
	}
	for (size_t i = 0; err == ERR_OK && i < paths.count; i++) {
		char *path = mem_printf("%s%s", root, paths.items[i]);

		err = path ? add_site(sites, path) : ERR_NOMEM;
		mem_free(path);
	}
	setup_list_free(&paths);
	setup_list_free(&names);
	mem_free(base);
	return err;
}

static enum err read_www(struct setup_sites *sites, const char *root)
{
	struct setup_list names = {0};
	char *base = mem_printf("%s/var/www", root);
	enum err err = base ? list_folder(&names, base) : ERR_NOMEM;

	for (size_t i = 0; err == ERR_OK && i < names.count; i++) {
		char *path = path_join(base, names.items[i]);

		err = path ? add_site(sites, path) : ERR_NOMEM;
		mem_free(path);
	}
	setup_list_free(&names);
	mem_free(base);
	return err;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct setup_site *)a)->path, ((const struct setup_site *)b)->path);
}

enum err setup_site_find(struct setup_sites *out, const char *root)
{
	enum err err = read_files(out, root, "/etc/apache2/sites-enabled", setup_web_apache);

	if (err == ERR_OK)
		err = read_files(out, root, "/etc/nginx/sites-enabled", setup_web_nginx);
	if (err == ERR_OK)
		err = read_files(out, root, "/etc/nginx/conf.d", setup_web_nginx);
	if (err == ERR_OK)
		err = read_www(out, root);
	if (out->count > 1)
		qsort(out->items, out->count, sizeof(*out->items), compare);
	return err;
}

/* ---- database servers ---- */

/* Whether a folder holds a name that begins so. */
static bool holds(const char *folder, const char *start)
{
	DIR *listing = opendir(folder);
	struct dirent *entry;
	bool found = false;

	while (listing && !found && (entry = readdir(listing)) != NULL)
		found = strncmp(entry->d_name, start, strlen(start)) == 0;
	if (listing)
		closedir(listing);
	return found;
}

/* /var/lib/postgresql/15/main, as Debian names its clusters. */
static bool holds_cluster(const char *folder)
{
	DIR *listing = opendir(folder);
	struct dirent *entry;
	struct stat status;
	bool found = false;

	while (listing && !found && (entry = readdir(listing)) != NULL)
		found = entry->d_name[0] >= '0' && entry->d_name[0] <= '9' &&
		    fstatat(dirfd(listing), entry->d_name, &status, 0) == 0 && S_ISDIR(status.st_mode);
	if (listing)
		closedir(listing);
	return found;
}

void setup_site_servers(struct setup_site_servers *out, const char *root)
{
	static const char *const mariadb[] = {"/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/tmp/mysql.sock",
	    "/var/lib/mysql/ibdata1", "/var/lib/mysql/mysql"};
	char path[PATH_MAX];

	*out = (struct setup_site_servers){0};
	for (size_t i = 0; i < sizeof(mariadb) / sizeof(mariadb[0]) && !out->mariadb[0]; i++) {
		snprintf(path, sizeof(path), "%s%s", root, mariadb[i]);
		if (access(path, F_OK) == 0)
			snprintf(out->mariadb, sizeof(out->mariadb), "%s",
			    strstr(mariadb[i], ".sock") ? mariadb[i] : "/var/lib/mysql");
	}
	snprintf(path, sizeof(path), "%s/run/postgresql", root);
	if (holds(path, ".s.PGSQL."))
		snprintf(out->postgresql, sizeof(out->postgresql), "/run/postgresql");
	snprintf(path, sizeof(path), "%s/var/lib/postgresql", root);
	if (!out->postgresql[0] && holds_cluster(path))
		snprintf(out->postgresql, sizeof(out->postgresql), "/var/lib/postgresql");
	snprintf(path, sizeof(path), "%s/var/lib/pgsql/data/PG_VERSION", root);
	if (!out->postgresql[0] && access(path, F_OK) == 0)
		snprintf(out->postgresql, sizeof(out->postgresql), "/var/lib/pgsql/data");
}
