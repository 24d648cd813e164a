/* Recovery codes: a known answer, how people write them, and the slips that are found. */
#include "core/crypto/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char recovery_text[] = "000G40-R40M30-E20918-5GR38E-1W8124-GKXBTG";

static void recovery_known_answer(void **state)
{
	uint8_t code[RECOVERY_BYTES], read[RECOVERY_BYTES];
	char text[RECOVERY_TEXT];

	(void)state;
	for (uint8_t i = 0; i < sizeof(code); i++)
		code[i] = i;
	assert_ptr_equal(recovery_format(code, text), text);
	assert_string_equal(text, recovery_text);
	assert_true(recovery_parse(text, read));
	assert_memory_equal(code, read, sizeof(code));
}

static void recovery_forgives_how_people_write(void **state)
{
	uint8_t code[RECOVERY_BYTES], read[RECOVERY_BYTES];

	(void)state;
	assert_true(recovery_parse(recovery_text, code));
	assert_true(recovery_parse("ooog4o-r40m30-e2o9i8-5gr38e-lw8i24-gkxbtg", read));
	assert_memory_equal(code, read, sizeof(code));
	assert_true(recovery_parse("  000G40R40M30 E20918 5GR38E\t1W8124 GKXBTG\n", read));
	assert_memory_equal(code, read, sizeof(code));
}

/* Each character replaced by its neighbour in the alphabet, two neighbours exchanged, one too many, one too few. */
static void recovery_finds_slips(void **state)
{
	static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ0";
	uint8_t code[RECOVERY_BYTES];
	char text[RECOVERY_TEXT + 1];

	(void)state;
	for (size_t i = 0; i < strlen(recovery_text); i++) {
		memcpy(text, recovery_text, sizeof(recovery_text));
		if (text[i] == '-')
			continue;
		text[i] = strchr(alphabet, text[i])[1];
		assert_false(recovery_parse(text, code));
		text[i] = 'U';
		assert_false(recovery_parse(text, code));
	}
	assert_false(recovery_parse("000G40-R40M30-E20918-5GR38E-1W8124-GKXTBG", code));
	assert_false(recovery_parse("000G40-R40M30-E20918-5GR38E-1W8124-GKXBTG0", code));
	assert_false(recovery_parse("000G40-R40M30-E20918-5GR38E-1W8124-GKXBT", code));
	assert_false(recovery_parse("", code));
	/* The bits behind the last byte must be zero: one spelling for one code. */
	assert_false(recovery_parse("000G40-R40M30-E20918-5GR38E-1W8124-GKXBTH", code));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(recovery_known_answer),
	    cmocka_unit_test(recovery_forgives_how_people_write),
	    cmocka_unit_test(recovery_finds_slips),
	};

	assert_int_equal(crypto_setup(), ERR_OK);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
