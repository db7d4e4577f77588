/*
 * One shard of what ingest does: a stream of Redis and everything that stands beside it (positions,
 * leases, issuers, history), the connection to it, and the logs whose entries it holds. A process
 * has all shards of its deployment; most have one.
 */
#ifndef INGEST_INGEST_SHARD_H
#define INGEST_INGEST_SHARD_H

#include "ingest/logs/log_services.h"
#include "ingest/logs/log_set.h"
#include "ingest/logs/redis_writes.h"

struct ingest_settings;
struct ingest_shard;
struct leases;
struct log_lists;
struct packer;
struct roster;

/* What the shards of a process have in common. All borrowed as long as they exist. */
struct ingest_surroundings {
    const struct ingest_settings *settings;
    const char *instance;
    const struct follower_policy *policies; /* by enum ct_log_kind */
    struct http_client *http;
    struct operator_budgets *operators;
    struct held_memory *memory;
    const struct log_settings_table *log_settings;
    const struct log_lists *lists; /* NULL until there are any; of the reports */
    uint64_t started_ms;           /* realtime */
    /* The shard's Redis is there. */
    void (*on_up)(void *context, struct ingest_shard *shard);
    /* It may be other logs that are this process's now. */
    void (*on_leases)(void *context);
    void (*on_quarantine)(void *context, const struct ct_log *ct_log, const char *class);
    void *context;
};

struct ingest_shard {
    const struct ingest_surroundings *surroundings;
    const struct contract *contract;
    unsigned number;
    char key[CONTRACT_KEY_SIZE]; /* of the instance's counters */
    struct redis_link *link;
    struct pipeline *pipeline;
    struct publisher *publisher;
    struct packer *packer;
    struct issuer_download *issuers;
    struct leases *leases;
    struct log_services services;
    struct log_set logs;
    struct redis_writes writes;
    struct follow_stats stats;
    uint64_t redis_drops;
    uint64_t report_at_ms;
    bool is_right; /* since it is there, Redis was seen to hold this shard: it may be written to */
};

void ingest_shard_init(struct ingest_shard *shard, unsigned number, const struct contract *contract,
                       const struct ingest_surroundings *surroundings);
/* First of all: nothing calls back into what is freed later. */
void ingest_shard_disconnect(struct ingest_shard *shard);
/* After that, and after the HTTP client. */
void ingest_shard_clear(struct ingest_shard *shard);

/* Redis holds this shard: the work begins. */
void ingest_shard_begin(struct ingest_shard *shard);
/* Follows what the roster says; all its logs are this shard's. */
void ingest_shard_apply(struct ingest_shard *shard, const struct roster *roster, uint64_t now_ms);

/* Does what there is to do; when there is more. */
uint64_t ingest_shard_work(struct ingest_shard *shard, uint64_t now_ms);
/* Logs that this process follows. */
size_t ingest_shard_owned(const struct ingest_shard *shard);

/* At the end: whether all is in Redis; and gives everything back. */
bool ingest_shard_is_idle(const struct ingest_shard *shard);
void ingest_shard_give_back(struct ingest_shard *shard);

#endif
