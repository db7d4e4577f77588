/*
 * The publisher carries batches into Redis, one transaction after the other over one connection;
 * small batches of one log in a row are one transaction:
 *
 *   XTRIM if there is too much · WATCH log · XLEN stream · HGET log next
 *     →  is it what the batch expects?  →  MULTI · HSETNX, ZADD issuers · XADD … · HSET log · EXEC
 *
 * So a batch is appended whole or not at all, and only on top of the entry before it: kill -9 at
 * any moment, a second process on the same log, or a Redis that lost its last second can neither
 * lose an entry nor add one twice. While one transaction is executed the fence of the next is
 * already being read.
 */
#ifndef INGEST_STORE_PUBLISHER_H
#define INGEST_STORE_PUBLISHER_H

#include "ingest/store/batch.h"
#include "ingest/store/retention.h"
#include "shared/redis/contract.h"

struct publisher;
struct redis_link;

enum batch_result {
    BATCH_DONE,
    /* The position is not where the batch starts: somebody else moved it, or Redis lost it. */
    BATCH_REFUSED,
    BATCH_FAILED, /* Redis is full, away, or said no: whether it happened is to be read back */
};

struct publisher_options {
    const struct contract *contract;
    struct redis_link *link; /* NULL: batches wait for publisher_hand_out */
    struct retention_limits retention;
    /* Called once for each batch, which is destroyed afterwards. `error` is a log-safe reason or
     * "". */
    void (*on_result)(void *context, const struct batch *batch, enum batch_result result,
                      const char *error);
    void *context;
};

struct publisher_stats {
    uint64_t appends;
    uint64_t entries;
    uint64_t bytes; /* of batches that were sent */
    uint64_t refused;
    uint64_t failed;
};

struct publisher *publisher_create(const struct publisher_options *options);
/* What is queued is dropped without a callback. The link must have been destroyed before, so that
 * no reply is owed. */
void publisher_destroy(struct publisher *publisher);

/* Takes the batch. */
void publisher_submit(struct publisher *publisher, struct batch *batch);
/* Whether more should be submitted now: the bytes queued have a ceiling. */
bool publisher_has_room(const struct publisher *publisher);
/* Drops what `owner` has queued and is not on its way to Redis yet, without a callback. */
void publisher_cancel(struct publisher *publisher, const void *owner);
bool publisher_is_idle(const struct publisher *publisher);

/* Sends HSET key name value …, between transactions: a write to a log's hash while its fence is up
 * would break it. `expire_ms` 0: the key does not expire. Dropped silently while Redis is away. */
void publisher_set_fields(struct publisher *publisher, const char *key,
                          const struct hash_field *fields, size_t count, uint64_t expire_ms);

/* Without a link: everything submitted is done by on_result's taking it. Not from inside that. */
void publisher_hand_out(struct publisher *publisher);

/* Has to be called when the link went down: everything queued fails. */
void publisher_on_down(struct publisher *publisher);

/* Keeps the stream within its limits also where nothing can be appended. */
void publisher_keep_limits(struct publisher *publisher, uint64_t now_ms);
/* What packed history says (retention_set_history); while packing is behind, no more is taken than
 * is queued: publisher_has_room is false. */
void publisher_set_history(struct publisher *publisher, bool has_blocks, bool keeps_stream,
                           bool is_behind);
/* Redis holds as many issuers as it may. */
/* What Redis holds, as last measured; zeros before. */
const struct retention_memory *publisher_memory(const struct publisher *publisher);
bool publisher_issuers_are_full(const struct publisher *publisher);

const struct publisher_stats *publisher_stats(const struct publisher *publisher);

#endif
