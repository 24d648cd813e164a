/* Drives core/ssh for the system tests: opens a session as its options say, does one thing, and tells how that ended.
 *
 *   drive [NAME=VALUE ...] ACTION [ARGUMENT ...]
 * Options are those of struct ssh_options, and attempts, first, most for ssh_open_again, rate for the pace. What an action reads goes to standard output,
 * messages as "PL-2108 text" to standard error. Exit status 0: it was done; 1: it failed. */
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/ssh/sftp.h"
#include "core/ssh/ssh_command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#define PIECE (1u << 20)
#define INPUT_MAX (64u << 20)

struct drive {
	struct ssh_options options;
	struct ssh_patience patience;
	struct pace pace;
	struct ssh *ssh;
	struct sftp *sftp;
	char **arguments; /* of the action */
	uint8_t *piece;
	unsigned long pause; /* milliseconds between two reads */
};

static void tell(void)
{
	const struct failure *failure = failure_last();

	fprintf(stderr, "PL-%d %s\n", (int)failure->id, failure->text);
}

static bool again(void *context, const struct failure *failure, unsigned attempt, unsigned pause)
{
	(void)context;
	fprintf(stderr, "again: PL-%d attempt %u in %u s\n", (int)failure->id, attempt, pause);
	return true;
}

/* ---- actions ---- */

static enum err put_out(struct drive *drive, size_t size)
{
	if (drive->pause > 0)
		usleep((useconds_t)(drive->pause * 1000));
	if (file_write_all(STDOUT_FILENO, drive->piece, size) != 0)
		return fail_errno(PL_FILE_WRITE, "standard output");
	return ERR_OK;
}

/* Standard input is sent where there is any. */
static enum err do_exec(struct drive *drive)
{
	struct buffer input = {0};
	struct ssh_command *command = NULL;
	struct ssh_command_options options = {.line = drive->arguments[0]};
	size_t got = 1;
	enum err err = file_read_rest(STDIN_FILENO, "standard input", INPUT_MAX, &input);

	options.input = input.data;
	options.input_size = input.length;
	if (err == ERR_OK)
		err = ssh_command_start(&command, drive->ssh, &options);
	while (err == ERR_OK && got > 0) {
		err = ssh_command_read(command, drive->piece, PIECE, &got);
		if (err == ERR_OK)
			err = put_out(drive, got);
	}
	if (err == ERR_OK)
		err = ssh_command_finish(command);
	ssh_command_free(command);
	for (size_t i = 0; i < input.length; i++)
		if (input.data[i] != 0)
			err = fail(PL_CRYPTO, "the input was not overwritten");
	buffer_free(&input);
	return err;
}

/* Starts a command, reads a little, gives it up; then runs another one on the same session. */
static enum err do_abandon(struct drive *drive)
{
	struct ssh_command *command = NULL;
	struct ssh_command_options options = {.line = drive->arguments[0]};
	size_t got;
	enum err err = ssh_command_start(&command, drive->ssh, &options);

	if (err == ERR_OK)
		err = ssh_command_read(command, drive->piece, 1, &got);
	ssh_command_free(command);
	drive->arguments++;
	return err == ERR_OK ? do_exec(drive) : err;
}

static enum err read_file(struct drive *drive, struct sftp_file *file)
{
	enum err err = ERR_OK;
	size_t got = 1;

	while (err == ERR_OK && got > 0) {
		err = sftp_read(file, drive->piece, PIECE, &got);
		if (err == ERR_OK)
			err = put_out(drive, got);
	}
	return err;
}

/* PATH OFFSET */
static enum err do_cat(struct drive *drive)
{
	struct sftp_file *file = NULL;
	struct sftp_attributes attributes;
	enum err err = sftp_read_open(&file, drive->sftp, drive->arguments[0], strtoull(drive->arguments[1], NULL, 10));

	if (err == ERR_OK)
		err = sftp_file_attributes(file, &attributes);
	if (err == ERR_OK)
		err = read_file(drive, file);
	sftp_file_close(file);
	return err;
}

/* PATH: goes on where it was after each end of the line, as a source would do it. */
static enum err do_resume(struct drive *drive)
{
	struct sftp_file *file = NULL;
	uint64_t offset = 0;
	size_t got = 1;
	enum err err = ERR_OK;

	while (err == ERR_OK && got > 0) {
		if (!file)
			err = sftp_read_open(&file, drive->sftp, drive->arguments[0], offset);
		if (err == ERR_OK)
			err = sftp_read(file, drive->piece, 65536, &got);
		if (err == ERR_OK) {
			offset += got;
			err = put_out(drive, got);
			continue;
		}
		if (!ssh_is_broken(drive->ssh))
			break;
		sftp_file_close(file);
		file = NULL;
		got = 1;
		sftp_free(drive->sftp);
		drive->sftp = NULL;
		ssh_free(drive->ssh);
		err = ssh_open_again(&drive->ssh, &drive->options, &drive->patience);
		if (err == ERR_OK)
			err = sftp_open(&drive->sftp, drive->ssh);
	}
	sftp_file_close(file);
	return err;
}

/* FOLDER: each name with its attributes; names in hexadecimal, whatever they are. */
static enum err do_list(struct drive *drive)
{
	struct sftp_list *list = NULL;
	enum err err = sftp_list(drive->sftp, drive->arguments[0], &list);

	for (size_t i = 0; err == ERR_OK && i < sftp_list_count(list); i++) {
		const struct sftp_entry *entry = sftp_list_entry(list, i);

		for (const char *c = entry->name; *c; c++)
			printf("%02x", (unsigned char)*c);
		printf(" %o %llu %u %u %lld\n", entry->attributes.mode, (unsigned long long)entry->attributes.size,
		    entry->attributes.uid, entry->attributes.gid, (long long)(entry->attributes.mtime / CLOCK_SECOND));
	}
	sftp_list_free(list);
	return err;
}

/* FOLDER: the contents of all files in it, up to 32 of them open at once. */
static enum err do_catall(struct drive *drive)
{
	enum { AHEAD = 32 };
	struct sftp_file *files[AHEAD] = {NULL};
	struct sftp_list *list = NULL;
	enum err err = sftp_list(drive->sftp, drive->arguments[0], &list);
	size_t count = err == ERR_OK ? sftp_list_count(list) : 0, opened = 0;

	for (size_t i = 0; err == ERR_OK && i < count; i++) {
		for (; err == ERR_OK && opened < count && opened < i + AHEAD; opened++) {
			char *path = path_join(drive->arguments[0], sftp_list_entry(list, opened)->name);

			err = path ? sftp_read_open(&files[opened % AHEAD], drive->sftp, path, 0) : ERR_NOMEM;
			mem_free(path);
		}
		if (err == ERR_OK)
			err = read_file(drive, files[i % AHEAD]);
		sftp_file_close(files[i % AHEAD]);
		files[i % AHEAD] = NULL;
	}
	for (size_t i = 0; i < AHEAD; i++)
		sftp_file_close(files[i]);
	sftp_list_free(list);
	return err;
}

/* PATH: what is on standard input; says whether it is on the disk. */
static enum err do_put(struct drive *drive)
{
	struct sftp_file *file = NULL;
	bool durable = false;
	ssize_t got = 1;
	enum err err = sftp_write_open(&file, drive->sftp, drive->arguments[0], 0640), closed;

	while (err == ERR_OK && got > 0) {
		got = file_read_full(STDIN_FILENO, drive->piece, PIECE);
		if (got > 0)
			err = sftp_write(file, drive->piece, (size_t)got);
	}
	if (err == ERR_OK)
		err = sftp_sync(file, &durable);
	closed = sftp_file_close(file);
	printf("durable %d\n", durable);
	return err == ERR_OK ? closed : err;
}

static enum err show(enum err err, const struct sftp_attributes *attributes)
{
	if (err == ERR_OK)
		printf("%o %llu\n", attributes->mode, (unsigned long long)attributes->size);
	return err;
}

/* Each argument is one of these with its own, separated by blanks: several on one session; a refusal of one does not end the others. */
static enum err do_names(struct drive *drive)
{
	enum err err = ERR_OK;

	for (char **step = drive->arguments; *step && !ssh_is_broken(drive->ssh); step++) {
		char verb[16] = "", a[512] = "", b[512] = "", *target = NULL;
		struct sftp_attributes attributes;
		struct sftp_space space;

		sscanf(*step, "%15s %511s %511s", verb, a, b);
		if (strcmp(verb, "stat") == 0)
			err = show(sftp_stat(drive->sftp, a, &attributes), &attributes);
		else if (strcmp(verb, "lstat") == 0)
			err = show(sftp_lstat(drive->sftp, a, &attributes), &attributes);
		else if (strcmp(verb, "readlink") == 0 && (err = sftp_readlink(drive->sftp, a, &target)) == ERR_OK)
			printf("%s\n", target);
		else if (strcmp(verb, "space") == 0 && (err = sftp_space(drive->sftp, a, &space)) == ERR_OK)
			printf("%llu %llu\n", (unsigned long long)space.total, (unsigned long long)space.available);
		else if (strcmp(verb, "rename") == 0)
			err = sftp_rename(drive->sftp, a, b);
		else if (strcmp(verb, "unlink") == 0)
			err = sftp_unlink(drive->sftp, a);
		else if (strcmp(verb, "mkdir") == 0)
			err = sftp_mkdir(drive->sftp, a, 0750);
		mem_free(target);
		if (err != ERR_OK)
			tell();
	}
	return ERR_OK;
}

static enum err do_nothing(struct drive *drive)
{
	printf("%s %s\n", ssh_name(drive->ssh), ssh_fingerprint(drive->ssh));
	return ERR_OK;
}

static const struct action {
	const char *name;
	enum err (*run)(struct drive *drive);
	bool sftp;
} actions[] = {{"open", do_nothing, false}, {"exec", do_exec, false}, {"abandon", do_abandon, false},
    {"sftp", do_nothing, true}, {"cat", do_cat, true}, {"resume", do_resume, true}, {"list", do_list, true},
    {"catall", do_catall, true}, {"put", do_put, true}, {"names", do_names, true}};

/* ---- options ---- */

static void set_number(struct drive *drive, const char *name, unsigned long number)
{
	if (strcmp(name, "port") == 0)
		drive->options.port = (unsigned)number;
	else if (strcmp(name, "connect_timeout") == 0)
		drive->options.connect_timeout = (unsigned)number;
	else if (strcmp(name, "timeout") == 0)
		drive->options.timeout = (unsigned)number;
	else if (strcmp(name, "attempts") == 0)
		drive->patience.attempts = (unsigned)number;
	else if (strcmp(name, "first") == 0)
		drive->patience.first = (unsigned)number;
	else if (strcmp(name, "most") == 0)
		drive->patience.most = (unsigned)number;
	else if (strcmp(name, "rate") == 0)
		drive->pace.rate = number;
	else if (strcmp(name, "pause") == 0)
		drive->pause = number;
	else
		fprintf(stderr, "no option %s\n", name);
}

static void set_option(struct drive *drive, char *option)
{
	char *value = strchr(option, '=') + 1;
	struct {
		const char *name;
		const char **place;
	} texts[] = {{"host", &drive->options.host}, {"user", &drive->options.user},
	    {"fingerprint", &drive->options.fingerprint}, {"known_hosts", &drive->options.known_hosts},
	    {"key_file", &drive->options.key_file}, {"passphrase_file", &drive->options.passphrase_file},
	    {"agent", &drive->options.agent}, {"folder", &drive->options.folder}};

	value[-1] = '\0';
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(option, texts[i].name) == 0) {
			*texts[i].place = value;
			return;
		}
	set_number(drive, option, strtoul(value, NULL, 10));
}

static enum err run(struct drive *drive, const struct action *action)
{
	enum err err = ssh_open_again(&drive->ssh, &drive->options, &drive->patience);

	if (err == ERR_OK && action->sftp)
		err = sftp_open(&drive->sftp, drive->ssh);
	if (err == ERR_OK) {
		fprintf(stderr, "open\n");
		err = action->run(drive);
	}
	if (err != ERR_OK)
		tell();
	sftp_free(drive->sftp);
	ssh_free(drive->ssh);
	return err;
}

int main(int count, char **arguments)
{
	struct drive drive = {.patience = {.attempts = 1, .again = again}, .piece = mem_alloc(PIECE)};
	const struct action *action = NULL;
	int at = 1;
	enum err err;

	pace_setup(&drive.pace, 0);
	drive.options.pace = &drive.pace;
	interrupt_install();
	signal(SIGPIPE, SIG_IGN);
	for (; at < count && strchr(arguments[at], '='); at++)
		set_option(&drive, arguments[at]);
	for (size_t i = 0; at < count && i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(arguments[at], actions[i].name) == 0)
			action = &actions[i];
	if (!action)
		return 2;
	drive.arguments = arguments + at + 1;
	err = run(&drive, action);
	pace_end(&drive.pace);
	mem_free(drive.piece);
	fflush(stdout);
	return err == ERR_OK ? 0 : 1;
}
