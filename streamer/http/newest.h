/*
 * The newest entries of the stream, for HTTP answers. One XREVRANGE at a time serves all who wait
 * for it, so however many ask, Redis is asked at most once per round trip.
 */
#ifndef STREAMER_HTTP_NEWEST_H
#define STREAMER_HTTP_NEWEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct contract;
struct issuer_cache;
struct newest;
struct redis_link;
struct stream_entry;

enum {
    /* What /latest.json has. */
    NEWEST_COUNT = 25,
};

/* `entries` newest first, views for the call; NULL if Redis went away. */
typedef void (*newest_on_entries)(const struct stream_entry *entries, size_t count, uint64_t now_ms,
                                  void *context);

/* Owned by whoever waits; waits from newest_wait until its callback is called or newest_leave. */
struct newest_waiter {
    newest_on_entries on_entries;
    void *context;
    bool needs_issuers;                 /* those of the entries shall be in the cache */
    struct newest_waiter *next, **link; /* link: what points to it; NULL while it does not wait */
};

/* Everything is borrowed as long as it exists. */
struct newest *newest_create(const struct contract *contract, struct issuer_cache *issuers,
                             struct redis_link *link);
/* Has to be called after its link is gone; nobody may wait. NULL is fine. */
void newest_destroy(struct newest *newest);

/* False, and no callback, if Redis cannot be asked now. */
bool newest_wait(struct newest *newest, struct newest_waiter *waiter);
/* The waiter is not interested any more, or never was. */
void newest_leave(struct newest_waiter *waiter);

#endif
