/* A run's record: the Laporan Pelaksanaan Backup as data. Records of other kinds have the same frame: record_heading.h.
 *
 * The signed original is JSON: {"record":{…}, "writer":hex, "public_key":hex, "signature":hex}. The signature is Ed25519 over the SHA-256 of
 * the compact, key-sorted JSON of "record", by the signer of the repository's keys. That SHA-256 is the record's hash; each record holds the
 * hash of the one before it. A run that fails before any key is open cannot be signed: its three strings are empty, and the signature of
 * the next record that has one covers it through the chain. docs/json.md lists the members. */
#ifndef PULIH_RECORD_RECORD_H
#define PULIH_RECORD_RECORD_H

#include "core/backup/backup.h"
#include "core/base/buffer.h"
#include "core/repo/keys.h"

#include <jansson.h>

#define RECORD_ID_SIZE 101		     /* bytes of a run id with its NUL: object.h */
#define RECORD_PROBLEMS_MAX 100000u	     /* named in one record; more are counted: */
#define RECORD_PROBLEMS_SIZE_MAX (48u << 20) /* bytes that they take there, so that a record stays below RECORD_MAX */

enum record_status { RECORD_SUCCESS, RECORD_NOTES, RECORD_FAILED }; /* Berhasil, Berhasil dengan catatan, Gagal */

struct record_person {
	const char *name, *nip, *position; /* nip may be NULL */
	const char *id;			   /* of the configuration */
};
struct record_office {
	const char *name, *address, *city, *timezone; /* address and city may be NULL */
	bool english;
};
struct record_sop { /* all NULL where the job carries out none; those of the second line on may be NULL */
	const char *number, *item, *output;
	const char *title, *activity, *created, *revised, *effective, *approved_by;
	const char *requirements, *time; /* of the quality standard (Mutu Baku) */
};
struct record_source {
	const char *kind; /* "files", "sqlite" */
	const char *path;
};

/* What a run knows of itself; texts are borrowed. NULL texts are written as "". */
struct record {
	const char *id, *job;
	struct record_office office;
	struct record_sop sop;
	struct record_person performer, reviewer;
	struct record_person acknowledger; /* name NULL: none is configured */
	const char *trigger;		   /* "scheduled", "manual", "catch_up" */
	const char *user,
	    *through; /* the Unix user that ran it, and who became that user by sudo ("": nobody); user NULL: not known */
	int64_t planned;	/* 0: nothing was planned */
	int64_t started, ended; /* ended 0: unknown, the run was cut off */
	int64_t duration;	/* ns, where the end is known: the clock may have jumped meanwhile */
	const char *host, *system;
	const struct record_source *sources;
	size_t sources_count;
	const char *target_name, *target_url;
	uint64_t target_total, target_available; /* 0, 0: the place cannot say */
	struct target_medium medium;		 /* all "": nothing is known of it */
	int64_t
	    previous_started; /* of the job's last backup before this run: what it did not hold could have been lost; 0: unknown, or none */
	uint64_t packs, packs_never_read_again; /* in the target; 0, 0: unknown, or none */
	int64_t packs_read_since;		/* when the one was last read, or written, that was read longest ago */
	const struct keys *keys;		/* of the repository, or NULL where it did not open */
	const struct backup_result *result;	/* or NULL where the run did not get so far */
	const char *retention;			/* as the configuration says: "daily 14, weekly 8" */
	const char *schedule;			/* "day 01:00" */
	enum record_status status;
	struct failure failure; /* kind ERR_OK: none */
	json_t *problems;	/* array of record_problem_json, or NULL; borrowed */
	uint64_t problems_omitted;
	json_t *drill; /* member "drill" of a record of that kind, borrowed; NULL: a run that backs up */
};

/* One unreadable, changed or vanished file for the annex. NULL after PL_NO_MEMORY. */
json_t *record_problem_json(const struct backup_problem *problem);

/* 20261122t010000-website-3f2a: local time of the start, job, 4 random digits. */
enum err record_new_id(char id[RECORD_ID_SIZE], const char *job, int64_t started);
/* 20261123t090000-website-review-9c1d: of another kind (a word of at most 10 letters). `job` "" is left out. */
enum err record_new_id_of(char id[RECORD_ID_SIZE], const char *kind, const char *job, int64_t made);

/* Members that all kinds have alike; new references, NULL after PL_NO_MEMORY. */
json_t *record_person_json(const struct record_person *person);
json_t *record_office_json(const struct record_office *office);
/* {"local":…, "utc":…}; null for 0. */
json_t *record_time_json(int64_t time);
/* Any bytes as a text; NULL is "". */
json_t *record_text_json(const char *bytes);
/* Id, suite and writer; null for NULL. */
json_t *record_repository_json(const struct keys *keys);
/* [0-9a-z-]{1,100} */
bool record_id_valid(const char *id);

/* The inner object, `number` counting from 1, `previous` the hash of the record before it (zero: the first one). *out is a new reference. */
enum err record_json(json_t **out, const struct record *record, uint64_t number, const uint8_t previous[HASH_SIZE]);
/* SHA-256 of the compact, key-sorted text. */
enum err record_hash(json_t *record, uint8_t hash[HASH_SIZE]);

/* Appends the signed original, ending in a line feed. `keys` may be NULL: unsigned. */
enum err record_sign(json_t *record, const struct keys *keys, struct buffer *out);

/* An original that was read. Starts as {0}; released with record_original_free. */
struct record_original {
	json_t *record; /* owned */
	uint8_t hash[HASH_SIZE];
	bool is_signed;
	uint8_t writer[WRITER_ID_SIZE];
	uint8_t public_key[KEY_SIZE];
};
void record_original_free(struct record_original *original);
/* Checks form and signature, the latter with the key that the original itself names: record_check_signer tells whether that is one of the
 * repository's. PL_RECORD_BROKEN, PL_SIGNATURE (ERR_CORRUPT). */
enum err record_read(struct record_original *out, const void *bytes, size_t size);
/* PL_WRITER_UNKNOWN (ERR_CORRUPT) unless the keys know that writer with that public key. */
enum err record_check_signer(const struct record_original *original, const struct keys *keys);

#endif
