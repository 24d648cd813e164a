/* The words of a report in the two languages, and numbers, sizes and times as people of that language write them. */
#ifndef PULIH_RECORD_RECORD_WORDS_H
#define PULIH_RECORD_RECORD_WORDS_H

#include <stdbool.h>
#include <stdint.h>

enum word {
#define WORD(name, indonesian, english) WORD_##name,
#include "core/record/record_words.def"
#undef WORD
};

/* Static. */
const char *record_word(enum word word, bool english);

#define RECORD_PHRASE 96 /* bytes of what these write, NUL included; each returns out */
/* "1.331.439.861" or "1,331,439,861" */
char *record_number(char out[RECORD_PHRASE], uint64_t number, bool english);
/* "1,24 GiB (1.331.439.861 byte)" */
char *record_size(char out[RECORD_PHRASE], uint64_t bytes, bool english);
/* "Minggu, 22 November 2026, 18.00.05 (UTC+09:00)" of RFC 3339; the text itself where it is none. */
char *record_time(char out[RECORD_PHRASE], const char *text, bool english);
/* "November 2026" of "2026-11". */
char *record_period(char out[RECORD_PHRASE], const char *text, bool english);

#define RECORD_SCHEDULE 400 /* bytes of the longest: a cron expression and a window, NUL included */
/* "setiap hari pukul 01.00" of a record's "schedule"; the text itself where it is none. Returns out. The forms, each perhaps followed by
 * ", window 20:00-05:00":
 *   hour, minute 5 | hour, minute 5, every 6 | day 01:00 | week monday thursday 02:00 | month, day 30, 03:00 | cron 15 1 * * 1-5 */
char *record_schedule(char out[RECORD_SCHEDULE], const char *text, bool english);

/* "2 hari 3 jam", "23 jam 59 menit", "0 menit": rounded down. */
char *record_age(char out[RECORD_PHRASE], uint64_t milliseconds, bool english);
#define RECORD_RULES 320 /* bytes of all the rules that a job can have, NUL included */
/* "14 harian, 8 mingguan" of a record's "retention"; the text itself where it is none. Returns out. */
char *record_retention(char out[RECORD_RULES], const char *text, bool english);

#endif
