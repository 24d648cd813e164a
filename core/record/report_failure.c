#include "core/record/report_failure.h"

#include "core/base/error.h"
#include "core/record/record_member.h"

#include <string.h>

static const struct kind {
	enum err err;
	enum word cause, advice;
} kinds[] = {
    {ERR_NOSPACE, WORD_KIND_NO_SPACE, WORD_ADVICE_NO_SPACE},
    {ERR_NO_REPOSITORY, WORD_KIND_NO_REPOSITORY, WORD_ADVICE_NO_REPOSITORY},
    {ERR_KEY, WORD_KIND_KEY, WORD_ADVICE_KEY},
    {ERR_DENIED, WORD_KIND_DENIED, WORD_ADVICE_DENIED},
    {ERR_IO, WORD_KIND_IO, WORD_ADVICE_IO},
    {ERR_CORRUPT, WORD_KIND_CORRUPT, WORD_ADVICE_CORRUPT},
    {ERR_SOURCE, WORD_KIND_SOURCE, WORD_ADVICE_SOURCE},
    {ERR_PARTIAL, WORD_KIND_PARTIAL, WORD_ADVICE_PARTIAL},
    {ERR_INTERRUPTED, WORD_KIND_INTERRUPTED, WORD_ADVICE_AGAIN},
};
/* Those of which the kind alone would say something else than what happened. */
static const struct {
	enum message id;
	struct kind kind;
} own[] = {
    {PL_RUN_CUT_OFF, {ERR_FAILED, WORD_KIND_CUT_OFF, WORD_ADVICE_AGAIN}},
    {PL_RUN_BEFORE, {ERR_FAILED, WORD_KIND_BEFORE, WORD_ADVICE_BEFORE}},
    {PL_RUN_AFTER, {ERR_PARTIAL, WORD_KIND_AFTER, WORD_ADVICE_AFTER}},
    {PL_RUN_TIMEOUT, {ERR_FAILED, WORD_KIND_TIMEOUT, WORD_ADVICE_TIMEOUT}},
    {PL_DRILL_DIFFERS, {ERR_DRILL, WORD_KIND_DRILL, WORD_ADVICE_DRILL}},
    {PL_LEDGER_FOUND, {ERR_CORRUPT, WORD_KIND_LEDGER, WORD_ADVICE_LEDGER}},
};
static const struct kind other = {ERR_FAILED, WORD_KIND_OTHER, WORD_ADVICE_OTHER};

static const struct kind *kind_of(json_t *failure)
{
	const char *name = record_member_text(failure, "kind");
	char code[16];

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strcmp(record_member_text(failure, "code"), message_code(own[i].id, code)) == 0)
			return &own[i].kind;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(name, error_name(kinds[i].err)) == 0)
			return &kinds[i];
	return &other;
}

enum word report_failure_cause(json_t *failure)
{
	return kind_of(failure)->cause;
}

bool report_failure_is_cut_off(json_t *failure)
{
	const char *code = record_member_text(failure, "code");
	char cut_off[16], no_record[16];

	return strcmp(code, message_code(PL_RUN_CUT_OFF, cut_off)) == 0 ||
	    strcmp(code, message_code(PL_RUN_NO_RECORD, no_record)) == 0;
}

size_t report_failure_advice(json_t *failure, enum word advice[REPORT_FAILURE_ADVICE])
{
	const struct kind *kind = kind_of(failure);
	size_t count = 0;

	advice[count++] = kind->advice;
	if (kind->cause == WORD_KIND_CUT_OFF)
		advice[count++] = WORD_ADVICE_POWER;
	advice[count++] = WORD_ADVICE_THIRD_PARTY;
	return count;
}
