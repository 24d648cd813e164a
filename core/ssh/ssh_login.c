#include "core/ssh/ssh_internal.h"

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#define KEY_FILE_MAX (64u << 10)       /* bytes; a key of RSA with 16384 bits has 13 KiB */
#define PASSPHRASE_FILE_MAX (4u << 10) /* bytes; its first line counts */
#define USER_ENTRY_MAX (16u << 10)     /* bytes of a line of passwd, with what getpwuid_r adds */

/* Why keys were not tried, for the last word. */
struct notes {
	char text[400];
	unsigned tried;
};

enum err ssh_home(char **out)
{
	const char *home = getenv("HOME");
	struct passwd entry, *found = NULL;
	char *room = NULL;

	if (!home || home[0] != '/') {
		room = mem_alloc(USER_ENTRY_MAX);
		if (!room)
			return ERR_NOMEM;
		home = getpwuid_r(getuid(), &entry, room, USER_ENTRY_MAX, &found) == 0 && found ? found->pw_dir : NULL;
	}
	*out = home ? mem_string(home) : NULL;
	mem_free(room);
	if (!home)
		return fail(
		    PL_SSH_KEY, "the user who runs this has no home folder: name the files in the configuration");
	return *out ? ERR_OK : ERR_NOMEM;
}

/* ---- secret files ---- */

static void forget(struct buffer *secret)
{
	if (secret->data)
		explicit_bzero(secret->data, secret->capacity);
	buffer_free(secret);
}

/* A file that nobody else can read, with a NUL behind. Asked at each use: a scheduler runs for months after it read its configuration.
 * `room` is taken at once, so that no half of a secret stays behind in memory that was moved. */
static enum err read_secret(const char *path, size_t room, struct buffer *out)
{
	struct stat status;
	ssize_t got;
	enum err err = buffer_reserve(out, room + 1);
	int fd = err == ERR_OK ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) : -1;

	if (err != ERR_OK)
		return err;
	if (fd < 0)
		return fail_errno(PL_SSH_KEY, "cannot open %s", path);
	if (fstat(fd, &status) != 0)
		err = fail_errno(PL_SSH_KEY, "cannot look at %s", path);
	else if (!S_ISREG(status.st_mode))
		err = fail(PL_SSH_KEY, "%s is no regular file", path);
	else if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		err = fail(PL_SSH_KEY, "other users may read or change %s (mode %04o)", path,
		    (unsigned)(status.st_mode & 07777));
	else if ((got = file_read_full(fd, out->data, room)) < 0)
		err = fail_errno(PL_SSH_KEY, "cannot read %s", path);
	else if ((size_t)got >= room)
		err = fail(PL_SSH_KEY, "%s is too large for what it should be", path);
	else
		out->length = (size_t)got;
	if (err == ERR_OK && memchr(out->data, '\0', out->length))
		err = fail(PL_SSH_KEY, "%s is no text", path);
	close(fd);
	if (err == ERR_OK)
		out->data[out->length] = '\0';
	return err;
}

static enum err read_passphrase(const char *path, struct buffer *out)
{
	enum err err = read_secret(path, PASSPHRASE_FILE_MAX, out);

	if (err != ERR_OK)
		return err;
	out->data[strcspn((const char *)out->data, "\r\n")] = '\0';
	if (out->data[0] == '\0')
		return fail(PL_SSH_KEY, "%s begins with an empty line: there is no passphrase in it", path);
	return ERR_OK;
}

/* Keys in OpenSSH's form name their cipher behind a fixed beginning: what is not "none" is encrypted. Older ones say so. */
static bool is_encrypted(const char *key)
{
	static const char head[] = "-----BEGIN OPENSSH PRIVATE KEY-----", plain[] = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUA";
	const char *at = strstr(key, head);

	if (at) {
		at += sizeof(head) - 1;
		at += strspn(at, "\r\n");
		return strncmp(at, plain, sizeof(plain) - 1) != 0;
	}
	return strstr(key, "ENCRYPTED") != NULL;
}

/* ---- one key ---- */

/* Offers a key. *taken false where the server does not want it. */
static enum err offer(struct ssh *ssh, const char *path, const struct buffer *key, const char *passphrase, bool *taken)
{
	enum err err = ERR_OK;
	int code = LIBSSH2_ERROR_EAGAIN;

	while (err == ERR_OK && code == LIBSSH2_ERROR_EAGAIN) {
		ssh_enter(ssh);
		code = libssh2_userauth_publickey_frommemory(ssh->session, ssh->user, strlen(ssh->user), NULL, 0,
		    (const char *)key->data, key->length, passphrase);
		if (code == LIBSSH2_ERROR_EAGAIN)
			err = ssh_wait(ssh, "while logging in");
	}
	*taken = code == 0;
	if (err != ERR_OK || code == 0 || code == LIBSSH2_ERROR_AUTHENTICATION_FAILED ||
	    code == LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED)
		return err;
	if (code == LIBSSH2_ERROR_SOCKET_SEND || code == LIBSSH2_ERROR_SOCKET_RECV ||
	    code == LIBSSH2_ERROR_SOCKET_DISCONNECT || code == LIBSSH2_ERROR_ALLOC)
		return ssh_end_library(ssh, code, "while logging in");
	return fail(PL_SSH_KEY, "%s cannot be used: %s", path,
	    passphrase ? "the passphrase is wrong, or it is no private key in a form that is known"
		       : "it is no private key in a form that is known");
}

/* PL_SSH_KEY where the file cannot be used. */
static enum err try_file(struct ssh *ssh, const char *path, const char *passphrase_file, bool *taken)
{
	struct buffer key = {0}, passphrase = {0};
	enum err err = read_secret(path, KEY_FILE_MAX, &key);
	bool encrypted = err == ERR_OK && is_encrypted((const char *)key.data);

	*taken = false;
	if (err == ERR_OK && encrypted && !passphrase_file)
		err = fail(PL_SSH_KEY, "%s is encrypted, and no file with its passphrase is named", path);
	if (err == ERR_OK && encrypted)
		err = read_passphrase(passphrase_file, &passphrase);
	if (err == ERR_OK)
		err = offer(ssh, path, &key, encrypted ? (const char *)passphrase.data : NULL, taken);
	forget(&key);
	forget(&passphrase);
	return err;
}

static void note(struct notes *notes, const char *text)
{
	size_t length = strlen(notes->text);

	snprintf(notes->text + length, sizeof(notes->text) - length, "; %s", text);
}

/* ---- all of them ---- */

static enum err try_agent(struct ssh *ssh, const struct ssh_options *options, struct notes *notes, bool *taken)
{
	const char *path = options->agent ? options->agent : getenv("SSH_AUTH_SOCK");
	enum err err;

	if (!path || path[0] == '\0')
		return ERR_OK;
	err = ssh_agent_login(ssh, path, &notes->tried);
	*taken = err == ERR_OK;
	if (err != ERR_KEY)
		return err;
	note(notes, failure_last()->text);
	return ERR_OK;
}

/* What is not there is passed over; what is there and cannot be used is noted. */
static enum err try_folder(struct ssh *ssh, const struct ssh_options *options, struct notes *notes, bool *taken)
{
	static const char *const names[] = {"id_ed25519", "id_ecdsa", "id_rsa"};
	char *home = NULL, *folder = NULL;
	enum err err = ERR_OK;

	if (options->folder && options->folder[0] == '\0')
		return ERR_OK;
	if (!options->folder)
		err = ssh_home(&home);
	if (err == ERR_OK && !(folder = options->folder ? mem_string(options->folder) : path_join(home, ".ssh")))
		err = ERR_NOMEM;
	for (size_t i = 0; err == ERR_OK && !*taken && i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = path_join(folder, names[i]);

		err = path ? ERR_OK : ERR_NOMEM;
		if (err == ERR_OK && access(path, F_OK) == 0) {
			err = try_file(ssh, path, options->passphrase_file, taken);
			if (err == ERR_OK) {
				notes->tried++;
			} else if (failure_last()->id == PL_SSH_KEY) {
				note(notes, failure_last()->text);
				err = ERR_OK;
			}
		}
		mem_free(path);
	}
	mem_free(home);
	mem_free(folder);
	return err;
}

/* Which ways there are; a server may ask for none at all. */
static enum err ask_ways(struct ssh *ssh, bool *taken)
{
	const char *ways = NULL;
	enum err err = ERR_OK;
	int code = LIBSSH2_ERROR_EAGAIN;

	while (err == ERR_OK && !ways && code == LIBSSH2_ERROR_EAGAIN) {
		ssh_enter(ssh);
		ways = libssh2_userauth_list(ssh->session, ssh->user, (unsigned)strlen(ssh->user));
		code = ways ? 0 : libssh2_session_last_errno(ssh->session);
		if (libssh2_userauth_authenticated(ssh->session)) {
			*taken = true;
			return ERR_OK;
		}
		if (!ways && code == LIBSSH2_ERROR_EAGAIN)
			err = ssh_wait(ssh, "while logging in");
	}
	if (err == ERR_OK && !ways)
		return ssh_end_library(ssh, code, "while logging in");
	if (err == ERR_OK && !strstr(ways, "publickey")) {
		char *shown = output_printable(ways, strlen(ways));

		err = fail(PL_SSH_LOGIN, "%s takes no keys, only: %s", ssh->name, shown ? shown : "");
		mem_free(shown);
	}
	return err;
}

enum err ssh_login(struct ssh *ssh, const struct ssh_options *options)
{
	struct notes notes = {0};
	bool taken = false;
	enum err err = ask_ways(ssh, &taken);

	if (err == ERR_OK && !taken && options->key_file) {
		err = try_file(ssh, options->key_file, options->passphrase_file, &taken);
		notes.tried++;
	}
	if (err == ERR_OK && !taken)
		err = try_agent(ssh, options, &notes, &taken);
	if (err == ERR_OK && !taken)
		err = try_folder(ssh, options, &notes, &taken);
	if (err == ERR_OK && !taken)
		err = fail(PL_SSH_LOGIN, "%s lets nobody in: %u keys were offered, and none was taken%s", ssh->name,
		    notes.tried, notes.text);
	/* A server that has seen too many keys says goodbye; that is no line that broke. */
	if (err == ERR_IO && notes.tried > 1 && failure_last()->id == PL_SSH_BROKEN)
		err = fail(PL_SSH_LOGIN, "%s closed the line after %u keys that it did not take%s: name the right one",
		    ssh->name, notes.tried, notes.text);
	return err;
}
