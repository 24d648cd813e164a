/* core/source: a command's output as a source. */
#include "core/source/command.h"
#include "core/base/buffer.h"
#include "core/base/clock.h"
#include "core/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define SHELL(script) ((const char *const[]){"sh", "-c", script, NULL})

/* Output of a command, NUL-terminated. */
static enum err collect(const char *const *argv, struct buffer *out)
{
	struct command *command = NULL;
	size_t got = 1;
	enum err err = command_start(&command, argv);

	buffer_clear(out);
	while (err == ERR_OK && got > 0) {
		err = buffer_reserve(out, 70000);
		if (err == ERR_OK)
			err = command_read(command, out->data + out->length, 65536, &got);
		if (err == ERR_OK)
			out->length += got;
	}
	if (err == ERR_OK)
		err = command_finish(command);
	command_free(command);
	if (err == ERR_OK)
		err = buffer_append_u8(out, 0);
	return err;
}

static void output_is_read_whole(void **state)
{
	struct buffer out = {0};

	(void)state;
	assert_int_equal(collect(SHELL("echo one; cat; echo two"), &out), ERR_OK);
	assert_string_equal((const char *)out.data, "one\ntwo\n");
	assert_int_equal(collect(SHELL("head -c 3000000 /dev/zero"), &out), ERR_OK);
	assert_int_equal(out.length, 3000001);
	assert_int_equal(collect(SHELL("sleep 0.3; echo late"), &out), ERR_OK);
	assert_string_equal((const char *)out.data, "late\n");
	assert_int_equal(collect((const char *const[]){"true", NULL}, &out), ERR_OK);
	assert_int_equal(out.length, 1);
	buffer_free(&out);
}

static void failing_commands_fail(void **state)
{
	struct buffer out = {0};

	(void)state;
	assert_int_equal(collect(SHELL("echo x; exit 3"), &out), ERR_FAILED);
	assert_int_equal(failure_last()->id, PL_COMMAND_FAILED);
	assert_non_null(strstr(failure_last()->text, "status 3"));
	assert_int_equal(collect(SHELL("kill -9 $$"), &out), ERR_FAILED);
	assert_int_equal(failure_last()->id, PL_COMMAND_FAILED);
	assert_non_null(strstr(failure_last()->text, "signal 9"));
	assert_null(strstr(failure_last()->text, "kill")); /* arguments may hold secrets */
	assert_int_equal(collect((const char *const[]){"no-such-program-here", "x", NULL}, &out), ERR_FAILED);
	assert_int_equal(failure_last()->id, PL_CHILD);
	assert_non_null(strstr(failure_last()->text, "no-such-program-here"));
	assert_int_equal(collect((const char *const[]){"/etc/passwd", NULL}, &out), ERR_FAILED);
	assert_int_equal(failure_last()->id, PL_CHILD);
	buffer_free(&out);
}

static void on_signal(int number)
{
	(void)number;
}

/* The child sees no descriptor of ours, open signals, default handlers and a group of its own. */
static void the_child_is_clean(void **state)
{
	struct buffer out = {0};
	sigset_t blocked;
	int leak = open("/dev/zero", O_RDONLY); /* without O_CLOEXEC, as a library may do */
	char group[32];
	unsigned long long masks[3];

	(void)state;
	assert_true(leak >= 0);
	/* What this test was started with ignored (nohup, a shell's background) stays so in a child. */
	for (int number = SIGHUP; number <= SIGQUIT; number++)
		signal(number, SIG_DFL);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	signal(SIGUSR2, on_signal);
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(collect(SHELL("cd /proc/self/fd && echo *"), &out), ERR_OK);
	/* The shell itself opens one more to expand the names. */
	assert_memory_equal(out.data, "0 1 2 3\n", 6);
	assert_null(strchr((const char *)out.data, '5'));
	assert_int_equal(collect(SHELL("sed -n '/^Sig[BIC]/p' /proc/self/status"), &out), ERR_OK);
	assert_int_equal(
	    sscanf((const char *)out.data, "SigBlk: %llx SigIgn: %llx SigCgt: %llx", &masks[0], &masks[1], &masks[2]),
	    3);
	/* Signals 32 and 33 are the C library's own; what this test inherited of them nobody can change. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(masks[i] & ~0x180000000ULL, 0);
	assert_int_equal(collect(SHELL("cut -d' ' -f5 /proc/$$/stat"), &out), ERR_OK);
	snprintf(group, sizeof(group), "%d\n", (int)getpgrp());
	assert_string_not_equal((const char *)out.data, group);
	signal(SIGUSR2, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &blocked, NULL);
	close(leak);
	buffer_free(&out);
}

static void closed_standard_descriptors_do_no_harm(void **state)
{
	pid_t pid = fork();
	int status = 0;

	(void)state;
	if (pid == 0) {
		struct buffer out = {0};

		close(0);
		close(1);
		close(2);
		_exit(collect(SHELL("echo fine"), &out) == ERR_OK && strcmp((const char *)out.data, "fine\n") == 0 ? 0
														   : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void an_unfinished_command_is_ended(void **state)
{
	struct command *command = NULL;
	char bytes[16];
	size_t got = 0;

	(void)state;
	assert_int_equal(command_start(&command, SHELL("echo $$; sleep 100 & sleep 100")), ERR_OK);
	assert_int_equal(command_read(command, bytes, sizeof(bytes) - 1, &got), ERR_OK);
	assert_true(got > 1);
	bytes[got] = '\0';
	command_free(command);
	assert_int_equal(kill((pid_t)atoi(bytes), 0), -1);
	assert_int_equal(errno, ESRCH);
	/* One that does not listen. */
	assert_int_equal(command_start(&command, SHELL("trap '' TERM; echo x; while :; do sleep 1; done")), ERR_OK);
	assert_int_equal(command_read(command, bytes, sizeof(bytes), &got), ERR_OK);
	command_free(command);
	command_free(NULL);
}

static void not_read_to_the_end_is_failed(void **state)
{
	struct command *command = NULL;

	(void)state;
	assert_int_equal(command_start(&command, (const char *const[]){"cat", "/dev/zero", NULL}), ERR_OK);
	assert_int_equal(command_finish(command), ERR_FAILED);
	assert_int_equal(failure_last()->id, PL_COMMAND_FAILED);
	command_free(command);
}

static void a_request_to_stop_is_heard(void **state)
{
	struct command *command = NULL;
	char byte;
	size_t got;

	(void)state;
	assert_int_equal(command_start(&command, (const char *const[]){"sleep", "100", NULL}), ERR_OK);
	interrupt_set(true);
	assert_int_equal(command_read(command, &byte, 1, &got), ERR_INTERRUPTED);
	assert_int_equal(command_finish(command), ERR_INTERRUPTED);
	interrupt_set(false);
	command_free(command);
}

/* What a program leaves at work may hold its output; that it ended is seen all the same, and all that it said before is there. */
static void what_was_left_at_work_is_not_waited_for(void **state)
{
	struct command *command = NULL;
	char said[64] = "";
	size_t length = 0, got = 1;

	(void)state;
	assert_int_equal(command_start(&command, SHELL("sleep 1000 & echo $!; sleep 0.3; echo two; exit 5")), ERR_OK);
	while (got > 0) {
		assert_int_equal(command_read_said(command, said + length, sizeof(said) - 1 - length, &got), ERR_OK);
		length += got;
	}
	said[length] = '\0';
	assert_non_null(strstr(said, "\ntwo\n"));
	assert_int_equal(command_finish(command), ERR_FAILED);
	assert_non_null(strstr(failure_last()->text, "status 5"));
	command_free(command);
	assert_int_equal(kill((pid_t)atol(said), SIGKILL), 0); /* it was left at work */
}

static void who_never_stops_talking_is_interrupted(void **state)
{
	struct command *command = NULL;
	char said[4096];
	size_t got = 0;

	(void)state;
	assert_int_equal(command_start(&command, (const char *const[]){"yes", NULL}), ERR_OK);
	assert_int_equal(command_read_said(command, said, sizeof(said), &got), ERR_OK);
	interrupt_set(true);
	assert_int_equal(command_read_said(command, said, sizeof(said), &got), ERR_INTERRUPTED);
	interrupt_set(false);
	command_free(command);
}

/* The shell goes at once; what it started does not hear, and holds a pipe for as long as it is there. */
static void the_whole_group_is_ended(void **state)
{
	struct command *command = NULL;
	char path[] = "/tmp/pulih-command-XXXXXX", script[256], byte;
	size_t got;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(path));
	snprintf(script, sizeof(script), "mkfifo %s/held", path);
	assert_int_equal(system(script), 0);
	snprintf(script, sizeof(script), "%s/held", path);
	fd = open(script, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	snprintf(script, sizeof(script),
	    "exec 3> %s/held; (trap '' TERM; echo x; sleep 1000; sleep 1000) & trap 'exit 0' TERM; exec 3>&-; wait",
	    path);
	assert_int_equal(command_start(&command, SHELL(script)), ERR_OK);
	assert_int_equal(command_read(command, &byte, 1, &got), ERR_OK);
	command_free(command);
	/* The end: nobody has it open any more. */
	assert_int_equal(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 60000), 1);
	assert_int_equal(read(fd, &byte, 1), 0);
	close(fd);
	snprintf(script, sizeof(script), "rm -r %s", path);
	assert_int_equal(system(script), 0);
}

static void memory_may_run_out(void **state)
{
	struct command *command = NULL;
	enum err err = ERR_NOMEM;

	(void)state;
	for (unsigned long n = 1; err != ERR_OK; n++) {
		mem_fail_at(n);
		err = command_start(&command, (const char *const[]){"true", NULL});
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
		assert_true(n < 10);
	}
	assert_int_equal(command_finish(command), ERR_OK);
	command_free(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(output_is_read_whole),
	    cmocka_unit_test(failing_commands_fail),
	    cmocka_unit_test(the_child_is_clean),
	    cmocka_unit_test(closed_standard_descriptors_do_no_harm),
	    cmocka_unit_test(an_unfinished_command_is_ended),
	    cmocka_unit_test(not_read_to_the_end_is_failed),
	    cmocka_unit_test(a_request_to_stop_is_heard),
	    cmocka_unit_test(what_was_left_at_work_is_not_waited_for),
	    cmocka_unit_test(who_never_stops_talking_is_interrupted),
	    cmocka_unit_test(the_whole_group_is_ended),
	    cmocka_unit_test(memory_may_run_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
