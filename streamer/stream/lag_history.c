#include "streamer/stream/lag_history.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/memory.h"
#include "shared/redis/contract.h"

enum {
    MS_PER_MINUTE = 60000,
    /* As many as there are reports of. */
    LOGS_MAX = 1024,
};

struct log_lags {
    char id[CONTRACT_LOG_ID_HEX + 1];
    uint64_t newest; /* minute since 1970 */
    struct lag_point points[LAG_HISTORY_MINUTES];
};

struct lag_history {
    size_t count;
    struct log_lags *logs[LOGS_MAX];
};

struct lag_history *lag_history_create(void)
{
    return memory_allocate_zeroed(1, sizeof(struct lag_history));
}

void lag_history_destroy(struct lag_history *history)
{
    if (!history)
        return;
    for (size_t i = 0; i < history->count; i++)
        free(history->logs[i]);
    free(history);
}

static struct log_lags *find_lags(const struct lag_history *history, const char *log_id)
{
    for (size_t i = 0; i < history->count; i++)
        if (strcmp(history->logs[i]->id, log_id) == 0)
            return history->logs[i];
    return NULL;
}

/* NULL if there is none; a log that has not been heard of for an hour makes room. */
static struct log_lags *find_room(struct lag_history *history, uint64_t minute)
{
    if (history->count < LOGS_MAX) {
        history->logs[history->count] = memory_allocate_zeroed(1, sizeof **history->logs);
        return history->logs[history->count++];
    }
    for (size_t i = 0; i < history->count; i++)
        if (history->logs[i]->newest + LAG_HISTORY_MINUTES <= minute)
            return history->logs[i];
    return NULL;
}

static struct log_lags *take_up(struct lag_history *history, const char *log_id, uint64_t minute)
{
    struct log_lags *lags = find_room(history, minute);
    if (!lags)
        return NULL;
    *lags = (struct log_lags){ .newest = minute };
    memcpy(lags->id, log_id, strnlen(log_id, CONTRACT_LOG_ID_HEX));
    return lags;
}

/* Minutes of which nothing was heard are not known. A clock that was set back stays where it was.
 */
static struct lag_point *find_point(struct log_lags *lags, uint64_t minute)
{
    if (minute >= lags->newest + LAG_HISTORY_MINUTES)
        memset(lags->points, 0, sizeof lags->points);
    else
        for (uint64_t i = lags->newest + 1; i <= minute; i++)
            lags->points[i % LAG_HISTORY_MINUTES] = (struct lag_point){ 0 };
    if (minute > lags->newest)
        lags->newest = minute;
    return &lags->points[lags->newest % LAG_HISTORY_MINUTES];
}

void lag_history_add(struct lag_history *history, const char *log_id, uint64_t entries, uint64_t ms,
                     uint64_t now_ms)
{
    uint64_t minute = now_ms / MS_PER_MINUTE;
    struct log_lags *lags = find_lags(history, log_id);
    if (!lags)
        lags = take_up(history, log_id, minute);
    if (!lags)
        return;
    struct lag_point *point = find_point(lags, minute);
    point->is_known = true;
    point->entries = entries > point->entries ? entries : point->entries;
    point->ms = ms > point->ms ? ms : point->ms;
}

struct lag_point lag_history_point(const struct lag_history *history, const char *log_id,
                                   uint64_t now_ms, unsigned minutes)
{
    uint64_t minute = now_ms / MS_PER_MINUTE - minutes;
    const struct log_lags *lags = find_lags(history, log_id);
    if (!lags || minute > lags->newest || minute + LAG_HISTORY_MINUTES <= lags->newest)
        return (struct lag_point){ 0 };
    return lags->points[minute % LAG_HISTORY_MINUTES];
}
