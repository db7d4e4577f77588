/*
 * A page of the stream is asked for, its entries are looked at, and those that pass are handed
 * over; if their issuers are not known, these are fetched and the page is asked for again, so that
 * no reply needs to be kept.
 */
#include "streamer/http/entry_search.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "shared/base/clock.h"
#include "shared/base/memory.h"
#include "shared/base/say.h"
#include "shared/redis/contract.h"
#include "shared/redis/redis_link.h"
#include "streamer/filter/filter.h"
#include "streamer/filter/filter_subject.h"
#include "streamer/stream/issuer_lookup.h"
#include "streamer/stream/stream_entry.h"

enum {
    /* Less than a megabyte, so that what else Redis is asked does not wait long. */
    PAGE_ENTRIES = 200,
    BOUND_SIZE = STREAM_ID_TEXT_SIZE + 1,
};

#define PAGE_TEXT "200"

struct entry_search {
    const struct contract *contract;
    struct redis_link *link;
    struct issuer_lookup *fetch;
    struct filter_subject *subject;
    struct search_request *waiting; /* the first is searched for, if a question is under way */
    size_t waiting_count;
    bool under_way;
    bool has_left;           /* who the question under way is for is gone */
    bool has_fetched;        /* the issuers of this page */
    struct stream_id before; /* the page ends there */
    size_t looked_at;        /* entries of this search */
    struct stream_entry passing[PAGE_ENTRIES];
    struct entry_search_stats stats;
};

_Static_assert(sizeof PAGE_TEXT == 4 && PAGE_ENTRIES == 200, "the text is the number");

static bool ask_for_search_page(struct entry_search *search);

static void enter_search(struct entry_search *search, struct search_request *request)
{
    struct search_request **link = &search->waiting;
    while (*link)
        link = &(*link)->next;
    *link = request;
    request->link = link;
    request->next = NULL;
    search->waiting_count++;
}

static void unlink_request(struct entry_search *search, struct search_request *request)
{
    *request->link = request->next;
    if (request->next)
        request->next->link = request->link;
    request->link = NULL;
    search->waiting_count--;
}

static void conclude(struct entry_search *search, bool away)
{
    struct search_request *request = search->waiting;
    unlink_request(search, request);
    request->on_end(away, request->context);
}

static void begin_next(struct entry_search *search)
{
    while (search->waiting && !search->under_way) {
        search->stats.searches++;
        search->has_fetched = false;
        search->looked_at = 0;
        search->under_way = ask_for_search_page(search);
        if (!search->under_way)
            conclude(search, true);
    }
}

/* The first's search is over; the next one's begins. */
static void end(struct entry_search *search, bool away)
{
    bool has_left = search->has_left;
    search->under_way = search->has_left = false;
    if (!has_left)
        conclude(search, away);
    begin_next(search);
}

/* Everything of the reply that passes; `last` becomes the id of the oldest of all. */
static size_t find_passing(struct entry_search *search, const struct redisReply *reply,
                           struct stream_id *last)
{
    size_t count = 0;
    for (size_t i = 0; i < reply->elements && count < PAGE_ENTRIES; i++) {
        struct stream_entry *entry = &search->passing[count];
        bool good = stream_entry_read(entry, reply->element[i]);
        if (entry->id.ms || entry->id.sequence)
            *last = entry->id;
        if (!good)
            continue;
        filter_subject_set(search->subject, entry);
        count += filter_matches(search->waiting->filter, search->subject);
    }
    return count;
}

/* False when the request has enough. */
static bool hand_over(struct entry_search *search, size_t count, uint64_t now_ms)
{
    struct search_request *request = search->waiting;
    for (size_t i = 0; i < count; i++)
        if (!request->on_entry(&search->passing[i], now_ms, request->context))
            return false;
    return true;
}

static void take_page(struct entry_search *search, const struct redisReply *reply)
{
    uint64_t now_ms = clock_monotonic_ms();
    struct stream_id last = search->before;
    size_t count = find_passing(search, reply, &last);
    if (search->waiting->needs_issuers && !search->has_fetched &&
        issuer_lookup_start(search->fetch, search->link, search->passing, count, now_ms)) {
        search->has_fetched = true;
        return;
    }
    search->has_fetched = false;
    search->before = last;
    search->looked_at += reply->elements;
    search->stats.entries += reply->elements;
    bool more = hand_over(search, count, now_ms) && reply->elements == PAGE_ENTRIES &&
                search->looked_at < SEARCH_ENTRIES_MAX;
    if (!more)
        end(search, false);
    else if (!ask_for_search_page(search))
        end(search, true);
}

static void on_search_page(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)link;
    struct entry_search *search = context;
    bool good = reply && reply->type == REDIS_REPLY_ARRAY;
    if (reply && !good)
        say_warning("entries cannot be searched", "reason=%s",
                    say_quoted(reply->type == REDIS_REPLY_ERROR ? reply->str : "no array"));
    if (good && !search->has_left)
        take_page(search, reply);
    else
        end(search, true);
}

/* Asks, for the first that waits, for the page that ends before `before`, or its one entry. */
static bool ask_for_search_page(struct entry_search *search)
{
    const struct search_request *request = search->waiting;
    char id[STREAM_ID_TEXT_SIZE];
    char upper[BOUND_SIZE] = "+";
    const char *lower = "-";
    if (request->has_id) {
        (void)stream_id_format(id, request->id);
        lower = id;
        (void)snprintf(upper, sizeof upper, "%s", id);
    } else if (search->looked_at > 0) {
        (void)stream_id_format(id, search->before);
        (void)snprintf(upper, sizeof upper, "(%s", id);
    }
    return redis_link_send_strings(search->link, on_search_page, search, "XREVRANGE",
                                   search->contract->stream, upper, lower, "COUNT", PAGE_TEXT,
                                   NULL);
}

static void on_search_page_fetched(bool fetched, void *context)
{
    struct entry_search *search = context;
    if (!fetched || search->has_left || !ask_for_search_page(search))
        end(search, true);
}

struct entry_search *entry_search_create(const struct contract *contract,
                                         struct issuer_cache *issuers, struct redis_link *link,
                                         const struct recent_certificates *window)
{
    struct entry_search *search = memory_allocate_zeroed(1, sizeof *search);
    search->contract = contract;
    search->link = link;
    search->fetch = issuer_lookup_create(contract, issuers, on_search_page_fetched, search);
    search->subject = filter_subject_create(window);
    return search;
}

void entry_search_destroy(struct entry_search *search)
{
    if (!search)
        return;
    assert(!search->waiting);
    issuer_lookup_destroy(search->fetch);
    filter_subject_destroy(search->subject);
    free(search);
}

bool entry_search_start(struct entry_search *search, struct search_request *request)
{
    assert(!request->link);
    if (!redis_link_is_up(search->link))
        return false;
    if (search->waiting_count == SEARCHES_WAITING_MAX) {
        search->stats.refused++;
        return false;
    }
    enter_search(search, request);
    if (search->under_way)
        return true;
    search->stats.searches++;
    search->has_fetched = false;
    search->looked_at = 0;
    search->under_way = ask_for_search_page(search);
    if (!search->under_way)
        unlink_request(search, request);
    return search->under_way;
}

void entry_search_leave(struct entry_search *search, struct search_request *request)
{
    if (!request->link)
        return;
    if (search->under_way && !search->has_left && search->waiting == request)
        search->has_left = true;
    unlink_request(search, request);
}

const struct entry_search_stats *entry_search_stats(const struct entry_search *search)
{
    return &search->stats;
}
