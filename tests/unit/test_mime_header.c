/* Header lines of a mail: what stands for itself, what is encoded, that lines stay short and nothing begins a line of its own. */
#include "scheduler/mime_header.h"
#include "core/base/clock.h"
#include "core/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

/* The header as a C string, which the next call overwrites. */
static const char *text_of(const char *name, const char *text)
{
	static struct buffer out;

	buffer_clear(&out);
	assert_int_equal(mime_header_text(&out, name, text), ERR_OK);
	assert_int_equal(buffer_append_u8(&out, 0), ERR_OK);
	return (const char *)out.data;
}

static void test_plain_text(void **state)
{
	char longest[80] = "";

	(void)state;
	assert_string_equal(text_of("Subject", "Backup website GAGAL (100%)"), "Subject: Backup website GAGAL (100%)");
	memset(longest, 'x', 67);
	assert_non_null(strstr(text_of("Subject", longest), ": xxx"));
	longest[67] = 'x';
	assert_non_null(strstr(text_of("Subject", longest), ": =?UTF-8?Q?xxx"));
	/* What looks like an encoded word must not be taken for one. */
	assert_string_equal(text_of("Subject", "=?UTF-8?Q?x?="), "Subject: =?UTF-8?Q?=3D=3FUTF-8=3FQ=3Fx=3F=3D?=");
	assert_string_equal(text_of("Subject", ""),
	    "Subject: =?UTF-8?Q?"
	    "?=");
}

static void test_encoded_text(void **state)
{
	(void)state;
	assert_string_equal(text_of("Subject", "Pengadilan \xc3\xa9"), "Subject: =?UTF-8?Q?Pengadilan_=C3=A9?=");
	assert_string_equal(text_of("Subject", "a_b=c?d \xe2\x82\xac"), "Subject: =?UTF-8?Q?a=5Fb=3Dc=3Fd_=E2=82=AC?=");
	/* Bytes that are no character: a lone continuation, a cut one, an end. */
	assert_string_equal(text_of("Subject", "\x80x\xc3"), "Subject: =?UTF-8?Q?=3Fx=3F?=");
	assert_string_equal(text_of("Subject", "\xf5\x80\x80\x80"), "Subject: =?UTF-8?Q?=3F=3F=3F=3F?=");
}

static void test_no_line_of_its_own(void **state)
{
	(void)state;
	assert_string_equal(
	    text_of("Subject", "x\r\nBcc: a@b\r\n\r\nbody"), "Subject: =?UTF-8?Q?x__Bcc=3A_a=40b____body?=");
}

/* Every line at most 76, every word whole: the text comes back when the words are put together. */
static void test_long_text_is_folded(void **state)
{
	char text[401] = "", back[1300] = "";
	const char *header, *at;
	size_t length = 0;

	(void)state;
	for (size_t i = 0; i < 100; i++) /* a sign of 4, 3, 2 or 1 bytes in turn */
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s",
		    i % 4 == 0	     ? "\xf0\x9f\x98\x80"
			: i % 4 == 1 ? "\xe2\x82\xac"
			: i % 4 == 2 ? "\xc3\xa9"
				     : "a");
	header = text_of("Subject", text);
	for (at = header; *at; at += strcspn(at, "\n") + (at[strcspn(at, "\n")] == '\n'))
		assert_true(strcspn(at, "\r\n") <= 76);
	for (at = header; (at = strstr(at, "=?UTF-8?Q?")) != NULL;) {
		const char *end = strstr(at + 10, "?=");

		assert_true(end && end + 2 - at <= 75);
		assert_true(strncmp(end, "?=\r\n ", 5) == 0 || end[2] == '\0');
		/* No character is cut: each word begins with the first byte of one. */
		assert_true(at[10] != '=' || strchr("89AB", at[11]) == NULL);
		for (at += 10; at < end;) {
			unsigned value = (unsigned char)*at;

			if (*at == '=')
				assert_int_equal(sscanf(at + 1, "%2X", &value), 1);
			at += *at == '=' ? 3 : 1;
			back[length++] = (char)value;
		}
	}
	assert_string_equal(back, text);
}

static void test_mailboxes(void **state)
{
	static const struct mime_header_mailbox list[] = {{"Nama Admin, S.H.", "admin@example.org"},
	    {"Ni Putu \xc5\xa0\xc3\xa1rka", "putu@example.org"}, {NULL, "bare@example.org"},
	    {"He said \"x\"", "quote@example.org"}};
	struct buffer out = {0};

	(void)state;
	assert_int_equal(mime_header_mailboxes(&out, "To", list, 4), ERR_OK);
	assert_int_equal(buffer_append_u8(&out, 0), ERR_OK);
	assert_string_equal((const char *)out.data,
	    "To: \"Nama Admin, S.H.\"\r\n <admin@example.org>,\r\n"
	    " =?UTF-8?Q?Ni_Putu_=C5=A0=C3=A1rka?=\r\n <putu@example.org>,\r\n"
	    " bare@example.org,\r\n"
	    " =?UTF-8?Q?He_said_=22x=22?=\r\n <quote@example.org>");
	buffer_free(&out);
}

static void test_date(void **state)
{
	struct buffer out = {0};

	(void)state;
	assert_int_equal(setenv("TZ", "Asia/Jayapura", 1), 0);
	tzset();
	assert_int_equal(mime_header_date(&out, INT64_C(1795276805) * CLOCK_SECOND + 999), ERR_OK);
	assert_int_equal(buffer_append_u8(&out, 0), ERR_OK);
	assert_string_equal((const char *)out.data, "Date: Sun, 22 Nov 2026 01:00:05 +0900");
	buffer_clear(&out);
	assert_int_equal(setenv("TZ", "America/St_Johns", 1), 0);
	tzset();
	assert_int_equal(mime_header_date(&out, INT64_C(1795276805) * CLOCK_SECOND), ERR_OK);
	assert_int_equal(buffer_append_u8(&out, 0), ERR_OK);
	assert_string_equal((const char *)out.data, "Date: Sat, 21 Nov 2026 12:30:05 -0330");
	buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_plain_text),
	    cmocka_unit_test(test_encoded_text),
	    cmocka_unit_test(test_no_line_of_its_own),
	    cmocka_unit_test(test_long_text_is_folded),
	    cmocka_unit_test(test_mailboxes),
	    cmocka_unit_test(test_date),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
