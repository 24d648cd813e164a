#include "targets/registry.h"
#include "targets/disk.h"

#include <string.h>

#define SCHEMES_KNOWN "a path, or file:/path"

/* Length of the scheme in front of ':'; 0 where there is none: a '/' comes first, or it is no word. */
static size_t scheme_length(const char *url)
{
	size_t length = strspn(url, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");

	return length > 0 && url[length] == ':' ? length : 0;
}

static enum err open_file_url(struct target **out, const char *url, const char *path, bool create)
{
	if (strncmp(path, "//localhost/", 12) == 0)
		path += 11;
	else if (strncmp(path, "///", 3) == 0)
		path += 2;
	if (path[0] != '/' || path[1] == '/')
		return fail(PL_TARGET_URL, "%s: file: is followed by an absolute path, as in file:/srv/pulih", url);
	return disk_target_new(out, url, path, create);
}

enum err target_open(struct target **out, const char *url, bool create)
{
	size_t scheme = scheme_length(url);

	*out = NULL;
	if (url[0] == '\0')
		return fail(PL_TARGET_URL, "the target is empty; known are %s", SCHEMES_KNOWN);
	if (scheme == 0)
		return disk_target_new(out, url, url, create);
	if (scheme == 4 && strncmp(url, "file", 4) == 0)
		return open_file_url(out, url, url + 5, create);
	return fail(PL_TARGET_URL,
	    "%s: targets of the kind '%.*s' are not known; known are %s (a path with a colon is written ./%s)", url,
	    (int)scheme, url, SCHEMES_KNOWN, url);
}
