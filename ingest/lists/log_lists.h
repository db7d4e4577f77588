/*
 * All the log lists together: read from their sources, joined with what is followed into a roster,
 * which is applied to the followed logs. What an earlier process followed is read out of Redis
 * first, so that a log which left the lists meanwhile is drained all the same, and the brake knows
 * what there is to lose.
 */
#ifndef INGEST_LISTS_LOG_LISTS_H
#define INGEST_LISTS_LOG_LISTS_H

#include "ingest/lists/list_source.h"
#include "ingest/lists/roster.h"
#include "shared/process/settings.h"

struct contract;
struct log_lists;
struct redis_link;

/* Which logs are followed, and who is told which are to be. */
struct log_lists_events {
    size_t (*count_followed)(void *context);
    const struct ct_log *(*followed)(void *context, size_t i);
    /* Redis says that a log was followed, and in which shard. */
    void (*on_remembered)(void *context, unsigned shard, const uint8_t *id);
    /* The roster is another than before; it lives for the call. */
    void (*on_roster)(void *context, const struct roster *roster);
    void *context;
};

/* What it points to is borrowed as long as the lists exist. */
struct log_lists_options {
    struct list_reading reading;
    struct setting_list names;       /* none: the usual ones */
    struct setting_list ignored_ids; /* hex or base64, checked */
    bool follow_pending;
    unsigned brake_percent;
    struct log_lists_events events;
};

/* What the lists' counters say; ages in seconds. */
struct log_lists_stats {
    struct list_stats sources; /* the sum over all */
    uint64_t followed;
    uint64_t drained;
    /* The age of the list whose last good reading, or 304, is the longest ago; 0: none was read
     * yet. */
    uint64_t stale; /* lists that are old by their own timestamp, or were not read for long */
    uint64_t read_age_s;
    /* The age of the oldest log_list_timestamp of the signed lists; 0: none has one. */
    uint64_t timestamp_age_s;
};

struct log_lists *log_lists_create(const struct log_lists_options *options);
/* NULL is fine. */
void log_lists_destroy(struct log_lists *lists);

/* A shard's Redis is there: what was followed of it is asked for, unless it is known already. The
 * contract is borrowed as long as the lists exist. */
void log_lists_on_redis_up(struct log_lists *lists, unsigned shard, struct redis_link *link,
                           const struct contract *contract);

/* Reads what is due. Without Redis (--list-logs) at once, else not before it is known what was
 * followed in the first shard. When it is to be called again; UINT64_MAX: after an event. */
uint64_t log_lists_work(struct log_lists *lists, uint64_t now_ms);
/* All are to be read now. */
void log_lists_hurry(struct log_lists *lists);

struct log_lists_stats log_lists_stats(const struct log_lists *lists, uint64_t now_ms);

/* --list-logs: whether each list has been read, or has failed; and whether all have been read. */
bool log_lists_are_settled(const struct log_lists *lists);
bool log_lists_are_loaded(const struct log_lists *lists);
/* Prints all the lists' logs, and what becomes of them. */
void log_lists_print(const struct log_lists *lists);

#endif
