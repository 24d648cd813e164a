#include "tests/unit/meta_place.h"
#include "tests/unit/scratch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>
#include <cmocka.h>

int meta_place_folder = -1;
struct names *meta_place_names;

int meta_place_up(void **state)
{
	if (scratch_enter(state) != 0 || names_new(&meta_place_names) != ERR_OK)
		return -1;
	meta_place_folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return meta_place_folder >= 0 ? 0 : -1;
}

int meta_place_down(void **state)
{
	close(meta_place_folder);
	names_free(meta_place_names);
	return scratch_leave(state);
}

void skip_with(const char *why)
{
	print_message("skipped: %s\n", why);
	skip();
}
