/*
 * How far each log has been read, from the hashes that ingest keeps. Asked for every few seconds, so that however often
 * /stats is asked, Redis is not.
 */
#ifndef STREAMER_LOG_POSITIONS_H
#define STREAMER_LOG_POSITIONS_H

#include <stddef.h>
#include <stdint.h>

struct contract;
struct log_positions;
struct redis_link;

struct log_position {
    char *url;     /* as in the log list; from outside */
    uint64_t next; /* the index that is read next */
};

/* Everything is borrowed as long as it exists. */
struct log_positions *log_positions_create(const struct contract *contract,
                                           struct redis_link *link);
/* After its link. NULL is fine. */
void log_positions_destroy(struct log_positions *positions);

/* Asks Redis, unless that is under way, the last answer is fresh, or the link is not up. */
void log_positions_refresh(struct log_positions *positions, uint64_t now_ms);

/* What is known; alive until control is back in the loop. */
const struct log_position *log_positions_get(const struct log_positions *positions, size_t *count);

#endif
