/* Two jobs, two channels and a state folder to make messages in. */
#ifndef PULIH_TESTS_NOTIFY_PLACE_H
#define PULIH_TESTS_NOTIFY_PLACE_H

#include "core/base/clock.h"
#include "scheduler/notify_internal.h"

#define MOMENT (INT64_C(1795276805) * CLOCK_SECOND) /* 2026-11-22T01:00:05+09:00 */
#define MINUTE (60 * CLOCK_SECOND)

/* Set-up and teardown of a group of tests. */
int notify_place_up(void **state);
int notify_place_down(void **state);

extern char notify_place_folder[64]; /* the state folder */
extern char notify_place_url[64];    /* where both channels send to */
/* A webhook, and a ping, which the configuration does not count unless a test says so. */
extern struct configuration_channel notify_place_channels[2];
extern struct configuration notify_place_configuration;
extern const struct notify notify_place;

/* Of the job "website", at MOMENT, with two lines. */
struct notify_event notify_place_failure(void);

#endif
