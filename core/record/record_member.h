/* Members of a record, which may lack any of them, or have them in another type: then they count as empty. */
#ifndef PULIH_RECORD_RECORD_MEMBER_H
#define PULIH_RECORD_RECORD_MEMBER_H

#include <jansson.h>
#include <stdint.h>

/* Borrowed; NULL where there is none. `object` may be NULL. */
json_t *record_member(json_t *object, const char *name);
/* "" where there is none. */
const char *record_member_text(json_t *object, const char *name);
/* 0 where there is none, or one below 0. */
uint64_t record_member_number(json_t *object, const char *name);

#endif
