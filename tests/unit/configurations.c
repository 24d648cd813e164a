#include "tests/unit/configurations.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/crypto/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

char configurations_folder[64], configurations_file[80], configurations_secret[80];

/* Line 1 is "office:"; %s at the end of each line that a test replaces. */
static const char *const lines[] = {
    "office:",								/* 1 */
    "  name: Pengadilan Agama Ternate",					/* 2 */
    "  timezone: Asia/Jayapura",					/* 3 */
    "people:",								/* 4 */
    "  - id: admin",							/* 5 */
    "    name: A",							/* 6 */
    "    position: Operator",						/* 7 */
    "    role: operator",						/* 8 */
    "  - {id: kasubbag, name: B, position: Kasub Bag, role: reviewer}", /* 9 */
    "targets:",								/* 10 */
    "  - name: hdd",							/* 11 */
    "    url: /srv/pulih",						/* 12 */
    "jobs:",								/* 13 */
    "  - name: website",						/* 14 */
    "    performer: admin",						/* 15 */
    "    reviewer: kasubbag",						/* 16 */
    "    sources:",							/* 17 */
    "      - files: {paths: [/var/www]}",				/* 18 */
    "      - sqlite: {path: /var/db}",					/* 19 */
    "    target: hdd",							/* 20 */
    "    schedule: {every: day, at: \"01:00\"}",			/* 21 */
    "    keep: {daily: 14, within: 90d}",				/* 22 */
};
#define LINES (sizeof(lines) / sizeof(lines[0]))

enum err load_with(size_t at, const char *line, struct configuration **out)
{
	struct buffer text = {0};
	enum err err;

	for (size_t i = 0; i < LINES; i++)
		assert_int_equal(buffer_append_text(&text, "%s\n", i + 1 == at ? line : lines[i]), ERR_OK);
	assert_int_equal(file_replace(configurations_file, text.data, text.length, 0600), ERR_OK);
	buffer_free(&text);
	err = configuration_load(out, configurations_file);
	return err;
}

enum err load_channel(const char *text, struct configuration **out)
{
	struct buffer with = {0};
	enum err err;

	for (size_t i = 0; i < LINES; i++)
		assert_int_equal(buffer_append_text(&with, "%s\n",
				     i + 1 == 9 ? "  - {id: kasubbag, name: B, position: K, role: reviewer, email: b@c}"
					 : i + 1 == 22 ? text
						       : lines[i]),
		    ERR_OK);
	assert_int_equal(file_replace(configurations_file, with.data, with.length, 0600), ERR_OK);
	buffer_free(&with);
	err = configuration_load(out, configurations_file);
	return err;
}

void refused_with(enum message id, const char *place, const char *words)
{
	char start[128];

	snprintf(start, sizeof(start), "%s:%s: ", configurations_file, place);
	if (failure_last()->id != id || strncmp(failure_last()->text, start, strlen(start)) != 0 ||
	    !strstr(failure_last()->text, words))
		fail_msg("PL-%d %s\nwanted PL-%d %s... %s", failure_last()->id, failure_last()->text, id, start, words);
}

int configurations_up(void **state)
{
	(void)state;
	snprintf(configurations_folder, sizeof(configurations_folder), "/tmp/pulih-test-XXXXXX");
	assert_non_null(mkdtemp(configurations_folder));
	snprintf(configurations_file, sizeof(configurations_file), "%s/pulih.yaml", configurations_folder);
	snprintf(configurations_secret, sizeof(configurations_secret), "%s/secret", configurations_folder);
	return crypto_setup() == ERR_OK ? 0 : -1;
}

int configurations_down(void **state)
{
	(void)state;
	return file_remove_tree(configurations_folder) == ERR_OK ? 0 : -1;
}
