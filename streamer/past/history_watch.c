#include "streamer/past/history_watch.h"

#include <assert.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "shared/base/context.h"
#include "shared/base/memory.h"
#include "shared/redis/contract.h"
#include "shared/redis/redis_link.h"
#include "streamer/past/past_read.h"

enum {
    FRESH_MS = 2000
};

#define HISTORY_WATCH_MARK CONTEXT_MARK('H', 'W', 'A', 'T')

struct history_watch {
    uint32_t mark; /* HISTORY_WATCH_MARK */
    const struct contract *contract;
    struct redis_link *link;
    struct past *past;
    uint64_t asked_at_ms;
    size_t pending; /* replies */
    struct history_block oldest, newest;
};

struct history_watch *history_watch_create(const struct contract *contract, struct redis_link *link,
                                           struct past *past)
{
    struct history_watch *watch = memory_allocate_zeroed(1, sizeof *watch);
    watch->mark = HISTORY_WATCH_MARK;
    watch->contract = contract;
    watch->link = link;
    watch->past = past;
    return watch;
}

void history_watch_destroy(struct history_watch *watch)
{
    assert(!watch || watch->pending == 0);
    free(watch);
}

static void on_oldest_block(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)link;
    struct history_watch *watch = context_of(context, HISTORY_WATCH_MARK);
    struct history_block oldest;
    watch->pending--;
    if (history_block_read(&oldest, reply))
        watch->oldest = oldest;
}

static void on_newest_block(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)link;
    struct history_watch *watch = context_of(context, HISTORY_WATCH_MARK);
    struct history_block newest;
    watch->pending--;
    if (!history_block_read(&newest, reply))
        return;
    watch->newest = newest;
    past_note_newest(watch->past, &newest);
}

static bool ask_for_block(struct history_watch *watch, redis_link_on_reply on_reply,
                          const char *command, const char *from, const char *to)
{
    bool is_sent = redis_link_send_strings(watch->link, on_reply, watch, command,
                                           watch->contract->history, from, to, "COUNT", "1", NULL);
    watch->pending += is_sent;
    return is_sent;
}

void history_watch_refresh(struct history_watch *watch, uint64_t now_ms)
{
    bool is_fresh = watch->asked_at_ms && now_ms - watch->asked_at_ms < FRESH_MS;
    if (is_fresh || watch->pending > 0)
        return;
    if (ask_for_block(watch, on_oldest_block, "XRANGE", "-", "+") &&
        ask_for_block(watch, on_newest_block, "XREVRANGE", "+", "-"))
        watch->asked_at_ms = now_ms;
}

const struct history_block *history_watch_oldest(const struct history_watch *watch)
{
    return &watch->oldest;
}

const struct history_block *history_watch_newest(const struct history_watch *watch)
{
    return &watch->newest;
}

bool history_watch_is_readable(const struct history_watch *watch)
{
    struct stream_id unknown = past_unknown(watch->past);
    bool is_gone = !history_block_is_there(&watch->oldest) ||
                   stream_id_compare(unknown, watch->oldest.first) < 0;
    bool is_known = !history_block_is_there(&watch->newest) || watch->newest.format == BLOCK_FORMAT;
    return is_known && is_gone;
}
