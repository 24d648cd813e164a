#include "core/base/pool.h"
#include "core/base/mem.h"

#include <sched.h>
#include <signal.h>

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t work;  /* a job waits, or the pool ends */
	pthread_cond_t room;  /* a job left the queue */
	pthread_cond_t ended; /* a job has run */
	struct pool_job *first, *last;
	size_t waiting, capacity;
	unsigned threads, started;
	bool ending;
	pthread_t *ids;
};

struct worker {
	struct pool *pool;
	unsigned number;
};

enum err thread_start(pthread_t *out, const char *name, void *(*run)(void *), void *argument)
{
	sigset_t all, old;
	int failed;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	failed = pthread_create(out, NULL, run, argument);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (failed != 0)
		return fail(PL_THREAD, "cannot start the thread %s: %s", name, strerror(failed));
	pthread_setname_np(*out, name);
	return ERR_OK;
}

unsigned thread_processors(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0 || CPU_COUNT(&set) < 1)
		return 1;
	return (unsigned)CPU_COUNT(&set);
}

static void *worker_main(void *argument)
{
	struct worker worker = *(struct worker *)argument;
	struct pool *pool = worker.pool;

	mem_free(argument);
	pthread_mutex_lock(&pool->lock);
	for (;;) {
		struct pool_job *job;

		while (!pool->first && !pool->ending)
			pthread_cond_wait(&pool->work, &pool->lock);
		job = pool->first;
		if (!job)
			break;
		pool->first = job->next;
		pool->waiting--;
		pthread_cond_signal(&pool->room);
		pthread_mutex_unlock(&pool->lock);
		job->run(job, worker.number);
		pthread_mutex_lock(&pool->lock);
		job->done = true;
		pthread_cond_broadcast(&pool->ended);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static enum err start_worker(struct pool *pool, const char *name)
{
	struct worker *worker = mem_alloc(sizeof(*worker));
	enum err err;

	if (!worker)
		return ERR_NOMEM;
	*worker = (struct worker){.pool = pool, .number = pool->started};
	err = thread_start(&pool->ids[pool->started], name, worker_main, worker);
	if (err != ERR_OK)
		mem_free(worker);
	else
		pool->started++;
	return err;
}

enum err pool_new(struct pool **out, const char *name, unsigned threads, size_t capacity)
{
	struct pool *pool = mem_calloc(1, sizeof(*pool));
	enum err err = ERR_OK;

	*out = NULL;
	if (!pool)
		return ERR_NOMEM;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	pthread_cond_init(&pool->room, NULL);
	pthread_cond_init(&pool->ended, NULL);
	pool->threads = threads;
	pool->capacity = capacity ? capacity : 1;
	pool->ids = mem_calloc(threads, sizeof(*pool->ids));
	if (!pool->ids)
		err = ERR_NOMEM;
	while (err == ERR_OK && pool->started < threads)
		err = start_worker(pool, name);
	if (err != ERR_OK) {
		pool_free(pool);
		return err;
	}
	*out = pool;
	return ERR_OK;
}

void pool_free(struct pool *pool)
{
	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->ending = true;
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->started; i++)
		pthread_join(pool->ids[i], NULL);
	pthread_cond_destroy(&pool->ended);
	pthread_cond_destroy(&pool->room);
	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->lock);
	mem_free(pool->ids);
	mem_free(pool);
}

void pool_submit(struct pool *pool, struct pool_job *job)
{
	job->next = NULL;
	job->done = false;
	if (pool->threads == 0) {
		job->run(job, 0);
		pthread_mutex_lock(&pool->lock);
		job->done = true;
		pthread_cond_broadcast(&pool->ended);
		pthread_mutex_unlock(&pool->lock);
		return;
	}
	pthread_mutex_lock(&pool->lock);
	while (pool->waiting >= pool->capacity)
		pthread_cond_wait(&pool->room, &pool->lock);
	if (pool->first)
		pool->last->next = job;
	else
		pool->first = job;
	pool->last = job;
	pool->waiting++;
	pthread_cond_signal(&pool->work);
	pthread_mutex_unlock(&pool->lock);
}

void pool_wait(struct pool *pool, struct pool_job *job)
{
	pthread_mutex_lock(&pool->lock);
	while (!job->done)
		pthread_cond_wait(&pool->ended, &pool->lock);
	pthread_mutex_unlock(&pool->lock);
}

bool pool_done(struct pool *pool, struct pool_job *job)
{
	bool done;

	pthread_mutex_lock(&pool->lock);
	done = job->done;
	pthread_mutex_unlock(&pool->lock);
	return done;
}

unsigned pool_workers(const struct pool *pool)
{
	return pool->threads ? pool->threads : 1;
}

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled, emptied;
	size_t first, count, capacity;
	bool closed;
	void *items[];
};

enum err queue_new(struct queue **out, size_t capacity)
{
	struct queue *queue = mem_calloc(1, sizeof(*queue) + capacity * sizeof(void *));

	*out = queue;
	if (!queue)
		return ERR_NOMEM;
	pthread_mutex_init(&queue->lock, NULL);
	pthread_cond_init(&queue->filled, NULL);
	pthread_cond_init(&queue->emptied, NULL);
	queue->capacity = capacity;
	return ERR_OK;
}

void queue_free(struct queue *queue)
{
	if (!queue)
		return;
	pthread_cond_destroy(&queue->emptied);
	pthread_cond_destroy(&queue->filled);
	pthread_mutex_destroy(&queue->lock);
	mem_free(queue);
}

bool queue_push(struct queue *queue, void *item)
{
	bool pushed;

	pthread_mutex_lock(&queue->lock);
	while (queue->count == queue->capacity && !queue->closed)
		pthread_cond_wait(&queue->emptied, &queue->lock);
	pushed = !queue->closed;
	if (pushed) {
		queue->items[(queue->first + queue->count) % queue->capacity] = item;
		queue->count++;
		pthread_cond_signal(&queue->filled);
	}
	pthread_mutex_unlock(&queue->lock);
	return pushed;
}

void *queue_pop(struct queue *queue)
{
	void *item = NULL;

	pthread_mutex_lock(&queue->lock);
	while (queue->count == 0 && !queue->closed)
		pthread_cond_wait(&queue->filled, &queue->lock);
	if (queue->count > 0) {
		item = queue->items[queue->first];
		queue->first = (queue->first + 1) % queue->capacity;
		queue->count--;
		pthread_cond_signal(&queue->emptied);
	}
	pthread_mutex_unlock(&queue->lock);
	return item;
}

void queue_close(struct queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->closed = true;
	pthread_cond_broadcast(&queue->filled);
	pthread_cond_broadcast(&queue->emptied);
	pthread_mutex_unlock(&queue->lock);
}
