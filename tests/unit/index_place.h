/* A target, a cache folder and keys that the tests of the index share. The functions end the test where something is wrong. */
#ifndef PULIH_TESTS_INDEX_PLACE_H
#define PULIH_TESTS_INDEX_PLACE_H

#include "core/repo/index_internal.h"
#include "index_samples.h"

/* Of the test that runs, from index_place_up() to index_place_down(). */
extern struct keys *index_place_keys;
extern struct target *index_place_target; /* in memory */
extern char *index_place_folder;	  /* the cache */

int index_place_up(void **state);
int index_place_down(void **state);

/* Puts an index object of sample packs there. */
struct object_name index_place_write(uint64_t first_pack, size_t packs, size_t chunks);
struct index *index_place_open(void);
struct index *index_place_open_with(const struct generations *generations, size_t budget);
enum err index_place_find(struct index *index, uint64_t pack, uint64_t chunk, struct index_location *out);
bool index_place_use(struct index *index, uint64_t pack, uint64_t chunk);
/* Every chunk of the packs is found, exactly where it is; one more is not. */
void index_place_check(struct index *index, uint64_t first_pack, size_t packs, size_t chunks);
/* A session stores a sample pack: expects its chunks, adds it; with `in_target` its object is put there first. */
void index_place_add(struct index *index, uint64_t pack, size_t chunks, bool in_target);

struct census {
	size_t packs, used, there, missing, resized;
	uint8_t last[OBJECT_ID_SIZE];
};

/* An index_pack_state_visit that fills a struct census. */
enum err index_place_count(void *context, const struct index_pack_state *pack);
struct census index_place_census(struct index *index);

/* Names in the cache folder that end so; the path of one of them if wanted (a path that was there is released). */
size_t index_place_files(const char *end, char **path);
size_t index_place_files_starting(const char *start);
/* Changes one bit of a file. */
void index_place_flip(const char *path, off_t offset);

#endif
