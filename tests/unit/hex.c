#include "tests/unit/hex.h"
#include "core/base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

size_t unhex(void *out, const char *text)
{
	size_t size = strlen(text) / 2;

	assert_true(hex_decode(out, size, text));
	return size;
}

void assert_hex(const void *bytes, const char *expected)
{
	char text[1024];

	assert_true(strlen(expected) < sizeof(text));
	assert_string_equal(hex_encode(text, bytes, strlen(expected) / 2), expected);
}
