#include "core/base/pace.h"
#include "core/base/clock.h"

#include <time.h>

void pace_setup(struct pace *pace, uint64_t rate)
{
	*pace = (struct pace){.rate = rate};
	pthread_mutex_init(&pace->lock, NULL);
}

void pace_end(struct pace *pace)
{
	pthread_mutex_destroy(&pace->lock);
}

void pace_wait(struct pace *pace, size_t size)
{
	int64_t now = clock_monotonic(), start;

	if (pace->rate == 0)
		return;
	pthread_mutex_lock(&pace->lock);
	start = pace->next > now ? pace->next : now;
	pace->next = start + (int64_t)((double)size / (double)pace->rate * (double)CLOCK_SECOND);
	pthread_mutex_unlock(&pace->lock);
	for (; start > now && !interrupt_requested(); now = clock_monotonic()) {
		int64_t left = start - now;
		struct timespec pause = {.tv_nsec = (long)(left < CLOCK_SECOND / 10 ? left : CLOCK_SECOND / 10)};

		nanosleep(&pause, NULL);
	}
}
