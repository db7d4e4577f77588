#include "streamer/stream/reader_lag.h"

#include <assert.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "shared/base/context.h"
#include "shared/base/memory.h"
#include "shared/redis/contract.h"
#include "shared/redis/redis_link.h"
#include "streamer/stream/stream_entry.h"
#include "streamer/stream/stream_reader.h"

enum {
    FRESH_MS = 2000
};

#define READER_LAG_MARK CONTEXT_MARK('R', 'L', 'A', 'G')

struct reader_lag {
    uint32_t mark; /* READER_LAG_MARK */
    const struct contract *contract;
    struct redis_link *link;
    const struct stream_reader *reader;
    uint64_t asked_at_ms;
    uint64_t lag_ms;
    bool pending;
};

struct reader_lag *reader_lag_create(const struct contract *contract, struct redis_link *link,
                                     const struct stream_reader *reader)
{
    struct reader_lag *lag = memory_allocate_zeroed(1, sizeof *lag);
    lag->mark = READER_LAG_MARK;
    lag->contract = contract;
    lag->link = link;
    lag->reader = reader;
    return lag;
}

void reader_lag_destroy(struct reader_lag *lag)
{
    assert(!lag || !lag->pending);
    free(lag);
}

static uint64_t lag_between(struct stream_id read, struct stream_id newest)
{
    return newest.ms > read.ms ? newest.ms - read.ms : 0;
}

static void on_newest(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)link;
    struct reader_lag *lag = context_of(context, READER_LAG_MARK);
    struct stream_entry newest = { 0 };
    lag->pending = false;
    if (!reply || reply->type != REDIS_REPLY_ARRAY)
        return;
    if (reply->elements > 0)
        (void)stream_entry_read(&newest, reply->element[0]);
    struct stream_id read = stream_reader_last_id(lag->reader);
    lag->lag_ms = lag_between(read, newest.id);
}

void reader_lag_refresh(struct reader_lag *lag, uint64_t now_ms)
{
    bool fresh = lag->asked_at_ms && now_ms - lag->asked_at_ms < FRESH_MS;
    if (fresh || lag->pending)
        return;
    lag->pending = redis_link_send_strings(lag->link, on_newest, lag, "XREVRANGE",
                                           lag->contract->stream, "+", "-", "COUNT", "1", NULL);
    if (lag->pending)
        lag->asked_at_ms = now_ms;
}

uint64_t reader_lag_ms(const struct reader_lag *lag)
{
    return lag->lag_ms;
}
