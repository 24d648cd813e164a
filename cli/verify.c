/* pulih verify */
#include "restore/verify.h"
#include "cli/access.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/settings.h"
#include "core/base/clock.h"
#include "core/base/output.h"

#include <string.h>

static const char *const tiers[] = {
    [VERIFY_STRUCTURE] = "structure",
    [VERIFY_STORED] = "stored",
    [VERIFY_CONTENT] = "content",
    NULL,
};

static struct {
	int tier;
	uint64_t budget;
	bool all;
} given = {.tier = VERIFY_STORED};

static const struct option_spec options[] = {
    {OPTION("tier", 0, OPTION_CHOICE, "TIER", "structure, stored (default) or content", &given.tier), .choices = tiers},
    {OPTION("budget", 0, OPTION_SIZE, "SIZE", "read about so much, what was read longest ago first", &given.budget)},
    {OPTION("all", 0, OPTION_FLAG, NULL, "read everything, whatever the budget (the default without one)", &given.all)},
    {0},
};

static void on_finding(void *context, const struct verify_finding *finding)
{
	char code[16];
	bool touches = finding->touches && finding->touches[0];
	bool named = strstr(finding->failure->text, finding->object) != NULL;

	(void)context;
	if (output_is_json())
		output_object("finding",
		    json_pack("{s:o, s:s, s:s, s:o, s:o}", "object", output_text(finding->object), "code",
			message_code(finding->failure->id, code), "kind", error_name(finding->failure->kind), "reason",
			output_text(finding->failure->text), "touches", output_text(touches ? finding->touches : "")));
	else
		output_warning(finding->failure->id, "%s%s%s%s%s", named ? "" : finding->object, named ? "" : ": ",
		    finding->failure->text, touches ? "; touches " : "", touches ? finding->touches : "");
}

static void report(enum err err, const struct verify_result *result, bool keyless)
{
	char size[32], duration[32], oldest[DESCRIBE_TIME];
	json_t *object;

	if ((err == ERR_OK || err == ERR_CORRUPT) && output_level() >= OUTPUT_NORMAL) {
		output_print("%s: %s, %s\n", result->findings ? "DAMAGE FOUND" : "no damage found",
		    describe_count(result->snapshots, "snapshot").text, describe_count(result->packs, "pack").text);
		output_print("  read: %s, %s in %s\n", describe_count(result->packs_read, "pack").text,
		    output_size(size, result->bytes_read), output_duration(duration, result->duration));
		if (result->chunks)
			output_print("  chunks checked: %llu\n", (unsigned long long)result->chunks);
		if (result->packs && result->oldest_unread)
			output_print("  every pack was read since %s\n", describe_time(oldest, result->oldest_unread));
		else if (result->packs)
			output_print("  some packs were never read here yet\n");
	}
	object = json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "tier", tiers[given.tier], "keyless",
	    keyless, "snapshots", (json_int_t)result->snapshots, "packs", (json_int_t)result->packs, "packs_read",
	    (json_int_t)result->packs_read, "bytes_read", (json_int_t)result->bytes_read, "chunks",
	    (json_int_t)result->chunks, "entries", (json_int_t)result->entries, "findings",
	    (json_int_t)result->findings, "total_duration", (double)result->duration / CLOCK_SECOND);
	if (object && result->oldest_unread)
		json_object_set_new(object, "oldest_unread", describe_time_json(result->oldest_unread));
	output_object("summary", object);
}

static enum err verify_command_run(const struct arguments *arguments)
{
	struct repository repository = {0};
	struct verify_result result = {0};
	struct verify_options verify = {
	    .tier = (enum verify_tier)given.tier,
	    .budget = given.all ? 0 : given.budget,
	    .threads = (unsigned)settings.threads,
	    .state_folder = settings.state_folder,
	    .on_finding = on_finding,
	};
	bool keyless;
	enum err err;

	(void)arguments;
	if (given.tier == VERIFY_STORED)
		err = access_open_or_keyless(&repository);
	else if (given.tier == VERIFY_CONTENT)
		err = access_open_full(&repository, "the content tier");
	else
		err = access_open(&repository);
	if (err != ERR_OK)
		return err;
	keyless = repository.keys == NULL;
	if (keyless)
		output_note("no passphrase: checking only that every pack is what its name says");
	err = verify_run(&repository, &verify, &result);
	report(err, &result, keyless);
	repository_close(&repository);
	return err;
}

const struct command verify_command = {
    .name = "verify",
    .purpose = "prove that what is stored is whole",
    .arguments = "",
    .options = options,
    .details =
	"structure: signatures, counts, every pack that is needed is there with the right size\n"
	"stored:    besides, every pack file is what its name says; needs no passphrase\n"
	"content:   besides, everything is opened, decompressed and compared with its id; needs the full key\n"
	"It can be stopped and run again: what was read is remembered. Exit code 4: damage, each object is named.",
    .examples = "pulih verify -r /srv/pulih\npulih verify --tier content --budget 10G",
    .run = verify_command_run,
};
