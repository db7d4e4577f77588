#include "streamer/http/entry_search.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "streamer/edge/customers.h"
#include "streamer/filter/filter.h"
#include "streamer/filter/filter_subject.h"

struct entry_search {
    struct stream_queries *queries;
    struct filter_subject *subject;
    struct customers *customers;
    size_t under_way, filtered_under_way;
    struct entry_search_stats stats;
};

/* False if the customer has as many as he may. One that reads a single entry is no burden. */
static bool take_share(const struct entry_search *search, const struct search_request *request)
{
    return !search->customers || !request->filter ||
           customers_take(search->customers, request->customer, CUSTOMER_SEARCHES, 1);
}

static void give_share_back(const struct entry_search *search, const struct search_request *request)
{
    if (search->customers && request->filter)
        customers_give_back(search->customers, request->customer, CUSTOMER_SEARCHES, 1);
}

static void leave_search(struct entry_search *search, struct search_request *request)
{
    search->under_way--;
    search->filtered_under_way -= request->filter != NULL;
    give_share_back(search, request);
    request->search = NULL;
}

static void end_search(struct search_request *request, bool away)
{
    leave_search(request->search, request);
    request->on_end(away, request->context);
}

/* True if it passes and another one is wanted, or it does not pass. */
static bool look_at(struct search_request *request, const struct stream_entry *entry,
                    uint64_t now_ms)
{
    struct entry_search *search = request->search;
    request->looked_at++;
    search->stats.entries++;
    if (!entry->is_message)
        return true;
    filter_subject_set(search->subject, entry);
    return !filter_matches(request->filter, search->subject) ||
           request->on_entry(entry, now_ms, request->context);
}

/* Newest first. False when enough was found, or looked at. */
static bool look_through(struct search_request *request, const struct stream_page *page,
                         uint64_t now_ms)
{
    struct stream_id before = request->query.bounds.place.id;
    size_t at = stream_page_find(page, stream_id_before(before));
    for (; at > 0; at--)
        if (!look_at(request, &page->entries[at - 1], now_ms) ||
            request->looked_at >= SEARCH_ENTRIES_MAX)
            return false;
    return true;
}

static void on_search_page(const struct stream_page *page, uint64_t now_ms, void *context)
{
    struct search_request *request = context;
    if (!page || !look_through(request, page, now_ms) || page->is_begin) {
        end_search(request, !page);
        return;
    }
    request->query.is_fresh = false;
    request->query.bounds.place.id = stream_page_before(page);
    if (!stream_query_ask(request->search->queries, &request->query, now_ms))
        end_search(request, true);
}

/* The entry is the first of the page, or it is gone. */
static void on_entry_page(const struct stream_page *page, uint64_t now_ms, void *context)
{
    struct search_request *request = context;
    size_t at = page ? stream_page_find(page, request->query.bounds.place.id) : 0;
    if (page && at < page->count && stream_id_compare(page->entries[at].id, request->id) == 0)
        (void)look_at(request, &page->entries[at], now_ms);
    end_search(request, !page);
}

struct entry_search *entry_search_create(struct stream_queries *queries,
                                         const struct recent_certificates *window,
                                         struct customers *customers)
{
    struct entry_search *search = memory_allocate_zeroed(1, sizeof *search);
    search->queries = queries;
    search->customers = customers;
    search->subject = filter_subject_create(window);
    return search;
}

void entry_search_destroy(struct entry_search *search)
{
    if (!search)
        return;
    assert(search->under_way == 0);
    filter_subject_destroy(search->subject);
    free(search);
}

static bool has_room_for_search(const struct entry_search *search,
                                const struct search_request *request)
{
    return search->under_way < SEARCHES_MAX &&
           (!request->filter || search->filtered_under_way < SEARCHES_FILTERED_MAX);
}

static void begin_query(struct search_request *request)
{
    static const struct stream_position end = { { UINT64_MAX, UINT64_MAX }, 0 };
    struct stream_position before_entry = { stream_id_before(request->id), 0 };
    request->looked_at = 0;
    request->query = (struct stream_query){
        .kind = STREAM_QUERY_ANSWER,
        .bounds = { .is_backward = !request->has_id,
                    .place = request->has_id ? before_entry : end,
                    .limit = request->has_id ? 1 : STREAM_PAGE_ENTRIES_MAX },
        /* What is told is in the stream now. */
        .is_fresh = true,
        .needs_issuers = request->needs_issuers,
        .wanted = PAGE_WANTS_ALL,
        .customer = request->customer,
        .on_page = request->has_id ? on_entry_page : on_search_page,
        .context = request,
    };
}

static enum search_start refuse_search(struct entry_search *search, enum search_start why)
{
    search->stats.refused++;
    return why;
}

enum search_start entry_search_start(struct entry_search *search, struct search_request *request)
{
    assert(!request->search);
    begin_query(request);
    if (!has_room_for_search(search, request))
        return refuse_search(search, SEARCH_TOO_MANY);
    if (!take_share(search, request))
        return refuse_search(search, SEARCH_TOO_MANY_OF_CUSTOMER);
    if (!stream_query_ask(search->queries, &request->query, clock_monotonic_ms())) {
        give_share_back(search, request);
        return SEARCH_REDIS_AWAY;
    }
    request->search = search;
    search->stats.searches++;
    search->under_way++;
    search->filtered_under_way += request->filter != NULL;
    return SEARCH_STARTED;
}

void entry_search_leave(struct entry_search *search, struct search_request *request)
{
    if (!request->search)
        return;
    stream_query_forget(search->queries, &request->query);
    leave_search(search, request);
}

const struct entry_search_stats *entry_search_stats(const struct entry_search *search)
{
    return &search->stats;
}
