#include "core/ssh/ssh_internal.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/ssh/known_hosts.h"

#include <unistd.h>

#define EVERYBODYS_FILE "/etc/ssh/ssh_known_hosts"
#define KEY_MAX 16384u /* bytes of a host key's blob; RSA with 16384 bits has 2 KiB */
#define DIGEST 32u     /* bytes of SHA-256 */

/* What libssh2 can do, best first. A server with several keys shows the first of these that it has. */
static const char *const methods[] = {
    "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa"};
#define METHODS (sizeof(methods) / sizeof(methods[0]))

static enum err load_file(struct ssh_host_key *known, size_t at, const char *path)
{
	enum err err;

	known->names[at] = mem_string(path);
	if (!known->names[at])
		return ERR_NOMEM;
	err = file_read_all(path, KNOWN_HOSTS_FILE, &known->files[at]);
	if (err == ERR_MISSING)
		return ERR_OK;
	if (err == ERR_OK || err == ERR_NOMEM)
		return err;
	/* Without it a changed key would look like an unknown one, a revoked one like a good one. */
	return fail(PL_SSH_KEY, "%s", failure_last()->text);
}

enum err ssh_host_key_load(struct ssh_host_key *known, const struct ssh_options *options)
{
	char *folder, *path = NULL;
	enum err err;

	known->pin = options->fingerprint;
	if (known->pin)
		return ERR_OK;
	if (options->known_hosts)
		return load_file(known, 0, options->known_hosts);
	err = ssh_home(&folder);
	if (err == ERR_OK && !(path = path_join(folder, ".ssh/known_hosts")))
		err = ERR_NOMEM;
	if (err == ERR_OK)
		err = load_file(known, 0, path);
	if (err == ERR_OK)
		err = load_file(known, 1, EVERYBODYS_FILE);
	mem_free(folder);
	mem_free(path);
	return err;
}

void ssh_host_key_free(struct ssh_host_key *known)
{
	for (size_t i = 0; i < 2; i++) {
		buffer_free(&known->files[i]);
		mem_free(known->names[i]);
		known->names[i] = NULL;
	}
}

/* ---- which key to ask for ---- */

static bool is_listed(const char *list, const char *type)
{
	const size_t size = strlen(type);

	for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
		if (strcspn(at, ",") == size && strncmp(at, type, size) == 0)
			return true;
	return false;
}

/* Each method once, in the order in which they come. */
static void prefer(void *context, const char *type)
{
	struct ssh_host_key *known = context;
	size_t length = strlen(known->preferred);

	for (size_t i = 0; i < METHODS; i++)
		if (strcmp(type, methods[i]) == 0 && !is_listed(known->preferred, type))
			snprintf(known->preferred + length, sizeof(known->preferred) - length, "%s%s",
			    length > 0 ? "," : "", type);
}

void ssh_host_key_prefer(struct ssh_host_key *known, struct ssh *ssh, unsigned attempt)
{
	known->preferred[0] = '\0';
	/* A fingerprint does not say of which type its key is. */
	if (known->pin)
		prefer(known, methods[attempt]);
	for (size_t i = 0; i < 2 && !known->pin; i++)
		known_hosts_types(
		    (const char *)known->files[i].data, known->files[i].length, ssh->host, ssh->port, prefer, known);
	for (size_t i = 0; i < METHODS && !known->pin; i++)
		prefer(known, methods[i]);
	libssh2_session_method_pref(ssh->session, LIBSSH2_METHOD_HOSTKEY, known->preferred);
}

bool ssh_host_key_more(unsigned attempt)
{
	return attempt < METHODS;
}

/* ---- what it is worth ---- */

/* The name of its type stands first in a key: four bytes of length, then the name. */
static bool type_of(const char *key, size_t size, char out[32])
{
	size_t length = size > 4 && key[0] == 0 && key[1] == 0 && key[2] == 0 ? (unsigned char)key[3] : 0;

	if (length == 0 || length >= 32 || length > size - 4)
		return false;
	for (size_t i = 0; i < length; i++)
		if (key[4 + i] <= ' ' || key[4 + i] > '~')
			return false;
	memcpy(out, key + 4, length);
	out[length] = '\0';
	return true;
}

static enum err refuse(const struct ssh_host_key *known, const struct ssh *ssh, const struct known_answer *answer,
    size_t file, const char *type)
{
	switch (answer->verdict) {
	case KNOWN_REVOKED:
		return fail(PL_SSH_HOST_REVOKED, "%s shows the host key %s (%s), which %s:%zu marks as revoked",
		    ssh->host, ssh->fingerprint, type, known->names[file], answer->line);
	case KNOWN_CHANGED:
		return fail(PL_SSH_HOST_CHANGED,
		    "THE HOST KEY OF %s HAS CHANGED: it shows %s (%s), but %s:%zu has another one (%s)", ssh->host,
		    ssh->fingerprint, type, known->names[file], answer->line, answer->type);
	default:
		return fail(PL_SSH_HOST_UNKNOWN,
		    "nobody vouches for the host key of %s port %u: %s (%s); %s has none for it", ssh->host, ssh->port,
		    ssh->fingerprint, type, known->names[0]);
	}
}

/* A file that knows the key is enough; one that revokes it is too much. */
static enum err ask_files(const struct ssh_host_key *known, const struct ssh *ssh, const char *type, const char *key)
{
	struct known_answer worst = {0};
	size_t file = 0;
	bool matched = false;

	for (size_t i = 0; i < 2; i++) {
		struct known_answer answer = known_hosts_ask(
		    (const char *)known->files[i].data, known->files[i].length, ssh->host, ssh->port, type, key);

		matched = matched || answer.verdict == KNOWN_MATCH;
		if (answer.verdict == KNOWN_REVOKED ||
		    (answer.verdict == KNOWN_CHANGED && worst.verdict == KNOWN_NOTHING)) {
			worst = answer;
			file = i;
		}
	}
	if (matched && worst.verdict != KNOWN_REVOKED)
		return ERR_OK;
	return refuse(known, ssh, &worst, file, type);
}

static enum err keep_fingerprint(struct ssh *ssh)
{
	const char *digest = libssh2_hostkey_hash(ssh->session, LIBSSH2_HOSTKEY_HASH_SHA256);
	char text[DIGEST * 2];
	size_t length;

	if (!digest)
		return fail(PL_SSH_PROTOCOL, "%s showed no host key", ssh->name);
	length = known_hosts_base64(text, (const uint8_t *)digest, DIGEST);
	while (length > 0 && text[length - 1] == '=')
		text[--length] = '\0';
	snprintf(ssh->fingerprint, sizeof(ssh->fingerprint), "SHA256:%.43s", text);
	return ERR_OK;
}

enum err ssh_host_key_check(const struct ssh_host_key *known, struct ssh *ssh)
{
	char type[32], *base64;
	size_t size = 0;
	int kind = 0;
	const char *key = libssh2_session_hostkey(ssh->session, &size, &kind);
	enum err err = keep_fingerprint(ssh);

	if (err != ERR_OK)
		return err;
	if (!key || size > KEY_MAX || !type_of(key, size, type))
		return fail(PL_SSH_PROTOCOL, "%s showed a host key that is none", ssh->name);
	if (known->pin && strcmp(known->pin, ssh->fingerprint) == 0)
		return ERR_OK;
	if (known->pin)
		return fail(PL_SSH_HOST_CHANGED,
		    "%s PORT %u HAS ANOTHER HOST KEY: it shows %s (%s), but the configuration names %s", ssh->host,
		    ssh->port, ssh->fingerprint, type, known->pin);
	base64 = mem_alloc((size + 2) / 3 * 4 + 1);
	if (!base64)
		return ERR_NOMEM;
	known_hosts_base64(base64, (const uint8_t *)key, size);
	err = ask_files(known, ssh, type, base64);
	mem_free(base64);
	return err;
}
