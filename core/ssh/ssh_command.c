#include "core/ssh/ssh_command.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/ssh/ssh_internal.h"

#include <ctype.h>

#define HEAR_SIZE 4096u	   /* bytes of standard error taken at once */
#define HEAR_AT_ONCE 256u  /* times: one that never stops talking is not listened to for ever */
#define SPILL_SIZE 65536u  /* bytes of output thrown away at once */
#define NAME_MAX_BYTES 80u /* of a command in messages */

struct ssh_command {
	struct ssh_channel channel;
	char *name;
	uint8_t *input;
	size_t input_size, input_sent;
	bool input_done;
	bool output_ended; /* nothing more will come on standard output */
	bool closed;	   /* the server has closed the channel */
	bool done;	   /* and what it sent before was taken */
	int status;
	char said[SSH_COMMAND_SAID];
	size_t said_length;
};

static void wipe_input(struct ssh_command *command, size_t until)
{
	if (until > command->input_sent)
		explicit_bzero(command->input + command->input_sent, until - command->input_sent);
	command->input_sent = until;
}

/* ---- starting ---- */

/* What messages call it: the first word has no secrets, what follows may. */
static char *name_of(const struct ssh_command_options *options)
{
	const char *text = options->name ? options->name : options->line;
	size_t size = options->name ? strlen(text) : strcspn(text, " \t\n");

	return output_printable(text, size < NAME_MAX_BYTES ? size : NAME_MAX_BYTES);
}

enum err ssh_command_start(struct ssh_command **out, struct ssh *ssh, const struct ssh_command_options *options)
{
	struct ssh_command *command = mem_calloc(1, sizeof(*command));
	enum err err = ERR_NOMEM;

	*out = NULL;
	if (!command)
		goto done;
	command->status = -1;
	command->input = options->input;
	command->input_size = options->input ? options->input_size : 0;
	command->name = name_of(options);
	if (!command->name)
		goto done;
	if (strlen(options->line) > SSH_COMMAND_LINE) {
		err = fail(
		    PL_SFTP_LIMIT, "the command line of %s has more than %u bytes", command->name, SSH_COMMAND_LINE);
		goto done;
	}
	err = ssh_channel_open(&command->channel, ssh, SSH_COMMAND_WINDOW);
	if (err == ERR_OK)
		err = ssh_channel_request(&command->channel, "exec", options->line);
	if (err == ERR_OK) {
		*out = command;
		command = NULL;
	}
done:
	/* Without it there is nobody who would do this later. */
	if (err != ERR_OK && options->input)
		explicit_bzero(options->input, options->input_size);
	ssh_command_free(command);
	return err;
}

/* ---- its three streams ---- */

static void keep_said(struct ssh_command *command, const char *heard, size_t size)
{
	size_t room = sizeof(command->said) - 1, keep = command->said_length;

	if (size > room) {
		heard += size - room;
		size = room;
	}
	if (keep + size > room)
		keep = room - size;
	memmove(command->said, command->said + command->said_length - keep, keep);
	memcpy(command->said + keep, heard, size);
	command->said_length = keep + size;
}

/* Takes what waits on standard error, keeping the end of it. */
static enum err hear(struct ssh_command *command, bool *moved)
{
	char heard[HEAR_SIZE];
	size_t got = 1;
	enum err err = ERR_OK;

	for (unsigned times = 0; err == ERR_OK && got > 0 && times < HEAR_AT_ONCE; times++) {
		err = ssh_channel_read(&command->channel, 1, heard, sizeof(heard), &got);
		if (got > 0) {
			keep_said(command, heard, got);
			*moved = true;
		}
	}
	return err;
}

/* Sends of the input what can go now, and its end behind it. */
static enum err feed(struct ssh_command *command, bool *moved)
{
	size_t taken = 0;
	enum err err = ERR_OK;

	if (command->input_done)
		return ERR_OK;
	if (command->input_sent < command->input_size) {
		err = ssh_channel_write(&command->channel, command->input + command->input_sent,
		    command->input_size - command->input_sent, &taken);
		wipe_input(command, command->input_sent + taken);
		*moved = *moved || taken > 0;
	}
	if (err == ERR_OK && command->input_sent == command->input_size)
		err = ssh_channel_finish(&command->channel, &command->input_done);
	return err;
}

/* One round: whatever can be done without waiting. *got bytes of output. */
static enum err work(struct ssh_command *command, void *out, size_t size, size_t *got, bool *moved)
{
	enum err err = ssh_channel_read(&command->channel, 0, out, size, got);

	*moved = *got > 0;
	if (err == ERR_OK)
		err = hear(command, moved);
	if (err == ERR_OK)
		err = feed(command, moved);
	if (err != ERR_OK || *got > 0 || *moved)
		return err;
	if (command->closed) {
		command->done = command->output_ended = true;
		return ERR_OK;
	}
	command->output_ended = ssh_channel_at_end(&command->channel);
	err = ssh_channel_closed(&command->channel, &command->closed);
	*moved = command->closed;
	return err;
}

enum err ssh_command_read(struct ssh_command *command, void *out, size_t size, size_t *got)
{
	struct pace *pace = command->channel.ssh->pace;
	enum err err = ERR_OK;
	bool moved;

	*got = 0;
	/* Small steps of a slow rate: nobody is kept waiting for long, and the line stays alive. */
	if (pace && pace->rate > 0 && size > pace->rate / 8 + 1)
		size = (size_t)(pace->rate / 8 + 1);
	while (err == ERR_OK && *got == 0 && !command->output_ended) {
		err = work(command, out, size, got, &moved);
		if (err == ERR_OK && !moved && !command->output_ended)
			err = ssh_wait(command->channel.ssh, "while a command ran");
	}
	if (pace && *got > 0)
		pace_wait(pace, *got);
	return err;
}

/* ---- its end ---- */

/* By whose signal it ended; "" where by none. */
static void signal_of(struct ssh_command *command, char out[32])
{
	struct ssh *ssh = command->channel.ssh;
	char *name = NULL;
	size_t length = 0;

	out[0] = '\0';
	libssh2_channel_get_exit_signal(command->channel.channel, &name, &length, NULL, NULL, NULL, NULL);
	for (size_t i = 0; name && i < length && i < 31; i++) {
		out[i] = isalnum((unsigned char)name[i]) ? name[i] : '?';
		out[i + 1] = '\0';
	}
	if (name)
		libssh2_free(ssh->session, name);
}

static enum err judge(struct ssh_command *command)
{
	struct ssh *ssh = command->channel.ssh;
	const bool ended = ssh->ended && ssh->ended_channel == command->channel.number;
	char said[SSH_COMMAND_SAID], by[32];
	const char *colon;

	ssh_command_said(command, said);
	colon = said[0] ? ": " : "";
	signal_of(command, by);
	if (by[0])
		return fail(PL_COMMAND_FAILED, "%s at %s was ended by signal %s%s%s", command->name, ssh->name, by,
		    colon, said);
	if (!ended)
		return fail(PL_SSH_BROKEN, "%s at %s: the server did not say how it ended%s%s", command->name,
		    ssh->name, colon, said);
	command->status = (int)(ssh->ended_status & INT32_MAX);
	if (ssh->ended_status != 0)
		return fail(PL_COMMAND_FAILED, "%s at %s ended with status %u%s%s", command->name, ssh->name,
		    ssh->ended_status, colon, said);
	return ERR_OK;
}

enum err ssh_command_finish(struct ssh_command *command)
{
	struct ssh *ssh = command->channel.ssh;
	uint8_t *spill = mem_alloc(SPILL_SIZE);
	enum err err = spill ? ssh_still(ssh) : ERR_NOMEM;
	size_t got;
	bool moved;

	while (err == ERR_OK && !command->done) {
		err = work(command, spill, SPILL_SIZE, &got, &moved);
		if (err == ERR_OK && !moved && !command->done)
			err = ssh_wait(command->channel.ssh, "while a command ran");
		else if (err == ERR_OK && interrupt_requested())
			err = fail(PL_INTERRUPTED, "interrupted while %s ran at %s", command->name, ssh->name);
	}
	mem_free(spill);
	return err == ERR_OK ? judge(command) : err;
}

void ssh_command_said(const struct ssh_command *command, char out[SSH_COMMAND_SAID])
{
	char line[SSH_COMMAND_SAID], *shown;
	size_t length = 0, size;

	out[0] = '\0';
	for (size_t i = 0; i < command->said_length; i++) {
		char c = command->said[i];

		if (c == '\r' || (c == '\n' && (length == 0 || line[length - 1] == ' ')))
			continue;
		line[length++] = c == '\n' ? ' ' : c;
	}
	while (length > 0 && line[length - 1] == ' ')
		length--;
	shown = output_printable(line, length);
	size = shown ? strlen(shown) : 0;
	/* Escapes are longer than what they stand for: its end is what matters. */
	if (shown)
		snprintf(out, SSH_COMMAND_SAID, "%s",
		    size < SSH_COMMAND_SAID ? shown : shown + size - (SSH_COMMAND_SAID - 1));
	mem_free(shown);
}

int ssh_command_status(const struct ssh_command *command)
{
	return command->status;
}

void ssh_command_free(struct ssh_command *command)
{
	if (!command)
		return;
	if (command->input)
		wipe_input(command, command->input_size);
	if (command->channel.channel)
		ssh_channel_free(&command->channel);
	mem_free(command->name);
	mem_free(command);
}
