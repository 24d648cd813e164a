#include "tests/unit/scratch.h"
#include "core/base/buffer.h"
#include "core/base/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

char scratch_folder[64];

int scratch_enter(void **state)
{
	(void)state;
	snprintf(scratch_folder, sizeof(scratch_folder), "/tmp/pulih-test-XXXXXX");
	return mkdtemp(scratch_folder) && chdir(scratch_folder) == 0 ? 0 : -1;
}

int scratch_leave(void **state)
{
	(void)state;
	return chdir("/") == 0 && file_remove_tree(scratch_folder) == ERR_OK ? 0 : -1;
}

void make_each_folder(const char *const *paths)
{
	for (; *paths; paths++)
		assert_int_equal(mkdir(*paths, 0755), 0);
}

void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

void assert_text(const char *path, const char *text)
{
	struct buffer bytes = {0};

	if (file_read_all(path, 1 << 20, &bytes) != ERR_OK)
		fail_msg("cannot read %s", path);
	assert_int_equal(bytes.length, strlen(text));
	assert_memory_equal(bytes.data, text, bytes.length);
	buffer_free(&bytes);
}

bool exists(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}
