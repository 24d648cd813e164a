/* Worker threads and bounded queues.
 *
 * A pool runs jobs on its threads. Jobs start in the order in which they were submitted; waiting for them in that order
 * gives an ordered parallel map. With 0 threads pool_submit() runs the job at once: the serial stand-in that tests and
 * debuggers use; results are the same. */
#ifndef PULIH_BASE_POOL_H
#define PULIH_BASE_POOL_H

#include "core/base/error.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct pool;

/* Embedded in the caller's own struct, which stays alive and in place until the job is done. */
struct pool_job {
	/* Runs on one of the pool's threads; `worker` is 0 … threads-1 (0 in a serial pool). */
	void (*run)(struct pool_job *job, unsigned worker);
	struct pool_job *next; /* of the pool */
	bool done;	       /* of the pool */
};

/* Starts `threads` threads named `name`. At most `capacity` jobs wait; more submitters block. PL_THREAD, PL_NO_MEMORY. */
enum err pool_new(struct pool **out, const char *name, unsigned threads, size_t capacity);
/* Waits for all jobs, ends the threads. pool_free(NULL) does nothing. */
void pool_free(struct pool *pool);
void pool_submit(struct pool *pool, struct pool_job *job);
/* Returns when the job has run. */
void pool_wait(struct pool *pool, struct pool_job *job);
/* True when the job has run; never blocks. */
bool pool_done(struct pool *pool, struct pool_job *job);
/* At least 1. */
unsigned pool_workers(const struct pool *pool);

/* A bounded first-in-first-out queue of pointers between threads. */
struct queue;

enum err queue_new(struct queue **out, size_t capacity);
void queue_free(struct queue *queue);
/* Blocks while the queue is full. False when it was closed: the item stays the caller's. */
bool queue_push(struct queue *queue, void *item);
/* Blocks while the queue is empty. NULL when it is closed and empty. */
void *queue_pop(struct queue *queue);
/* No more pushes; what is in the queue can still be popped. */
void queue_close(struct queue *queue);

/* A thread that runs main(argument); PL_THREAD. All signals are blocked in it: the main thread handles them. */
enum err thread_start(pthread_t *out, const char *name, void *(*main)(void *), void *argument);

/* Processors this process may use, at least 1. */
unsigned thread_processors(void);

#endif
