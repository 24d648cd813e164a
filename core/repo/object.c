#include "core/repo/object.h"
#include "core/base/buffer.h"

#include <stdio.h>
#include <string.h>

#define ID_DIGITS (2 * OBJECT_ID_SIZE)
#define SHORT_ID_DIGITS 32 /* of 16-byte ids: key slots, sessions, domain tags */
#define GENERATION_DIGITS 16
#define RUN_ID_MAX 100

_Static_assert(sizeof("index/") + 2 * DOMAIN_TAG_SIZE + 1 + ID_DIGITS < OBJECT_NAME_MAX, "every name fits");
_Static_assert(sizeof("records/") + RUN_ID_MAX < OBJECT_NAME_MAX, "every name fits");

/* folder + "/" + the bytes in hexadecimal */
static struct object_name in_folder(const char *folder, const uint8_t *id, size_t size)
{
	struct object_name name;
	int length = snprintf(name.text, sizeof(name.text), "%s/", folder);

	hex_encode(name.text + length, id, size);
	return name;
}

struct object_name object_pack(const uint8_t id[OBJECT_ID_SIZE])
{
	char folder[sizeof("packs/00")];

	snprintf(folder, sizeof(folder), "packs/%02x", id[0]);
	return in_folder(folder, id, OBJECT_ID_SIZE);
}

struct object_name object_index(const uint8_t domain[DOMAIN_TAG_SIZE], const uint8_t id[OBJECT_ID_SIZE])
{
	struct object_name folder = in_folder("index", domain, DOMAIN_TAG_SIZE);

	return in_folder(folder.text, id, OBJECT_ID_SIZE);
}

struct object_name object_snapshot(const uint8_t id[OBJECT_ID_SIZE])
{
	return in_folder("snapshots", id, OBJECT_ID_SIZE);
}

struct object_name object_key_slot(const uint8_t id[16])
{
	return in_folder("keys", id, 16);
}

struct object_name object_session(const uint8_t id[16])
{
	return in_folder("sessions", id, 16);
}

struct object_name object_record(const char *run_id)
{
	struct object_name name;

	/* One character too many is kept, so that an id that is too long gives a name that is not valid, not another id's. */
	snprintf(name.text, sizeof(name.text), "records/%.*s", RUN_ID_MAX + 1, run_id);
	return name;
}

struct object_name object_generation(uint64_t generation)
{
	struct object_name name;

	snprintf(name.text, sizeof(name.text), "gc/%016llx", (unsigned long long)generation);
	return name;
}

bool object_id_of(const char *name, uint8_t id[OBJECT_ID_SIZE])
{
	const char *slash = strrchr(name, '/');

	return slash && hex_decode(id, OBJECT_ID_SIZE, slash + 1);
}

static bool digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* The text behind `count` hexadecimal digits; NULL where there are fewer. NULL in, NULL out. */
static const char *skip_digits(const char *text, size_t count)
{
	for (; text && count > 0; count--, text++)
		if (!digit(*text))
			return NULL;
	return text;
}

static const char *skip_text(const char *text, const char *start)
{
	size_t length = strlen(start);

	return text && strncmp(text, start, length) == 0 ? text + length : NULL;
}

/* True where the text ends, and was not NULL. */
static bool ends(const char *text)
{
	return text && *text == '\0';
}

static bool run_id_valid(const char *text)
{
	size_t length = text ? strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz-") : 0;

	return length >= 1 && length <= RUN_ID_MAX && ends(text + length);
}

static bool pack_name_valid(const char *name)
{
	const char *folder = skip_text(name, "packs/");
	const char *id = skip_text(skip_digits(folder, 2), "/");

	return ends(skip_digits(id, ID_DIGITS)) && memcmp(folder, id, 2) == 0;
}

bool object_name_valid(const char *name)
{
	return strcmp(name, OBJECT_CONFIG) == 0 || pack_name_valid(name) ||
	    ends(skip_digits(skip_text(skip_digits(skip_text(name, "index/"), SHORT_ID_DIGITS), "/"), ID_DIGITS)) ||
	    ends(skip_digits(skip_text(name, "snapshots/"), ID_DIGITS)) ||
	    ends(skip_digits(skip_text(name, "keys/"), SHORT_ID_DIGITS)) ||
	    ends(skip_digits(skip_text(name, "sessions/"), SHORT_ID_DIGITS)) ||
	    ends(skip_digits(skip_text(name, "gc/"), GENERATION_DIGITS)) || run_id_valid(skip_text(name, "records/"));
}

bool object_folder_valid(const char *folder)
{
	static const char *const plain[] = {"", "packs", "index", "snapshots", "keys", "sessions", "gc", "records"};

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (strcmp(folder, plain[i]) == 0)
			return true;
	return ends(skip_digits(skip_text(folder, "packs/"), 2)) ||
	    ends(skip_digits(skip_text(folder, "index/"), SHORT_ID_DIGITS));
}

bool object_in_folder(const char *name, const char *folder)
{
	const char *rest = skip_text(name, folder);

	return rest && (folder[0] == '\0' || rest[0] == '/');
}
