#include "scheduler/service.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#include <stdbool.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>

static void tell(const char *text)
{
	static bool warned;
	int result = sd_notify(0, text);

	if (result >= 0 || warned)
		return;
	warned = true;
	output_warning(PL_SUPERVISOR, "the service manager cannot be told: %s", strerror(-result));
}

void service_ready(void)
{
	tell("READY=1");
}

void service_reloading(void)
{
	char text[64];

	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)(clock_monotonic() / 1000));
	tell(text);
}

void service_stopping(void)
{
	tell("STOPPING=1");
}

void service_status(const char *text)
{
	char line[256];

	snprintf(line, sizeof(line), "STATUS=%s", text);
	tell(line);
}

int64_t service_watchdog_every(void)
{
	uint64_t microseconds = 0;

	return sd_watchdog_enabled(0, &microseconds) > 0 ? (int64_t)microseconds * 1000 / 2 : 0;
}

void service_alive(void)
{
	tell("WATCHDOG=1");
}

void service_forget(void)
{
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}
