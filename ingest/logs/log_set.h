/* The logs that a process knows, whether it follows them or another process does. */
#ifndef INGEST_LOGS_LOG_SET_H
#define INGEST_LOGS_LOG_SET_H

#include <stddef.h>
#include <stdint.h>

struct followed_log;
struct log_services;
struct roster;

struct log_set {
    struct followed_log **logs; /* owned */
    size_t count;
    size_t first; /* of the next turn */
};

void log_set_clear(struct log_set *set);

/* The log with this id, or NULL. */
struct followed_log *log_set_find(const struct log_set *set, const uint8_t *id);

/* Follows, drains and describes anew what the roster says. */
void log_set_apply(struct log_set *set, const struct roster *roster,
                   const struct log_services *services, uint64_t now_ms);

/* Each log's work. When there is more: not after `now_ms`: at once; UINT64_MAX: after an event. */
uint64_t log_set_work(struct log_set *set, uint64_t now_ms);
/* Each operator is asked for this process's part: by the number of its logs, in all sets together,
 * that it follows. */
void log_set_share_operators(const struct log_set *const *sets, size_t count);
/* Redis is away, and every lease with it. */
void log_set_disown(struct log_set *set);
/* Writes each log's state to its hash. */
void log_set_report(struct log_set *set, uint64_t now_ms);

#endif
