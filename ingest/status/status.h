/*
 * What runs and how it does, as it stands in Redis: the logs' hashes, the ingest processes', the
 * streamers that are connected; of all shards, if the prefix is that of the first.
 */
#ifndef INGEST_STATUS_STATUS_H
#define INGEST_STATUS_STATUS_H

#include "shared/redis/contract.h"
#include "shared/redis/report_fields.h"
#include "shared/redis/shard_id.h"

struct redis_address;

enum {
    STATUS_NAME_SIZE = 80,
    STATUS_LOGS_MAX = 4096,
    STATUS_REASON_SIZE = 200,
};

/* Also the exit codes. */
enum status_verdict {
    STATUS_WELL,
    STATUS_BEHIND, /* a log needs somebody to look at it */
    STATUS_DOWN,   /* nothing comes any more */
};

struct status_log {
    char id[STATUS_NAME_SIZE];
    unsigned shard;
    char *texts[LOG_FIELDS]; /* owned; NULL: not there */
};

/* What a process does for one shard. */
struct status_ingest {
    char name[STATUS_NAME_SIZE];
    unsigned shard;
    char *texts[INGEST_FIELDS];
};

struct status_shard {
    char prefix[CONTRACT_PREFIX_MAX + 1];
    unsigned long long entries; /* in the stream */
};

struct status {
    char reason[STATUS_REASON_SIZE]; /* why Redis does not answer; "": it does */
    struct status_shard shards[SHARDS_MAX];
    size_t shard_count;
    unsigned long long entries; /* in all streams */
    struct status_log *logs;    /* those that need attention first */
    size_t log_count;
    struct status_ingest *ingests;
    size_t ingest_count;
    /* Since each has connected, to the first shard's Redis; not all may ask for these. */
    unsigned long long *streamer_ages_s;
    size_t streamer_count;
};

/* Asks Redis; to be cleared in any case. */
void status_read(struct status *status, const struct redis_address *address,
                 const struct contract *contract);
void status_clear(struct status *status);

/* What is wrong with a log, in one or two words; NULL: nothing. `now_ms` is realtime. */
const char *status_log_trouble(const struct status_log *log, unsigned long long now_ms);
enum status_verdict status_judge(const struct status *status, unsigned long long now_ms);

/* A number of a log; 0 if it is not there, or is none. */
unsigned long long status_number(const char *text);

#endif
