/* pulih key list */
#include "cli/access.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/repo/key_slot.h"

#include <string.h>

static void print_slots(const struct key_slot *slots, size_t count)
{
	output_print("Slots: each opens the repository\n");
	for (size_t i = 0; i < count; i++) {
		char id[DESCRIBE_ID], time[DESCRIBE_TIME];
		char *label = output_printable(slots[i].label, strlen(slots[i].label));

		output_print("  %s  %-10s  %s  %s\n", describe_id(id, slots[i].id), slots[i].type,
		    describe_time(time, slots[i].created), label ? label : "");
		output_object("key_slot",
		    json_pack("{s:o, s:s, s:s, s:o, s:{s:s, s:I, s:I, s:I}}", "id",
			describe_hex(slots[i].id, sizeof(slots[i].id)), "type", slots[i].type, "label",
			label ? label : "", "created", describe_time_json(slots[i].created), "kdf", "name", "argon2id",
			"memory_kib", (json_int_t)slots[i].cost.memory_kib, "passes", (json_int_t)slots[i].cost.passes,
			"lanes", (json_int_t)slots[i].cost.lanes));
		mem_free(label);
	}
}

static void print_writers(const struct key_writer *writers, size_t count)
{
	if (count > 0)
		output_print("Backup keys: each adds backups to its domain\n");
	for (size_t i = 0; i < count; i++) {
		char id[DESCRIBE_ID];
		char *label = output_printable(writers[i].label, strlen(writers[i].label));
		char *domain = output_printable(writers[i].domain_name, strlen(writers[i].domain_name));

		output_print("  %s  %-10s  %s%s%s\n", describe_id(id, writers[i].id), domain ? domain : "",
		    label ? label : "", writers[i].append_only ? "  (append-only)" : "",
		    writers[i].revoked ? "  (revoked)" : "");
		output_object("writer",
		    json_pack("{s:o, s:s, s:o, s:s, s:b, s:b}", "id", describe_hex(writers[i].id, WRITER_ID_SIZE),
			"label", label ? label : "", "domain", describe_hex(writers[i].domain, DOMAIN_TAG_SIZE),
			"domain_name", domain ? domain : "", "append_only", writers[i].append_only, "revoked",
			writers[i].revoked));
		mem_free(label);
		mem_free(domain);
	}
}

static enum err key_list_run(const struct arguments *arguments)
{
	struct repository repository = {0};
	struct key_slot *slots = NULL;
	struct key_writer *writers = NULL;
	size_t slots_count = 0, writers_count = 0;
	enum err err = access_open(&repository);

	(void)arguments;
	if (err != ERR_OK)
		return err;
	err = key_slot_list(repository.target, &slots, &slots_count);
	if (err == ERR_OK)
		err = key_writers_list(&repository, &writers, &writers_count);
	if (err == ERR_OK) {
		print_slots(slots, slots_count);
		print_writers(writers, writers_count);
		output_object("summary",
		    json_pack("{s:I, s:I}", "slots", (json_int_t)slots_count, "writers", (json_int_t)writers_count));
	}
	mem_free(slots);
	mem_free(writers);
	repository_close(&repository);
	return err;
}

const struct command key_list_command = {
    .name = "key list",
    .purpose = "list passphrases, recovery codes and backup keys",
    .arguments = "",
    .examples = "pulih key list -r /srv/pulih",
    .run = key_list_run,
};
