#include "cli/new_file.h"
#include "core/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum err new_file_open(int *fd, const char *path, mode_t mode)
{
	*fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (*fd >= 0)
		return ERR_OK;
	return errno == EEXIST ? fail(PL_OUTPUT_EXISTS, "%s is there already", path)
			       : fail_errno(PL_FILE_WRITE, "cannot create %s", path);
}

enum err new_file_write(int fd, const char *path, const struct buffer *bytes)
{
	if (file_write_all(fd, bytes->data, bytes->length) != 0 || fsync(fd) != 0)
		return fail_errno(PL_FILE_WRITE, "cannot write %s", path);
	return file_sync_folder_of(path);
}

enum err new_file_close(int fd, const char *path, enum err err)
{
	close(fd);
	if (err != ERR_OK)
		unlink(path);
	return err;
}
