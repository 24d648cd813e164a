#include "conf/zone.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NAME_MAX_LENGTH 100 /* the longest of the database has 32 */

bool zone_known(const char *name)
{
	char path[sizeof(ZONE_FOLDER) + 1 + NAME_MAX_LENGTH], magic[4] = "";
	bool known;
	int fd;

	if (!*name || *name == '/' || strstr(name, "..") || strlen(name) > NAME_MAX_LENGTH)
		return false;
	snprintf(path, sizeof(path), "%s/%s", ZONE_FOLDER, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	known = read(fd, magic, sizeof(magic)) == sizeof(magic) && memcmp(magic, "TZif", sizeof(magic)) == 0;
	close(fd);
	return known;
}
