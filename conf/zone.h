/* The tz database of this machine. */
#ifndef PULIH_CONF_ZONE_H
#define PULIH_CONF_ZONE_H

#include <stdbool.h>

#define ZONE_FOLDER "/usr/share/zoneinfo"

/* Whether it has a zone of that name, as Asia/Jayapura: a file below ZONE_FOLDER, never one outside. */
bool zone_known(const char *name);

#endif
