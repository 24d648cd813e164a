#include "tests/unit/notify_place.h"
#include "core/base/file.h"
#include "core/crypto/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

char notify_place_folder[64], notify_place_url[64];
static struct configuration_person people[] = {
    {.id = "admin", .name = "Nama Admin", .position = "Operator", .role = ROLE_OPERATOR, .email = "admin@example.org"},
    {.id = "kasubbag", .name = "Nama Kasubbag", .position = "Kasub Bag", .role = ROLE_REVIEWER},
};
static struct configuration_job jobs[] = {
    {.name = "website", .performer = "admin", .reviewer = "kasubbag"},
    {.name = "other", .performer = "admin", .reviewer = "kasubbag"},
};
static struct configuration_webhook webhook = {.url = notify_place_url, .connection = {.timeout = 20}};
static struct configuration_ping ping = {.url = notify_place_url, .connection = {.timeout = 20}};
struct configuration_channel notify_place_channels[] = {
    {.name = "hook", .on = EVENTS_DEFAULT, .webhook = &webhook},
    {.name = "watch", .on = ON_FAILURE, .ping = &ping},
};
struct configuration notify_place_configuration = {
    .file = "pulih.yaml",
    .office = {.name = "Pengadilan Agama Ternate", .timezone = "Asia/Jayapura"},
    .people = people,
    .people_count = 2,
    .jobs = jobs,
    .jobs_count = 2,
    .notifications = notify_place_channels,
    .notifications_count = 1,
};
const struct notify notify_place = {.configuration = &notify_place_configuration, .state_folder = notify_place_folder};

struct notify_event notify_place_failure(void)
{
	static const char *const lines[] = {"/srv/a: Permission denied", "/srv/\xff: gone"};
	struct notify_event event = {.kind = NOTIFY_FAILURE,
	    .job = "website",
	    .run_id = "20261122t010000-website-3f2a",
	    .time = MOMENT,
	    .last_good = MOMENT - 50 * 60 * MINUTE,
	    .lines = lines,
	    .lines_count = 2};

	(fail)(PL_NO_SPACE, "cannot write /srv/pulih/x: No space left on device");
	failure_take(&event.failure);
	return event;
}

int notify_place_up(void **state)
{
	(void)state;
	snprintf(notify_place_folder, sizeof(notify_place_folder), "/tmp/pulih-test-XXXXXX");
	assert_non_null(mkdtemp(notify_place_folder));
	setenv("TZ", "Asia/Jayapura", 1);
	tzset();
	return crypto_setup() == ERR_OK ? 0 : -1;
}

int notify_place_down(void **state)
{
	(void)state;
	return file_remove_tree(notify_place_folder) == ERR_OK ? 0 : -1;
}
