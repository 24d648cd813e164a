#include "core/crypto/crypto_internal.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <jansson.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "core/base/mem.h"
#include "core/base/output.h"

/* Bytes of the locked heap: some hundred keys, and below the 8 MiB that Debian lets a user lock. */
#define SECURE_HEAP_SIZE (256u << 10)
#define SECURE_HEAP_UNIT 32 /* bytes of its smallest piece: one key */

static pthread_once_t fetched = PTHREAD_ONCE_INIT;
static struct algorithms algorithms;
static pthread_once_t prepared = PTHREAD_ONCE_INIT;
static enum err prepared_result;

enum err crypto_fail(const char *what)
{
	char reason[160];
	unsigned long code = ERR_get_error();

	if (code == 0)
		return fail(PL_CRYPTO, "%s", what);
	ERR_error_string_n(code, reason, sizeof(reason));
	ERR_clear_error();
	return fail(PL_CRYPTO, "%s: %s", what, reason);
}

static void fetch_algorithms(void)
{
	algorithms.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	algorithms.aes_256_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	algorithms.chacha20_poly1305 = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
	algorithms.hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
}

const struct algorithms *crypto_algorithms(void)
{
	pthread_once(&fetched, fetch_algorithms);
	if (algorithms.sha256 && algorithms.aes_256_gcm && algorithms.chacha20_poly1305 && algorithms.hkdf)
		return &algorithms;
	crypto_fail("this OpenSSL lacks SHA-256, AES-256-GCM, ChaCha20-Poly1305 or HKDF");
	return NULL;
}

/* Key files are JSON: what the parser has held is zeroed like any other memory of keys. */
static void free_wiped(void *memory)
{
	if (memory)
		OPENSSL_cleanse(memory, malloc_usable_size(memory));
	mem_free(memory);
}

/* A machine that refuses to lock memory is no reason not to make a backup: keys are then in ordinary memory, still zeroed
 * when freed, and a verbose run says so. */
static void prepare(void)
{
	const struct rlimit no_core = {0, 0};

	if (CRYPTO_secure_malloc_init(SECURE_HEAP_SIZE, SECURE_HEAP_UNIT) != 1 && output_level() >= OUTPUT_VERBOSE)
		output_note("this machine does not let pulih lock memory (ulimit -l): keys could reach the swap space");
	ERR_clear_error();
	json_set_alloc_funcs(mem_alloc, free_wiped);
	if (setrlimit(RLIMIT_CORE, &no_core) != 0)
		prepared_result = fail_errno(PL_CRYPTO, "cannot switch core dumps off");
	else if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		prepared_result = fail_errno(PL_CRYPTO, "cannot keep other processes from reading this one's memory");
	else
		prepared_result = crypto_algorithms() ? ERR_OK : ERR_FAILED;
}

enum err crypto_setup(void)
{
	pthread_once(&prepared, prepare);
	return prepared_result;
}

void crypto_wipe(void *memory, size_t size)
{
	if (memory)
		OPENSSL_cleanse(memory, size);
}

bool crypto_equal(const void *a, const void *b, size_t size)
{
	return CRYPTO_memcmp(a, b, size) == 0;
}

enum err crypto_random(void *out, size_t size)
{
	if (RAND_bytes_ex(NULL, out, size, 0) != 1)
		return crypto_fail("the random number generator failed");
	return ERR_OK;
}

/* Every allocation, these too, can be told to fail: an empty piece of ordinary memory stands for the piece of the locked
 * heap, which is not counted. */
static bool allocation_permitted(void)
{
	void *token = mem_alloc(0);

	mem_free(token);
	return token != NULL;
}

void *secret_new(size_t size)
{
	void *secret = allocation_permitted() ? OPENSSL_secure_zalloc(size ? size : 1) : NULL;

	if (!secret) {
		ERR_clear_error();
		fail(PL_NO_MEMORY, "no locked memory for %zu bytes of keys", size);
	}
	return secret;
}

void secret_free(void *secret, size_t size)
{
	if (secret)
		OPENSSL_secure_clear_free(secret, size ? size : 1);
}
