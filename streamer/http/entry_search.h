/*
 * Looks for entries of the stream, newest first: those that pass a filter, among the newest
 * SEARCH_ENTRIES_MAX, or the one of an id. Searches go on side by side, a page at a time; whose
 * turn it is and who shares what is read is for stream_query.h to say.
 */
#ifndef STREAMER_HTTP_ENTRY_SEARCH_H
#define STREAMER_HTTP_ENTRY_SEARCH_H

#include "shared/redis/stream_id.h"
#include "streamer/past/stream_query.h"

struct customers;
struct entry_search;
struct filter;
struct recent_certificates;
struct stream_entry;

enum {
    /* Some 18 MB of Redis' replies; a few seconds of the stream at its busiest, minutes at its
     * quietest. */
    SEARCH_ENTRIES_MAX = 5000,
    /* In all. Of those with a filter a customer may have less at once (customers.h); the one of an
     * id is a single entry, so more of these may wait. */
    SEARCHES_FILTERED_MAX = 64,
    SEARCHES_MAX = 1024,
};

/* Owned by whoever searches; from entry_search_start until on_end is called or
 * entry_search_leave. */
struct search_request {
    /* An entry that passes, a view for the call. False: no more are wanted. */
    bool (*on_entry)(const struct stream_entry *entry, uint64_t now_ms, void *context);
    /* There are no more; or Redis went away. */
    void (*on_end)(bool away, void *context);
    void *context;
    const struct filter *filter; /* borrowed; NULL: everything */
    bool has_id;                 /* only the entry of `id`, if it is still there */
    struct stream_id id;
    bool needs_issuers; /* those of the entries shall be in the cache */
    uint64_t customer;
    /* The rest is the search's. */
    struct entry_search *search;
    struct stream_query query;
    size_t looked_at;
};

struct entry_search_stats {
    uint64_t searches; /* begun */
    uint64_t entries;  /* looked at */
    uint64_t refused;  /* because too many were under way */
};

/* How a search begins, or not. */
enum search_start {
    SEARCH_STARTED,
    SEARCH_REDIS_AWAY,
    SEARCH_TOO_MANY,             /* are under way */
    SEARCH_TOO_MANY_OF_CUSTOMER, /* likewise */
};

/* Everything is borrowed as long as it exists; `customers` may be NULL: nobody counts. */
struct entry_search *entry_search_create(struct stream_queries *queries,
                                         const struct recent_certificates *window,
                                         struct customers *customers);
/* Nobody may search. NULL is fine. */
void entry_search_destroy(struct entry_search *search);

/* No callback is called from inside, and none at all unless it has started. */
enum search_start entry_search_start(struct entry_search *search, struct search_request *request);
/* The request is not interested any more, or never was. */
void entry_search_leave(struct entry_search *search, struct search_request *request);

const struct entry_search_stats *entry_search_stats(const struct entry_search *search);

#endif
