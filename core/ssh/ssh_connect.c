#include "core/ssh/ssh_internal.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/pool.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOK_EVERY (CLOCK_SECOND / 5) /* between two looks at whether the program was asked to stop */

/* getaddrinfo() takes as long as the resolver likes and cannot be stopped: it runs in a thread of its own, which outlives us where we lost
 * patience. Who of the two comes last frees this. */
struct lookup {
	pthread_mutex_t lock;
	pthread_cond_t ready;
	bool done, left;
	char *host;
	char port[8];
	struct addrinfo *found;
	int code;
};

static void lookup_free(struct lookup *lookup)
{
	if (!lookup)
		return;
	if (lookup->found)
		freeaddrinfo(lookup->found);
	pthread_mutex_destroy(&lookup->lock);
	pthread_cond_destroy(&lookup->ready);
	mem_free(lookup->host);
	mem_free(lookup);
}

static void *look_up(void *argument)
{
	struct lookup *lookup = argument;
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG};
	bool left;
	int code = getaddrinfo(lookup->host, lookup->port, &hints, &lookup->found);

	pthread_mutex_lock(&lookup->lock);
	lookup->code = code;
	lookup->done = true;
	left = lookup->left;
	pthread_cond_signal(&lookup->ready);
	pthread_mutex_unlock(&lookup->lock);
	if (left)
		lookup_free(lookup);
	return NULL;
}

/* True when the answer is there; else the lookup is the thread's to free. */
static bool wait_for_lookup(struct lookup *lookup, int64_t until)
{
	bool done;

	pthread_mutex_lock(&lookup->lock);
	while (!lookup->done && !interrupt_requested() && clock_monotonic() < until) {
		int64_t next = clock_monotonic() + LOOK_EVERY;
		struct timespec time = {.tv_sec = next / CLOCK_SECOND, .tv_nsec = (long)(next % CLOCK_SECOND)};

		pthread_cond_clockwait(&lookup->ready, &lookup->lock, CLOCK_MONOTONIC, &time);
	}
	done = lookup->done;
	lookup->left = !done;
	pthread_mutex_unlock(&lookup->lock);
	return done;
}

static enum err resolve(const struct ssh *ssh, struct lookup **out)
{
	struct lookup *lookup = mem_calloc(1, sizeof(*lookup));
	pthread_t thread;
	enum err err = ERR_NOMEM;

	*out = NULL;
	if (!lookup)
		return ERR_NOMEM;
	pthread_mutex_init(&lookup->lock, NULL);
	pthread_cond_init(&lookup->ready, NULL);
	snprintf(lookup->port, sizeof(lookup->port), "%u", ssh->port);
	lookup->host = mem_string(ssh->host);
	if (lookup->host)
		err = thread_start(&thread, "pulih-lookup", look_up, lookup);
	if (err != ERR_OK) {
		lookup_free(lookup);
		return err;
	}
	pthread_detach(thread);
	if (!wait_for_lookup(lookup, ssh->until))
		return interrupt_requested() ? fail(PL_INTERRUPTED, "interrupted while %s was looked up", ssh->host)
					     : fail(PL_SSH_CONNECT, "nobody says which address %s has", ssh->host);
	if (lookup->code != 0) {
		err = fail(PL_SSH_CONNECT, "%s is not found: %s", ssh->host,
		    lookup->code == EAI_SYSTEM ? strerror(errno) : gai_strerror(lookup->code));
		lookup_free(lookup);
		return err;
	}
	*out = lookup;
	return ERR_OK;
}

/* Waits for a connection to be there. 0, or an errno. */
static int wait_for_connection(int fd, int64_t until)
{
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	int error = 0;
	socklen_t size = sizeof(error);

	for (;;) {
		int count = poll(&ready, 1, (int)(LOOK_EVERY / (CLOCK_SECOND / 1000)));

		if (count > 0)
			return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
		if (count < 0 && errno != EINTR)
			return errno;
		if (interrupt_requested())
			return ECANCELED;
		if (clock_monotonic() >= until)
			return ETIMEDOUT;
	}
}

/* One address: the socket, or -1 with errno. */
static int connect_to(const struct addrinfo *address, int64_t until)
{
	const int on = 1;
	int error = 0;
	int fd = socket(address->ai_family, address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, address->ai_protocol);

	if (fd < 0)
		return -1;
	/* Requests are small, and each is waited for. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, address->ai_addr, address->ai_addrlen) != 0)
		error = errno == EINPROGRESS ? wait_for_connection(fd, until) : errno;
	if (error == 0)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

enum err ssh_connect(struct ssh *ssh)
{
	struct lookup *lookup = NULL;
	int64_t left = 0;
	int error = 0;
	enum err err = resolve(ssh, &lookup);

	if (err != ERR_OK)
		return err;
	for (const struct addrinfo *address = lookup->found; address; address = address->ai_next)
		left++;
	/* Each has its share of the time that is left, so that one that swallows everything does not hide those behind it. */
	for (const struct addrinfo *address = lookup->found; address && ssh->fd < 0;
	     address = address->ai_next, left--) {
		int64_t now = clock_monotonic();

		ssh->fd = connect_to(address, now + (ssh->until - now) / left);
		error = errno;
	}
	if (ssh->fd < 0 && interrupt_requested())
		err = fail(PL_INTERRUPTED, "interrupted while connecting to %s", ssh->name);
	else if (ssh->fd < 0)
		err = fail(PL_SSH_CONNECT, "cannot connect to %s port %u: %s", ssh->host, ssh->port, strerror(error));
	lookup_free(lookup);
	return err;
}
