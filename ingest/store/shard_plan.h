/*
 * Which log belongs to which shard of a deployment. A log has one shard, so that its entries stay
 * in order; it is recorded when the log is first seen and changes only when shards are added. Pure.
 */
#ifndef INGEST_STORE_SHARD_PLAN_H
#define INGEST_STORE_SHARD_PLAN_H

#include <stddef.h>

enum {
    SHARD_PLAN_NONE = -1
};

struct shard_plan_log {
    int shard;   /* or SHARD_PLAN_NONE: it was not seen before */
    double rate; /* entries per second, as measured; 0: not known */
};

/* Gives each log that has none a shard: in the order of the list the one with the fewest logs,
 * since of new logs no more is known. */
void shard_plan_place(struct shard_plan_log *logs, size_t count, unsigned shards);

/* After shards were added: moves logs to them, by their rates, and no more than it takes. */
void shard_plan_grow(struct shard_plan_log *logs, size_t count, unsigned shards);

#endif
