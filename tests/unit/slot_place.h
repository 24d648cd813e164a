/* A place in memory with one key slot, for the tests of key slots. */
#ifndef PULIH_TESTS_SLOT_PLACE_H
#define PULIH_TESTS_SLOT_PLACE_H

#include "core/repo/config.h"
#include "core/repo/key_slot.h"

#include <jansson.h>

struct slot_place {
	struct target *target;
	struct keys *keys;
	struct config config;
	uint8_t slot[KEY_SLOT_ID_SIZE]; /* the one that was added last */
};

extern const uint8_t slot_place_code[RECOVERY_BYTES];

/* Setup and teardown of cmocka: *state is a struct slot_place; its slot is cheap, of the label "first" and opens with "correct horse". */
int slot_place_up(void **state);
int slot_place_down(void **state);

struct keys *slot_place_keys(uint8_t seed);
enum err slot_place_add(
    struct slot_place *place, const char *type, const char *label, const void *passphrase, size_t size);
/* A slot that opens must give the keys' root. */
enum err slot_place_open(struct slot_place *place, const char *passphrase, uint8_t slot[KEY_SLOT_ID_SIZE]);
/* Opens with PL_PASSPHRASE_WRONG. */
void slot_place_refuses(struct slot_place *place, const char *passphrase);
/* Changes one member of the slot's JSON (of its object `folder`, where that is not NULL); NULL takes it out. Steals `value`. The check is
 * made right again, as by somebody who knows what a slot must look like, unless it is what is changed. */
void slot_place_change(struct slot_place *place, const char *folder, const char *member, json_t *value);

#endif
