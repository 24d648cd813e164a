#include "core/ssh/ssh_internal.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Why libssh2 does its input, output and memory through us:
 *
 * Output. libssh2 1.10 cannot leave a packet half sent and do something else: the next call fails, or the packet is sent again. Here each packet is
 * accepted whole and waits in memory, so that never happens; SSH_OUT_FULL keeps our own packets few, SSH_OUT_MAX ends a far end that makes
 * libssh2 answer and never reads the answers.
 *
 * Input. libssh2 takes packets for as long as the socket has some. One call gets TAKE_MAX bytes at most, so that a far end that never pauses does
 * not keep us from our clocks, and none while what came before waits to be read (`hold`): the queue in libssh2 stays short.
 *
 * Memory. A far end may send much that libssh2 keeps and nobody reads. Beyond MEMORY_MAX there is none, and the session ends. All that libssh2 forgets
 * is freed with the session, and everything is overwritten before it is freed: packets with credentials, private keys. */
#define TAKE_MAX (256u << 10)  /* bytes of the socket for one call */
#define MEMORY_MAX (32u << 20) /* bytes; a window full of packets of the usual size is a third of it */
#define LOOK_EVERY 200	       /* milliseconds between two looks at whether the program was asked to stop */
#define ASKS_A_TIMEOUT 4       /* keep-alive requests in the time after which silence is the end */

/* Before each block of memory; keeps it aligned for any type. */
struct block {
	struct block *next, *before;
	size_t size;
	size_t fill;
};

/* ---- memory ---- */

#define CHANNEL_CONFIRMED 91 /* RFC 4254: SSH_MSG_CHANNEL_OPEN_CONFIRMATION, then our number of the channel */
#define CHANNEL_REQUEST 98   /* our number, a string, "want reply", for "exit-status" a number */

static uint32_t big_endian(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* libssh2 keeps to itself whether a command's status came: without one it says 0. But each packet is freed when it has been dealt with,
 * decrypted and authenticated, its type in front, and nothing that a server can choose begins so: contents have their own packet types in front
 * of them. Should a later libssh2 do it differently, no status is seen, and each command counts as broken off: the harmless side. */
static void look_at(struct ssh *ssh, const uint8_t *bytes, size_t size)
{
	static const uint8_t name[] = {0, 0, 0, 11, 'e', 'x', 'i', 't', '-', 's', 't', 'a', 't', 'u', 's'};

	if (size >= 9 && bytes[0] == CHANNEL_CONFIRMED)
		ssh->opened = big_endian(bytes + 1);
	if (size >= 25 && bytes[0] == CHANNEL_REQUEST && memcmp(bytes + 5, name, sizeof(name)) == 0) {
		ssh->ended = true;
		ssh->ended_channel = big_endian(bytes + 1);
		ssh->ended_status = big_endian(bytes + 21);
	}
}

static void *take_memory(size_t size, void **abstract)
{
	struct ssh *ssh = *abstract;
	struct block *block;

	if (size > MEMORY_MAX - ssh->memory) {
		ssh->memory_out = true;
		return NULL;
	}
	block = mem_alloc(sizeof(*block) + size);
	if (!block)
		return NULL;
	*block = (struct block){.next = ssh->blocks, .size = size};
	if (ssh->blocks)
		ssh->blocks->before = block;
	ssh->blocks = block;
	ssh->memory += size;
	return block + 1;
}

static void give_memory(void *memory, void **abstract)
{
	struct ssh *ssh = *abstract;
	struct block *block = memory;

	if (!memory)
		return;
	block--;
	look_at(ssh, memory, block->size);
	if (block->next)
		block->next->before = block->before;
	if (block->before)
		block->before->next = block->next;
	else
		ssh->blocks = block->next;
	ssh->memory -= block->size;
	explicit_bzero(memory, block->size);
	mem_free(block);
}

static void *change_memory(void *memory, size_t size, void **abstract)
{
	size_t old = memory ? ((struct block *)memory - 1)->size : 0;
	void *changed = take_memory(size, abstract);

	if (!changed)
		return NULL;
	if (memory)
		memcpy(changed, memory, old < size ? old : size);
	give_memory(memory, abstract);
	return changed;
}

/* ---- the socket ---- */

/* An agent is a process of this machine, asked in the middle of a call: it is waited for here, no longer than connecting may take. 0, or
 * -1 with errno. */
static int wait_for_agent(struct ssh *ssh, int fd, short events)
{
	struct pollfd ready = {.fd = fd, .events = events};

	for (;;) {
		int count = poll(&ready, 1, LOOK_EVERY);

		if (count > 0)
			return 0;
		if (count < 0 && errno != EINTR)
			return -1;
		if (interrupt_requested() || clock_monotonic() >= ssh->until) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
}

static void cut_off(struct ssh *ssh, int error)
{
	if (!ssh->cut)
		ssh->cut_error = error;
	ssh->cut = true;
}

static ssize_t take_bytes(libssh2_socket_t fd, void *out, size_t size, int flags, void **abstract)
{
	struct ssh *ssh = *abstract;
	ssize_t got;

	(void)flags;
	if (ssh->closing)
		return -ECONNRESET;
	if (fd != ssh->fd) {
		got = wait_for_agent(ssh, fd, POLLIN) == 0 ? recv(fd, out, size, MSG_DONTWAIT) : -1;
		/* libssh2 would ask for ever for what an agent that is gone does not send. */
		return got > 0 ? got : got == 0 ? -ECONNRESET : -errno;
	}
	if (ssh->hold || ssh->received >= TAKE_MAX)
		return -EAGAIN;
	do {
		got = recv(fd, out, size, MSG_DONTWAIT);
	} while (got < 0 && errno == EINTR);
	/* The end is not told to libssh2, which would forget over it what came just before: how a command ended, say. ssh_wait() tells it when
	 * there is nothing else left. */
	if (got <= 0) {
		if (got == 0 || errno != EAGAIN)
			cut_off(ssh, got == 0 ? 0 : errno);
		return -EAGAIN;
	}
	ssh->heard = clock_monotonic();
	ssh->received += (size_t)got;
	return got;
}

static ssize_t send_bytes(libssh2_socket_t fd, const void *bytes, size_t size, int flags, void **abstract)
{
	struct ssh *ssh = *abstract;
	ssize_t sent;

	(void)flags;
	if (ssh->closing)
		return -EPIPE;
	if (fd != ssh->fd) {
		sent = wait_for_agent(ssh, fd, POLLOUT) == 0 ? send(fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL) : -1;
		return sent >= 0 ? sent : -errno;
	}
	if (size > SSH_OUT_MAX - ssh_waiting(ssh) || buffer_append(&ssh->out, bytes, size) != ERR_OK)
		return -ENOBUFS;
	return (ssize_t)size;
}

size_t ssh_waiting(const struct ssh *ssh)
{
	return ssh->out.length - ssh->out_at;
}

/* Sends what the socket takes. Where it takes nothing any more, what the far end said before may still be there to be read. */
static void send_waiting(struct ssh *ssh)
{
	while (!ssh->cut && ssh_waiting(ssh) > 0) {
		ssize_t sent =
		    send(ssh->fd, ssh->out.data + ssh->out_at, ssh_waiting(ssh), MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent >= 0)
			ssh->out_at += (size_t)sent;
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			cut_off(ssh, errno);
	}
	if (ssh->cut)
		ssh->out_at = ssh->out.length;
}

enum err ssh_flush(struct ssh *ssh)
{
	enum err err = ssh_still(ssh);

	if (err == ERR_OK)
		send_waiting(ssh);
	if (ssh_waiting(ssh) == 0) {
		buffer_clear(&ssh->out);
		ssh->out_at = 0;
	} else if (ssh->out_at > ssh->out.length / 2) {
		memmove(ssh->out.data, ssh->out.data + ssh->out_at, ssh_waiting(ssh));
		ssh->out.length -= ssh->out_at;
		ssh->out_at = 0;
	}
	return err;
}

/* ---- the end ---- */

enum err ssh_still(const struct ssh *ssh)
{
	return ssh->broken ? failure_put(&ssh->end) : ERR_OK;
}

enum err ssh_end(struct ssh *ssh, enum message id, const char *format, ...)
{
	char text[FAILURE_TEXT];
	va_list arguments;

	if (!ssh->broken) {
		va_start(arguments, format);
		vsnprintf(text, sizeof(text), format, arguments);
		va_end(arguments);
		fail(id, "%s", text);
		ssh->end = *failure_last();
		ssh->broken = true;
	}
	return failure_put(&ssh->end);
}

enum err ssh_end_library(struct ssh *ssh, int code, const char *what)
{
	char *said = NULL, *shown;
	int length = 0;
	enum err err;

	if (code == LIBSSH2_ERROR_ALLOC && ssh->memory_out)
		return ssh_end(
		    ssh, PL_SSH_PROTOCOL, "%s sends more than anything could be meant by, %s", ssh->name, what);
	if (code == LIBSSH2_ERROR_ALLOC) {
		err = fail(PL_NO_MEMORY, "no memory for the line to %s", ssh->name);
		ssh->end = *failure_last();
		ssh->broken = true;
		return err;
	}
	if (code == LIBSSH2_ERROR_SOCKET_RECV || code == LIBSSH2_ERROR_SOCKET_SEND ||
	    code == LIBSSH2_ERROR_SOCKET_DISCONNECT)
		return ssh_end(ssh, PL_SSH_BROKEN, "the line to %s broke off %s", ssh->name, what);
	libssh2_session_last_error(ssh->session, &said, &length, 0);
	shown = output_printable(said, length > 0 ? (size_t)length : 0);
	err = ssh_end(ssh, PL_SSH_PROTOCOL, "%s: %s: %s (%d)", ssh->name, what, shown ? shown : "", code);
	mem_free(shown);
	return err;
}

/* ---- waiting ---- */

void ssh_enter(struct ssh *ssh)
{
	ssh->received = 0;
}

/* Asks whether the far end is there when it was silent for a while. It counts whole seconds of its own. */
static enum err keep_alive(struct ssh *ssh, int64_t now, const char *what)
{
	int code;

	if (!ssh->ready || ssh_waiting(ssh) > 0 || now - ssh->heard < ssh->timeout / ASKS_A_TIMEOUT)
		return ERR_OK;
	code = libssh2_keepalive_send(ssh->session, NULL);
	return code == 0 || code == LIBSSH2_ERROR_EAGAIN ? ERR_OK : ssh_end_library(ssh, code, what);
}

enum err ssh_wait(struct ssh *ssh, const char *what)
{
	struct pollfd ready = {.fd = ssh->fd, .events = POLLIN};
	enum err err = ssh_flush(ssh);
	int64_t now = clock_monotonic();
	char peeked;

	if (err == ERR_OK && interrupt_requested())
		return fail(PL_INTERRUPTED, "interrupted %s at %s", what, ssh->name);
	/* One call does not take all that is there. */
	if (err == ERR_OK && ssh->cut && recv(ssh->fd, &peeked, 1, MSG_DONTWAIT | MSG_PEEK) <= 0)
		return ssh_end(ssh, PL_SSH_BROKEN, "the line to %s broke off %s: %s", ssh->name, what,
		    ssh->cut_error ? strerror(ssh->cut_error) : "it was closed at the other end");
	if (err == ERR_OK && ssh->until != 0 && now >= ssh->until)
		return ssh_end(ssh, PL_SSH_TIMEOUT, "%s did not get ready within %lld s, %s", ssh->name,
		    (long long)(ssh->connect_timeout / CLOCK_SECOND), what);
	/* The far end owes us nothing for the time in which nobody listened, because the caller did something else. */
	if (now - ssh->waited > CLOCK_SECOND)
		ssh->heard = now;
	if (err == ERR_OK && poll(&ready, 1, 0) == 0 && now - ssh->heard >= ssh->timeout)
		return ssh_end(ssh, PL_SSH_TIMEOUT, "%s said nothing for %lld s, %s", ssh->name,
		    (long long)(ssh->timeout / CLOCK_SECOND), what);
	if (err == ERR_OK)
		err = keep_alive(ssh, now, what);
	if (err == ERR_OK)
		err = ssh_flush(ssh);
	if (err != ERR_OK)
		return err;
	ready.events = ssh_waiting(ssh) > 0 ? POLLIN | POLLOUT : POLLIN;
	poll(&ready, 1, LOOK_EVERY);
	ssh->waited = clock_monotonic();
	return ERR_OK;
}

/* ---- both ends ---- */

enum err ssh_socket_setup(struct ssh *ssh)
{
	unsigned interval = (unsigned)(ssh->timeout / CLOCK_SECOND / ASKS_A_TIMEOUT);

	ssh->session = libssh2_session_init_ex(take_memory, give_memory, change_memory, ssh);
	if (!ssh->session)
		return fail(PL_NO_MEMORY, "no memory for the line to %s", ssh->name);
	/* Pointers to functions travel as void * there; POSIX says that this keeps them. */
	libssh2_session_callback_set(ssh->session, LIBSSH2_CALLBACK_RECV, (void *)(uintptr_t)take_bytes);
	libssh2_session_callback_set(ssh->session, LIBSSH2_CALLBACK_SEND, (void *)(uintptr_t)send_bytes);
	libssh2_session_set_blocking(ssh->session, 0);
	libssh2_keepalive_config(ssh->session, 1, interval > 2 ? interval : 2);
	ssh->heard = clock_monotonic();
	return ERR_OK;
}

void ssh_socket_end(struct ssh *ssh)
{
	ssh->closing = true;
	if (ssh->session)
		libssh2_session_free(ssh->session);
	ssh->session = NULL;
	while (ssh->blocks)
		give_memory(ssh->blocks + 1, (void *[]){ssh});
	if (ssh->fd >= 0)
		close(ssh->fd);
	ssh->fd = -1;
	if (ssh->out.data)
		explicit_bzero(ssh->out.data, ssh->out.capacity);
	buffer_free(&ssh->out);
	ssh->out_at = 0;
	ssh->closing = ssh->cut = ssh->memory_out = false;
}
