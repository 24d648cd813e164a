#include "tests/unit/tell_place.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "scheduler/notify_outbox_internal.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct configuration_person people[] = {
    {.id = "admin", .name = "Nama Admin", .position = "Operator", .role = ROLE_OPERATOR, .email = "admin@example.org"},
    {.id = "kasubbag",
	.name = "Nama Kasubbag",
	.position = "Kasub Bag",
	.role = ROLE_REVIEWER,
	.email = "k@example.org"},
    {.id = "sekretaris",
	.name = "Nama Sekretaris",
	.position = "Sekretaris",
	.role = ROLE_HEAD,
	.email = "s@example.org"},
    {.id = "ketua", .name = "Nama Ketua", .position = "Ketua", .role = ROLE_HEAD},
    {.id = "same", .name = "Nama Lain", .position = "Staf", .role = ROLE_OPERATOR, .email = "k@example.org"},
};
static struct configuration_job jobs[] = {
    {.name = "website", .performer = "admin", .reviewer = "kasubbag"},
    {.name = "other", .performer = "admin", .reviewer = "kasubbag"},
};
static char *admin[] = {"admin"}, *same[] = {"same"};
static struct configuration_mail first = {.server = "x", .from = "p@example.org", .people = admin, .people_count = 1};
static struct configuration_mail second = {.server = "x", .from = "p@example.org", .people = same, .people_count = 1};
static struct configuration_ping ping = {.url = "http://127.0.0.1:1/x"};
struct configuration_channel tell_place_channels[3];
struct configuration tell_place_configuration = {
    .file = "pulih.yaml",
    .office = {.name = "Pengadilan Agama Ternate", .timezone = "Asia/Jayapura"},
    .people = people,
    .people_count = 5,
    .jobs = jobs,
    .jobs_count = 2,
    .notifications = tell_place_channels,
};
const struct notify tell_place = {.configuration = &tell_place_configuration, .state_folder = ledger_folder};

int tell_place_enter(void **state)
{
	memset(tell_place_channels, 0, sizeof(tell_place_channels));
	tell_place_channels[0] = (struct configuration_channel){.name = "mail", .on = EVENTS_DEFAULT, .mail = &first};
	tell_place_channels[1] =
	    (struct configuration_channel){.name = "second", .on = EVENTS_DEFAULT, .mail = &second};
	tell_place_channels[2] = (struct configuration_channel){.name = "watch", .on = ON_FAILURE, .ping = &ping};
	tell_place_configuration.notifications_count = 1;
	tell_place_configuration.office.language = LANGUAGE_ENGLISH;
	return ledger_enter(state);
}

struct state *tell_place_state(void)
{
	struct state *state;

	assert_int_equal(state_open(&state, ledger_folder, true), ERR_OK);
	return state;
}

size_t tell_place_waiting(void)
{
	size_t count;

	assert_int_equal(notify_outbox_count(ledger_folder, &count), ERR_OK);
	return count;
}

void tell_place_empty(void)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/notify", ledger_folder);
	assert_int_equal(file_remove_tree(path), ERR_OK);
}

const char *tell_place_take(void)
{
	static char text[4096];
	struct notify_outbox outbox;
	size_t length = 0;

	text[0] = '\0';
	assert_int_equal(notify_outbox_open(&outbox, ledger_folder), ERR_OK);
	for (size_t i = 0; i < outbox.count; i++) {
		struct notify_message message = {0};
		json_t *item;
		size_t k;

		assert_int_equal(notify_outbox_load(&outbox, i, &message), ERR_OK);
		assert_int_equal(message.attempts, 0);
		assert_true(message.next == message.created && message.created > 0);
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s %s %s [", message.channel,
		    notify_kind_name(message.kind), message.job);
		json_array_foreach(message.people, k, item)
		{
			length += (size_t)snprintf(
			    text + length, sizeof(text) - length, "%s%s", k ? " " : "", json_string_value(item));
		}
		length += (size_t)snprintf(text + length, sizeof(text) - length, "]");
		json_array_foreach(message.lines, k, item)
		{
			const char *line = json_string_value(item);

			length += (size_t)snprintf(
			    text + length, sizeof(text) - length, " %.*s", (int)strcspn(line, ":"), line);
		}
		length += (size_t)snprintf(text + length, sizeof(text) - length, "\n");
		notify_message_free(&message);
	}
	notify_outbox_close(&outbox);
	tell_place_empty();
	return text;
}
