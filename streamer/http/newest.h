/*
 * The newest entries of the stream, for HTTP answers. One question at a time serves all who wait
 * for it, so however many ask, Redis is asked at most once per round trip.
 */
#ifndef STREAMER_HTTP_NEWEST_H
#define STREAMER_HTTP_NEWEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct newest;
struct stream_entry;
struct stream_queries;

enum {
    /* What /latest.json has. */
    NEWEST_COUNT = 25,
};

/* `entries` newest first, views for the call; NULL if Redis went away or does not answer. */
typedef void (*newest_on_entries)(const struct stream_entry *entries, size_t count, uint64_t now_ms,
                                  void *context);

/* Owned by whoever waits; waits from newest_wait until its callback is called or newest_leave. */
struct newest_waiter {
    newest_on_entries on_entries;
    void *context;
    bool needs_issuers;                 /* those of the entries shall be in the cache */
    struct newest_waiter *next, **link; /* link: what points to it; NULL while it does not wait */
};

/* The queries are borrowed as long as it exists. */
struct newest *newest_create(struct stream_queries *queries);
/* Nobody may wait. NULL is fine. */
void newest_destroy(struct newest *newest);

/* False, and no callback, if Redis cannot be asked now. */
bool newest_wait(struct newest *newest, struct newest_waiter *waiter);
/* The waiter is not interested any more, or never was. */
void newest_leave(struct newest_waiter *waiter);

#endif
