/* The service manager (systemd): what it is told, and how often it wants a sign of life. Without one, all of this does nothing. The only file
 * that includes libsystemd's sd-daemon. */
#ifndef PULIH_SCHEDULER_SERVICE_H
#define PULIH_SCHEDULER_SERVICE_H

#include <stdint.h>

/* That it cannot be told is a warning, once. */
void service_ready(void);
void service_reloading(void); /* until service_ready */
void service_stopping(void);
/* One line for `systemctl status`. */
void service_status(const char *text);
/* Half of the time, in ns, within which a sign of life is wanted; 0: none is. */
int64_t service_watchdog_every(void);
void service_alive(void);
/* In a child: it is not the service, and must not speak for it. */
void service_forget(void);

#endif
