#include "cli/setup_plan.h"
#include "conf/write.h"
#include "core/base/mem.h"

/* All that a configuration points to, but for the answers themselves. */
struct plan {
	struct configuration configuration;
	struct configuration_person people[3];
	struct configuration_target target;
	struct configuration_job job;
	struct configuration_sop sop;
	struct configuration_files files;
	struct configuration_sqlite sqlite;
	struct configuration_server *servers; /* as many as the answers have */
	struct configuration_source *sources; /* two more */
	struct configuration_schedule schedule;
	struct configuration_drill drill;
	struct configuration_keep keep;
	struct configuration_channel channel;
	struct configuration_mail mail;
	char *recipients[2];
	struct buffer address, approved_by; /* NUL-terminated */
};

/* Constant words where the configuration's structs want texts that nobody changes. */
static char *word(const char *text)
{
	return (char *)(uintptr_t)text;
}

static char *text_of(const struct setup_answers *answers, enum setup_answer which)
{
	return answers->text[which] && *answers->text[which] ? answers->text[which] : NULL;
}

static void plan_people(struct plan *plan, const struct setup_answers *answers)
{
	static const struct {
		const char *id;
		enum configuration_role role;
		enum setup_answer name; /* nip, position and email follow it */
	} known[] = {{"admin", ROLE_OPERATOR, ANSWER_OPERATOR}, {"kasubbag", ROLE_REVIEWER, ANSWER_REVIEWER},
	    {"ketua", ROLE_HEAD, ANSWER_HEAD}};
	uint32_t count = 0;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (text_of(answers, known[i].name))
			plan->people[count++] = (struct configuration_person){.id = word(known[i].id),
			    .name = text_of(answers, known[i].name),
			    .nip = text_of(answers, known[i].name + 1),
			    .position = text_of(answers, known[i].name + 2),
			    .email = text_of(answers, known[i].name + 3),
			    .role = known[i].role};
	plan->configuration.people = plan->people;
	plan->configuration.people_count = count;
}

static enum err plan_office(struct plan *plan, const struct setup_answers *answers)
{
	struct configuration_office *office = &plan->configuration.office;
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < answers->address.count; i++)
		err = buffer_append_text(&plan->address, "%s\n", answers->address.items[i]);
	/* One line needs no line end of its own. */
	if (err == ERR_OK && answers->address.count == 1)
		plan->address.length--;
	if (err == ERR_OK)
		err = buffer_append_u8(&plan->address, 0);
	office->name = text_of(answers, ANSWER_OFFICE);
	office->address = answers->address.count > 0 ? (char *)plan->address.data : NULL;
	office->city = text_of(answers, ANSWER_CITY);
	office->timezone = text_of(answers, ANSWER_TIMEZONE);
	office->language = strcmp(answers->text[ANSWER_LANGUAGE], "en") == 0 ? LANGUAGE_ENGLISH : LANGUAGE_INDONESIAN;
	return err;
}

/* The words of the SOPs AS/28 (item 2) and AS/29 (D7), as in conf/examples. */
static enum err plan_sop(struct plan *plan, const struct setup_answers *answers)
{
	const bool website = strcmp(answers->text[ANSWER_SOP], "as28") == 0;
	enum err err = buffer_append_text(&plan->approved_by, "Ketua %s", answers->text[ANSWER_OFFICE]);

	if (err == ERR_OK)
		err = buffer_append_u8(&plan->approved_by, 0);
	if (err != ERR_OK || strcmp(answers->text[ANSWER_SOP], "none") == 0)
		return err;
	plan->sop = (struct configuration_sop){.number = word(website ? "AS/28" : "AS/29"),
	    .item = word(website ? "2" : "D7"),
	    .output = word(website ? "ADK / Dokumen elektronik" : "Backup data"),
	    .title = word(website ? "SOP Pemeliharaan Website" : "SOP Pelayanan Teknologi Informasi"),
	    .activity = word(website
		    ? "Melakukan backup seluruh sistem, data dan informasi yang tersedia pada website secara berkala "
		      "kedalam media backup CD, Hardisk maupun media backup lain"
		    : "Melakukan backup dan restorasi data secara rutin"),
	    .created = word("09/04/2017"),
	    .revised = word("-"),
	    .effective = word("09/05/2017"),
	    .approved_by = (char *)plan->approved_by.data};
	plan->job.sop = &plan->sop;
	return ERR_OK;
}

/* Files of passwords are secrets that are not there yet where the key is not. */
static struct configuration_server plan_server(struct setup_server *server, bool with_files)
{
	return (struct configuration_server){.name = server->name,
	    .databases = server->databases.items,
	    .databases_count = (uint32_t)server->databases.count,
	    .socket = server->socket,
	    .host = server->host,
	    .port = server->port ? &server->port : NULL,
	    .user = server->user,
	    .password_file = with_files ? server->password_file : NULL,
	    .without_users = server->without_users};
}

static enum err plan_sources(struct plan *plan, const struct setup_answers *answers, bool with_files)
{
	const size_t servers = answers->servers.count;
	uint32_t count = 0;

	plan->servers = mem_calloc(servers + 1, sizeof(*plan->servers));
	plan->sources = mem_calloc(servers + 2, sizeof(*plan->sources));
	if (!plan->servers || !plan->sources)
		return ERR_NOMEM;
	if (answers->paths.count > 0) {
		plan->files.paths = answers->paths.items;
		plan->files.paths_count = (uint32_t)answers->paths.count;
		plan->sources[count++].files = &plan->files;
	}
	if (answers->databases.count > 0) {
		plan->sqlite.paths = answers->databases.items;
		plan->sqlite.paths_count = (uint32_t)answers->databases.count;
		plan->sources[count++].sqlite = &plan->sqlite;
	}
	for (size_t i = 0; i < servers; i++) {
		struct setup_server *server = &answers->servers.items[i];

		plan->servers[i] = plan_server(server, with_files);
		if (server->engine == CMS_POSTGRESQL)
			plan->sources[count++].postgresql = &plan->servers[i];
		else
			plan->sources[count++].mariadb = &plan->servers[i];
	}
	plan->job.sources = plan->sources;
	plan->job.sources_count = count;
	return ERR_OK;
}

static void plan_job(struct plan *plan, const struct setup_answers *answers)
{
	int counts[3] = {0};

	setup_answers_keep(answers->text[ANSWER_KEEP], counts);
	plan->keep = (struct configuration_keep){.daily = counts[0], .weekly = counts[1], .monthly = counts[2]};
	plan->schedule = (struct configuration_schedule){.every = EVERY_DAY, .at = text_of(answers, ANSWER_AT)};
	plan->drill = (struct configuration_drill){.schedule = {.every = EVERY_MONTH, .day = 30, .at = word("03:00")}};
	plan->job.name = text_of(answers, ANSWER_JOB);
	plan->job.performer = word("admin");
	plan->job.reviewer = word("kasubbag");
	plan->job.acknowledger = text_of(answers, ANSWER_HEAD) ? word("ketua") : NULL;
	plan->job.target = word(SETUP_PLAN_TARGET);
	plan->job.schedule = &plan->schedule;
	plan->job.drill = &plan->drill;
	plan->job.keep = &plan->keep;
	plan->configuration.jobs = &plan->job;
	plan->configuration.jobs_count = 1;
}

static void plan_mail(struct plan *plan, const struct setup_answers *answers)
{
	const char *security = answers->text[ANSWER_MAIL_SECURITY];

	if (!text_of(answers, ANSWER_MAIL_SERVER))
		return;
	if (text_of(answers, ANSWER_OPERATOR_EMAIL))
		plan->recipients[plan->mail.people_count++] = word("admin");
	if (text_of(answers, ANSWER_REVIEWER_EMAIL))
		plan->recipients[plan->mail.people_count++] = word("kasubbag");
	plan->mail.people = plan->recipients;
	plan->mail.server = text_of(answers, ANSWER_MAIL_SERVER);
	plan->mail.security = strcmp(security, "none") == 0 ? SECURITY_NONE
	    : strcmp(security, "tls") == 0		    ? SECURITY_TLS
							    : SECURITY_STARTTLS;
	plan->mail.from = text_of(answers, ANSWER_MAIL_FROM);
	plan->mail.user = text_of(answers, ANSWER_MAIL_USER);
	plan->mail.password_file = plan->mail.user ? text_of(answers, ANSWER_MAIL_PASSWORD_FILE) : NULL;
	plan->mail.attach_report = true;
	plan->mail.connection.timeout = CONNECTION_TIMEOUT_DEFAULT;
	plan->channel =
	    (struct configuration_channel){.name = word("mail"), .on = EVENTS_DEFAULT | ON_NOTES, .mail = &plan->mail};
	plan->configuration.notifications = &plan->channel;
	plan->configuration.notifications_count = 1;
}

/* ---- comments ---- */

enum comment {
	COMMENT_HEAD,
	COMMENT_PEOPLE,
	COMMENT_TARGETS,
	COMMENT_JOBS,
	COMMENT_UNCOVERED,
	COMMENT_BY_HAND,
	COMMENT_SOP,
	COMMENTS
};

static const char *const comments[][COMMENTS] = {
    [LANGUAGE_INDONESIAN] =
	{
	    [COMMENT_HEAD] = "Konfigurasi pulih, ditulis oleh pulih setup. Setelah diubah: pulih config check, lalu\n"
			     "systemctl reload pulih-scheduler. Semua kunci: man pulih.yaml dan\n"
			     "/usr/share/doc/pulih/examples/pulih.example.yaml.\n",
	    [COMMENT_PEOPLE] = "Pelaksana dan pemeriksa harus dua orang yang berbeda.\n",
	    [COMMENT_TARGETS] =
		"Kunci ini hanya dapat menambah cadangan, tidak dapat membacanya. Salin folder cadangan ke media\n"
		"kedua (buku petunjuk, bagian 7).\n",
	    [COMMENT_JOBS] = "keep: server tidak memegang kata sandi, karena itu tidak dapat menghapus cadangan lama. "
			     "Pemegang kata sandi\n"
			     "melaksanakannya dengan pulih forget (buku petunjuk, bagian 5).\n",
	    [COMMENT_SOP] = "sop: sesuaikan tanggal dan pengesahan dengan SOP kantor ini.\n",
	    [COMMENT_UNCOVERED] = "TIDAK termasuk dalam cadangan ini:\n",
	    [COMMENT_BY_HAND] = "Untuk menambahkannya, pada sources (kata sandi dalam berkas, chmod 600):\n",
	},
    [LANGUAGE_ENGLISH] =
	{
	    [COMMENT_HEAD] =
		"The configuration of pulih, written by pulih setup. After a change: pulih config check, then\n"
		"systemctl reload pulih-scheduler. All keys: man pulih.yaml and\n"
		"/usr/share/doc/pulih/examples/pulih.example.yaml.\n",
	    [COMMENT_PEOPLE] = "Operator and reviewer must be two people.\n",
	    [COMMENT_TARGETS] =
		"This key can add backups and read none. Copy the folder to a second disk (manual, section 7).\n",
	    [COMMENT_JOBS] = "keep: this server has no passphrase, so it cannot forget old backups. Whoever has the "
			     "passphrase does it\n"
			     "with pulih forget (manual, section 5).\n",
	    [COMMENT_SOP] = "sop: compare dates and approval with the office's own SOP.\n",
	    [COMMENT_UNCOVERED] = "NOT part of these backups:\n",
	    [COMMENT_BY_HAND] = "To add it, in sources (the password in the file, chmod 600):\n",
	},
};

char *setup_plan_quoted(const char *text)
{
	struct buffer out = {0};
	enum err err = ERR_OK;
	bool plain = *text != '\0';

	for (const char *at = text; *at; at++)
		plain = plain &&
		    (strchr("_-./:+,@%", *at) || (*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'z') ||
			(*at >= 'A' && *at <= 'Z'));
	if (plain)
		return mem_string(text);
	err = buffer_append_u8(&out, '\'');
	for (const char *at = text; err == ERR_OK && *at; at++)
		err = *at == '\'' ? buffer_append_text(&out, "'\\''") : buffer_append_u8(&out, (uint8_t)*at);
	if (err == ERR_OK)
		err = buffer_append(&out, "'", sizeof("'"));
	if (err != ERR_OK)
		buffer_free(&out);
	return (char *)out.data;
}

static enum err describe_jobs(struct buffer *out, const struct setup_answers *answers, const char *const *said)
{
	enum err err = buffer_append_text(
	    out, "%s%s", said[COMMENT_JOBS], strcmp(answers->text[ANSWER_SOP], "none") != 0 ? said[COMMENT_SOP] : "");

	if (err == ERR_OK && answers->uncovered.count > 0)
		err = buffer_append_text(out, "\n%s", said[COMMENT_UNCOVERED]);
	for (size_t i = 0; err == ERR_OK && i < answers->uncovered.count; i++)
		err = buffer_append_text(out, "  - %s\n", answers->uncovered.items[i]);
	if (err == ERR_OK && answers->by_hand.count > 0)
		err = buffer_append_text(out, "\n%s", said[COMMENT_BY_HAND]);
	for (size_t i = 0; err == ERR_OK && i < answers->by_hand.count; i++)
		err = buffer_append_text(out, "      %s\n", answers->by_hand.items[i]);
	return err == ERR_OK ? buffer_append_u8(out, 0) : err;
}

/* ---- */

static enum err plan_all(struct plan *plan, const struct setup_answers *answers, const char *key)
{
	enum err err = plan_office(plan, answers);

	if (err == ERR_OK)
		err = plan_sop(plan, answers);
	if (err == ERR_OK)
		err = plan_sources(plan, answers, key != NULL);
	plan_people(plan, answers);
	plan_job(plan, answers);
	plan_mail(plan, answers);
	plan->target = (struct configuration_target){
	    .name = word(SETUP_PLAN_TARGET), .url = text_of(answers, ANSWER_TARGET), .key = word(key)};
	plan->configuration.targets = &plan->target;
	plan->configuration.targets_count = 1;
	return err;
}

enum err setup_plan_text(struct buffer *out, const struct setup_answers *answers, const char *key)
{
	struct plan plan = {0};
	struct buffer jobs = {0};
	const char *const *said;
	enum err err = plan_all(&plan, answers, key);

	said = comments[plan.configuration.office.language];
	if (err == ERR_OK)
		err = describe_jobs(&jobs, answers, said);
	if (err == ERR_OK) {
		const struct write_comment above[] = {{"", said[COMMENT_HEAD]}, {"people", said[COMMENT_PEOPLE]},
		    {"targets", said[COMMENT_TARGETS]}, {"jobs", (const char *)jobs.data}, {NULL, NULL}};

		err = write_configuration(&plan.configuration, above, out);
	}
	buffer_free(&jobs);
	mem_free(plan.servers);
	mem_free(plan.sources);
	buffer_free(&plan.address);
	buffer_free(&plan.approved_by);
	return err;
}
