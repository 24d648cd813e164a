#include "core/backup/store_internal.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/pace.h"
#include "core/repo/object.h"

#define SENDER_QUEUE 16 /* units; the store bounds the packs in flight below this */
/* A pack is written, synced, read back and checked, and waits for the medium most of that time: two threads keep it busy. */
#define SENDERS 2u

struct pack_sender {
	struct target *target;
	struct pool *pool;
	struct queue *queue;
	bool threaded;
	unsigned started;
	pthread_t threads[SENDERS];
	pthread_mutex_t lock;
	pthread_cond_t stored;
	bool stop;		/* under the lock: a unit failed, or nobody wants the rest */
	struct failure failure; /* under the lock: of the unit that failed first */
	struct pace pace;
};

/* The order matters, see pack_writer_check(): what the medium holds is compared with memory, then memory is checked. What fails is taken
 * away again, and no index will ever name it. */
static enum err send_pack(struct pack_sender *sender, struct pack_unit *unit)
{
	const struct pack *pack = unit->pack;
	struct object_name name = object_pack(pack->id);
	struct failure failure;
	enum err err;

	pace_wait(&sender->pace, pack->size);
	err = target_put_compared(sender->target, name.text, pack->bytes, pack->size, pack->id);
	if (err != ERR_OK)
		return err;
	err = pack_writer_check(unit->writer);
	if (err == ERR_OK)
		return ERR_OK;
	failure_take(&failure);
	target_remove(sender->target, name.text);
	return failure_put(&failure);
}

/* ERR_OK: the unit may go. What is not begun fails for the reason of the one that failed first, which may stand behind it: the caller looks
 * at them in order, and must not be told that somebody interrupted. */
static enum err may_go(struct pack_sender *sender)
{
	enum err err = ERR_OK;

	pthread_mutex_lock(&sender->lock);
	if (sender->failure.kind != ERR_OK)
		err = failure_put(&sender->failure);
	else if (sender->stop || interrupt_requested())
		err = fail(PL_INTERRUPTED, "interrupted");
	pthread_mutex_unlock(&sender->lock);
	return err;
}

static void process(struct pack_sender *sender, struct pack_unit *unit)
{
	enum err err;

	pool_wait(sender->pool, &unit->job);
	err = unit->failure.kind;
	if (err == ERR_OK) {
		err = may_go(sender);
		if (err == ERR_OK)
			err = send_pack(sender, unit);
		if (err != ERR_OK)
			failure_take(&unit->failure);
	}
	pthread_mutex_lock(&sender->lock);
	unit->stored = true;
	if (err != ERR_OK) {
		sender->stop = true;
		if (sender->failure.kind == ERR_OK)
			sender->failure = unit->failure;
	}
	pthread_cond_broadcast(&sender->stored);
	pthread_mutex_unlock(&sender->lock);
}

static void *sender_main(void *argument)
{
	struct pack_sender *sender = argument;
	struct pack_unit *unit;

	while ((unit = queue_pop(sender->queue)) != NULL)
		process(sender, unit);
	return NULL;
}

enum err pack_sender_new(
    struct pack_sender **out, struct target *target, struct pool *pool, bool threaded, uint64_t rate)
{
	struct pack_sender *sender = mem_calloc(1, sizeof(*sender));
	enum err err;

	*out = NULL;
	if (!sender)
		return ERR_NOMEM;
	sender->target = target;
	sender->pool = pool;
	sender->threaded = threaded;
	pace_setup(&sender->pace, rate);
	pthread_mutex_init(&sender->lock, NULL);
	pthread_cond_init(&sender->stored, NULL);
	err = queue_new(&sender->queue, SENDER_QUEUE);
	while (err == ERR_OK && threaded && sender->started < SENDERS) {
		err = thread_start(&sender->threads[sender->started], "pulih-write", sender_main, sender);
		if (err == ERR_OK)
			sender->started++;
	}
	if (err != ERR_OK) {
		pack_sender_free(sender);
		return err;
	}
	*out = sender;
	return ERR_OK;
}

void pack_sender_free(struct pack_sender *sender)
{
	if (!sender)
		return;
	pthread_mutex_lock(&sender->lock);
	sender->stop = true;
	pthread_mutex_unlock(&sender->lock);
	if (sender->queue)
		queue_close(sender->queue);
	while (sender->started > 0)
		pthread_join(sender->threads[--sender->started], NULL);
	queue_free(sender->queue);
	pthread_cond_destroy(&sender->stored);
	pthread_mutex_destroy(&sender->lock);
	pace_end(&sender->pace);
	mem_free(sender);
}

void pack_sender_submit(struct pack_sender *sender, struct pack_unit *unit)
{
	if (sender->threaded)
		queue_push(sender->queue, unit);
	else
		process(sender, unit);
}

enum err pack_sender_wait(struct pack_sender *sender, struct pack_unit *unit)
{
	pthread_mutex_lock(&sender->lock);
	while (!unit->stored)
		pthread_cond_wait(&sender->stored, &sender->lock);
	pthread_mutex_unlock(&sender->lock);
	return unit->failure.kind == ERR_OK ? ERR_OK : failure_put(&unit->failure);
}

bool pack_sender_done(struct pack_sender *sender, struct pack_unit *unit)
{
	bool done;

	pthread_mutex_lock(&sender->lock);
	done = unit->stored;
	pthread_mutex_unlock(&sender->lock);
	return done;
}
