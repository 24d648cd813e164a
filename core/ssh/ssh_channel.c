#include "core/ssh/ssh_internal.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#define PACKET_MAX \
	32768u /* bytes that the server may put into one packet: RFC 4253 demands that everybody takes so many */
#define CLOSE_PATIENCE (2 * CLOCK_SECOND) /* for a server to close a channel that we closed */

enum err ssh_channel_open(struct ssh_channel *channel, struct ssh *ssh, unsigned window)
{
	static const char what[] = "while a channel was opened";
	enum err err = ssh_still(ssh);
	int code;

	*channel = (struct ssh_channel){.ssh = ssh};
	while (err == ERR_OK && !channel->channel) {
		ssh_enter(ssh);
		channel->channel = libssh2_channel_open_ex(
		    ssh->session, "session", sizeof("session") - 1, window, PACKET_MAX, NULL, 0);
		code = libssh2_session_last_errno(ssh->session);
		if (channel->channel)
			channel->number = ssh->opened;
		else if (code == LIBSSH2_ERROR_EAGAIN)
			err = ssh_wait(ssh, what);
		else if (code == LIBSSH2_ERROR_CHANNEL_FAILURE)
			err = fail(PL_SSH_REFUSED, "%s permits no channel", ssh->name);
		else
			err = ssh_end_library(ssh, code, what);
	}
	return err;
}

enum err ssh_channel_request(struct ssh_channel *channel, const char *request, const char *text)
{
	static const char what[] = "while a command was started";
	struct ssh *ssh = channel->ssh;
	enum err err = ssh_still(ssh);
	int code = LIBSSH2_ERROR_EAGAIN;

	while (err == ERR_OK && code == LIBSSH2_ERROR_EAGAIN) {
		ssh_enter(ssh);
		code = libssh2_channel_process_startup(
		    channel->channel, request, (unsigned)strlen(request), text, (unsigned)strlen(text));
		if (code == LIBSSH2_ERROR_EAGAIN)
			err = ssh_wait(ssh, what);
	}
	if (err != ERR_OK || code == 0)
		return err;
	if (code == LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED)
		return fail(
		    PL_SSH_REFUSED, "%s permits no %s", ssh->name, strcmp(request, "exec") == 0 ? "commands" : text);
	return ssh_end_library(ssh, code, what);
}

static enum err judge(struct ssh *ssh, ssize_t code)
{
	if (code >= 0 || code == LIBSSH2_ERROR_EAGAIN)
		return ERR_OK;
	return ssh_end_library(ssh, (int)code, "in the middle of a transfer");
}

enum err ssh_channel_read(struct ssh_channel *channel, int stream, void *out, size_t size, size_t *got)
{
	struct ssh *ssh = channel->ssh;
	enum err err = ssh_still(ssh);
	ssize_t code = 0;

	*got = 0;
	if (err != ERR_OK)
		return err;
	/* What is queued is taken first, and only then the socket is asked: the queue never grows beyond what one call brings. Standard error
	 * is read behind standard output, which has asked. */
	ssh->hold = true;
	code = libssh2_channel_read_ex(channel->channel, stream, out, size);
	ssh->hold = false;
	if (code <= 0 && stream == 0) {
		ssh_enter(ssh);
		code = libssh2_channel_read_ex(channel->channel, stream, out, size);
	}
	if (code > 0)
		*got = (size_t)code;
	err = judge(ssh, code);
	/* It may have asked for more. */
	return err == ERR_OK ? ssh_flush(ssh) : err;
}

enum err ssh_channel_write(struct ssh_channel *channel, const void *bytes, size_t size, size_t *taken)
{
	struct ssh *ssh = channel->ssh;
	enum err err = ssh_still(ssh);
	ssize_t code = 1;

	*taken = 0;
	ssh->hold = true;
	while (err == ERR_OK && code > 0 && *taken < size && ssh_waiting(ssh) < SSH_OUT_FULL) {
		code = libssh2_channel_write_ex(channel->channel, 0, (const char *)bytes + *taken, size - *taken);
		if (code > 0)
			*taken += (size_t)code;
		err = judge(ssh, code);
	}
	ssh->hold = false;
	return err == ERR_OK ? ssh_flush(ssh) : err;
}

enum err ssh_channel_finish(struct ssh_channel *channel, bool *done)
{
	struct ssh *ssh = channel->ssh;
	enum err err = ssh_still(ssh);
	int code = 0;

	if (err == ERR_OK && !channel->eof_sent) {
		ssh->hold = true;
		code = libssh2_channel_send_eof(channel->channel);
		ssh->hold = false;
		channel->eof_sent = code == 0;
		err = judge(ssh, code);
	}
	*done = channel->eof_sent;
	return err;
}

bool ssh_channel_at_end(struct ssh_channel *channel)
{
	return libssh2_channel_eof(channel->channel) == 1;
}

enum err ssh_channel_closed(struct ssh_channel *channel, bool *closed)
{
	struct ssh *ssh = channel->ssh;
	enum err err = ssh_still(ssh);
	int code = LIBSSH2_ERROR_EAGAIN;

	if (err == ERR_OK) {
		ssh_enter(ssh);
		code = libssh2_channel_wait_closed(channel->channel);
		/* Before its end it may not be asked, which is answer enough. */
		err = judge(ssh, code == LIBSSH2_ERROR_INVAL ? LIBSSH2_ERROR_EAGAIN : code);
	}
	*closed = code == 0;
	return err;
}

void ssh_channel_free(struct ssh_channel *channel)
{
	struct ssh *ssh = channel->ssh;
	int64_t until = clock_monotonic() + CLOSE_PATIENCE;
	struct failure before = *failure_last();
	int code = LIBSSH2_ERROR_EAGAIN;

	/* On a broken session nothing can be closed; what is left is freed with it. */
	while (channel->channel && !ssh->broken && code == LIBSSH2_ERROR_EAGAIN) {
		ssh_enter(ssh);
		code = libssh2_channel_free(channel->channel);
		if (code == LIBSSH2_ERROR_EAGAIN &&
		    (clock_monotonic() >= until || ssh_wait(ssh, "while a channel was closed") != ERR_OK) &&
		    !ssh->broken)
			ssh_end(
			    ssh, PL_SSH_BROKEN, "%s did not end what was broken off; the line was given up", ssh->name);
	}
	channel->channel = NULL;
	failure_put(&before);
}
