/* One component of an exclude pattern: literal bytes, `*`, `?` and sets, compiled once.
 *
 * `*` takes any number of characters, `?` and `[…]` one UTF-8 character, or one byte where the name is not UTF-8.
 * Sets know ranges, the classes [:alpha:] … [:xdigit:] (ASCII), '!' or '^' for all others; '\' escapes. Matching
 * backtracks to the last `*` only, so it takes at most bytes of the name × bytes of the pattern. */
#ifndef PULIH_SOURCE_WILDCARD_H
#define PULIH_SOURCE_WILDCARD_H

#include "core/base/error.h"

#include <stdint.h>

struct wildcard;
/* `text` holds no '/'. `ignore_case` concerns the letters A to Z. PL_PATTERN says what is wrong with it. */
enum err wildcard_new(struct wildcard **out, const uint8_t *text, size_t size, bool ignore_case);
void wildcard_free(struct wildcard *wildcard);
/* Whether all of the name matches. Thread-safe. */
bool wildcard_match(const struct wildcard *wildcard, const uint8_t *name, size_t size);

#endif
