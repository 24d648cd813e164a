#include "cli/setup_file.h"
#include "core/base/file.h"

#include <fcntl.h>
#include <unistd.h>

enum err setup_file_read(const char *path, size_t limit, struct buffer *out, bool *found)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat status;
	enum err err = ERR_OK;

	*found = false;
	if (fd < 0)
		return ERR_OK;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
		err = file_read_rest(fd, path, limit, out);
		*found = err == ERR_OK;
	}
	close(fd);
	if (err == ERR_OK || err == ERR_NOMEM)
		return err;
	failure_clear();
	buffer_clear(out);
	return ERR_OK;
}
