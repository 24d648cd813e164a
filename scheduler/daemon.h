/* The scheduler as a process: it waits for planned times, starts each run as a child (`pulih run JOB --trigger … --planned … --run-id …`), and
 * takes note of how it ended.
 *
 *   <state>/scheduler.sqlite  what it remembers: state.h
 *   <state>/scheduler.lock    flock, holds the process id: one scheduler works with a state folder
 *   <state>/scheduler.yaml    the configuration that is in force: what its runs and what it tells are made from
 *
 * Signals: SIGHUP reads the configuration again; one that is wrong is named, and the old one stays, also over a restart. SIGTERM and SIGINT stop it: children are
 * asked to stop, keep their finished packs, and are resumed by the next scheduler; a second one kills them.
 *
 * Crash story: a run is in the state as running, under its id, before its process exists. A scheduler that finds such a run at its start waits
 * while the job's lock is held; then the record tells how the run ended. Where there is none, the run gets the record that it was cut off,
 * and the planned time is made up for. A process that comes to itself only then finds that record and does nothing.
 *
 * Damage: a state that is damaged is set aside (scheduler.sqlite.damaged) and begun anew, from what the ledger tells of each job's last good
 * backup. A ledger that is damaged, or takes nothing, leaves runs without a record, and holds up none.
 *
 * Telling people: what the scheduler has to tell (times that passed, runs that were cut off, reviews that are overdue), and how its runs ended, is
 * put into the outbox, and a child (`pulih notify retry`) sends it, one at a time and for a bounded time. The scheduler itself waits for no network.
 *
 * The clock: what is due is asked of the wall clock at each look. A look follows every change of the clock, each planned time, each end of a
 * child, and otherwise half a minute, so that a machine that slept is noticed too. */
#ifndef PULIH_SCHEDULER_DAEMON_H
#define PULIH_SCHEDULER_DAEMON_H

#include "core/base/error.h"

#include <stdbool.h>

#define DAEMON_ACCEPTED "scheduler.yaml" /* in the state folder; not there: the file itself is read */

struct daemon_options {
	const char *configuration_file, *state_folder;
	const char *const *run_options; /* further words for `pulih run`, NULL-terminated */
};

/* Until it is told to stop; then ERR_OK. PL_SCHEDULER_BUSY (ERR_BUSY), errors of configuration_load and database.h. */
enum err daemon_run(const struct daemon_options *options);

/* Whether a scheduler is at work with that state folder. */
enum err daemon_is_running(const char *state_folder, bool *out);

#endif
