/* known_hosts files: whatever they hold, a key is known only by a line that has its bytes, and an answer names a line that exists. */
#include "core/base/mem.h"
#include "core/ssh/known_hosts.h"
#include "tests/fuzz/seeds.h"

#define KEY "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const seeds[] = {"host ssh-ed25519 " KEY "\n", "*,!other ssh-ed25519 " KEY " comment\n",
	    "[host]:2222 ssh-ed25519 " KEY "\r\n# c\n", "@revoked h?st ssh-ed25519 " KEY "\n",
	    "@cert-authority * ssh-rsa x\n",
	    "|1|MDEyMzQ1Njc4OTAxMjM0NTY3ODk=|MDEyMzQ1Njc4OTAxMjM0NTY3ODk= ssh-ed25519 " KEY "\n"};

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		seed_write((char[]){(char)('a' + i), '\0'}, seeds[i], strlen(seeds[i]));
	return 0;
}

static void count(void *context, const char *type)
{
	MUST(strlen(type) > 0 && strlen(type) < 32);
	++*(size_t *)context;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const unsigned ports[] = {22, 2222};
	const char *text = (const char *)bytes;
	size_t lines = 1, types;

	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	for (size_t i = 0; i < 2; i++) {
		struct known_answer answer = known_hosts_ask(text, size, "host", ports[i], "ssh-ed25519", KEY);

		types = 0;
		known_hosts_types(text, size, "host", ports[i], count, &types);
		MUST(answer.line <= lines && (answer.line == 0) == (answer.verdict == KNOWN_NOTHING));
		MUST(types <= lines);
		if (answer.verdict == KNOWN_MATCH || answer.verdict == KNOWN_REVOKED)
			MUST(memmem(bytes, size, KEY, sizeof(KEY) - 1) && strcmp(answer.type, "ssh-ed25519") == 0);
	}
	return 0;
}
