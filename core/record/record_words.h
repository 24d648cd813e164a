/* The words of the printed papers in the two languages, and numbers, sizes and times as people of that language write them.
 *
 * The words stand in po/id.po and po/en.po, keyed by the names below. They are tables of the program, made at build time: the language
 * belongs to the paper, while gettext at run time takes that of the process, needs a locale that most servers lack, and finds nothing
 * where its files were not installed. */
#ifndef PULIH_RECORD_RECORD_WORDS_H
#define PULIH_RECORD_RECORD_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum word {
#define WORD(name, text) WORD_##name,
#include "core/record/record_words_id.def"
#undef WORD
	WORD_COUNT
};

/* Static. */
const char *record_word(enum word word, bool english);

/* The text with {1} … {9} replaced by the arguments, which end with NULL; at most size - 1 bytes and a NUL. Returns the bytes that the whole
 * has without its NUL, as snprintf does. */
size_t record_fill(char *out, size_t size, enum word word, bool english, const char *const arguments[]);
#define RECORD_ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})

#define RECORD_PHRASE 96 /* bytes of what these write, NUL included; each returns out */
/* "1.331.439.861" or "1,331,439,861" */
char *record_number(char out[RECORD_PHRASE], uint64_t number, bool english);
/* "1,24 GiB (1.331.439.861 byte)" */
char *record_size(char out[RECORD_PHRASE], uint64_t bytes, bool english);
/* "1,24 GiB" */
char *record_size_short(char out[RECORD_PHRASE], uint64_t bytes, bool english);
/* "1,8": the one divided by the other, which is not 0. */
char *record_ratio(char out[RECORD_PHRASE], uint64_t dividend, uint64_t divisor, bool english);
/* "12,3 detik" below a minute, else "1:02:03". */
char *record_duration(char out[RECORD_PHRASE], uint64_t milliseconds, bool english);
/* "Minggu, 22 November 2026, 18.00.05 WIT (UTC+09:00)" of RFC 3339; the text itself where it is none. `zone`: record_zone's. */
char *record_time(char out[RECORD_PHRASE], const char *text, const char *zone, bool english);
/* "2026-11-22 09.00.05 UTC" of RFC 3339 in UTC; the text itself where it is none. */
char *record_time_utc(char out[RECORD_PHRASE], const char *text, bool english);
/* "22 November 2026, 18.00" of RFC 3339; the text itself where it is none. */
char *record_time_short(char out[RECORD_PHRASE], const char *text, bool english);
/* "WIB", "WITA", "WIT" of the time zones of Indonesia, else "". Static. */
const char *record_zone(const char *name);
/* "November 2026" of "2026-11"; the text itself where it is none. */
char *record_period(char out[RECORD_PHRASE], const char *text, bool english);
/* "Minggu, 22 November 2026"; month 1 … 12, weekday 0 (Sunday) … 6. */
char *record_date(char out[RECORD_PHRASE], int year, int month, int day, int weekday, bool english);
/* "18.05", as Indonesian writes it, or "18:05". */
char *record_clock(char out[RECORD_PHRASE], unsigned hour, unsigned minute, bool english);

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
