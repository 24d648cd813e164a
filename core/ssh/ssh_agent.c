#include "core/ssh/ssh_internal.h"

#include "core/base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define KEYS_MAX 16u /* servers close the line after six refused ones, unless they are told otherwise */

/* Whether anybody listens there at once. libssh2 connects in a way that waits for an agent that is frozen and has no place left in its queue. */
static bool is_there(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	bool there;
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return false;
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	there = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
	if (fd >= 0)
		close(fd);
	return there;
}

/* One key. ERR_OK with *taken, or refused. */
static enum err try_key(struct ssh *ssh, LIBSSH2_AGENT *agent, struct libssh2_agent_publickey *key, bool *taken)
{
	enum err err = ERR_OK;
	int code = LIBSSH2_ERROR_EAGAIN;

	while (err == ERR_OK && code == LIBSSH2_ERROR_EAGAIN) {
		ssh_enter(ssh);
		code = libssh2_agent_userauth(agent, ssh->user, key);
		if (code == LIBSSH2_ERROR_EAGAIN)
			err = ssh_wait(ssh, "while logging in");
	}
	*taken = code == 0;
	/* A key that the agent lists and then does not use (it is locked, or wants to be confirmed) is one that was not taken. */
	if (code == LIBSSH2_ERROR_SOCKET_RECV || code == LIBSSH2_ERROR_SOCKET_DISCONNECT)
		err = ssh_end_library(ssh, code, "while logging in");
	return err;
}

enum err ssh_agent_login(struct ssh *ssh, const char *path, unsigned *tried)
{
	struct libssh2_agent_publickey *key = NULL, *before = NULL;
	LIBSSH2_AGENT *agent = NULL;
	enum err err = ERR_OK;
	bool taken = false;

	if (!is_there(path))
		return fail(PL_SSH_LOGIN, "no agent listens at %s", path);
	agent = libssh2_agent_init(ssh->session);
	if (!agent)
		return fail(PL_NO_MEMORY, "no memory for an agent");
	libssh2_agent_set_identity_path(agent, path);
	if (libssh2_agent_connect(agent) != 0 || libssh2_agent_list_identities(agent) != 0) {
		err = fail(PL_SSH_LOGIN, "the agent at %s does not answer", path);
		goto done;
	}
	for (unsigned i = 0;
	     err == ERR_OK && !taken && i < KEYS_MAX && libssh2_agent_get_identity(agent, &key, before) == 0; i++) {
		++*tried;
		err = try_key(ssh, agent, key, &taken);
		before = key;
	}
	if (err == ERR_OK && !taken)
		err = fail(PL_SSH_LOGIN, "%s takes none of the agent's keys", ssh->name);
done:
	libssh2_agent_free(agent);
	return err;
}
