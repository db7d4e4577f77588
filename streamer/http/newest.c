#include "streamer/http/newest.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/context.h"
#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "streamer/past/stream_query.h"
#include "streamer/stream/stream_entry.h"

enum {
    /* Of a stream that is all but still, what is packed comes in blocks of a few entries. */
    PAGES_MAX = NEWEST_COUNT
};

#define NEWEST_MARK CONTEXT_MARK('N', 'E', 'W', 'E')

struct newest {
    uint32_t mark; /* NEWEST_MARK */
    struct stream_queries *queries;
    struct stream_query query;
    /* Found so far, newest first, and the pages that they are in. */
    struct stream_entry entries[NEWEST_COUNT];
    size_t count;
    const struct stream_page *pages[PAGES_MAX];
    size_t page_count;
    struct newest_waiter *asking; /* those the question under way is for */
    struct newest_waiter
        *next; /* those who came since: what was asked before may be older than they want */
};

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

static bool needs_issuers(const struct newest *newest)
{
    for (const struct newest_waiter *waiter = newest->asking; waiter; waiter = waiter->next)
        if (waiter->needs_issuers)
            return true;
    return false;
}

static bool ask_for_newest(struct newest *newest, uint64_t now_ms)
{
    newest->query.needs_issuers = needs_issuers(newest);
    newest->query.is_fresh = true;
    newest->query.bounds.place.id = (struct stream_id){ UINT64_MAX, UINT64_MAX };
    return stream_query_ask(newest->queries, &newest->query, now_ms);
}

/* Takes those who came meanwhile in. */
static void ask_for_next(struct newest *newest, uint64_t now_ms)
{
    if (!newest->next)
        return;
    assert(!newest->asking);
    newest->asking = newest->next;
    newest->asking->link = &newest->asking;
    newest->next = NULL;
    if (!ask_for_newest(newest, now_ms))
        answer_all(newest, NULL, 0, now_ms);
}

/* The newest of what there is yet to come. True if more are wanted, and there may be more. */
static bool take_newest(struct newest *newest, const struct stream_page *page)
{
    struct stream_id before = stream_id_before(newest->query.bounds.place.id);
    for (size_t at = stream_page_find(page, before); at > 0 && newest->count < NEWEST_COUNT; at--)
        if (page->entries[at - 1].is_message)
            newest->entries[newest->count++] = page->entries[at - 1];
    stream_queries_hold_page(newest->queries, page);
    newest->pages[newest->page_count++] = page;
    return newest->count < NEWEST_COUNT && newest->page_count < PAGES_MAX && !page->is_begin;
}

static void let_go(struct newest *newest)
{
    while (newest->page_count > 0)
        stream_queries_release_page(newest->queries, newest->pages[--newest->page_count]);
    newest->count = 0;
}

static void on_newest_page(const struct stream_page *page, uint64_t now_ms, void *context)
{
    struct newest *newest = context_of(context, NEWEST_MARK);
    if (page && take_newest(newest, page)) {
        newest->query.is_fresh = false;
        newest->query.bounds.place.id = stream_page_before(page);
        if (stream_query_ask(newest->queries, &newest->query, now_ms))
            return;
        page = NULL;
    }
    answer_all(newest, page ? newest->entries : NULL, newest->count, now_ms);
    let_go(newest);
    ask_for_next(newest, now_ms);
}

struct newest *newest_create(struct stream_queries *queries)
{
    struct newest *newest = memory_allocate_zeroed(1, sizeof *newest);
    newest->mark = NEWEST_MARK;
    newest->queries = queries;
    newest->query = (struct stream_query){
        .kind = STREAM_QUERY_ANSWER,
        .bounds = { .is_backward = true, .limit = NEWEST_COUNT },
        .wanted = PAGE_WANTS_ALL,
        .on_page = on_newest_page,
        .context = newest,
    };
    return newest;
}

void newest_destroy(struct newest *newest)
{
    if (!newest)
        return;
    assert(!newest->asking && !newest->next);
    stream_query_forget(newest->queries, &newest->query);
    let_go(newest);
    free(newest);
}

bool newest_wait(struct newest *newest, struct newest_waiter *waiter)
{
    assert(!waiter->link);
    bool is_under_way = stream_query_waits(&newest->query);
    enter_newest(is_under_way ? &newest->next : &newest->asking, waiter);
    if (is_under_way || ask_for_newest(newest, clock_monotonic_ms()))
        return true;
    newest_leave(waiter);
    return false;
}
