/* pulih doctor: is this machine, and its setup, fit for backups? Each check gives one line. */
#include "cli/access.h"
#include "cli/commands.h"
#include "cli/libraries.h"
#include "cli/settings.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/repo/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#define DESCRIPTORS_WANTED 1024
#define STATE_SPACE_WANTED (UINT64_C(256) << 20) /* bytes: index cache and entry streams of a large machine */
#define TARGET_SPACE_WANTED (UINT64_C(1) << 30)
#define CLOCK_FIRST (INT64_C(1700000000) * CLOCK_SECOND) /* November 2023: older than this program */
#define CLOCK_LAST (INT64_C(4102444800) * CLOCK_SECOND)	 /* 2100 */
#define CLOCK_APART (5 * 60 * CLOCK_SECOND)		 /* retention goes by the target's clock, schedules by ours */

enum verdict { VERDICT_OK, VERDICT_WARN, VERDICT_FAIL };

struct examination {
	unsigned counts[3];
};

/* `remedy` is "" where there is nothing to do. */
static void say(struct examination *examination, enum verdict verdict, const char *check, const char *remedy,
    const char *format, ...) __attribute__((format(printf, 5, 6)));
static void say(struct examination *examination, enum verdict verdict, const char *check, const char *remedy,
    const char *format, ...)
{
	static const char *const words[] = {"ok", "warn", "fail"};
	char text[FAILURE_TEXT];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	examination->counts[verdict]++;
	if (verdict != VERDICT_OK || output_level() >= OUTPUT_NORMAL)
		output_print("%-4s  %-12s %s\n", words[verdict], check, text);
	if (verdict != VERDICT_OK && remedy[0])
		output_print("      %-12s -> %s\n", "", remedy);
	output_object("check",
	    json_pack("{s:s, s:s, s:o, s:s}", "name", check, "verdict", words[verdict], "text", output_text(text),
		"remedy", verdict == VERDICT_OK ? "" : remedy));
}

/* What the last call failed with becomes a line, and is forgotten. */
static void say_failure(struct examination *examination, enum verdict verdict, const char *check)
{
	struct failure failure;
	const struct message_info *info;

	failure_take(&failure);
	info = message_find((int)failure.id);
	say(examination, verdict, check, info ? info->remedy : "", "%s", failure.text);
}

/* True when /proc/cpuinfo lists the word among the processor's features. */
static bool processor_has(const struct buffer *cpuinfo, const char *word)
{
	size_t length = strlen(word);
	const char *at = (const char *)cpuinfo->data;

	while (at && (at = strstr(at, word)) != NULL) {
		if ((at[-1] == ' ' || at[-1] == '\t') && (at[length] == ' ' || at[length] == '\n'))
			return true;
		at += length;
	}
	return false;
}

static void check_processor(struct examination *examination)
{
	struct buffer cpuinfo = {0};
	const char *suite = suite_name((int)suite_for_this_machine());
	bool sha = false;

	if (file_read_all("/proc/cpuinfo", 64u << 20, &cpuinfo) == ERR_OK && buffer_append_u8(&cpuinfo, 0) == ERR_OK)
		sha = processor_has(&cpuinfo, "sha_ni") || processor_has(&cpuinfo, "sha2");
	failure_clear();
	buffer_free(&cpuinfo);
	say(examination, VERDICT_OK, "encryption", "", "%s for new repositories", suite);
	if (sha)
		say(examination, VERDICT_OK, "hashing", "", "this processor has SHA-256 instructions");
	else
		say(examination, VERDICT_WARN, "hashing", "nothing to do; backups take more processor time",
		    "this processor has no SHA-256 instructions");
	for (const struct library *library = libraries_list(); library->name; library++)
		say(examination, VERDICT_OK, library->name, "", "%s", library->version);
}

/* The kernel's own word on how much of this process is locked: the secure heap is there, or it is not. */
static void check_secure_memory(struct examination *examination)
{
	struct buffer status = {0};
	unsigned long locked = 0;
	const char *line = NULL;

	if (file_read_all("/proc/self/status", 1u << 20, &status) == ERR_OK && buffer_append_u8(&status, 0) == ERR_OK)
		line = strstr((const char *)status.data, "VmLck:");
	failure_clear();
	if (line && sscanf(line, "VmLck: %lu", &locked) == 1 && locked > 0)
		say(examination, VERDICT_OK, "secrets", "", "kept in locked memory, %lu KiB", locked);
	else
		say(examination, VERDICT_WARN, "secrets",
		    "raise the limit of locked memory (ulimit -l), or encrypt the swap space",
		    "memory cannot be locked: secrets could reach the swap space");
	buffer_free(&status);
}

static void check_descriptors(struct examination *examination)
{
	struct rlimit limit = {0};

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= DESCRIPTORS_WANTED)
		say(examination, VERDICT_OK, "descriptors", "", "%llu open files allowed",
		    (unsigned long long)limit.rlim_cur);
	else
		say(examination, VERDICT_FAIL, "descriptors", "raise the limit (ulimit -n, LimitNOFILE=)",
		    "only %llu open files allowed, %d are needed", (unsigned long long)limit.rlim_cur,
		    DESCRIPTORS_WANTED);
}

static void check_clock(struct examination *examination)
{
	struct timex state = {0};
	char text[CLOCK_TEXT];
	int64_t now = clock_now();

	clock_format(text, now);
	if (now < CLOCK_FIRST || now > CLOCK_LAST)
		say(examination, VERDICT_FAIL, "clock", "set it (timedatectl), and change the mainboard's battery",
		    "it says %s", text);
	else if (adjtimex(&state) >= 0 && (state.status & STA_UNSYNC))
		say(examination, VERDICT_WARN, "clock", "switch time synchronisation on (timedatectl set-ntp true)",
		    "nobody keeps it right; it says %s", text);
	else
		say(examination, VERDICT_OK, "clock", "", "it says %s", text);
}

static void check_state_folder(struct examination *examination)
{
	struct statvfs space;
	uint64_t available;
	char size[32];
	char *probe = path_join(settings.state_folder, "doctor.probe");
	enum err err = probe ? file_make_folders(settings.state_folder, 0700) : ERR_NOMEM;

	/* The very steps that keep notes whole over a power cut. */
	if (err == ERR_OK)
		err = file_replace(probe, "probe", 5, 0600);
	if (err == ERR_OK && unlink(probe) != 0)
		err = fail_errno(PL_FILE_WRITE, "cannot remove %s", probe);
	mem_free(probe);
	if (err != ERR_OK) {
		say_failure(examination, VERDICT_FAIL, "state");
		return;
	}
	if (statvfs(settings.state_folder, &space) != 0) {
		say(examination, VERDICT_WARN, "state", "", "%s: %s", settings.state_folder, strerror(errno));
		return;
	}
	available = (uint64_t)space.f_bavail * space.f_frsize;
	if (available < STATE_SPACE_WANTED)
		say(examination, VERDICT_WARN, "state", "free space there, or give --state-dir", "%s has only %s left",
		    settings.state_folder, output_size(size, available));
	else
		say(examination, VERDICT_OK, "state", "", "%s can be written durably, %s free", settings.state_folder,
		    output_size(size, available));
}

static void check_target_clock(struct examination *examination, struct target *target)
{
	int64_t now, apart;

	if (target_now(target, &now) != ERR_OK) {
		say_failure(examination, VERDICT_WARN, "target clock");
		return;
	}
	apart = now > clock_now() ? now - clock_now() : clock_now() - now;
	if (apart > CLOCK_APART)
		say(examination, VERDICT_WARN, "target clock", "set both clocks by the same source",
		    "%lld s away from this machine's", (long long)(apart / CLOCK_SECOND));
	else
		say(examination, VERDICT_OK, "target clock", "", "agrees with this machine's");
}

static void check_target_space(struct examination *examination, struct target *target)
{
	struct target_space space = {0};
	char available[32], total[32];

	if (target_space(target, &space) != ERR_OK)
		say_failure(examination, VERDICT_WARN, "target space");
	else if (space.total && space.available < TARGET_SPACE_WANTED)
		say(examination, VERDICT_WARN, "target space", "free space there, or use a larger disk",
		    "only %s of %s left", output_size(available, space.available), output_size(total, space.total));
	else if (space.total)
		say(examination, VERDICT_OK, "target space", "", "%s of %s free",
		    output_size(available, space.available), output_size(total, space.total));
}

static void check_target(struct examination *examination)
{
	struct target *target = NULL;
	struct config *config = NULL;

	if (access_target(&target) != ERR_OK) {
		say_failure(examination, VERDICT_FAIL, "target");
		return;
	}
	if (config_load(&config, target) != ERR_OK)
		say_failure(examination, VERDICT_FAIL, "target");
	else
		say(examination, VERDICT_OK, "target", "", "%s holds a repository (%s)", settings.repository,
		    suite_name(config->suite));
	check_target_space(examination, target);
	check_target_clock(examination, target);
	config_free(config);
	target_free(target);
}

static enum err doctor_run(const struct arguments *arguments)
{
	struct examination examination = {0};
	const unsigned *counts = examination.counts;

	(void)arguments;
	check_processor(&examination);
	check_secure_memory(&examination);
	check_descriptors(&examination);
	check_clock(&examination);
	check_state_folder(&examination);
	if (settings.repository)
		check_target(&examination);
	output_object("summary",
	    json_pack("{s:i, s:i, s:i}", "ok", (int)counts[VERDICT_OK], "warn", (int)counts[VERDICT_WARN], "fail",
		(int)counts[VERDICT_FAIL]));
	if (counts[VERDICT_FAIL])
		return fail(PL_DOCTOR, "%u of the checks failed", counts[VERDICT_FAIL]);
	return ERR_OK;
}

const struct command doctor_command = {
    .name = "doctor",
    .purpose = "check this machine and its setup",
    .arguments = "",
    .details =
	"With -r the repository's place is looked at too. Exit code 1 where a check fails; warnings are no failure.",
    .examples = "pulih doctor\npulih doctor -r /srv/pulih",
    .run = doctor_run,
};
