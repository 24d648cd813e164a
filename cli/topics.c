/* pulih help: commands, topics, messages; and what shells ask to complete a line. */
#include "cli/complete.h"
#include "cli/help.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#include <stdio.h>
#include <string.h>

static struct {
	bool complete;
} given;

static const struct option_spec options[] = {
    {OPTION("complete", 0, OPTION_FLAG, NULL, "for shells: what may stand in place of the last word behind --",
	&given.complete)},
    {0},
};

static const struct topic {
	const char *name, *text;
} topics[] = {
    {"exit",
	"Exit codes\n"
	"    0  done and whole\n"
	"    1  failed\n"
	"    2  wrong usage or configuration\n"
	"    3  finished with exceptions, each of them named: part of the source could not be read, or changed while "
	"it was\n"
	"       read; of restore: all files with their contents are there, but not what the destination or this user "
	"cannot\n"
	"       have (owners, permissions, attributes, devices, links)\n"
	"    4  damage found\n"
	"    5  a drill did not match\n"
	"   10  there is no repository at that place\n"
	"   11  busy\n"
	"   12  wrong passphrase or key\n"
	"   13  not permitted by this key or target\n"
	"  130  interrupted\n"},
    {"excludes",
	"Patterns, as in .gitignore. The last one that matches decides.\n"
	"  *.tmp        any file or folder of that name, wherever it is\n"
	"  cache/       folders of that name only\n"
	"  /var/cache   only there: a leading / anchors\n"
	"  var/*.log    a / inside anchors too; * and ? never cross a /\n"
	"  **/log/*.gz  ** stands for any number of folders\n"
	"  [0-9]*       one character of a set\n"
	"  !keep.tmp    takes back, but not what lies below a folder that is left out\n"
	"  # text       a comment;  \\# and \\! are the characters themselves\n"
	"\n"
	"What is named as an argument is never left out. Try: pulih excludes explain PATH --exclude PATTERN\n"},
    {"environment",
	"An option beats a variable, and a variable beats the configuration.\n"
	"  PULIH_REPOSITORY        the repository (-r)\n"
	"  PULIH_PASSWORD_FILE     file with the passphrase (--password-file)\n"
	"  PULIH_PASSWORD_COMMAND  command that prints the passphrase (--password-command)\n"
	"  PULIH_KEY_FILE          backup key (--key-file); used before a passphrase of the environment\n"
	"  PULIH_STATE_DIR         caches and notes (--state-dir)\n"
	"  PULIH_CONFIG            configuration file (--config)\n"},
};

static void print_topic(const char *name, const char *text)
{
	output_print("%s", text);
	output_object("help", json_pack("{s:s, s:s}", "topic", name, "text", text));
}

static void print_message(const struct message_info *info)
{
	char code[16];

	message_code(info->id, code);
	output_print("%s\n  cause   %s\n  remedy  %s\n  exit    %d\n", code, info->cause, info->remedy,
	    error_exit_code(info->kind));
	output_object("message",
	    json_pack("{s:s, s:s, s:s, s:i, s:s, s:s}", "code", code, "name", info->name, "kind",
		error_name(info->kind), "exit_code", error_exit_code(info->kind), "cause", info->cause, "remedy",
		info->remedy));
}

static void print_messages(void)
{
	size_t count;
	const struct message_info *catalogue = message_catalogue(&count);

	for (size_t i = 0; i < count; i++) {
		char code[16];

		if (output_is_json())
			print_message(&catalogue[i]);
		else
			output_print("%s  %s\n", message_code(catalogue[i].id, code), catalogue[i].cause);
	}
}

/* "PL-1203", "pl1203" or "1203". */
static const struct message_info *find_message(const char *word)
{
	int number, used = 0;

	if (strncasecmp(word, "pl", 2) == 0)
		word += 2;
	word += *word == '-';
	if (sscanf(word, "%4d%n", &number, &used) != 1 || word[used])
		return NULL;
	return message_find(number);
}

static enum err help_run(const struct arguments *arguments)
{
	const char *word = arguments->items[0];
	const struct message_info *message;
	const struct command *command;
	char *name = NULL;

	if (given.complete) {
		complete_print(arguments->items, arguments->count);
		return ERR_OK;
	}
	if (arguments->count > 2)
		return fail(PL_ARGUMENTS, "too many arguments; usage: pulih help COMMAND");
	if (arguments->count == 0)
		return help_print(NULL, NULL, true);
	if (arguments->count == 1 && commands_is_group(word))
		return help_print(NULL, word, true);
	for (size_t i = 0; arguments->count == 1 && i < sizeof(topics) / sizeof(topics[0]); i++)
		if (strcmp(topics[i].name, word) == 0) {
			print_topic(word, topics[i].text);
			return ERR_OK;
		}
	if (arguments->count == 1 && strcmp(word, "messages") == 0) {
		print_messages();
		return ERR_OK;
	}
	message = arguments->count == 1 ? find_message(word) : NULL;
	if (message) {
		print_message(message);
		return ERR_OK;
	}
	name = arguments->count == 2 ? mem_printf("%s %s", word, arguments->items[1]) : mem_string(word);
	if (!name)
		return ERR_NOMEM;
	command = commands_find(name);
	mem_free(name);
	if (command)
		return help_print(command, NULL, true);
	return fail(PL_TOPIC_UNKNOWN,
	    "there is no help on \"%s\": name a command, exit, excludes, environment, messages or a code like PL-1203",
	    word);
}

const struct command help_command = {
    .name = "help",
    .purpose = "explain a command, a topic or a message",
    .arguments = "[COMMAND | exit | excludes | environment | messages | PL-nnnn]",
    .most = ARGUMENTS_ANY,
    .options = options,
    .details =
	"--complete -- WORD... prints one candidate a line, and what it means behind a tab; @files, @folders and\n"
	"@commands are what the shell completes itself. The completion of bash and zsh is made of it.",
    .examples = "pulih help backup\npulih help key add\npulih help PL-1110",
    .run = help_run,
};
