/* Argon2id: known answer, hostile costs, threads that are refused. */
#include "core/base/mem.h"
#include "core/crypto/crypto.h"
#include "tests/unit/hex.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void *do_nothing(void *context)
{
	return context;
}

/* Computed with another implementation of RFC 9106 (OpenSSL 3.2's). */
static void argon2id_known_answer(void **state)
{
	const struct kdf_cost cost = {.memory_kib = 8192, .passes = 2, .lanes = 2};
	uint8_t salt[KDF_SALT_SIZE], out[KEY_SIZE];

	(void)state;
	for (uint8_t i = 0; i < sizeof(salt); i++)
		salt[i] = i;
	assert_int_equal(kdf_derive(&cost, salt, "correct horse", 13, out), ERR_OK);
	assert_hex(out, "fa481911f79411bf2d3803c55819da780451ac464c40eae608d9da3859352974");
	mem_fail_at(1);
	assert_int_equal(kdf_derive(&cost, salt, "correct horse", 13, out), ERR_NOMEM);
	mem_fail_at(0);
}

/* A user whose processes are limited: no thread can be started. The answer is that of another implementation, as above. */
static void argon2id_needs_no_thread(void **state)
{
	static const struct rlimit none = {0, 0};
	const struct kdf_cost cost = {.memory_kib = 8192, .passes = 2, .lanes = 2};
	uint8_t salt[KDF_SALT_SIZE], out[KEY_SIZE], expected[KEY_SIZE];
	pthread_t thread;
	pid_t child;
	int status = 0;

	(void)state;
	for (uint8_t i = 0; i < sizeof(salt); i++)
		salt[i] = i;
	unhex(expected, "fa481911f79411bf2d3803c55819da780451ac464c40eae608d9da3859352974");
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		/* root is not held to the limit */
		if ((geteuid() == 0 && setresuid(65534, 65534, 65534) != 0) || setrlimit(RLIMIT_NPROC, &none) != 0)
			_exit(2);
		if (pthread_create(&thread, NULL, do_nothing, NULL) != EAGAIN)
			_exit(3);
		if (kdf_derive(&cost, salt, "correct horse", 13, out) != ERR_OK)
			_exit(4);
		_exit(memcmp(out, expected, sizeof(out)) != 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* No cost that is out of bounds may reach an allocation. */
static void hostile_costs_are_refused(void **state)
{
	static const struct kdf_cost hostile[] = {
	    {1u << 30, 1, 1},								/* a terabyte */
	    {(1u << 20) + 1, 1, 1},							/* a little over 1 GiB */
	    {UINT32_MAX, UINT32_MAX, UINT32_MAX}, {8191, 1, 1},				/* too cheap */
	    {8192, 0, 1}, {8192, 17, 1}, {8192, 1, 0}, {8192, 1, 17}, {1u << 20, 5, 1}, /* memory × passes */
	};
	static const struct kdf_cost fine[] = {{8192, 1, 1}, {1u << 20, 4, 16}, {1u << 18, 16, 1}, {64 * 1024, 3, 4}};
	uint8_t salt[KDF_SALT_SIZE] = {0}, out[KEY_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		mem_fail_at(0);
		assert_int_equal(kdf_check(&hostile[i]), ERR_LIMIT);
		assert_int_equal(kdf_derive(&hostile[i], salt, "x", 1, out), ERR_LIMIT);
		assert_int_equal(failure_last()->id, PL_KDF_BOUNDS);
		assert_int_equal(mem_count(), 0);
	}
	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
		assert_int_equal(kdf_check(&fine[i]), ERR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(argon2id_known_answer),
	    cmocka_unit_test(argon2id_needs_no_thread),
	    cmocka_unit_test(hostile_costs_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
