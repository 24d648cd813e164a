/* Records that are no runs (reviews, corrections, forgotten snapshots) as text of A4 width. */
#ifndef PULIH_RECORD_RECORD_FURTHER_H
#define PULIH_RECORD_RECORD_FURTHER_H

#include "core/record/record_heading.h"

/* The whole record in the language of its office, UTF-8, appended. One of a kind that this program does not know is shown by what all
 * records have. */
enum err record_further_text(const struct record_original *original, struct buffer *out);

#endif
