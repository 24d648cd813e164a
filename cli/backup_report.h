/* What a backup says while it runs and when it ends. */
#ifndef PULIH_CLI_BACKUP_REPORT_H
#define PULIH_CLI_BACKUP_REPORT_H

#include "cli/problems.h"
#include "core/backup/backup.h"

/* Starts as {.dry_run = …}. */
struct backup_report {
	struct problems problems;
	bool dry_run;
};

/* For backup_options: `context` is the report. */
void backup_report_problem(void *context, const struct backup_problem *problem);
/* The summary, where there is a snapshot (or would be, in a dry run). */
void backup_report_end(const struct backup_report *report, enum err err, const struct backup_result *result);

#endif
