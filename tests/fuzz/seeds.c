#include "tests/fuzz/seeds.h"
#include "core/base/file.h"
#include "core/base/mem.h"

void seed_write(const char *name, const void *bytes, size_t size)
{
	const char *folder = getenv("FUZZ_SEEDS");
	char *path = folder ? path_join(folder, name) : NULL;

	if (path)
		MUST(file_replace(path, bytes, size, 0600) == ERR_OK);
	mem_free(path);
}
