/* Asking a person, on the terminal itself: plain lines of 80 columns. */
#ifndef PULIH_CLI_SETUP_ASK_H
#define PULIH_CLI_SETUP_ASK_H

#include "cli/setup_answers.h"

struct setup_ask {
	int tty; /* -1: nobody is asked */
};
/* False where there is no terminal. */
bool setup_ask_open(struct setup_ask *ask);
void setup_ask_close(struct setup_ask *ask);

/* Says something on the terminal. */
void setup_ask_say(const struct setup_ask *ask, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Asks until there is an answer that is one. PL_SETUP_ANSWER (ERR_USAGE) where the terminal ends, PL_INTERRUPTED. */
enum err setup_ask_question(const struct setup_ask *ask, struct setup_answers *answers, enum setup_answer which);
/* Lines up to an empty one. */
enum err setup_ask_address(const struct setup_ask *ask, struct setup_answers *answers);
enum err setup_ask_yes(const struct setup_ask *ask, const char *question, bool standard, bool *out);
/* Which of 1 … count: "1 3-5", "all", "none"; `standard` is what an empty line means. */
enum err setup_ask_which(const struct setup_ask *ask, const char *question, bool standard, bool *chosen, size_t count);
/* More paths, one a line, up to an empty one; each is handed to `add`. */
enum err setup_ask_paths(const struct setup_ask *ask, struct setup_answers *answers, const char *question,
    enum err (*add)(struct setup_answers *, const char *));

/* Reads "1 3-5", "1,3", "all" or "none"; false where the text is anything else. */
bool setup_ask_parse(const char *text, bool *chosen, size_t count);

#endif
