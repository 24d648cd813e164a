/* A place in memory with a repository, for tests. */
#ifndef PULIH_TESTS_REPOSITORY_PLACE_H
#define PULIH_TESTS_REPOSITORY_PLACE_H

#include "core/repo/repository.h"

struct place {
	struct target *target; /* NULL while a repository owns it */
	struct repository repository;
	char *folder, *key_path;
	const char *passphrase;
	unsigned asked;
};

/* Setup of a group of tests. */
int place_crypto(void **state);

/* Setup and teardown of cmocka: *state is a struct place. An empty place with the passphrase "correct horse" and a state folder. */
int place_empty_up(void **state);
/* The same with an open repository; its only slot is a cheap one, so that opening it often is quick. */
int place_up(void **state);
int place_down(void **state);

/* Access with the place's passphrase, or with a key file; domain "server". */
struct repository_access place_access(struct place *place, const char *key_file);
/* Makes a repository, which then owns the target. */
enum err place_init(struct place *place);
/* Opens what is there, closes it, and gives the target back. */
enum err place_open(struct place *place, const char *key_file);
/* place_open() fails with that message. */
void place_refuses(struct place *place, const char *key_file, enum message id);
/* Closes the repository and keeps its target. */
void place_leave(struct place *place);

#endif
