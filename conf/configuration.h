/* The configuration: a YAML file, read strictly. What is wrong with it is reported with file, line and column, the key, and what is allowed
 * there (ERR_CONFIG). Secrets are never values: only names of files and commands. conf/pulih.example.yaml is the reference. */
#ifndef PULIH_CONF_CONFIGURATION_H
#define PULIH_CONF_CONFIGURATION_H

#include "core/base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define CONFIGURATION_DEFAULT "/etc/pulih/pulih.yaml"
#define CONFIGURATION_FILE_MAX (1u << 20) /* bytes */
#define CONFIGURATION_NAME_MAX 64 /* bytes of the name of a job, a target, a person: it becomes part of a run's id */

enum configuration_language { LANGUAGE_INDONESIAN, LANGUAGE_ENGLISH };

/* Texts that are optional are NULL where they are not given. */
struct configuration_office {
	char *name;
	char *address, *city;
	char *timezone;			      /* of the tz database: Asia/Jayapura */
	enum configuration_language language; /* of reports */
};

enum configuration_role { ROLE_OPERATOR, ROLE_REVIEWER, ROLE_HEAD };
struct configuration_person {
	char *id, *name, *nip, *position, *email;
	char *login; /* Unix user: nobody else acts as this person */
	enum configuration_role role;
};

struct configuration_target {
	char *name, *url;
	/* At most one of these; none: a passphrase as on the command line. */
	char *password_file, *password_command, *key;
};

struct configuration_files {
	char **paths; /* absolute */
	uint32_t paths_count;
	char **
	    exclude; /* a leading '/' is the root of the file system; anything else concerns what lies below the paths */
	uint32_t exclude_count;
	char **exclude_files;
	uint32_t exclude_files_count;
	char **exclude_if_present;
	uint32_t exclude_if_present_count;
	bool exclude_caches, one_file_system;
};
struct configuration_sqlite {
	char *path; /* or */
	char **paths;
	uint32_t paths_count;
};
/* A database server. What is not given is NULL. */
struct configuration_server {
	char *name;	  /* configuration_server_name() says what it is where it is not given */
	char **databases; /* none: all but the server's own; of PostgreSQL there is one at least */
	uint32_t databases_count;
	char *socket, *host; /* not both; of PostgreSQL the socket is the folder that it is in */
	int *port;	     /* 1 … 65535, of MariaDB without a socket */
	char *user, *password_file;
	char *defaults_file; /* of the client */
	bool without_lock;   /* tables that know no transactions are read without a lock */
	bool without_users;  /* users and grants are left out */
};
struct configuration_source { /* exactly one of them */
	struct configuration_files *files;
	struct configuration_sqlite *sqlite;
	struct configuration_server *mariadb, *postgresql;
};

/* Local times of day between which something may begin; `to` ≤ `from` is that of the next day, and not part of it. */
struct configuration_window {
	char *from, *to; /* "HH:MM", not the same */
};
enum configuration_every { EVERY_CRON, EVERY_HOUR, EVERY_DAY, EVERY_WEEK, EVERY_MONTH };
/* When, in local time of the office. conf/recurrence.h makes sets of it. */
struct configuration_schedule {
	enum configuration_every every;
	char *cron;    /* EVERY_CRON: conf/cron.h; else NULL */
	char *at;      /* "HH:MM"; EVERY_DAY, EVERY_WEEK, EVERY_MONTH; else NULL */
	int hours;     /* EVERY_HOUR: each that many hours from midnight, 1 … 23; 0 is 1 */
	int minute;    /* EVERY_HOUR: 0 … 59 */
	int weekday;   /* EVERY_WEEK: 1 Monday … 7 Sunday, or */
	int *weekdays; /* several of them, none twice */
	uint32_t weekdays_count;
	int day;			     /* EVERY_MONTH: 1 … 31, the last day where the month is shorter */
	struct configuration_window *window; /* may be NULL */
};
/* What a person knows of the data, and a restore drill asks. */
struct configuration_assertion {
	char *source; /* "mariadb/local/joomla", "postgresql/local/sipp", "sqlite/var/lib/x.sqlite" */
	char *sql, *expect;
};
#define DRILL_FOLDER_DEFAULT "/var/tmp"
#define DRILL_LEAVE_FREE_DEFAULT ((uint64_t)512 << 20) /* bytes */
/* A restore drill: when, as a schedule has it (EVERY_CRON without cron: only by hand), and what it must come to. */
struct configuration_drill {
	struct configuration_schedule schedule;
	char *folder;	  /* where it restores to, in a folder of its own; NULL: the default */
	char *leave_free; /* "2G": what stays free there; NULL: the default */
	char *password_file,
	    *password_command; /* where the target has a key that can only add: at most one; NULL: as the target */
	char *rto, *rpo;       /* "4h": how long the way back may take, how old the backup may be; NULL: no target */
	struct configuration_assertion *assertions;
	uint32_t assertions_count;
};
struct configuration_keep {
	int last, hourly, daily, weekly, monthly, yearly; /* 0: no such rule */
	char *within;					  /* "90d" */
};

/* The SOP that a job carries out: the identity block of its report. */
struct configuration_sop {
	char *number, *item, *output;
	char *title, *activity, *created, *revised, *effective, *approved_by;
	char *requirements, *time; /* of its quality standard */
};

/* How a run may use the machine; what is NULL is as the office has it, or else as conf/limits.h says. */
struct configuration_limits {
	int *parallel;		     /* runs at a time, 1 … 16; not of a job */
	char *timeout, *retry_pause; /* "6h", "5m": a number and one of s m h d */
	int *nice;		     /* 0 … 19 */
	char *ionice;		     /* "idle" or "best-effort" */
	char *bandwidth;	     /* "2M": bytes a second to the target */
	int *retries;		     /* 0 … 20 */
};

/* When a report that nobody reviewed is overdue; conf/review_rules.h says what counts. */
struct configuration_review {
	char *remind_after, *escalate_after; /* "3d" */
	char *escalate_to;		     /* id of a person */
};

struct configuration_job {
	char *name;
	struct configuration_sop *sop; /* may be NULL */
	char *performer, *reviewer;    /* ids of people */
	char *acknowledger;	       /* the same, or NULL */
	struct configuration_source *sources;
	uint32_t sources_count;
	char *target;
	struct configuration_schedule *schedule; /* may be NULL */
	struct configuration_drill *drill;	 /* may be NULL */
	struct configuration_keep *keep;	 /* may be NULL */
	int priority;				 /* -100 … 100, higher ones first */
	struct configuration_limits *limits;	 /* may be NULL */
	char **before, **after;			 /* programs with their arguments */
	uint32_t before_count, after_count;	 /* 0: none */
	struct configuration_review *review;	 /* may be NULL */
};

/* What a channel is told of: a sum of these. */
enum configuration_event {
	ON_FAILURE = 1,
	ON_NOTES = 2,
	ON_SUCCESS = 4,
	ON_MISSED = 8,
	ON_REVIEW_OVERDUE = 16,
	ON_DRILL_OVERDUE = 32
};
#define EVENTS_DEFAULT ((uint32_t)(ON_FAILURE | ON_MISSED | ON_REVIEW_OVERDUE | ON_DRILL_OVERDUE))

#define CONNECTION_TIMEOUT_DEFAULT 60 /* seconds: a mail with a report over a slow link */
struct configuration_connection {
	char *ca_file; /* PEM: the only authorities that are trusted; NULL: those of the system */
	bool insecure; /* the server's certificate is not checked */
	int timeout;   /* seconds for all of one message, 1 … 600 */
};

enum configuration_security { SECURITY_STARTTLS, SECURITY_TLS, SECURITY_NONE };
struct configuration_mail {
	char *server; /* name or address, without brackets */
	int port;     /* 0: that of the kind of security */
	enum configuration_security security;
	char *from;
	char **people; /* ids */
	uint32_t people_count;
	uint32_t roles; /* bit 1 << enum configuration_role: everybody of that role who has an address */
	bool attach_report;
	char *user;				/* NULL: no login */
	char *password_file, *password_command; /* with a user: one of them */
	struct configuration_connection connection;
};
struct configuration_webhook {
	char *url, *url_file;	/* one of them; the file holds the address where that is a secret by itself */
	char *header_file;	/* secret: "Name: value", one header more */
	char *signing_key_file; /* secret: HMAC-SHA256 of the body */
	struct configuration_connection connection;
};
struct configuration_ping {
	char *url, *url_file; /* as above; "/start" and "/fail" are appended */
	struct configuration_connection connection;
};
struct configuration_log {
	int facility; /* of syslog(3) */
};
struct configuration_metrics {
	char *file; /* ends in .prom */
};

struct configuration_channel {
	char *name;
	uint32_t on; /* events; never 0: the default is filled in */
	char **jobs; /* names; none: every job */
	uint32_t jobs_count;
	/* exactly one of them */
	struct configuration_mail *mail;
	struct configuration_webhook *webhook;
	struct configuration_ping *ping;
	struct configuration_log *log;
	struct configuration_metrics *metrics;
};

struct configuration {
	char *file; /* where it was read from */
	struct configuration_office office;
	struct configuration_limits *limits; /* may be NULL */
	struct configuration_review *review; /* may be NULL */
	struct configuration_person *people;
	uint32_t people_count;
	struct configuration_target *targets;
	uint32_t targets_count;
	struct configuration_job *jobs;
	uint32_t jobs_count;
	struct configuration_channel *notifications;
	uint32_t notifications_count;
};

/* Reads and checks all of it, also that the files it names can be read and that nobody else can read its secrets. PL_CONFIG_* (ERR_CONFIG),
 * or as file_read_all where the file cannot be read. */
enum err configuration_load(struct configuration **out, const char *path);
/* The same for whoever works with it: files that it names and that are gone, cannot be read or are open to others are warned of only. A disk that
 * is not there, or a channel whose secret is lost, must stop no job that needs neither; what needs them fails for itself. `text` (may be NULL)
 * receives what was read. */
struct buffer;
enum err configuration_load_for_work(struct configuration **out, const char *path, struct buffer *text);
/* configuration_free(NULL) does nothing. */
void configuration_free(struct configuration *configuration);

/* NULL where there is none. */
const struct configuration_job *configuration_job(const struct configuration *configuration, const char *name);
const struct configuration_target *configuration_target(const struct configuration *configuration, const char *name);
const struct configuration_person *configuration_person(const struct configuration *configuration, const char *id);
/* Whether two descriptions are of one person, whatever their ids: by the digits of the NIP, or where one has none, by the name (ASCII letters of
 * any case, blanks of any number). */
bool configuration_same_person(const char *name, const char *nip, const char *other_name, const char *other_nip);

/* When the job's drill is planned; NULL where it is not. */
const struct configuration_schedule *configuration_drill_schedule(const struct configuration_job *job);

/* How the server is called in stored paths and records: its name, or that of its host, or "local". */
const char *configuration_server_name(const struct configuration_server *server);

const struct configuration_channel *configuration_channel(const struct configuration *configuration, const char *name);

#endif
