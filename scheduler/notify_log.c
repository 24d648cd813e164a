/* A message for the log of the system: the journal with fields of its own where there is one, else syslog. */
#include "scheduler/notify_internal.h"

#include "core/base/mem.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket" /* of systemd-journald(8) */
#define SYSLOG_SOCKET "/dev/log"		     /* of syslog(3) */
/* What all messages of this kind have in common for journalctl; made once with systemd-id128 new. */
#define MESSAGE_ID "MESSAGE_ID=951eda79b07d4ce28b51a9e90f42d689"

static int priority_of(const struct notify_message *message)
{
	if (notify_is_alarm(message->kind, message->failure_kind))
		return LOG_ERR;
	switch (message->kind) {
	case NOTIFY_MISSED:
	case NOTIFY_REVIEW_OVERDUE:
	case NOTIFY_DRILL_OVERDUE:
		return LOG_WARNING;
	case NOTIFY_NOTES:
	case NOTIFY_TEST:
		return LOG_NOTICE;
	default:
		return LOG_INFO;
	}
}

/* Neither library call says whether anybody listens: this asks. */
static bool listens(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool there;

	if (fd < 0)
		return false;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	there = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	close(fd);
	return there;
}

/* "[Pulih] Backup website GAGAL - …: PL-1002: …" */
static enum err write_line(
    const struct configuration *configuration, const struct notify_message *message, struct buffer *out)
{
	char code[16];
	enum err err = notify_text_subject(configuration, message, out);

	if (err != ERR_OK)
		return err;
	out->length--; /* the NUL */
	if (message->run_id[0])
		err = buffer_append_text(out, " (%s)", message->run_id);
	if (err == ERR_OK && message->failure_kind != ERR_OK)
		err =
		    buffer_append_text(out, ": %s: %s", message_code(message->failure_id, code), message->failure_text);
	return err == ERR_OK ? buffer_append_u8(out, 0) : err;
}

static enum err to_journal(const struct configuration_log *log, const struct notify_message *message, const char *line)
{
	char code[16];
	/* Facilities of syslog(3) are shifted by three bits. */
	int result = sd_journal_send("MESSAGE=%s", line, MESSAGE_ID, "PRIORITY=%d", priority_of(message),
	    "SYSLOG_FACILITY=%d", log->facility >> 3, "SYSLOG_IDENTIFIER=pulih", "PULIH_KIND=%s",
	    notify_kind_name(message->kind), "PULIH_JOB=%s", message->job, "PULIH_RUN=%s", message->run_id,
	    "PULIH_CODE=%s", message->failure_kind == ERR_OK ? "" : message_code(message->failure_id, code), NULL);

	if (result == 0)
		return ERR_OK;
	errno = -result;
	return fail_errno(PL_NOTIFY_LOG, "the journal does not take the message");
}

enum err notify_log_send(const struct configuration *configuration, const struct configuration_log *log,
    const struct notify_message *message)
{
	struct buffer line = {0};
	enum err err = write_line(configuration, message, &line);

	if (err == ERR_OK && listens(JOURNAL_SOCKET)) {
		err = to_journal(log, message, (const char *)line.data);
	} else if (err == ERR_OK && listens(SYSLOG_SOCKET)) {
		openlog("pulih", LOG_PID, log->facility);
		syslog(log->facility | priority_of(message), "%s", (const char *)line.data);
		closelog();
	} else if (err == ERR_OK) {
		err = fail(PL_NOTIFY_LOG, "nobody listens at %s or %s", JOURNAL_SOCKET, SYSLOG_SOCKET);
	}
	buffer_free(&line);
	return err;
}
