/* What went wrong with a run and what helps, in the words of an office: by the failure that its record names. */
#ifndef PULIH_RECORD_REPORT_FAILURE_H
#define PULIH_RECORD_REPORT_FAILURE_H

#include "core/record/record_words.h"

#include <jansson.h>

/* `failure`: the member of a record, an object. */
enum word report_failure_cause(json_t *failure);
/* The run could not tell of its end itself: nobody knows how far it came. */
bool report_failure_is_cut_off(json_t *failure);

#define REPORT_FAILURE_ADVICE 3
/* Fills up to REPORT_FAILURE_ADVICE words, the best one first; returns how many. Of each, {1} is the code of the failure. */
size_t report_failure_advice(json_t *failure, enum word advice[REPORT_FAILURE_ADVICE]);

#endif
