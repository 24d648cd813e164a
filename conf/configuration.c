#include "conf/configuration_internal.h"
#include "core/base/file.h"
#include "core/base/mem.h"

#include <stdarg.h>
#include <stdio.h>

/* What the library says, one line behind the other. */
struct library_log {
	char text[FAILURE_TEXT];
};

static void on_log(cyaml_log_t level, void *context, const char *format, va_list arguments)
{
	struct library_log *log = context;
	size_t length = strlen(log->text);

	(void)level;
	vsnprintf(log->text + length, sizeof(log->text) - length, format, arguments);
	for (char *at = log->text; (at = strchr(at, '\n')) != NULL;)
		*at = ' ';
}

static void *on_memory(void *context, void *old, size_t size)
{
	(void)context;
	if (size > 0)
		return mem_resize(old, size, 1);
	mem_free(old);
	return NULL;
}

static cyaml_config_t library_config(struct library_log *log)
{
	return (cyaml_config_t){.log_fn = on_log,
	    .log_ctx = log,
	    .mem_fn = on_memory,
	    .log_level = CYAML_LOG_ERROR,
	    .flags = CYAML_CFG_DEFAULT};
}

static enum err load_values(struct configuration **out, const char *path, const struct buffer *text)
{
	struct library_log log = {0};
	const cyaml_config_t config = library_config(&log);
	cyaml_data_t *data = NULL;
	cyaml_err_t result = cyaml_load_data(text->data, text->length, &config, &configuration_schema, &data, NULL);

	if (result == CYAML_ERR_OOM)
		return fail(PL_NO_MEMORY, "no memory to read %s", path);
	if (result != CYAML_OK)
		return fail(PL_CONFIG_SYNTAX, "%s: %s: %s", path, cyaml_strerror(result), log.text);
	*out = data;
	return ERR_OK;
}

static enum err load(struct configuration **out, const char *path, struct buffer *text, bool for_work)
{
	struct locate locate = {0};
	struct configuration *configuration = NULL;
	enum err err = file_read_all(path, CONFIGURATION_FILE_MAX, text);

	*out = NULL;
	if (err == ERR_LIMIT)
		err = fail(PL_CONFIG_SYNTAX, "%s has more than %u bytes: that is no configuration", path,
		    CONFIGURATION_FILE_MAX);
	if (err == ERR_OK)
		err = locate_open(&locate, path, text);
	locate.for_work = for_work;
	if (err == ERR_OK)
		err = validate_supported(&locate);
	if (err == ERR_OK)
		err = check_schema(&locate, &configuration_schema);
	if (err == ERR_OK)
		err = load_values(&configuration, path, text);
	if (err == ERR_OK && !(configuration->file = mem_string(path)))
		err = ERR_NOMEM;
	if (err == ERR_OK)
		err = validate_configuration(&locate, configuration);
	if (err == ERR_OK)
		err = validate_notifications(&locate, configuration);
	if (err == ERR_OK) {
		*out = configuration;
		configuration = NULL;
	}
	configuration_free(configuration);
	locate_close(&locate);
	return err;
}

enum err configuration_load(struct configuration **out, const char *path)
{
	struct buffer text = {0};
	enum err err = load(out, path, &text, false);

	buffer_free(&text);
	return err;
}

enum err configuration_load_for_work(struct configuration **out, const char *path, struct buffer *text)
{
	struct buffer own = {0};
	enum err err = load(out, path, text ? text : &own, true);

	buffer_free(&own);
	return err;
}

void configuration_free(struct configuration *configuration)
{
	struct library_log log = {0};
	const cyaml_config_t config = library_config(&log);

	if (!configuration)
		return;
	mem_free(configuration->file);
	cyaml_free(&config, &configuration_schema, configuration, 0);
}

const struct configuration_job *configuration_job(const struct configuration *configuration, const char *name)
{
	for (uint32_t i = 0; i < configuration->jobs_count; i++)
		if (strcmp(configuration->jobs[i].name, name) == 0)
			return &configuration->jobs[i];
	return NULL;
}

const struct configuration_target *configuration_target(const struct configuration *configuration, const char *name)
{
	for (uint32_t i = 0; i < configuration->targets_count; i++)
		if (strcmp(configuration->targets[i].name, name) == 0)
			return &configuration->targets[i];
	return NULL;
}

/* The next digit of a NIP, as people group them by blanks and points; 0 at its end. */
static char next_digit(const char **nip)
{
	while (**nip && !(**nip >= '0' && **nip <= '9'))
		++*nip;
	return **nip ? *(*nip)++ : 0;
}

static bool same_digits(const char *a, const char *b)
{
	char digit;

	do {
		digit = next_digit(&a);
		if (digit != next_digit(&b))
			return false;
	} while (digit);
	return true;
}

/* The next letter of a name, in lower case; ' ' for blanks between words, 0 at its end. */
static char next_letter(const char **name)
{
	char letter = **name;

	if (letter == ' ' || letter == '\t') {
		*name += strspn(*name, " \t");
		return **name ? ' ' : 0;
	}
	*name += letter != 0;
	return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

static bool same_name(const char *a, const char *b)
{
	char letter;

	a += strspn(a, " \t");
	b += strspn(b, " \t");
	do {
		letter = next_letter(&a);
		if (letter != next_letter(&b))
			return false;
	} while (letter);
	return true;
}

bool configuration_same_person(const char *name, const char *nip, const char *other_name, const char *other_nip)
{
	const char *one = nip ? nip : "", *other = other_nip ? other_nip : "";

	if (next_digit(&one) && next_digit(&other))
		return same_digits(nip, other_nip);
	return same_name(name, other_name);
}

const struct configuration_person *configuration_person(const struct configuration *configuration, const char *id)
{
	for (uint32_t i = 0; i < configuration->people_count; i++)
		if (strcmp(configuration->people[i].id, id) == 0)
			return &configuration->people[i];
	return NULL;
}

const struct configuration_channel *configuration_channel(const struct configuration *configuration, const char *name)
{
	for (uint32_t i = 0; i < configuration->notifications_count; i++)
		if (strcmp(configuration->notifications[i].name, name) == 0)
			return &configuration->notifications[i];
	return NULL;
}

const struct configuration_schedule *configuration_drill_schedule(const struct configuration_job *job)
{
	const struct configuration_drill *drill = job->drill;

	return drill && (drill->schedule.every != EVERY_CRON || drill->schedule.cron) ? &drill->schedule : NULL;
}

const char *configuration_server_name(const struct configuration_server *server)
{
	return server->name ? server->name : server->host ? server->host : "local";
}
