/* What the files of notify share. */
#ifndef PULIH_SCHEDULER_NOTIFY_INTERNAL_H
#define PULIH_SCHEDULER_NOTIFY_INTERNAL_H

#include "core/base/buffer.h"
#include "core/record/record_words.h"
#include "scheduler/notify.h"
#include "scheduler/notify_outbox.h"

#include <jansson.h>

/* ---- a message: an event on its way over one channel ---- */

#define MESSAGE_ID_SIZE 33 /* 32 hex digits and a NUL */
/* Of a message in the outbox: the attachment in hexadecimal, and what else an event has. */
#define MESSAGE_MAX (2u * NOTIFY_ATTACHMENT_MAX + (4u << 20))

/* Starts as {0}; released with notify_message_free. Texts are those of `object`; none is NULL. */
struct notify_message {
	json_t *object;
	const char *id, *channel, *job, *run_id; /* job, run_id: "" for none */
	enum notify_kind kind;
	int64_t time, due, last_good;
	/* What failed; kind ERR_OK: nothing. */
	enum err failure_kind;
	enum message failure_id; /* PL_NONE: one that this version does not know */
	const char *failure_text;
	json_t *lines; /* of strings */
	uint64_t lines_omitted;
	const char *attachment_name, *attachment_type, *attachment_hex; /* name "": none */
	bool attachment_left_out;
	json_t *people;	   /* of strings: ids of people besides those of the channel; may be NULL */
	json_t *delivered; /* addresses that have it already */
	/* in the outbox */
	int attempts;
	int64_t created, next;
	struct failure last_failure;
};
/* On failure it is empty. */
enum err notify_message_new(struct notify_message *out, const struct notify_event *event, const char *channel);
void notify_message_free(struct notify_message *message);
/* Appends its text, with the members of the outbox as they stand in the struct. */
enum err notify_message_write(const struct notify_message *message, struct buffer *out);
/* PL_NOTIFY_OUTBOX where the bytes are none; `name` is that of the file. */
enum err notify_message_read(struct notify_message *out, const void *bytes, size_t size, const char *name);

/* Whether channels that ask for failures alone hear of it: what failed, and a backup that is done where others were found lost. */
bool notify_is_alarm(enum notify_kind kind, enum err failure);

/* ---- words ---- */

enum notify_word {
#define WORD(name, indonesian, english) NOTIFY_WORD_##name,
#include "scheduler/notify_words.def"
#undef WORD
};

/* "Backup website GAGAL - Pengadilan Agama Ternate", NUL-terminated. */
enum err notify_text_subject(
    const struct configuration *configuration, const struct notify_message *message, struct buffer *out);
/* What failed, since when there is no good backup, what to do, whom to ask: lines that end in a line feed, NUL-terminated. */
enum err notify_text_body(
    const struct configuration *configuration, const struct notify_message *message, struct buffer *out);
/* In the language of the office; static. */
const char *notify_text_word(const struct configuration *configuration, enum notify_word name);
/* "Minggu, 22 November 2026, 01.00.05 (UTC+09:00)". Returns out. */
char *notify_text_time(const struct configuration *configuration, int64_t time, char out[RECORD_PHRASE]);
/* This host. */
#define NOTIFY_HOST_SIZE 256
const char *notify_text_host(char out[NOTIFY_HOST_SIZE]);

/* ---- secrets ---- */

#define NOTIFY_SECRET_MAX 4000 /* bytes: a token with signatures in it is the longest */
/* The one line of a file or of what a shell command prints, without the line end; NUL-terminated, in secret memory.
 * PL_NOTIFY_SECRET, also where others can read the file. */
enum err notify_secret_file(const char *path, char **out);
enum err notify_secret_command(const char *command, char **out);
/* notify_secret_free(NULL) does nothing. */
void notify_secret_free(char *secret);

/* ---- channels: hand one message over. ERR_OK: taken. ---- */

/* Whether the channel's own people have that address. */
bool notify_mail_reaches(
    const struct configuration *configuration, const struct configuration_mail *mail, const char *address);
/* To each recipient in turn; those that took it are added to message->delivered. */
enum err notify_mail_send(
    const struct configuration *configuration, const struct configuration_mail *mail, struct notify_message *message);
enum err notify_web_hook(const struct configuration *configuration, const struct configuration_webhook *webhook,
    const struct notify_message *message);
enum err notify_web_ping(
    const struct configuration_ping *ping, uint32_t failures, const struct notify_message *message);
enum err notify_log_send(const struct configuration *configuration, const struct configuration_log *log,
    const struct notify_message *message);

/* Hands the message to its channel. PL_NOTIFY_CHANNEL where the configuration has it no more. */
enum err notify_hand_over(const struct notify *notify, struct notify_message *message);

/* ---- results and outbox ---- */

/* Copies it. */
enum err notify_results_add(struct notify_results *results, const struct notify_result *item);
/* The result of a message that is not ok, with failure_last(). */
struct notify_result notify_result_of(const struct notify_message *message);

/* Keeps a message that failed with failure_last(), for the first time. What must go for it is added to `results`. */
enum err notify_outbox_add(
    const struct notify *notify, struct notify_message *message, int64_t now, struct notify_results *results);
/* The same of one that was not tried yet: it is due at once. */
enum err notify_outbox_put(
    const struct notify *notify, struct notify_message *message, int64_t now, struct notify_results *results);
/* Takes away what waits of the same channel and job: this message is the news of it. A start leaves failures where they are. */
enum err notify_outbox_supersede(const struct notify *notify, const struct notify_message *message);

#endif
