#include "core/ssh/ssh_internal.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#include <ctype.h>
#include <pthread.h>
#include <time.h>

#define DIGEST_TEXT 43u /* characters of a SHA-256 in base64 without padding */
#define HOST_MAX 253u	/* bytes of a name, as the DNS has them */
#define USER_MAX 255u	/* bytes */

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void start_library(void)
{
	libssh2_init(0);
}

bool ssh_is_fingerprint(const char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	/* 43 characters are 258 bits: the last one has two to spare, which are 0. */
	return strncmp(text, "SHA256:", 7) == 0 && strlen(text + 7) == DIGEST_TEXT &&
	    strspn(text + 7, digits) == DIGEST_TEXT && strchr("AEIMQUYcgkosw048", text[7 + DIGEST_TEXT - 1]) != NULL;
}

/* ---- options ---- */

static bool is_name(const char *text, size_t most)
{
	size_t length = text ? strlen(text) : 0;

	if (length == 0 || length > most || text[0] == '-')
		return false;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f || strchr("@[]/\"'", text[i]))
			return false;
	return true;
}

static bool is_timeout(unsigned seconds)
{
	return seconds == 0 || (seconds >= SSH_TIMEOUT_LEAST && seconds <= SSH_TIMEOUT_MOST);
}

static enum err check_options(const struct ssh_options *options)
{
	if (!is_name(options->host, HOST_MAX))
		return fail(
		    PL_SSH_OPTION, "\"%s\" is no name of a host and no address", options->host ? options->host : "");
	if (!is_name(options->user, USER_MAX))
		return fail(PL_SSH_OPTION, "\"%s\" is no name of a user", options->user ? options->user : "");
	if (options->port > 65535)
		return fail(PL_SSH_OPTION, "there is no port %u", options->port);
	if (options->fingerprint && !ssh_is_fingerprint(options->fingerprint))
		return fail(PL_SSH_OPTION, "\"%s\" is no fingerprint of a host key (SHA256:...)", options->fingerprint);
	if (!is_timeout(options->timeout) || !is_timeout(options->connect_timeout))
		return fail(PL_SSH_OPTION, "a time-out is %u to %u seconds", SSH_TIMEOUT_LEAST, SSH_TIMEOUT_MOST);
	return ERR_OK;
}

static enum err ssh_new(struct ssh **out, const struct ssh_options *options)
{
	struct ssh *ssh = mem_calloc(1, sizeof(*ssh));
	bool is_address;

	*out = ssh;
	if (!ssh)
		return ERR_NOMEM;
	is_address = strchr(options->host, ':') != NULL;
	ssh->fd = -1;
	ssh->port = options->port ? options->port : SSH_PORT;
	ssh->connect_timeout =
	    (options->connect_timeout ? options->connect_timeout : SSH_CONNECT_TIMEOUT) * CLOCK_SECOND;
	ssh->timeout = (options->timeout ? options->timeout : SSH_TIMEOUT) * CLOCK_SECOND;
	ssh->pace = options->pace;
	ssh->host = mem_string(options->host);
	ssh->user = mem_string(options->user);
	if (ssh->port == SSH_PORT)
		ssh->name = mem_printf("%s@%s", options->user, options->host);
	else
		ssh->name = mem_printf(is_address ? "%s@[%s]:%u" : "%s@%s:%u", options->user, options->host, ssh->port);
	return ssh->host && ssh->user && ssh->name ? ERR_OK : ERR_NOMEM;
}

/* ---- opening ---- */

static enum err shake_hands(struct ssh *ssh)
{
	static const char what[] = "while the encryption was agreed on";
	enum err err = ERR_OK;
	int code = LIBSSH2_ERROR_EAGAIN;

	while (err == ERR_OK && code == LIBSSH2_ERROR_EAGAIN) {
		ssh_enter(ssh);
		code = libssh2_session_handshake(ssh->session, ssh->fd);
		if (code == LIBSSH2_ERROR_EAGAIN)
			err = ssh_wait(ssh, what);
	}
	return err == ERR_OK && code != 0 ? ssh_end_library(ssh, code, what) : err;
}

/* One connection, up to the point where the far end is known. */
static enum err meet(struct ssh *ssh, struct ssh_host_key *known, unsigned attempt)
{
	enum err err = ssh_socket_setup(ssh);

	if (err == ERR_OK) {
		ssh_host_key_prefer(known, ssh, attempt);
		err = ssh_connect(ssh);
	}
	if (err == ERR_OK) {
		ssh->heard = ssh->waited = clock_monotonic();
		err = shake_hands(ssh);
	}
	return err == ERR_OK ? ssh_host_key_check(known, ssh) : err;
}

/* With a fingerprint alone it takes a connection for each type of key, until one has it: a server with several keys shows only one at a time. */
static enum err meet_any(struct ssh *ssh, struct ssh_host_key *known)
{
	struct failure changed = {0};
	enum err err = ERR_OK;

	for (unsigned attempt = 0;; attempt++) {
		if (attempt > 0)
			ssh_socket_end(ssh);
		ssh->broken = false;
		err = meet(ssh, known, attempt);
		if (err != ERR_OK && failure_last()->id == PL_SSH_HOST_CHANGED && changed.kind == ERR_OK)
			changed = *failure_last();
		else if (err != ERR_OK && failure_last()->id != PL_SSH_HOST_CHANGED &&
		    failure_last()->id != PL_SSH_PROTOCOL)
			break;
		if (err == ERR_OK || !known->pin || !ssh_host_key_more(attempt + 1))
			break;
	}
	/* That it does not have keys of other types says less. */
	return err != ERR_OK && changed.kind != ERR_OK && failure_last()->id == PL_SSH_PROTOCOL ? failure_put(&changed)
												: err;
}

enum err ssh_open(struct ssh **out, const struct ssh_options *options)
{
	struct ssh_host_key known = {0};
	struct ssh *ssh = NULL;
	enum err err = check_options(options);

	*out = NULL;
	pthread_once(&library_once, start_library);
	if (err == ERR_OK)
		err = ssh_new(&ssh, options);
	if (err == ERR_OK)
		err = ssh_host_key_load(&known, options);
	if (err == ERR_OK) {
		ssh->until = clock_monotonic() + ssh->connect_timeout;
		err = meet_any(ssh, &known);
	}
	if (err == ERR_OK)
		err = ssh_login(ssh, options);
	if (err == ERR_OK) {
		ssh->ready = true;
		ssh->until = 0;
		*out = ssh;
		ssh = NULL;
	}
	ssh_host_key_free(&known);
	ssh_free(ssh);
	return err;
}

void ssh_free(struct ssh *ssh)
{
	struct failure before = *failure_last();

	if (!ssh)
		return;
	if (ssh->session && ssh->ready && !ssh->broken) {
		ssh_enter(ssh);
		libssh2_session_disconnect(ssh->session, "done");
		ssh_flush(ssh);
	}
	ssh_socket_end(ssh);
	mem_free(ssh->host);
	mem_free(ssh->user);
	mem_free(ssh->name);
	mem_free(ssh);
	failure_put(&before);
}

/* ---- again ---- */

/* False where the program was asked to stop. */
static bool sleep_seconds(unsigned seconds)
{
	int64_t until = clock_monotonic() + seconds * CLOCK_SECOND;

	while (!interrupt_requested() && clock_monotonic() < until)
		nanosleep(&(struct timespec){.tv_nsec = CLOCK_SECOND / 10}, NULL);
	return !interrupt_requested();
}

static bool may_pass(const struct failure *failure)
{
	return failure->id == PL_SSH_CONNECT || failure->id == PL_SSH_TIMEOUT || failure->id == PL_SSH_BROKEN;
}

enum err ssh_open_again(struct ssh **out, const struct ssh_options *options, const struct ssh_patience *patience)
{
	unsigned pause = patience->first;

	for (unsigned attempt = 1;; attempt++) {
		enum err err = ssh_open(out, options);
		struct failure failure;

		if (err == ERR_OK || !may_pass(failure_last()) || attempt >= patience->attempts)
			return err;
		failure = *failure_last();
		pause = pause < patience->most ? pause : patience->most;
		if (patience->again && !patience->again(patience->context, &failure, attempt + 1, pause))
			return failure_put(&failure);
		if (!sleep_seconds(pause))
			return fail(PL_INTERRUPTED, "interrupted before another try to reach %s", options->host);
		pause = pause > patience->most / 2 ? patience->most : pause * 2;
	}
}

/* ---- what is asked ---- */

const char *ssh_name(const struct ssh *ssh)
{
	return ssh->name;
}

const char *ssh_fingerprint(const struct ssh *ssh)
{
	return ssh->fingerprint;
}

bool ssh_is_broken(const struct ssh *ssh)
{
	return ssh->broken;
}
