/*
 * How many shards a deployment has, and which log is in which. P:deployment of each shard says it
 * (redis/README.md), that of the first one also the shard of each log; a deployment of one shard
 * has no such key. A log's shard is settled when it is first seen, by a script, so that all ingest
 * processes have it in the same one.
 */
#ifndef INGEST_STORE_DEPLOYMENT_H
#define INGEST_STORE_DEPLOYMENT_H

#include "shared/base/digest.h"
#include "shared/redis/contract.h"
#include "shared/redis/shard_id.h"

struct deployment;
struct redis_link;

enum {
    /* More logs than lists have had, by far. */
    DEPLOYMENT_LOGS_MAX = 4096,
    DEPLOYMENT_REASON_SIZE = 200,
};

struct deployment_events {
    /* What Redis has is this deployment: the shard may be written to. */
    void (*on_right)(void *context, unsigned shard);
    /* It is another one: nothing may be written. `reason` lives for the call. */
    void (*on_wrong)(void *context, const char *reason);
    /* The logs that were asked for are settled now. */
    void (*on_settled)(void *context);
    void *context;
};

/* Names each shard's keys into `prefixes`. False if the prefix has no hash tag, or is too long. */
bool deployment_name(char (*prefixes)[CONTRACT_PREFIX_MAX + 1], const char *prefix,
                     unsigned shards);

/* `contracts`, one of each shard, are borrowed as long as it exists. */
struct deployment *deployment_create(const struct contract *contracts, unsigned shards,
                                     const struct deployment_events *events);
/* After the links, so that no reply is owed. NULL is fine. */
void deployment_destroy(struct deployment *deployment);

/* Asks the shard's Redis which deployment it has, and writes down ours where there is none yet: at
 * each connection, and now and then, since somebody may have emptied Redis or begun otherwise. */
void deployment_ask(struct deployment *deployment, unsigned shard, struct redis_link *link);

/* A log is in this shard, by what else is there of it, unless the record says otherwise. */
void deployment_note(struct deployment *deployment, const uint8_t *id, unsigned shard);
/* The log is to have a shard: what is not noted comes to the one with the fewest, and the record is
 * asked with deployment_ask of the first shard. */
void deployment_want(struct deployment *deployment, const uint8_t *id);
/* Whether the log's shard is settled, and which it is. */
bool deployment_find(const struct deployment *deployment, const uint8_t *id, unsigned *shard);

#endif
