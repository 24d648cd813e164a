/* The commands of a job before and after its backup. */
#include "scheduler/run_internal.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/source/command.h"

#define LINES_MAX 10  /* the last ones of what a command said, for the record */
#define SAID_MAX 4096 /* bytes of it that are kept */
#define WORDS_MAX 256 /* of a command */

/* What a command said last: a window over its output. */
struct said {
	char bytes[2 * SAID_MAX];
	size_t length;
};

static enum err listen(struct command *command, struct said *said)
{
	size_t got = 0;
	enum err err;

	do {
		err = command_read_said(command, said->bytes + said->length, sizeof(said->bytes) - said->length, &got);
		said->length += err == ERR_OK ? got : 0;
		if (said->length > SAID_MAX) {
			memmove(said->bytes, said->bytes + said->length - SAID_MAX, SAID_MAX);
			said->length = SAID_MAX;
		}
	} while (err == ERR_OK && got > 0);
	return err == ERR_OK ? command_finish(command) : err;
}

static void add_line(struct run *run, const char *kind, const char *program, const char *line, size_t size)
{
	char *text = output_printable(line, size);
	json_t *path = output_text(program);
	json_t *problem =
	    text && path ? json_pack("{s:s, s:O, s:s}", "kind", kind, "path", path, "reason", text) : NULL;

	if (!problem || json_array_append_new(run->problems, problem) != 0)
		run->problems_omitted++;
	json_decref(path);
	mem_free(text);
}

/* The last lines, in their order. */
static void add_lines(struct run *run, const char *kind, const char *program, const struct said *said)
{
	size_t end = said->length, at, lines = 0;

	while (end > 0 && said->bytes[end - 1] == '\n')
		end--;
	for (at = end; at > 0 && lines < LINES_MAX; at--)
		lines += said->bytes[at - 1] == '\n';
	at += lines == LINES_MAX;
	while (at < end) {
		const char *line = said->bytes + at, *stop = memchr(line, '\n', end - at);
		size_t size = stop ? (size_t)(stop - line) : end - at;

		if (size > 0)
			add_line(run, kind, program, line, size);
		at += size + 1;
	}
}

/* The shell only joins what the command says on both outputs; its words reach the command as they are. */
static enum err run_words(struct run *run, const char *kind, char *const *words, uint32_t count)
{
	const char *argv[WORDS_MAX + 5] = {"/bin/sh", "-c", "exec \"$@\" 2>&1", "sh"};
	struct command *command = NULL;
	struct said *said;
	enum err err;

	if (count > WORDS_MAX)
		return fail(PL_CHILD, "%s has more than %d words", words[0], WORDS_MAX);
	for (uint32_t i = 0; i < count; i++)
		argv[i + 4] = words[i];
	said = mem_calloc(1, sizeof(*said));
	err = said ? command_start(&command, argv) : ERR_NOMEM;
	if (err == ERR_OK)
		err = listen(command, said);
	if (err != ERR_OK && said) {
		struct failure kept = *failure_last();

		add_lines(run, kind, words[0], said);
		failure_put(&kept);
	}
	command_free(command);
	mem_free(said);
	return err;
}

enum err run_command_before(struct run *run)
{
	const struct configuration_job *job = run->options->job;
	struct failure failure;
	enum err err;

	run->before_begun = true;
	err = job->before_count ? run_words(run, "before", job->before, job->before_count) : ERR_OK;
	if (err == ERR_OK || err == ERR_INTERRUPTED)
		return err;
	failure_take(&failure);
	return fail(PL_RUN_BEFORE, "the command before the run, %s: %s", job->before[0], failure.text);
}

/* Also behind a run that failed or was asked to stop: what was switched off before is to be switched on again. */
enum err run_command_after(struct run *run)
{
	const struct configuration_job *job = run->options->job;
	bool interrupted = interrupt_requested();
	struct failure failure;
	enum err err;

	if (!run->before_begun || !job->after_count)
		return ERR_OK;
	interrupt_set(false);
	err = run_words(run, "after", job->after, job->after_count);
	if (interrupted)
		interrupt_set(true);
	if (err == ERR_OK)
		return ERR_OK;
	failure_take(&failure);
	return fail(PL_RUN_AFTER, "the command after the run, %s: %s", job->after[0], failure.text);
}
