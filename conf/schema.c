/* The schema of the configuration, in libcyaml's terms. */
#include "conf/configuration_internal.h"

#include <stddef.h>
#include <syslog.h>

#define TEXT_MAX 4096u /* bytes: of a path, a command, a name */
#define ITEMS_MAX 10000u
#define CHANNELS_MAX 100u /* each may wait for a server */

#define TEXT(flags, type, member) \
	CYAML_FIELD_STRING_PTR(#member, CYAML_FLAG_POINTER | (flags), struct type, member, 1, TEXT_MAX)
#define REQUIRED(type, member) TEXT(CYAML_FLAG_DEFAULT, type, member)
#define OPTIONAL(type, member) TEXT(CYAML_FLAG_OPTIONAL, type, member)
#define TEXTS(type, member)   \
	CYAML_FIELD_SEQUENCE( \
	    #member, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct type, member, &text, 1, ITEMS_MAX)
#define NUMBER_OR_NONE(type, member) \
	CYAML_FIELD_UINT_PTR(#member, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct type, member)
#define FLAG(type, member) CYAML_FIELD_BOOL(#member, CYAML_FLAG_OPTIONAL, struct type, member)
#define NUMBER(type, member) CYAML_FIELD_UINT(#member, CYAML_FLAG_OPTIONAL, struct type, member)
#define WORD(flags, type, member, words) \
	CYAML_FIELD_ENUM(#member, CYAML_FLAG_STRICT | (flags), struct type, member, words, CYAML_ARRAY_LEN(words))

static const cyaml_schema_value_t text = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, TEXT_MAX)};

static const cyaml_strval_t languages[] = {{"id", LANGUAGE_INDONESIAN}, {"en", LANGUAGE_ENGLISH}};
static const cyaml_schema_field_t office[] = {
    REQUIRED(configuration_office, name),
    OPTIONAL(configuration_office, address),
    OPTIONAL(configuration_office, city),
    REQUIRED(configuration_office, timezone),
    WORD(CYAML_FLAG_OPTIONAL, configuration_office, language, languages),
    CYAML_FIELD_END,
};

static const cyaml_strval_t roles[] = {{"operator", ROLE_OPERATOR}, {"reviewer", ROLE_REVIEWER}, {"head", ROLE_HEAD}};
static const cyaml_schema_field_t person[] = {
    REQUIRED(configuration_person, id),
    REQUIRED(configuration_person, name),
    OPTIONAL(configuration_person, nip),
    REQUIRED(configuration_person, position),
    WORD(CYAML_FLAG_DEFAULT, configuration_person, role, roles),
    OPTIONAL(configuration_person, email),
    OPTIONAL(configuration_person, login),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t target[] = {
    REQUIRED(configuration_target, name),
    REQUIRED(configuration_target, url),
    OPTIONAL(configuration_target, password_file),
    OPTIONAL(configuration_target, password_command),
    OPTIONAL(configuration_target, key),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t files[] = {
    CYAML_FIELD_SEQUENCE("paths", CYAML_FLAG_POINTER, struct configuration_files, paths, &text, 1, ITEMS_MAX),
    TEXTS(configuration_files, exclude),
    TEXTS(configuration_files, exclude_files),
    TEXTS(configuration_files, exclude_if_present),
    FLAG(configuration_files, exclude_caches),
    FLAG(configuration_files, one_file_system),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t sqlite[] = {
    OPTIONAL(configuration_sqlite, path),
    TEXTS(configuration_sqlite, paths),
    CYAML_FIELD_END,
};
#define SERVER                                                                                \
	OPTIONAL(configuration_server, name), TEXTS(configuration_server, databases),         \
	    OPTIONAL(configuration_server, socket), OPTIONAL(configuration_server, host),     \
	    NUMBER_OR_NONE(configuration_server, port), OPTIONAL(configuration_server, user), \
	    OPTIONAL(configuration_server, password_file)
static const cyaml_schema_field_t mariadb[] = {
    SERVER,
    OPTIONAL(configuration_server, defaults_file),
    FLAG(configuration_server, without_lock),
    FLAG(configuration_server, without_users),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t postgresql[] = {
    SERVER,
    FLAG(configuration_server, without_users),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t source[] = {
    CYAML_FIELD_MAPPING_PTR(
	"files", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct configuration_source, files, files),
    CYAML_FIELD_MAPPING_PTR(
	"sqlite", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct configuration_source, sqlite, sqlite),
    CYAML_FIELD_MAPPING_PTR(
	"mariadb", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct configuration_source, mariadb, mariadb),
    CYAML_FIELD_MAPPING_PTR(
	"postgresql", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct configuration_source, postgresql, postgresql),
    CYAML_FIELD_END,
};

static const cyaml_strval_t intervals[] = {
    {"hour", EVERY_HOUR}, {"day", EVERY_DAY}, {"week", EVERY_WEEK}, {"month", EVERY_MONTH}};
static const cyaml_strval_t weekdays[] = {
    {"monday", 1}, {"tuesday", 2}, {"wednesday", 3}, {"thursday", 4}, {"friday", 5}, {"saturday", 6}, {"sunday", 7}};
static const cyaml_schema_value_t weekday_value = {
    CYAML_VALUE_ENUM(CYAML_FLAG_STRICT, int, weekdays, CYAML_ARRAY_LEN(weekdays))};
static const cyaml_schema_field_t window[] = {
    REQUIRED(configuration_window, from),
    REQUIRED(configuration_window, to),
    CYAML_FIELD_END,
};
/* Of a schedule, or of what begins with one. */
#define SCHEDULE                                                                                                      \
	WORD(CYAML_FLAG_OPTIONAL, configuration_schedule, every, intervals), OPTIONAL(configuration_schedule, cron),  \
	    OPTIONAL(configuration_schedule, at), NUMBER(configuration_schedule, hours),                              \
	    NUMBER(configuration_schedule, minute),                                                                   \
	    WORD(CYAML_FLAG_OPTIONAL, configuration_schedule, weekday, weekdays),                                     \
	    CYAML_FIELD_SEQUENCE("weekdays", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct configuration_schedule, \
		weekdays, &weekday_value, 1, CYAML_ARRAY_LEN(weekdays)),                                              \
	    NUMBER(configuration_schedule, day),                                                                      \
	    CYAML_FIELD_MAPPING_PTR(                                                                                  \
		"window", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct configuration_schedule, window, window)
static const cyaml_schema_field_t schedule[] = {SCHEDULE, CYAML_FIELD_END};

static const cyaml_schema_field_t assertion[] = {
    REQUIRED(configuration_assertion, source),
    REQUIRED(configuration_assertion, sql),
    REQUIRED(configuration_assertion, expect),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t assertion_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct configuration_assertion, assertion)};
_Static_assert(offsetof(struct configuration_drill, schedule) == 0, "the keys of a schedule are its first ones");
static const cyaml_schema_field_t drill[] = {
    SCHEDULE,
    OPTIONAL(configuration_drill, folder),
    OPTIONAL(configuration_drill, leave_free),
    OPTIONAL(configuration_drill, password_file),
    OPTIONAL(configuration_drill, password_command),
    OPTIONAL(configuration_drill, rto),
    OPTIONAL(configuration_drill, rpo),
    CYAML_FIELD_SEQUENCE("assertions", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct configuration_drill, assertions,
	&assertion_value, 1, ITEMS_MAX),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t keep[] = {
    NUMBER(configuration_keep, last),
    NUMBER(configuration_keep, hourly),
    NUMBER(configuration_keep, daily),
    NUMBER(configuration_keep, weekly),
    NUMBER(configuration_keep, monthly),
    NUMBER(configuration_keep, yearly),
    OPTIONAL(configuration_keep, within),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t review[] = {
    OPTIONAL(configuration_review, remind_after),
    OPTIONAL(configuration_review, escalate_after),
    OPTIONAL(configuration_review, escalate_to),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t sop[] = {
    REQUIRED(configuration_sop, number),
    REQUIRED(configuration_sop, item),
    REQUIRED(configuration_sop, output),
    OPTIONAL(configuration_sop, title),
    OPTIONAL(configuration_sop, activity),
    OPTIONAL(configuration_sop, created),
    OPTIONAL(configuration_sop, revised),
    OPTIONAL(configuration_sop, effective),
    OPTIONAL(configuration_sop, approved_by),
    OPTIONAL(configuration_sop, requirements),
    OPTIONAL(configuration_sop, time),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t limits[] = {
    NUMBER_OR_NONE(configuration_limits, parallel),
    OPTIONAL(configuration_limits, timeout),
    NUMBER_OR_NONE(configuration_limits, nice),
    OPTIONAL(configuration_limits, ionice),
    OPTIONAL(configuration_limits, bandwidth),
    NUMBER_OR_NONE(configuration_limits, retries),
    OPTIONAL(configuration_limits, retry_pause),
    CYAML_FIELD_END,
};

#define MAPPING(member, fields)  \
	CYAML_FIELD_MAPPING_PTR( \
	    #member, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct configuration_job, member, fields)

static const cyaml_schema_value_t source_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct configuration_source, source)};
static const cyaml_schema_field_t job[] = {
    REQUIRED(configuration_job, name),
    MAPPING(sop, sop),
    REQUIRED(configuration_job, performer),
    REQUIRED(configuration_job, reviewer),
    OPTIONAL(configuration_job, acknowledger),
    CYAML_FIELD_SEQUENCE("sources", CYAML_FLAG_POINTER, struct configuration_job, sources, &source_value, 1, ITEMS_MAX),
    REQUIRED(configuration_job, target),
    MAPPING(schedule, schedule),
    MAPPING(keep, keep),
    MAPPING(drill, drill),
    CYAML_FIELD_INT("priority", CYAML_FLAG_OPTIONAL, struct configuration_job, priority),
    MAPPING(limits, limits),
    TEXTS(configuration_job, before),
    TEXTS(configuration_job, after),
    MAPPING(review, review),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t person_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct configuration_person, person)};
static const cyaml_schema_value_t target_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct configuration_target, target)};
static const cyaml_schema_value_t job_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct configuration_job, job)};

/* ---- notifications ---- */

#define WORDS(type, member, words) \
	CYAML_FIELD_FLAGS(         \
	    #member, CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct type, member, words, CYAML_ARRAY_LEN(words))
/* Keys that lie in a struct of their own, and in the file beside the others. */
#define CONNECTION(type)                                                                                        \
	CYAML_FIELD_STRING_PTR(                                                                                 \
	    "ca_file", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct type, connection.ca_file, 1, TEXT_MAX), \
	    CYAML_FIELD_BOOL("insecure", CYAML_FLAG_OPTIONAL, struct type, connection.insecure),                \
	    CYAML_FIELD_UINT("timeout", CYAML_FLAG_OPTIONAL, struct type, connection.timeout)

static const cyaml_strval_t securities[] = {
    {"starttls", SECURITY_STARTTLS}, {"tls", SECURITY_TLS}, {"none", SECURITY_NONE}};
static const cyaml_strval_t role_bits[] = {
    {"operator", 1 << ROLE_OPERATOR}, {"reviewer", 1 << ROLE_REVIEWER}, {"head", 1 << ROLE_HEAD}};
static const cyaml_schema_field_t mail[] = {
    REQUIRED(configuration_mail, server),
    NUMBER(configuration_mail, port),
    WORD(CYAML_FLAG_OPTIONAL, configuration_mail, security, securities),
    REQUIRED(configuration_mail, from),
    TEXTS(configuration_mail, people),
    WORDS(configuration_mail, roles, role_bits),
    FLAG(configuration_mail, attach_report),
    OPTIONAL(configuration_mail, user),
    OPTIONAL(configuration_mail, password_file),
    OPTIONAL(configuration_mail, password_command),
    CONNECTION(configuration_mail),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t webhook[] = {
    OPTIONAL(configuration_webhook, url),
    OPTIONAL(configuration_webhook, url_file),
    OPTIONAL(configuration_webhook, header_file),
    OPTIONAL(configuration_webhook, signing_key_file),
    CONNECTION(configuration_webhook),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t ping[] = {
    OPTIONAL(configuration_ping, url),
    OPTIONAL(configuration_ping, url_file),
    CONNECTION(configuration_ping),
    CYAML_FIELD_END,
};
static const cyaml_strval_t facilities[] = {{"daemon", LOG_DAEMON}, {"user", LOG_USER}, {"local0", LOG_LOCAL0},
    {"local1", LOG_LOCAL1}, {"local2", LOG_LOCAL2}, {"local3", LOG_LOCAL3}, {"local4", LOG_LOCAL4},
    {"local5", LOG_LOCAL5}, {"local6", LOG_LOCAL6}, {"local7", LOG_LOCAL7}};
static const cyaml_schema_field_t log_fields[] = {
    WORD(CYAML_FLAG_OPTIONAL, configuration_log, facility, facilities),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t metrics[] = {
    REQUIRED(configuration_metrics, file),
    CYAML_FIELD_END,
};

static const cyaml_strval_t events[] = {{"failure", ON_FAILURE}, {"notes", ON_NOTES}, {"success", ON_SUCCESS},
    {"missed", ON_MISSED}, {"review_overdue", ON_REVIEW_OVERDUE}, {"drill_overdue", ON_DRILL_OVERDUE}};
#define KIND(member, fields)     \
	CYAML_FIELD_MAPPING_PTR( \
	    #member, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct configuration_channel, member, fields)
static const cyaml_schema_field_t channel[] = {
    REQUIRED(configuration_channel, name),
    WORDS(configuration_channel, on, events),
    TEXTS(configuration_channel, jobs),
    KIND(mail, mail),
    KIND(webhook, webhook),
    KIND(ping, ping),
    KIND(log, log_fields),
    KIND(metrics, metrics),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t channel_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct configuration_channel, channel)};

static const cyaml_schema_field_t top[] = {
    CYAML_FIELD_MAPPING("office", CYAML_FLAG_DEFAULT, struct configuration, office, office),
    CYAML_FIELD_MAPPING_PTR("limits", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct configuration, limits, limits),
    CYAML_FIELD_MAPPING_PTR("review", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct configuration, review, review),
    CYAML_FIELD_SEQUENCE("people", CYAML_FLAG_POINTER, struct configuration, people, &person_value, 1, ITEMS_MAX),
    CYAML_FIELD_SEQUENCE("targets", CYAML_FLAG_POINTER, struct configuration, targets, &target_value, 1, ITEMS_MAX),
    CYAML_FIELD_SEQUENCE(
	"jobs", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct configuration, jobs, &job_value, 1, ITEMS_MAX),
    CYAML_FIELD_SEQUENCE("notifications", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct configuration, notifications,
	&channel_value, 1, CHANNELS_MAX),
    CYAML_FIELD_END,
};

const cyaml_schema_value_t configuration_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct configuration, top)};
