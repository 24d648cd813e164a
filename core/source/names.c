#include "core/source/meta.h"
#include "core/base/mem.h"

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <stdatomic.h>

#define ANSWER_FIRST 1024     /* bytes for the answer of the user database at first … */
#define ANSWER_MAX (1u << 20) /* … and at most: a group of a domain may list all its members */

enum kind { KIND_USER, KIND_GROUP, KINDS };

struct known {
	uint32_t id;
	struct entry_bytes name;
};

/* Ascending by id. The names themselves never move. */
struct table {
	struct known *known;
	size_t count, capacity;
};

struct names {
	uint64_t serial; /* never that of another set of names, freed or not */
	pthread_rwlock_t lock;
	struct table tables[KINDS];
};

/* Nearly every file has the owner of the one before it: the last answer of each thread needs no lock. */
static _Thread_local struct {
	uint64_t serial;
	struct known known;
} last[KINDS];

static atomic_uint_fast64_t serials;

enum err names_new(struct names **out)
{
	struct names *names = mem_calloc(1, sizeof(*names));

	if (!names)
		return ERR_NOMEM;
	names->serial = atomic_fetch_add(&serials, 1) + 1;
	pthread_rwlock_init(&names->lock, NULL);
	*out = names;
	return ERR_OK;
}

void names_free(struct names *names)
{
	if (!names)
		return;
	for (size_t kind = 0; kind < KINDS; kind++) {
		for (size_t i = 0; i < names->tables[kind].count; i++)
			mem_free((void *)names->tables[kind].known[i].name.data);
		mem_free(names->tables[kind].known);
	}
	pthread_rwlock_destroy(&names->lock);
	mem_free(names);
}

/* Where the id is, or belongs. */
static size_t position(const struct table *table, uint32_t id)
{
	size_t low = 0, high = table->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (table->known[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool find(const struct table *table, uint32_t id, struct entry_bytes *name)
{
	size_t at = position(table, id);

	if (at == table->count || table->known[at].id != id)
		return false;
	*name = table->known[at].name;
	return true;
}

/* A copy of the name; NULL where the system knows none or cannot say. */
static char *ask(enum kind kind, uint32_t id)
{
	char *name = NULL;

	for (size_t size = ANSWER_FIRST; size <= ANSWER_MAX; size *= 4) {
		char *room = mem_alloc(size);
		struct passwd user, *is_user = NULL;
		struct group group, *is_group = NULL;
		int error;

		if (!room)
			return NULL;
		error = kind == KIND_USER ? getpwuid_r(id, &user, room, size, &is_user)
					  : getgrgid_r(id, &group, room, size, &is_group);
		if (is_user)
			name = mem_string(user.pw_name);
		else if (is_group)
			name = mem_string(group.gr_name);
		mem_free(room);
		if (error != ERANGE)
			break;
	}
	return name;
}

/* Takes `text` over. Numbers without a name are remembered too: asking may mean asking a server. */
static struct entry_bytes remember(struct names *names, enum kind kind, uint32_t id, char *text)
{
	struct table *table = &names->tables[kind];
	struct entry_bytes name = {0};
	struct known *known;
	size_t at;

	pthread_rwlock_wrlock(&names->lock);
	if (find(table, id, &name))
		goto done;
	known = mem_more(table->known, table->count, &table->capacity, sizeof(*known));
	if (!known)
		goto done;
	table->known = known;
	at = position(table, id);
	memmove(table->known + at + 1, table->known + at, (table->count++ - at) * sizeof(*table->known));
	name = (struct entry_bytes){(const uint8_t *)text, text ? strlen(text) : 0};
	table->known[at] = (struct known){id, name};
	text = NULL;
done:
	pthread_rwlock_unlock(&names->lock);
	mem_free(text);
	return name;
}

static struct entry_bytes name_of(struct names *names, enum kind kind, uint32_t id)
{
	struct entry_bytes name = {0};
	bool found;

	if (last[kind].serial == names->serial && last[kind].known.id == id)
		return last[kind].known.name;
	pthread_rwlock_rdlock(&names->lock);
	found = find(&names->tables[kind], id, &name);
	pthread_rwlock_unlock(&names->lock);
	if (!found)
		name = remember(names, kind, id, ask(kind, id));
	last[kind].serial = names->serial;
	last[kind].known = (struct known){id, name};
	return name;
}

struct entry_bytes names_user(struct names *names, uint32_t uid)
{
	return name_of(names, KIND_USER, uid);
}

struct entry_bytes names_group(struct names *names, uint32_t gid)
{
	return name_of(names, KIND_GROUP, gid);
}
