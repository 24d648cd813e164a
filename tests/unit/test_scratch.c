/* restore/scratch: folders and servers that are thrown away. */
#include "restore/scratch_internal.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/source/mariadb_client.h"
#include "core/source/postgresql_client.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* A parent of its own, through which the servers' user may pass. */
static int make_parent(void **state)
{
	char *parent = mem_string("/var/tmp/pulih-test-XXXXXX");

	*state = mkdtemp(parent);
	return *state && chmod(parent, 0755) == 0 ? 0 : -1;
}

static int remove_parent(void **state)
{
	int failed = rmdir(*state); /* nothing may be left in it */

	mem_free(*state);
	return failed;
}

static struct scratch *open_scratch(const char *parent)
{
	struct scratch *scratch;

	assert_int_equal(scratch_open(&scratch, &(struct scratch_options){.parent = parent}), ERR_OK);
	return scratch;
}

static void folder_goes_with_all_that_is_in_it(void **state)
{
	struct scratch *scratch = open_scratch(*state);
	char *deep = path_join(scratch_files(scratch), "a/b/c"), *file = path_join(scratch_files(scratch), "a/b/file");
	char *link = path_join(scratch_files(scratch), "link");
	int fd;

	assert_int_equal(file_make_folders(deep, 0700), ERR_OK);
	fd = open(file, O_CREAT | O_WRONLY, 0);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(symlink("/etc", link), 0);
	assert_int_equal(chmod(deep, 0), 0);
	assert_int_equal(scratch_close(scratch), ERR_OK);
	assert_int_equal(access("/etc/passwd", F_OK), 0);
	mem_free(deep);
	mem_free(file);
	mem_free(link);
}

static void only_what_was_cut_off_is_cleared(void **state)
{
	struct scratch *alive = open_scratch(*state), *other;
	char *stranger = path_join(*state, SCRATCH_PREFIX "strange"), *left = NULL;
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct scratch *scratch = open_scratch(*state);

		(void)scratch;
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(mkdir(stranger, 0700), 0);
	other = open_scratch(*state);
	/* That of the child is gone: what stands there is ours, and the folder that no drill made. */
	left = mem_printf("test $(ls -d %s/pulih-drill-* | wc -l) = 3", (char *)*state);
	assert_int_equal(system(left), 0);
	assert_int_equal(scratch_close(other), ERR_OK);
	assert_int_equal(scratch_close(alive), ERR_OK);
	assert_int_equal(rmdir(stranger), 0);
	mem_free(stranger);
	mem_free(left);
}

static void room_is_asked_for(void **state)
{
	struct scratch *scratch;

	assert_int_equal(
	    scratch_open(&scratch, &(struct scratch_options){.parent = *state, .reserve = 1 << 20}), ERR_OK);
	assert_int_equal(scratch_room(scratch, 1 << 20), ERR_OK);
	assert_int_equal(scratch_room(scratch, UINT64_MAX), ERR_NOSPACE);
	assert_int_equal(failure_last()->id, PL_SCRATCH_SPACE);
	assert_int_equal(scratch_close(scratch), ERR_OK);
	assert_int_equal(scratch_open(&scratch, &(struct scratch_options){.parent = "/no/such/folder"}), ERR_IO);
	assert_int_equal(failure_last()->id, PL_SCRATCH);
}

/* The answer of a server to a question, its first line. */
static char *ask_mariadb(const struct scratch_server *server, const char *sql, struct buffer *out)
{
	struct mariadb_client client = {.options = -1};

	buffer_clear(out);
	assert_int_equal(mariadb_client_open(&client, scratch_server_mariadb(server)), ERR_OK);
	assert_int_equal(mariadb_client_query(&client, sql, out), ERR_OK);
	mariadb_client_close(&client);
	out->data[strcspn((char *)out->data, "\n")] = '\0';
	return (char *)out->data;
}

static char *ask_postgresql(const struct scratch_server *server, const char *sql, struct buffer *out)
{
	struct postgresql_client client = {.passwords = -1};

	buffer_clear(out);
	assert_int_equal(postgresql_client_open(&client, scratch_server_postgresql(server)), ERR_OK);
	assert_int_equal(postgresql_client_query(&client, "template1", sql, out), ERR_OK);
	postgresql_client_close(&client);
	out->data[strcspn((char *)out->data, "\n")] = '\0';
	return (char *)out->data;
}

static void servers_answer_and_go(void **state)
{
	struct scratch *scratch = open_scratch(*state);
	struct scratch_server *mariadb = NULL, *postgresql = NULL;
	struct buffer answer = {0};

	if (scratch_server_start(&mariadb, scratch, SCRATCH_MARIADB) != ERR_OK ||
	    scratch_server_start(&postgresql, scratch, SCRATCH_POSTGRESQL) != ERR_OK) {
		print_message("%s\n", failure_last()->text);
		assert_int_equal(failure_last()->id, PL_SCRATCH_PROGRAM); /* not installed here */
	} else {
		assert_string_equal(ask_mariadb(mariadb, "SELECT VERSION()", &answer), scratch_server_version(mariadb));
		assert_string_equal(ask_mariadb(mariadb, "SELECT @@skip_networking", &answer), "1");
		assert_string_equal(ask_postgresql(postgresql, "SHOW listen_addresses", &answer), "");
		assert_string_equal(
		    ask_postgresql(postgresql, "SHOW server_version", &answer), scratch_server_version(postgresql));
	}
	scratch_server_free(mariadb);
	scratch_server_free(postgresql);
	assert_int_equal(scratch_close(scratch), ERR_OK);
	buffer_free(&answer);
}

/* A process that works in the folder, and that nobody is the parent of. */
static void what_works_there_is_ended(void **state)
{
	struct scratch *scratch = open_scratch(*state);
	char *command = mem_printf("cd %s && exec sleep 1000", scratch_files(scratch));
	pid_t child = fork();
	int status;

	if (child == 0) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(1);
	}
	for (;;) {
		char path[64], where[256] = "";

		snprintf(path, sizeof(path), "/proc/%d/cwd", (int)child);
		if (readlink(path, where, sizeof(where) - 1) > 0 && strcmp(where, scratch_files(scratch)) == 0)
			break;
		usleep(10000);
	}
	assert_int_equal(scratch_close(scratch), ERR_OK);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	mem_free(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(folder_goes_with_all_that_is_in_it, make_parent, remove_parent),
	    cmocka_unit_test_setup_teardown(only_what_was_cut_off_is_cleared, make_parent, remove_parent),
	    cmocka_unit_test_setup_teardown(room_is_asked_for, make_parent, remove_parent),
	    cmocka_unit_test_setup_teardown(servers_answer_and_go, make_parent, remove_parent),
	    cmocka_unit_test_setup_teardown(what_works_there_is_ended, make_parent, remove_parent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
