/* One command on another machine: its input from memory, its output as a stream, and how it ended.
 *
 * The server hands the command line to the user's shell; a forced command or a profile may do something else, and what a profile prints stands
 * before the output of the command: nobody can tell it apart. Accounts for backups should have a shell that is silent.
 *
 * What arrives counts only when ssh_command_finish returns ERR_OK. The end of the output alone says nothing: a line that breaks off, a server that
 * closes without saying how the command ended and one that ends by a signal are all failures. (libssh2 says "status 0" of a command of which it
 * never heard a status; here it is looked for in what the server really sent.) */
#ifndef PULIH_SSH_SSH_COMMAND_H
#define PULIH_SSH_SSH_COMMAND_H

#include "core/ssh/ssh.h"

#define SSH_COMMAND_WINDOW \
	(8u << 20) /* bytes that the server may send ahead: more than a line of 50 ms carries in libssh2's hands */
#define SSH_COMMAND_SAID 512u	     /* bytes of what it said on standard error, with the NUL */
#define SSH_COMMAND_LINE (64u << 10) /* bytes of a command line; what sshd and shells take */

struct ssh_command;

struct ssh_command_options {
	const char *
	    line; /* for the user's shell at the far end; at most SSH_COMMAND_LINE. Users of the far machine can see it: no secrets */
	const char
	    *name; /* in messages; NULL: the first word of the line, the rest may hold what is nobody's business */
	/* Standard input, then its end. The caller's memory, alive until ssh_command_free, and overwritten with zeros as it is sent and
	 * there at the latest: credentials go this way. */
	void *input;
	size_t input_size;
};

/* Starts it. PL_SSH_REFUSED: the server does not permit commands. */
enum err ssh_command_start(struct ssh_command **out, struct ssh *ssh, const struct ssh_command_options *options);
/* Up to `size` bytes of standard output, at least one; *got 0 at its end, or where the command has ended. Input goes out and standard error comes in
 * meanwhile. No more than SSH_COMMAND_WINDOW waits in memory: a reader that pauses makes the far end wait. */
enum err ssh_command_read(struct ssh_command *command, void *out, size_t size, size_t *got);
/* Waits for its end; output that was not read is thrown away, so that one that floods is waited for as well. Input that it did not take is no
 * failure. PL_COMMAND_FAILED names status or signal and what it said last; PL_SSH_BROKEN where the line or the channel ended without a word. */
enum err ssh_command_finish(struct ssh_command *command);
/* The end of what it wrote on standard error, on one line, control characters and what is no UTF-8 as \xNN; "" where it said nothing. */
void ssh_command_said(const struct ssh_command *command, char out[SSH_COMMAND_SAID]);
/* The exit status, after finish said ERR_OK or PL_COMMAND_FAILED; -1 where it was a signal, or there is none. */
int ssh_command_status(const struct ssh_command *command);
/* Closes the channel: one that still runs gets SIGHUP or a closed pipe from its server. Of NULL nothing. */
void ssh_command_free(struct ssh_command *command);

#endif
