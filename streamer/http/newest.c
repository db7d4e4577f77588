#include "streamer/http/newest.h"

#include <assert.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "shared/base/clock.h"
#include "shared/base/memory.h"
#include "shared/base/say.h"
#include "shared/redis/contract.h"
#include "shared/redis/redis_link.h"
#include "streamer/stream/issuer_lookup.h"
#include "streamer/stream/stream_entry.h"

enum {
    /* New entries may bring new issuers while those of the last ones are fetched; after so many
     * rounds what is missing is left out. */
    ROUNDS_MAX = 4,
};

#define COUNT_TEXT "25"

struct newest {
    const struct contract *contract;
    struct redis_link *link;
    struct issuer_lookup *fetch;
    struct newest_waiter *asking; /* those the query under way is for */
    struct newest_waiter *
        next; /* those who came since: a query sent before they asked may be older than they want */
    bool under_way;
    unsigned rounds;
    struct stream_entry entries[NEWEST_COUNT];
};

_Static_assert(sizeof COUNT_TEXT == 3 && NEWEST_COUNT == 25, "the text is the number");

static void enter_newest(struct newest_waiter **list, struct newest_waiter *waiter)
{
    waiter->next = *list;
    waiter->link = list;
    if (*list)
        (*list)->link = &waiter->next;
    *list = waiter;
}

void newest_leave(struct newest_waiter *waiter)
{
    if (!waiter->link)
        return;
    *waiter->link = waiter->next;
    if (waiter->next)
        waiter->next->link = waiter->link;
    waiter->link = NULL;
}

static void answer_all(struct newest *newest, const struct stream_entry *entries, size_t count,
                       uint64_t now_ms)
{
    while (newest->asking) {
        struct newest_waiter *waiter = newest->asking;
        newest_leave(waiter);
        waiter->on_entries(entries, count, now_ms, waiter->context);
    }
}

static bool ask_for_newest(struct newest *newest);

/* Takes those who came meanwhile in. */
static void ask_for_next(struct newest *newest)
{
    newest->under_way = false;
    if (!newest->next)
        return;
    assert(!newest->asking);
    newest->asking = newest->next;
    newest->asking->link = &newest->asking;
    newest->next = NULL;
    newest->rounds = 0;
    if (!ask_for_newest(newest))
        answer_all(newest, NULL, 0, clock_monotonic_ms());
}

static size_t decode_newest(struct newest *newest, const struct redisReply *reply)
{
    size_t count = 0;
    for (size_t i = 0; i < reply->elements && count < NEWEST_COUNT; i++)
        count += stream_entry_read(&newest->entries[count], reply->element[i]);
    return count;
}

static bool needs_issuers(const struct newest *newest)
{
    for (const struct newest_waiter *waiter = newest->asking; waiter; waiter = waiter->next)
        if (waiter->needs_issuers)
            return true;
    return false;
}

static void on_reply(struct redis_link *link, struct redisReply *reply, void *context)
{
    struct newest *newest = context;
    uint64_t now_ms = clock_monotonic_ms();
    if (!reply || reply->type != REDIS_REPLY_ARRAY) {
        if (reply)
            say_warning("the newest entries cannot be read", "reason=%s",
                        say_quoted(reply->type == REDIS_REPLY_ERROR ? reply->str : "no array"));
        answer_all(newest, NULL, 0, now_ms);
        ask_for_next(newest);
        return;
    }
    size_t count = decode_newest(newest, reply);
    if (needs_issuers(newest) && ++newest->rounds < ROUNDS_MAX &&
        issuer_lookup_start(newest->fetch, link, newest->entries, count, now_ms))
        return;
    answer_all(newest, newest->entries, count, now_ms);
    ask_for_next(newest);
}

static bool ask_for_newest(struct newest *newest)
{
    newest->under_way =
        redis_link_send_strings(newest->link, on_reply, newest, "XREVRANGE",
                                newest->contract->stream, "+", "-", "COUNT", COUNT_TEXT, NULL);
    return newest->under_way;
}

static void on_newest_fetched(bool fetched, void *context)
{
    struct newest *newest = context;
    if (fetched && ask_for_newest(newest))
        return;
    answer_all(newest, NULL, 0, clock_monotonic_ms());
    ask_for_next(newest);
}

struct newest *newest_create(const struct contract *contract, struct issuer_cache *issuers,
                             struct redis_link *link)
{
    struct newest *newest = memory_allocate_zeroed(1, sizeof *newest);
    newest->contract = contract;
    newest->link = link;
    newest->fetch = issuer_lookup_create(contract, issuers, on_newest_fetched, newest);
    return newest;
}

void newest_destroy(struct newest *newest)
{
    if (!newest)
        return;
    assert(!newest->asking && !newest->next);
    issuer_lookup_destroy(newest->fetch);
    free(newest);
}

bool newest_wait(struct newest *newest, struct newest_waiter *waiter)
{
    assert(!waiter->link);
    if (!redis_link_is_up(newest->link))
        return false;
    enter_newest(newest->under_way ? &newest->next : &newest->asking, waiter);
    if (newest->under_way)
        return true;
    newest->rounds = 0;
    if (ask_for_newest(newest))
        return true;
    newest_leave(waiter);
    return false;
}
