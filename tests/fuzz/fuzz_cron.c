/* Cron expressions: whatever is accepted is the same recurrence when it is spelled out, value by value; what is refused says where. */
#include "conf/cron.h"
#include "core/base/buffer.h"
#include "core/base/mem.h"
#include "tests/fuzz/seeds.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const seeds[] = {"15 1 * * 1-5", "*/20 0-3,22 13 * fri",
	    "5-59/25,59 20-23,0-4 */15 jan-mar,dec 0,7", "0 0 29 2 */7", "\t0  0 1 1 sun-sat/2 ", "@daily",
	    "60 24 32 13 8", "1,,2 */0 3-1 - /"};

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		seed_write(seeds[i][0] == '@' ? "daily" : (char[]){(char)('a' + i), '\0'}, seeds[i], strlen(seeds[i]));
	return 0;
}

static void append_list(struct buffer *text, uint64_t set)
{
	const char *comma = "";

	MUST(set != 0);
	for (unsigned value = 0; value < 64; value++)
		if (set >> value & 1) {
			MUST(buffer_append_text(text, "%s%u", comma, value) == ERR_OK);
			comma = ",";
		}
	MUST(buffer_append_u8(text, ' ') == ERR_OK);
}

/* Both as lists of numbers, so that a date may be in either; what an accepted one means must not leave the bounds of its fields. */
static void check_accepted(const struct recurrence *recurrence)
{
	struct recurrence again;
	struct cron_error error;
	struct buffer text = {0};

	MUST(recurrence->minutes >> 60 == 0 && recurrence->hours >> 24 == 0);
	MUST((recurrence->days & 1) == 0 && (recurrence->months & ~UINT32_C(0x1ffe)) == 0);
	MUST((recurrence->weekdays & ~UINT32_C(0xfe)) == 0 && !recurrence->last_day);
	/* each alone: all of them in one expression may be longer than an expression can be */
	append_list(&text, recurrence->minutes);
	MUST(buffer_append_text(&text, "0 1 1 1") == ERR_OK);
	MUST(buffer_append_u8(&text, 0) == ERR_OK);
	MUST(cron_parse((const char *)text.data, &again, &error) && again.minutes == recurrence->minutes);
	buffer_clear(&text);
	MUST(buffer_append_text(&text, "0 ") == ERR_OK);
	append_list(&text, recurrence->hours);
	append_list(&text, recurrence->days);
	MUST(buffer_append_text(&text, "1 1") == ERR_OK);
	MUST(buffer_append_u8(&text, 0) == ERR_OK);
	MUST(cron_parse((const char *)text.data, &again, &error));
	MUST(again.hours == recurrence->hours && again.days == recurrence->days);
	buffer_clear(&text);
	MUST(buffer_append_text(&text, "0 0 1 ") == ERR_OK);
	append_list(&text, recurrence->months);
	append_list(&text, recurrence->weekdays);
	MUST(buffer_append_u8(&text, 0) == ERR_OK);
	MUST(cron_parse((const char *)text.data, &again, &error));
	MUST(again.months == recurrence->months && again.weekdays == recurrence->weekdays && again.either);
	buffer_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = mem_printf("%.*s", (int)size, (const char *)data);
	struct configuration_schedule schedule = {.cron = text};
	struct recurrence recurrence;
	struct cron_error error = {0};

	MUST(text != NULL);
	if (cron_parse(text, &recurrence, &error)) {
		check_accepted(&recurrence);
		MUST((recurrence_of(&recurrence, &schedule) == ERR_OK) == recurrence_possible(&recurrence));
		MUST(recurrence_first(&recurrence, 0) >= 0);
		MUST(recurrence_count(&recurrence, RECURRENCE_DAY_MINUTES - 1) > 0);
	} else {
		MUST(error.offset <= strlen(text) && error.text[0] != '\0' &&
		    strlen(error.text) < sizeof(error.text) - 1);
	}
	mem_free(text);
	return 0;
}
