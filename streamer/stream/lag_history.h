/*
 * How far each log was behind in each minute of the last hour, as the streamer heard it: constant
 * memory for each log that was heard of lately.
 */
#ifndef STREAMER_STREAM_LAG_HISTORY_H
#define STREAMER_STREAM_LAG_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

struct lag_history;

enum {
    LAG_HISTORY_MINUTES = 60
};

/* The worst of a minute. */
struct lag_point {
    bool is_known; /* the log was heard of in this minute */
    uint64_t entries, ms;
};

struct lag_history *lag_history_create(void);
/* NULL is fine. */
void lag_history_destroy(struct lag_history *history);

/* `log_id` is the log's id in hex; `now_ms` is since 1970. When there is no room for another log,
 * and each was heard of within the hour, it is not kept. */
void lag_history_add(struct lag_history *history, const char *log_id, uint64_t entries, uint64_t ms,
                     uint64_t now_ms);
/* The minute that began so many whole minutes before the one of `now_ms`; nothing known of a log
 * that was not heard of. */
struct lag_point lag_history_point(const struct lag_history *history, const char *log_id,
                                   uint64_t now_ms, unsigned minutes);

#endif
