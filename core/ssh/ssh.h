/* SSH sessions to other machines, over libssh2: whom one talks to, as whom, and that nothing ever waits for ever.
 *
 * A session belongs to one thread at a time and carries one thing at a time: a command (ssh_command.h) or files (sftp.h). Several sessions to
 * one machine may be open.
 *
 * Time-outs. All that waits ends: when the program was asked to stop (PL_INTERRUPTED), when connecting took longer than connect_timeout, and
 * when the far end said nothing for `timeout` seconds. While there is nothing to say, each end asks the other whether it is there (keep-alive)
 * several times in that time, so a silent command is no silent line: a dead link, a frozen machine or a stopped server is found, a long pause
 * of a program is none. Requests of sftp.h have to be answered within `timeout` too, however alive the line is.
 *
 * Host keys. Nobody is ever asked. A key that neither the pin nor known_hosts has is refused, and the message says how to check and add it; one that
 * differs is refused, and the message names the line of the file. There is no option that accepts it.
 *
 * What is not done: ssh_config(5) is not read. Host aliases, ProxyJump, CanonicalizeHostname and the like have no meaning here; `host` is a
 * name that resolves, or an address. Passwords and keyboard-interactive are not tried, certificates neither. libssh2 1.10 signs
 * with RSA keys only in the way of SHA-1 (ssh-rsa), which servers since OpenSSH 8.8 refuse, both as host key and of a user: ed25519 and ecdsa work. Of an ecdsa key in OpenSSH's
 * form libssh2 leaves a copy of the private number in memory, unwiped: ed25519 is the better one. */
#ifndef PULIH_SSH_SSH_H
#define PULIH_SSH_SSH_H

#include "core/base/error.h"
#include "core/base/pace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SSH_PORT 22u
#define SSH_CONNECT_TIMEOUT 30u /* seconds */
#define SSH_TIMEOUT 60u		/* seconds */
#define SSH_TIMEOUT_LEAST 5u	/* seconds: libssh2 asks every two seconds at most */
#define SSH_TIMEOUT_MOST 86400u /* seconds */
#define SSH_FINGERPRINT 64u	/* bytes of "SHA256:…" with the NUL */

/* Texts are copied. What is NULL or 0 takes its default. */
struct ssh_options {
	const char *host; /* a name, an IPv4 or IPv6 address (without brackets) */
	const char *user;
	unsigned port;
	const char *
	    fingerprint; /* "SHA256:…" as ssh-keygen -l prints it; then known_hosts files are not asked. NULL: they are */
	const char *
	    known_hosts; /* NULL: ~/.ssh/known_hosts, then /etc/ssh/ssh_known_hosts; one that is missing holds nothing */
	/* Offered first. It, and the file with its passphrase, must be readable by nobody else; both are read when the session opens, and one that
	 * cannot be used ends the attempt: no other key is tried in its place. */
	const char *key_file;
	const char *passphrase_file; /* its first line */
	const char *agent;	     /* path of an agent's socket; NULL: SSH_AUTH_SOCK; "": none */
	const char *
	    folder; /* NULL: ~/.ssh; where id_ed25519, id_ecdsa and id_rsa are looked for when all else is refused; "": none */
	unsigned connect_timeout, timeout;
	struct pace *pace; /* data in either direction; borrowed, may be shared. NULL: no limit */
};

struct ssh;

/* Whether a text is a fingerprint in that form: "SHA256:" and 43 characters of base64, whose last one leaves no bit over. */
bool ssh_is_fingerprint(const char *text);

/* Connects, checks the host key, logs in. Addresses of a name are tried one after the other. Failures, told apart:
 * PL_SSH_OPTION what is given cannot be right; PL_SSH_CONNECT no name, no route, no answer, no SSH; PL_SSH_HOST_UNKNOWN, PL_SSH_HOST_CHANGED,
 * PL_SSH_HOST_REVOKED; PL_SSH_KEY a key, passphrase or known_hosts file cannot be used; PL_SSH_LOGIN the server takes none of the
 * keys; PL_SSH_TIMEOUT, PL_SSH_BROKEN in the middle of it. */
enum err ssh_open(struct ssh **out, const struct ssh_options *options);
/* Says goodbye where it can do so at once; of NULL nothing. What was opened on the session must have been freed before. */
void ssh_free(struct ssh *ssh);

/* "user@host", or "user@host:port"; for messages. */
const char *ssh_name(const struct ssh *ssh);
/* Of the key that the server proved to have. */
const char *ssh_fingerprint(const struct ssh *ssh);
/* Whether the line is gone (PL_SSH_BROKEN, PL_SSH_TIMEOUT, PL_SSH_PROTOCOL): everything that is still asked of the session fails, and only a new
 * one helps. A refusal of the server is no such end. */
bool ssh_is_broken(const struct ssh *ssh);

/* Told before each try but the first: `failure` is why the last one failed, `pause` the seconds until the next. False: no more. */
typedef bool (*ssh_again)(void *context, const struct failure *failure, unsigned attempt, unsigned pause);
struct ssh_patience {
	unsigned attempts; /* all in all, at least 1 */
	unsigned first;	   /* seconds before the second try; the pauses double */
	unsigned most;	   /* and do not grow beyond this */
	ssh_again again;   /* NULL: nobody is told */
	void *context;
};
/* As ssh_open, again and again while it fails for reasons that pass: PL_SSH_CONNECT, PL_SSH_TIMEOUT, PL_SSH_BROKEN. A refused host key, user or option
 * is never tried again. The failure of the last try. For who goes on at the offset it had: free the broken session, then call this. */
enum err ssh_open_again(struct ssh **out, const struct ssh_options *options, const struct ssh_patience *patience);

#endif
