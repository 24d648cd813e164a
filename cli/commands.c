#include "cli/commands.h"
#include "cli/suggest.h"

#include <string.h>

/* One line a command: here, and nowhere else, a command becomes known. */
extern const struct command backup_command, cat_command, config_check_command, config_show_command, diff_command,
    drill_command, doctor_command, excludes_explain_command, find_command, forget_command, help_command, init_command,
    key_add_command, key_issue_writer_command, key_list_command, key_passwd_command, key_remove_command,
    key_revoke_writer_command, key_sheet_command, ledger_accept_command, ledger_rebuild_command, ledger_verify_command,
    ls_command, notify_list_command, notify_retry_command, notify_test_command, report_export_command,
    report_list_command, report_show_command, report_recap_command, report_schedule_command, report_situation_command,
    restore_command, review_approve_command, review_list_command, review_return_command, run_command, schedule_command,
    scheduler_command, setup_command, snapshots_command, stats_command, status_command, verify_command, version_command;

const struct command_entry commands[] = {
    {"Back up", &setup_command},
    {"Back up", &init_command},
    {"Back up", &backup_command},
    {"Jobs and their reports", &run_command},
    {"Jobs and their reports", &drill_command},
    {"Jobs and their reports", &scheduler_command},
    {"Jobs and their reports", &schedule_command},
    {"Jobs and their reports", &status_command},
    {"Jobs and their reports", &report_list_command},
    {"Jobs and their reports", &report_show_command},
    {"Jobs and their reports", &report_export_command},
    {"Jobs and their reports", &report_recap_command},
    {"Jobs and their reports", &report_schedule_command},
    {"Jobs and their reports", &report_situation_command},
    {"Jobs and their reports", &notify_test_command},
    {"Jobs and their reports", &notify_list_command},
    {"Jobs and their reports", &notify_retry_command},
    {"Jobs and their reports", &review_list_command},
    {"Jobs and their reports", &review_approve_command},
    {"Jobs and their reports", &review_return_command},
    {"Jobs and their reports", &ledger_verify_command},
    {"Jobs and their reports", &ledger_accept_command},
    {"Jobs and their reports", &ledger_rebuild_command},
    {"Jobs and their reports", &config_check_command},
    {"Jobs and their reports", &config_show_command},
    {"Look", &snapshots_command},
    {"Look", &ls_command},
    {"Look", &find_command},
    {"Look", &diff_command},
    {"Look", &cat_command},
    {"Look", &stats_command},
    {"Bring back and prove", &restore_command},
    {"Bring back and prove", &verify_command},
    {"Bring back and prove", &forget_command},
    {"Keys", &key_list_command},
    {"Keys", &key_add_command},
    {"Keys", &key_remove_command},
    {"Keys", &key_passwd_command},
    {"Keys", &key_issue_writer_command},
    {"Keys", &key_revoke_writer_command},
    {"Keys", &key_sheet_command},
    {"Help", &doctor_command},
    {"Help", &excludes_explain_command},
    {"Help", &version_command},
    {"Help", &help_command},
    {NULL, NULL},
};

const struct command *commands_find(const char *name)
{
	for (const struct command_entry *entry = commands; entry->command; entry++)
		if (strcmp(entry->command->name, name) == 0)
			return entry->command;
	return NULL;
}

bool commands_is_group(const char *word)
{
	size_t length = strlen(word);

	for (const struct command_entry *entry = commands; entry->command; entry++)
		if (strncmp(entry->command->name, word, length) == 0 && entry->command->name[length] == ' ')
			return true;
	return false;
}

enum err commands_fail_unknown(const char *name)
{
	struct suggestion suggestion = suggest_start(name);

	for (const struct command_entry *entry = commands; entry->command; entry++)
		suggest_consider(&suggestion, entry->command->name);
	if (suggestion.nearest)
		return fail(
		    PL_COMMAND_UNKNOWN, "there is no command \"%s\"; did you mean %s?", name, suggestion.nearest);
	return fail(PL_COMMAND_UNKNOWN, "there is no command \"%s\"", name);
}
