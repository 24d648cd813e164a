#include "cli/libraries.h"

#include <archive.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <sqlite3.h>
#include <stddef.h>
#include <zstd.h>

const struct library *libraries_list(void)
{
	static struct library list[6];

	list[0] = (struct library){"OpenSSL", OpenSSL_version(OPENSSL_VERSION_STRING)};
	list[1] = (struct library){"zstd", ZSTD_versionString()};
	list[2] = (struct library){"libarchive", archive_version_string() + sizeof("libarchive ") - 1};
	list[3] = (struct library){"SQLite", sqlite3_libversion()};
	list[4] = (struct library){"jansson", jansson_version_str()};
	return list;
}
