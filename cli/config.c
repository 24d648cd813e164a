/* pulih config check, pulih config show */
#include "cli/commands.h"
#include "cli/configured.h"
#include "cli/describe.h"
#include "core/base/output.h"

static const char *const roles[] = {[ROLE_OPERATOR] = "operator", [ROLE_REVIEWER] = "reviewer", [ROLE_HEAD] = "head"};

static enum err config_check_run(const struct arguments *arguments)
{
	const struct configuration *configuration;
	enum err err = configured_check(&configuration);

	(void)arguments;
	if (err != ERR_OK)
		return err;
	output_print("%s is good: %s, %s, %s\n", configured_file(),
	    describe_count(configuration->jobs_count, "job").text,
	    describe_count(configuration->targets_count, "target").text,
	    describe_count(configuration->notifications_count, "notification channel").text);
	output_object("summary",
	    json_pack("{s:o, s:b, s:i, s:i, s:i, s:i}", "file", output_text(configured_file()), "good", 1, "people",
		(int)configuration->people_count, "targets", (int)configuration->targets_count, "jobs",
		(int)configuration->jobs_count, "notifications", (int)configuration->notifications_count));
	return ERR_OK;
}

const struct command config_check_command = {
    .name = "config check",
    .purpose = "check the configuration",
    .arguments = "[-c FILE]",
    .details = "Reads all of it and the files that it names, and says where it is wrong: file, line, column, what is\n"
	       "allowed there. man pulih.yaml describes the keys.",
    .examples = "pulih config check\npulih config check -c ./pulih.yaml",
    .run = config_check_run,
};

static const char *secret_of(const struct configuration_target *target)
{
	return target->key	       ? "key"
	    : target->password_file    ? "password_file"
	    : target->password_command ? "password_command"
				       : "";
}

static void show_people(const struct configuration *configuration)
{
	output_print("office     %s (%s)\n", configuration->office.name, configuration->office.timezone);
	for (uint32_t i = 0; i < configuration->people_count; i++) {
		const struct configuration_person *person = &configuration->people[i];

		output_print("person     %s: %s, %s (%s%s%s)\n", person->id, person->name, person->position,
		    roles[person->role], person->login ? ", login " : "", person->login ? person->login : "");
		output_object("person",
		    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "id", person->id, "name", person->name, "nip",
			person->nip ? person->nip : "", "position", person->position, "role", roles[person->role],
			"login", person->login ? person->login : ""));
	}
	for (uint32_t i = 0; i < configuration->targets_count; i++) {
		const struct configuration_target *target = &configuration->targets[i];

		output_print("target     %s: %s\n", target->name, target->url);
		output_object("target",
		    json_pack(
			"{s:s, s:s, s:s}", "name", target->name, "url", target->url, "secret", secret_of(target)));
	}
}

static const char *kind_of(const struct configuration_channel *channel)
{
	return channel->mail   ? "mail"
	    : channel->webhook ? "webhook"
	    : channel->ping    ? "ping"
	    : channel->log     ? "log"
			       : "metrics";
}

static void show_notifications(const struct configuration *configuration)
{
	for (uint32_t i = 0; i < configuration->notifications_count; i++) {
		const struct configuration_channel *channel = &configuration->notifications[i];
		const char *where = channel->mail ? channel->mail->server
		    : channel->webhook		  ? channel->webhook->url
		    : channel->ping		  ? channel->ping->url
		    : channel->metrics		  ? channel->metrics->file
						  : NULL;

		output_print(
		    "channel    %s: %s%s%s\n", channel->name, kind_of(channel), where ? " " : "", where ? where : "");
		output_object("channel",
		    json_pack(
			"{s:s, s:s, s:s}", "name", channel->name, "kind", kind_of(channel), "to", where ? where : ""));
	}
}

static void add_server(json_t *list, const char *kind, const struct configuration_server *server)
{
	const char *name = configuration_server_name(server);

	for (uint32_t i = 0; i < server->databases_count; i++)
		json_array_append_new(
		    list, json_pack("{s:s, s:s++}", "kind", kind, "path", name, "/", server->databases[i]));
	if (server->databases_count == 0)
		json_array_append_new(list, json_pack("{s:s, s:s+}", "kind", kind, "path", name, "/*"));
}

static json_t *sources_json(const struct configuration_job *job)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < job->sources_count; i++) {
		const struct configuration_files *files = job->sources[i].files;
		const struct configuration_sqlite *sqlite = job->sources[i].sqlite;

		for (uint32_t k = 0; files && k < files->paths_count; k++)
			json_array_append_new(list, json_pack("{s:s, s:s}", "kind", "files", "path", files->paths[k]));
		for (uint32_t k = 0; sqlite && k < sqlite->paths_count; k++)
			json_array_append_new(
			    list, json_pack("{s:s, s:s}", "kind", "sqlite", "path", sqlite->paths[k]));
		if (sqlite && sqlite->path)
			json_array_append_new(list, json_pack("{s:s, s:s}", "kind", "sqlite", "path", sqlite->path));
		if (job->sources[i].mariadb)
			add_server(list, "mariadb", job->sources[i].mariadb);
		if (job->sources[i].postgresql)
			add_server(list, "postgresql", job->sources[i].postgresql);
	}
	return list;
}

static enum err config_show_run(const struct arguments *arguments)
{
	const struct configuration *configuration;
	enum err err = configured_load(&configuration);

	(void)arguments;
	if (err != ERR_OK)
		return err;
	show_people(configuration);
	for (uint32_t i = 0; i < configuration->jobs_count; i++) {
		const struct configuration_job *job = &configuration->jobs[i];
		json_t *sources = sources_json(job);
		size_t at;
		json_t *source;

		output_print("job        %s: to %s, by %s, reviewed by %s\n", job->name, job->target, job->performer,
		    job->reviewer);
		json_array_foreach(sources, at, source)
		{
			output_print("           %s %s\n", json_string_value(json_object_get(source, "kind")),
			    json_string_value(json_object_get(source, "path")));
		}
		output_object("job",
		    json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", job->name, "target", job->target, "performer",
			job->performer, "reviewer", job->reviewer, "sources", sources));
	}
	show_notifications(configuration);
	return ERR_OK;
}

const struct command config_show_command = {
    .name = "config show",
    .purpose = "show people, targets, jobs and channels of the configuration",
    .arguments = "[-c FILE]",
    .details = "Secrets are never shown: the configuration only names the files that hold them.",
    .examples = "pulih config show\npulih config show --json",
    .run = config_show_run,
};
