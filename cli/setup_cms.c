#include "cli/setup_cms.h"
#include "cli/setup_checks.h"
#include "core/base/mem.h"
#include "core/crypto/crypto.h"
#include "core/source/dump_client.h"

#include <stdio.h>

/* A name that is shown to people, and written into a configuration. */
static void take_name(char out[SETUP_CMS_NAME], const struct cms_text *text)
{
	if (text->state == CMS_LITERAL && strlen(text->text) < SETUP_CMS_NAME && setup_checks_text(text->text))
		snprintf(out, SETUP_CMS_NAME, "%s", text->text);
}

static bool is_one_line(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

static enum cms_state judge_password(const struct cms_text *password)
{
	if (password->state != CMS_LITERAL)
		return password->state;
	if (!*password->text)
		return CMS_ABSENT;
	return is_one_line(password->text) && strlen(password->text) <= DUMP_PASSWORD_MAX ? CMS_LITERAL : CMS_COMPUTED;
}

enum err setup_cms_look(struct setup_cms *out, const char *folder)
{
	struct cms *cms;
	enum err err = cms_look(&cms, folder);

	*out = (struct setup_cms){0};
	if (err != ERR_OK || !cms)
		return err;
	out->kind = cms->kind;
	out->engine = cms->engine;
	out->above = cms->above;
	take_name(out->database, &cms->database);
	take_name(out->user, &cms->user);
	/* No host is this one, to the drivers of both. */
	out->address_known = cms->host.state != CMS_COMPUTED && cms_address_read(&out->address, cms->host.text);
	out->password = judge_password(&cms->password);
	cms_free(cms);
	out->folder = mem_string(folder);
	return out->folder ? ERR_OK : ERR_NOMEM;
}

void setup_cms_free(struct setup_cms *cms)
{
	mem_free(cms->folder);
	*cms = (struct setup_cms){0};
}

enum err setup_cms_copy(struct setup_cms *out, const struct setup_cms *from)
{
	*out = *from;
	out->folder = mem_string(from->folder);
	return out->folder ? ERR_OK : ERR_NOMEM;
}

enum err setup_cms_password(const char *folder, char **out)
{
	struct cms *cms;
	enum err err = cms_look(&cms, folder);

	*out = NULL;
	if (err == ERR_OK && (!cms || judge_password(&cms->password) != CMS_LITERAL))
		err = fail(PL_DATABASE_SECRET, "the settings of the web site in %s have no password any more", folder);
	if (err == ERR_OK)
		*out = secret_new(SETUP_CMS_PASSWORD);
	if (err == ERR_OK && !*out)
		err = ERR_NOMEM;
	if (err == ERR_OK)
		snprintf(*out, SETUP_CMS_PASSWORD, "%s\n", cms->password.text);
	cms_free(cms);
	return err;
}
