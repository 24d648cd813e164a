/* A message as a mail. */
#include "scheduler/notify_internal.h"

#include "core/base/mem.h"
#include "scheduler/curl_transfer.h"
#include "scheduler/mime_header.h"

struct headers {
	struct buffer subject, from, to, date, id;
};

struct draft {
	const struct configuration *configuration;
	const struct configuration_mail *mail;
	struct notify_message *message;
	struct mime_header_mailbox *recipients;
	size_t recipients_count;
	struct headers headers;
	struct buffer body, attachment;
	char *url, *name, *password;
};

static bool is_own(const struct configuration_mail *mail, const struct configuration_person *person)
{
	if (mail->roles & 1u << person->role)
		return true;
	for (uint32_t i = 0; i < mail->people_count; i++)
		if (strcmp(mail->people[i], person->id) == 0)
			return true;
	return false;
}

bool notify_mail_reaches(
    const struct configuration *configuration, const struct configuration_mail *mail, const char *address)
{
	for (uint32_t i = 0; i < configuration->people_count; i++) {
		const struct configuration_person *person = &configuration->people[i];

		if (person->email && strcmp(person->email, address) == 0 && is_own(mail, person))
			return true;
	}
	return false;
}

static bool is_named(const struct notify_message *message, const char *id)
{
	json_t *item;
	size_t i;

	json_array_foreach(message->people, i, item)
	{
		if (strcmp(json_string_value(item), id) == 0)
			return true;
	}
	return false;
}

/* Two people may share an address: it gets one mail. */
static bool is_recipient(const struct draft *draft, const struct configuration_person *person)
{
	if (!person->email || !(is_own(draft->mail, person) || is_named(draft->message, person->id)))
		return false;
	for (size_t i = 0; i < draft->recipients_count; i++)
		if (strcmp(draft->recipients[i].address, person->email) == 0)
			return false;
	return true;
}

static enum err find_recipients(struct draft *draft)
{
	const struct configuration *configuration = draft->configuration;

	draft->recipients = mem_calloc(configuration->people_count + 1, sizeof(*draft->recipients));
	if (!draft->recipients)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < configuration->people_count; i++)
		if (is_recipient(draft, &configuration->people[i]))
			draft->recipients[draft->recipients_count++] =
			    (struct mime_header_mailbox){configuration->people[i].name, configuration->people[i].email};
	return ERR_OK;
}

/* Headers are C strings. */
static enum err ended(struct buffer *header, enum err err)
{
	return err == ERR_OK ? buffer_append_u8(header, 0) : err;
}

static enum err write_headers(struct draft *draft)
{
	struct headers *headers = &draft->headers;
	const struct notify_message *message = draft->message;
	const char *from = draft->mail->from;
	struct mime_header_mailbox sender = {.address = from};
	struct buffer subject = {0};
	char *display = mem_printf("Pulih, %s", draft->configuration->office.name);
	enum err err = display ? ERR_OK : ERR_NOMEM;

	sender.display = display;
	if (err == ERR_OK)
		err = notify_text_subject(draft->configuration, message, &subject);
	if (err == ERR_OK)
		err = ended(
		    &headers->subject, mime_header_text(&headers->subject, "Subject", (const char *)subject.data));
	if (err == ERR_OK)
		err = ended(&headers->from, mime_header_mailboxes(&headers->from, "From", &sender, 1));
	if (err == ERR_OK)
		err = ended(&headers->to,
		    mime_header_mailboxes(&headers->to, "To", draft->recipients, draft->recipients_count));
	if (err == ERR_OK)
		err = ended(&headers->date, mime_header_date(&headers->date, message->time));
	/* The same each time it is sent: a mail that came twice after all is known for one. */
	if (err == ERR_OK)
		err = ended(&headers->id,
		    buffer_append_text(&headers->id, "Message-ID: <%s@%s>", message->id, strchr(from, '@') + 1));
	buffer_free(&subject);
	mem_free(display);
	return err;
}

/* Mail ends its lines with CR LF. */
static enum err write_body(struct draft *draft)
{
	struct buffer text = {0};
	enum err err = notify_text_body(draft->configuration, draft->message, &text);

	for (const char *line = (const char *)text.data; err == ERR_OK && *line;) {
		size_t length = strcspn(line, "\n");

		err = buffer_append(&draft->body, line, length);
		if (err == ERR_OK)
			err = buffer_append_text(&draft->body, "\r\n");
		line += length + (line[length] == '\n');
	}
	buffer_free(&text);
	return err;
}

static enum err decode_attachment(struct draft *draft)
{
	const struct notify_message *message = draft->message;
	size_t size = strlen(message->attachment_hex) / 2;
	enum err err;

	if (!draft->mail->attach_report || !message->attachment_name[0] || size == 0)
		return ERR_OK;
	err = buffer_reserve(&draft->attachment, size);
	if (err != ERR_OK)
		return err;
	if (!hex_decode(draft->attachment.data, size, message->attachment_hex))
		return fail(PL_NOTIFY_OUTBOX, "the attachment of message %s is damaged", message->id);
	draft->attachment.length = size;
	return ERR_OK;
}

static enum err find_server(struct draft *draft)
{
	static const int ports[] = {[SECURITY_STARTTLS] = 587, [SECURITY_TLS] = 465, [SECURITY_NONE] = 25};
	const struct configuration_mail *mail = draft->mail;
	int port = mail->port ? mail->port : ports[mail->security];
	bool v6 = strchr(mail->server, ':') != NULL;

	draft->url = mem_printf("%s://%s%s%s:%d", mail->security == SECURITY_TLS ? "smtps" : "smtp", v6 ? "[" : "",
	    mail->server, v6 ? "]" : "", port);
	draft->name = mem_printf("mail server %s:%d", mail->server, port);
	return draft->url && draft->name ? ERR_OK : ERR_NOMEM;
}

static enum err read_password(struct draft *draft)
{
	const struct configuration_mail *mail = draft->mail;

	if (!mail->user)
		return ERR_OK;
	return mail->password_file ? notify_secret_file(mail->password_file, &draft->password)
				   : notify_secret_command(mail->password_command, &draft->password);
}

static bool has_it(const struct notify_message *message, const char *address)
{
	json_t *item;
	size_t i;

	json_array_foreach(message->delivered, i, item)
	{
		if (strcmp(json_string_value(item), address) == 0)
			return true;
	}
	return false;
}

/* One after the other, so that an address that is refused keeps nobody else from the mail; but a server that is not there is not asked for
 * each of them. The first failure counts. */
static enum err send_to_all(struct draft *draft, struct curl_transfer_session *session)
{
	struct failure first = {0};

	for (size_t i = 0; i < draft->recipients_count; i++) {
		const char *address = draft->recipients[i].address;
		enum err err;

		if (has_it(draft->message, address))
			continue;
		err = curl_transfer_send(session, address);
		if (err == ERR_OK && json_array_append_new(draft->message->delivered, json_string(address)) != 0)
			err = fail(PL_NO_MEMORY, "no memory for JSON");
		if (err == ERR_OK)
			continue;
		if (failure_last()->id == PL_NOTIFY_REFUSED)
			fail_context(err, "to %s", address);
		if (first.kind == ERR_OK)
			first = *failure_last();
		if (failure_last()->id != PL_NOTIFY_REFUSED)
			break;
	}
	return first.kind == ERR_OK ? ERR_OK : failure_put(&first);
}

static enum err send_draft(struct draft *draft)
{
	const struct configuration_mail *mail = draft->mail;
	const struct headers *headers = &draft->headers;
	const char *const lines[] = {(const char *)headers->date.data, (const char *)headers->from.data,
	    (const char *)headers->to.data, (const char *)headers->subject.data, (const char *)headers->id.data,
	    "Auto-Submitted: auto-generated", NULL}; /* RFC 3834: nobody's out-of-office answers it */
	const struct curl_transfer_part parts[] = {
	    {.type = "text/plain; charset=UTF-8",
		.encoding = CURL_TRANSFER_QUOTED_PRINTABLE,
		.bytes = draft->body.data,
		.size = draft->body.length},
	    {.type = draft->message->attachment_type,
		.name = draft->message->attachment_name,
		.encoding = CURL_TRANSFER_BASE64,
		.bytes = draft->attachment.data,
		.size = draft->attachment.length},
	};
	const struct curl_transfer_server server = {.url = draft->url,
	    .name = draft->name,
	    .ca_file = mail->connection.ca_file,
	    .insecure = mail->connection.insecure,
	    .timeout = mail->connection.timeout};
	const struct curl_transfer_mail transfer = {.starttls = mail->security == SECURITY_STARTTLS,
	    .user = mail->user,
	    .password = draft->password,
	    .from = mail->from,
	    .headers = lines,
	    .parts = parts,
	    .parts_count = draft->attachment.length > 0 ? 2 : 1};
	struct curl_transfer_session *session = NULL;
	enum err err = curl_transfer_open(&session, &server, &transfer);

	if (err == ERR_OK)
		err = send_to_all(draft, session);
	curl_transfer_close(session);
	return err;
}

enum err notify_mail_send(
    const struct configuration *configuration, const struct configuration_mail *mail, struct notify_message *message)
{
	struct draft draft = {.configuration = configuration, .mail = mail, .message = message};
	enum err err = find_recipients(&draft);

	if (err == ERR_OK)
		err = write_headers(&draft);
	if (err == ERR_OK)
		err = write_body(&draft);
	if (err == ERR_OK)
		err = decode_attachment(&draft);
	if (err == ERR_OK)
		err = find_server(&draft);
	if (err == ERR_OK)
		err = read_password(&draft);
	if (err == ERR_OK)
		err = send_draft(&draft);
	notify_secret_free(draft.password);
	mem_free(draft.recipients);
	mem_free(draft.url);
	mem_free(draft.name);
	buffer_free(&draft.headers.subject);
	buffer_free(&draft.headers.from);
	buffer_free(&draft.headers.to);
	buffer_free(&draft.headers.date);
	buffer_free(&draft.headers.id);
	buffer_free(&draft.body);
	buffer_free(&draft.attachment);
	return err;
}
