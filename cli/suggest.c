#include "cli/suggest.h"

#include <string.h>

#define WORD_MAX 48 /* longer words are nobody's typing error of ours */

/* Edit distance with swaps of neighbours counted once (optimal string alignment): what fingers do. */
static size_t edit_distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
	size_t rows[3][WORD_MAX + 1];
	size_t *before = rows[0], *last = rows[1], *now = rows[2];

	for (size_t j = 0; j <= b_size; j++)
		last[j] = j;
	for (size_t i = 1; i <= a_size; i++) {
		size_t *oldest = before;

		now[0] = i;
		for (size_t j = 1; j <= b_size; j++) {
			size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);

			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
		before = last;
		last = now;
		now = oldest;
	}
	return last[b_size];
}

struct suggestion suggest_start(const char *word)
{
	return (struct suggestion){.word = word, .distance = WORD_MAX};
}

void suggest_consider(struct suggestion *suggestion, const char *candidate)
{
	size_t word = strlen(suggestion->word), size = strlen(candidate);
	size_t distance;

	if (word == 0 || word > WORD_MAX || size > WORD_MAX)
		return;
	if (word >= 3 && word < size && strncmp(suggestion->word, candidate, word) == 0)
		distance = 0; /* the beginning of a longer one: that is meant */
	else
		distance = edit_distance(suggestion->word, word, candidate, size);
	/* A third of the word may be wrong; more, and it is another word. */
	if (distance <= (word + 2) / 3 && distance < suggestion->distance) {
		suggestion->nearest = candidate;
		suggestion->distance = distance;
	}
}
