/* What the files of this folder share: the session, the waiting, channels. */
#ifndef PULIH_SSH_SSH_INTERNAL_H
#define PULIH_SSH_SSH_INTERNAL_H

#include "core/base/buffer.h"
#include "core/ssh/ssh.h"

#include <libssh2.h>
#include <sys/types.h>

#define SSH_OUT_MAX \
	(8u << 20) /* bytes that wait for the socket: a far end that asks and never reads is cut off there */
#define SSH_OUT_FULL (1u << 20) /* bytes from which on nothing of ours is added */

struct ssh {
	char *host, *user, *name;
	unsigned port;
	int64_t connect_timeout, timeout; /* nanoseconds */
	struct pace *pace;
	int fd;
	LIBSSH2_SESSION *session;
	char fingerprint[SSH_FINGERPRINT];

	bool ready;   /* logged in */
	bool broken;  /* `end` says why */
	bool closing; /* nothing is sent or received any more */
	struct failure end;
	int64_t until;	/* connecting ends then; 0: it is done */
	int64_t heard;	/* when something came last */
	int64_t waited; /* when ssh_wait() ended last */

	/* The callbacks' side, see ssh_socket.c. */
	struct buffer out; /* accepted, not sent: from out_at on */
	size_t out_at;
	size_t received; /* bytes since ssh_enter */
	bool cut;	 /* the far end has closed, or the socket is no good any more */
	int cut_error;	 /* why; 0: it has closed */
	bool hold;	 /* take nothing from the socket */
	size_t memory;	 /* bytes that libssh2 has, in blocks */
	struct block *blocks;
	bool memory_out;

	/* What was seen in packets as libssh2 let go of them, see ssh_socket.c. */
	uint32_t opened;	/* the channel that the server confirmed last */
	uint32_t ended_channel; /* whose command has ended */
	uint32_t ended_status;
	bool ended;
};

/* ---- ssh_socket.c ---- */

/* A session of libssh2 with our memory and our socket calls. PL_NO_MEMORY. */
enum err ssh_socket_setup(struct ssh *ssh);
/* Frees that session, closes the socket. */
void ssh_socket_end(struct ssh *ssh);
/* Before each call of libssh2: how much that call may take from the socket begins anew. */
void ssh_enter(struct ssh *ssh);
/* Sends what waits as far as the socket takes it, and waits until there is something to do. `what` is for messages: "while logging in".
 * PL_SSH_TIMEOUT, PL_SSH_BROKEN, PL_INTERRUPTED. */
enum err ssh_wait(struct ssh *ssh, const char *what);
/* How much of ours waits for the socket; nothing should be added beyond SSH_OUT_FULL. */
size_t ssh_waiting(const struct ssh *ssh);
/* Sends as ssh_wait, without waiting. */
enum err ssh_flush(struct ssh *ssh);
/* The session has ended: records the message, which every later call repeats, and returns its kind. */
enum err ssh_end(struct ssh *ssh, enum message id, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* What libssh2 said just now, as the end of the session. */
enum err ssh_end_library(struct ssh *ssh, int code, const char *what);
/* The end again, where the session has ended. */
enum err ssh_still(const struct ssh *ssh);

/* ---- ssh_connect.c ---- */

/* Resolves and connects until ssh->until. PL_SSH_CONNECT. */
enum err ssh_connect(struct ssh *ssh);

/* ---- ssh_host_key.c ---- */

/* What is asked of host keys: a pin, or what the files say. */
struct ssh_host_key {
	const char *pin;
	struct buffer files[2];
	char *names[2];
	char preferred[256];
};
enum err ssh_host_key_load(struct ssh_host_key *known, const struct ssh_options *options);
void ssh_host_key_free(struct ssh_host_key *known);
/* Which types of keys are asked for in connection number `attempt`, from 0; with a pin there is one for each type. */
void ssh_host_key_prefer(struct ssh_host_key *known, struct ssh *ssh, unsigned attempt);
/* Whether there is a type for that attempt. */
bool ssh_host_key_more(unsigned attempt);
/* Whether the key of the handshake may be trusted. */
enum err ssh_host_key_check(const struct ssh_host_key *known, struct ssh *ssh);

/* ---- ssh_login.c ---- */

/* The home folder, to be released with mem_free: HOME, else what the system says of the user. PL_SSH_KEY where there is none. */
enum err ssh_home(char **out);
enum err ssh_login(struct ssh *ssh, const struct ssh_options *options);

/* ---- ssh_agent.c ---- */

/* Tries the keys of an agent. PL_SSH_LOGIN where none is taken or there is no agent; *tried counts the keys. */
enum err ssh_agent_login(struct ssh *ssh, const char *path, unsigned *tried);

/* ---- ssh_channel.c ---- */

struct ssh_channel {
	struct ssh *ssh;
	LIBSSH2_CHANNEL *channel;
	uint32_t number;
	bool eof_sent;
};
/* `window`: bytes that the server may send ahead. PL_SSH_REFUSED. */
enum err ssh_channel_open(struct ssh_channel *channel, struct ssh *ssh, unsigned window);
/* "exec" or "subsystem". PL_SSH_REFUSED. */
enum err ssh_channel_request(struct ssh_channel *channel, const char *request, const char *text);
/* What has come on stream 0 or 1 (standard error); never waits. *got 0: nothing. */
enum err ssh_channel_read(struct ssh_channel *channel, int stream, void *out, size_t size, size_t *got);
/* As much as can go now; *taken 0: nothing. */
enum err ssh_channel_write(struct ssh_channel *channel, const void *bytes, size_t size, size_t *taken);
/* No more will be written. *done false: again later. */
enum err ssh_channel_finish(struct ssh_channel *channel, bool *done);
/* Whether nothing more will come and all that came was read. */
bool ssh_channel_at_end(struct ssh_channel *channel);
/* Whether the server has closed it. What it sent before may have come with that, and is still to be read. */
enum err ssh_channel_closed(struct ssh_channel *channel, bool *closed);
/* Closes it. Where the server does not do the same within seconds the session is broken. */
void ssh_channel_free(struct ssh_channel *channel);

#endif
