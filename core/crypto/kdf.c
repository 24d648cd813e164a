#include "core/crypto/crypto.h"

#include <argon2.h>

#include "core/base/mem.h"

#define MEMORY_KIB_MIN (8u << 10)
#define MEMORY_KIB_MAX (1u << 20)
#define PASSES_MAX 16
#define LANES_MAX 16
#define WORK_KIB_MAX (4u << 20) /* memory × passes: some ten seconds of one processor */

enum err kdf_check(const struct kdf_cost *cost)
{
	uint64_t work = (uint64_t)cost->memory_kib * cost->passes;

	if (cost->memory_kib < MEMORY_KIB_MIN || cost->memory_kib > MEMORY_KIB_MAX || cost->passes < 1 ||
	    cost->passes > PASSES_MAX || cost->lanes < 1 || cost->lanes > LANES_MAX || work > WORK_KIB_MAX)
		return fail(PL_KDF_BOUNDS, "Argon2id with %u KiB, %u passes and %u lanes", cost->memory_kib,
		    cost->passes, cost->lanes);
	return ERR_OK;
}

/* The library asks for its working memory here, so that it can be told to fail like any other. It zeroes the memory
 * itself before it gives it back. */
static int allocate(uint8_t **memory, size_t size)
{
	*memory = mem_alloc(size);
	return *memory ? ARGON2_OK : ARGON2_MEMORY_ALLOCATION_ERROR;
}

static void release(uint8_t *memory, size_t size)
{
	(void)size;
	mem_free(memory);
}

enum err kdf_derive(const struct kdf_cost *cost, const uint8_t salt[KDF_SALT_SIZE], const void *passphrase, size_t size,
    uint8_t out[KEY_SIZE])
{
	argon2_context context = {
	    .out = out,
	    .outlen = KEY_SIZE,
	    .pwd = (uint8_t *)(uintptr_t)passphrase, /* only read: ARGON2_DEFAULT_FLAGS does not clear it */
	    .salt = (uint8_t *)(uintptr_t)salt,
	    .saltlen = KDF_SALT_SIZE,
	    .t_cost = cost->passes,
	    .m_cost = cost->memory_kib,
	    .lanes = cost->lanes,
	    /* Lanes are part of what the function is, threads are not. Where the system refuses a thread, the library
	     * (20171227) frees what those that it has started still write to, so it must start none. */
	    .threads = 1,
	    .version = ARGON2_VERSION_13,
	    .allocate_cbk = allocate,
	    .free_cbk = release,
	    .flags = ARGON2_DEFAULT_FLAGS,
	};
	enum err err = kdf_check(cost);
	int result;

	if (err != ERR_OK)
		return err;
	if (size > ARGON2_MAX_PWD_LENGTH)
		return fail(PL_CRYPTO, "a passphrase of %zu bytes", size);
	context.pwdlen = (uint32_t)size;
	result = argon2_ctx(&context, Argon2_id);
	mem_trim(); /* 64 MiB that the backup after it does not need */
	if (result == ARGON2_OK)
		return ERR_OK;
	crypto_wipe(out, KEY_SIZE);
	if (result == ARGON2_MEMORY_ALLOCATION_ERROR)
		return fail(PL_NO_MEMORY, "no %u MiB of memory for the passphrase", cost->memory_kib >> 10);
	return fail(PL_CRYPTO, "Argon2id: %s", argon2_error_message(result));
}
