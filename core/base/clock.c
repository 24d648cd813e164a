#include "core/base/clock.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TICK_MAX (CLOCK_SECOND / 100) /* of a kernel with CONFIG_HZ=100 */
#define TICK_LOOK (CLOCK_SECOND / 1000)

static atomic_int interrupted; /* lock-free, hence safe in a signal handler */

static int64_t read_clock(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * CLOCK_SECOND + now.tv_nsec;
}

int64_t clock_now(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t clock_monotonic(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

void clock_outlive_tick(int64_t time)
{
	static const struct timespec look = {.tv_nsec = TICK_LOOK};

	/* The number of looks is bounded: a clock may be set back, or stand still. */
	for (int i = 0; i < 2 * TICK_MAX / TICK_LOOK; i++) {
		int64_t now = read_clock(CLOCK_REALTIME_COARSE);

		if (now > time || time - now > TICK_MAX)
			return;
		nanosleep(&look, NULL);
	}
}

static time_t whole_seconds(int64_t time)
{
	return (time_t)(time / CLOCK_SECOND - (time % CLOCK_SECOND < 0));
}

char *clock_format(char out[CLOCK_TEXT], int64_t time)
{
	time_t seconds = whole_seconds(time);
	struct tm parts;
	size_t length;

	localtime_r(&seconds, &parts);
	length = strftime(out, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%S%z", &parts);
	/* +0900 becomes +09:00 */
	if (length >= 5 && length + 1 < CLOCK_TEXT) {
		memmove(out + length - 1, out + length - 2, 3);
		out[length - 2] = ':';
	}
	return out;
}

char *clock_format_utc(char out[CLOCK_TEXT], int64_t time)
{
	time_t seconds = whole_seconds(time);
	struct tm parts;

	gmtime_r(&seconds, &parts);
	strftime(out, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%SZ", &parts);
	return out;
}

static bool parse_offset(const char *at, int *seconds)
{
	int hours, minutes, used = 0;

	*seconds = 0;
	if (at[0] == 'Z' || at[0] == 'z')
		return at[1] == '\0';
	if ((at[0] != '+' && at[0] != '-') || sscanf(at + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 || used != 5)
		return false;
	if (at[6] != '\0' || hours > 23 || minutes > 59 || hours < 0 || minutes < 0)
		return false;
	*seconds = (hours * 60 + minutes) * (at[0] == '-' ? -60 : 60);
	return true;
}

bool clock_parse(const char *text, int64_t *out)
{
	struct tm parts = {0};
	const char *at = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
	int64_t seconds, fraction = 0, unit = CLOCK_SECOND / 10;
	int offset;

	if (!at)
		return false;
	if (*at == '.') {
		if (*++at < '0' || *at > '9')
			return false;
		for (; *at >= '0' && *at <= '9'; at++, unit /= 10)
			fraction += (*at - '0') * unit;
	}
	if (!parse_offset(at, &offset))
		return false;
	/* int64_t nanoseconds end in 1677 and 2262. */
	seconds = (int64_t)timegm(&parts) - offset;
	if (seconds <= INT64_MIN / CLOCK_SECOND || seconds >= INT64_MAX / CLOCK_SECOND)
		return false;
	*out = seconds * CLOCK_SECOND + fraction;
	return true;
}

static void on_signal(int number)
{
	if (atomic_exchange(&interrupted, 1))
		_exit(128 + number);
}

void interrupt_install(void)
{
	struct sigaction action = {.sa_handler = on_signal}, before;

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* The terminal is gone: nobody is there to go on for, but with nohup. */
	if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &action, NULL);
	/* Both are told as errors of the call (EPIPE, EFBIG) instead. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

bool interrupt_requested(void)
{
	return atomic_load_explicit(&interrupted, memory_order_relaxed) != 0;
}

void interrupt_set(bool requested)
{
	atomic_store(&interrupted, requested);
}
