/*
 * The one reader of the past: whoever wants entries of the stream again, or its newest, asks here.
 * They are read in pages (stream_page.h) that are kept for a while and shared by all who come by,
 * so a hundred subscribers with a hundred filters who resume together cost Redis one. Issuers that
 * are needed are looked up before a page is handed out.
 *
 * Who goes first: who wants a single entry; what is near the stream's end, because it is soon done;
 * then the customer who has had least. Bounded: pages kept, pages on their way, bytes read per
 * second for all and for each customer; and no turn of the loop serves for longer than
 * STREAM_QUERY_TURN_MS.
 */
#ifndef STREAMER_PAST_STREAM_QUERY_H
#define STREAMER_PAST_STREAM_QUERY_H

#include "streamer/past/past_read.h"

struct contract;
struct issuer_cache;
struct loop;
struct stream_queries;

enum {
    /* Thirty pages: who reads a little faster than another still finds what that one left. */
    STREAM_QUERY_PAGES_BYTES = 32 * 1024 * 1024,
    STREAM_QUERY_TURN_MS = 2,
    /* What lies within this of the stream's end is near it. */
    STREAM_QUERY_NEAR_MS = 120 * 1000,
    /* Who waits for an answer at once, and not for the stream, is told in this time that there is
     * none. */
    STREAM_QUERY_ANSWER_MS = 5000,
};

enum stream_query_kind {
    STREAM_QUERY_ANSWER,     /* somebody waits for the answer: soon or not at all */
    STREAM_QUERY_REPLAY,     /* a subscriber is behind: it waits for its turn, and for Redis */
    STREAM_QUERY_BACKGROUND, /* our own: when nobody else wants anything, and not at all if Redis is
                                away */
};

/* A request; owned by whoever asks, from stream_query_ask to its callback or stream_query_forget.
 */
struct stream_query {
    enum stream_query_kind kind;
    struct stream_page_bounds bounds;
    bool is_fresh; /* only a page that is read from now on will do */
    bool needs_issuers;
    unsigned wanted; /* what of its entries (packed_page.h) */
    uint64_t customer;
    /* A page that covers the place, alive for the call; or NULL: Redis is away or silent, never for
     * a replay. Never called from inside stream_query_ask. It may ask again, with the same query.
     */
    void (*on_page)(const struct stream_page *page, uint64_t now_ms, void *context);
    void *context;
    /* The rest is ours. */
    uint64_t since_ms;
    uint64_t asked_after;              /* pages that had been asked for */
    struct stream_query *next, **link; /* link: what points to it; NULL while it does not wait */
};

struct stream_queries_options {
    const struct contract *contract;
    struct loop *loop;
    struct issuer_cache *issuers;
    uint64_t bytes_per_second;  /* of replies */
    size_t history_cache_bytes; /* of parts of packed history, unpacked */
    /* What a customer has used, and how long he has to wait for more. NULL: nobody counts. */
    void (*charge)(uint64_t customer, uint64_t bytes, uint64_t now_ms, void *context);
    uint64_t (*wait_ms)(uint64_t customer, uint64_t now_ms, void *context);
    void *context;
};

struct stream_queries_stats {
    uint64_t pages;   /* read */
    uint64_t entries; /* in them */
    uint64_t bytes;   /* of these entries' fields */
    uint64_t served;  /* queries answered by a page */
    uint64_t failed;  /* queries told that there is no answer, and pages that Redis did not give */
    size_t waiting;   /* queries, now */
    size_t held;      /* pages, now */
};

/* Everything in the options is borrowed as long as it exists. */
struct stream_queries *stream_queries_create(const struct stream_queries_options *options);
/* Before the loop goes, and after the link: who waits for an answer is told that there is none, and
 * nobody may ask any more. NULL is fine. */
void stream_queries_stop(struct stream_queries *queries);
/* Has to be called after stream_queries_stop; nobody may wait. NULL is fine. */
void stream_queries_destroy(struct stream_queries *queries);
/* The link can be used. */
void stream_queries_start(struct stream_queries *queries, struct redis_link *link);

/* False, and nothing waits, if Redis is away and this is no replay. */
bool stream_query_ask(struct stream_queries *queries, struct stream_query *query, uint64_t now_ms);
/* Fine for one that does not wait. */
void stream_query_forget(struct stream_queries *queries, struct stream_query *query);
bool stream_query_waits(const struct stream_query *query);
/* How long it has waited although Redis was there; 0 if it does not wait. */
uint64_t stream_query_waited_ms(const struct stream_queries *queries,
                                const struct stream_query *query, uint64_t now_ms);

/* The page, which a query was answered with, stays until it is let go of. */
void stream_queries_hold_page(struct stream_queries *queries, const struct stream_page *page);
void stream_queries_release_page(struct stream_queries *queries, const struct stream_page *page);

/* Pages read so far are of a stream that is no more. */
void stream_queries_forget_pages(struct stream_queries *queries);
/* Where the stream ends, as far as the caller knows: what is near that comes first. */
void stream_queries_note_end(struct stream_queries *queries, struct stream_id end);

const struct stream_queries_stats *stream_queries_stats(const struct stream_queries *queries);
/* How they are read; lives as long as the queries. */
struct past *stream_queries_past(struct stream_queries *queries);

#endif
