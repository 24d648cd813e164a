/* Keeping to a rate: bytes a second that several threads share. */
#ifndef PULIH_BASE_PACE_H
#define PULIH_BASE_PACE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct pace {
	pthread_mutex_t lock;
	uint64_t rate; /* 0: no limit */
	int64_t next;  /* when the next bytes may go */
};

void pace_setup(struct pace *pace, uint64_t rate);
void pace_end(struct pace *pace);
/* Returns when `size` bytes may go, or when the program was asked to stop. What has been let through before makes them wait, not they
 * themselves: nothing has to be paid before it is had. */
void pace_wait(struct pace *pace, size_t size);

#endif
