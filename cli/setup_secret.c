#include "cli/setup_secret.h"
#include "cli/new_file.h"
#include "core/base/file.h"
#include "core/crypto/crypto.h"
#include "core/crypto/secret_file.h"

#include <sys/stat.h>

#define MODE 0600

enum there { THERE_NONE, THERE_EMPTY, THERE_SAME, THERE_OTHER };

/* An empty file is what a run that was killed leaves where it was about to write. */
static enum err look(const struct setup_server *server, const char *password, enum there *out)
{
	struct stat status;
	char *text = NULL;

	*out = THERE_NONE;
	if (lstat(server->password_file, &status) != 0)
		return ERR_OK;
	if (!S_ISREG(status.st_mode))
		return fail(PL_OUTPUT_EXISTS, "%s is there, and no regular file", server->password_file);
	*out = status.st_size == 0 ? THERE_EMPTY : THERE_OTHER;
	if (*out == THERE_EMPTY)
		return ERR_OK;
	/* What cannot be read as a password is another one. */
	if (secret_file_read(server->password_file, SETUP_CMS_PASSWORD, PL_DATABASE_SECRET, &text) == ERR_OK &&
	    strcmp(text, password) == 0)
		*out = THERE_SAME;
	secret_free(text, SETUP_CMS_PASSWORD);
	failure_clear();
	return ERR_OK;
}

static enum err refuse(const struct setup_server *server)
{
	return fail(PL_OUTPUT_EXISTS,
	    "%s is there already, and holds another password than the settings in %s; --force replaces it",
	    server->password_file, server->folder);
}

enum err setup_secret_check(const struct setup_server *server, bool force)
{
	char *password = NULL;
	enum there there;
	enum err err = server->folder ? setup_cms_password(server->folder, &password) : ERR_OK;

	if (err == ERR_OK && server->folder) {
		err = look(server, password, &there);
		if (err == ERR_OK && there == THERE_OTHER && !force)
			err = refuse(server);
	}
	secret_free(password, SETUP_CMS_PASSWORD);
	return err;
}

static enum err write_new(const char *path, char *password)
{
	const struct buffer bytes = {.data = (uint8_t *)password, .length = strlen(password)};
	int fd;
	enum err err = new_file_open(&fd, path, MODE);

	return err == ERR_OK ? new_file_close(fd, path, new_file_write(fd, path, &bytes)) : err;
}

enum err setup_secret_write(const struct setup_server *server, bool force, bool *made)
{
	char *password = NULL;
	enum there there = THERE_NONE;
	enum err err = server->folder ? setup_cms_password(server->folder, &password) : ERR_OK;

	*made = false;
	if (err != ERR_OK || !server->folder)
		return err;
	err = look(server, password, &there);
	if (err == ERR_OK && there == THERE_OTHER && !force)
		err = refuse(server);
	else if (err == ERR_OK && there == THERE_NONE)
		err = write_new(server->password_file, password);
	else if (err == ERR_OK && there != THERE_SAME)
		err = file_replace(server->password_file, password, strlen(password), MODE);
	*made = err == ERR_OK && there != THERE_SAME;
	secret_free(password, SETUP_CMS_PASSWORD);
	return err;
}
