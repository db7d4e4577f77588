/*
 * Reads the past from Redis, in pages (page.h), for clients that a lane cannot serve. Whoever wants a page waits in a queue;
 * a page serves all who wait within it, so a thousand clients that come back together cost little more than one.
 *
 * Bounded: pages held, pages asked for at once, and bytes read per second; over these, clients wait.
 */
#ifndef STREAMER_LANES_REPLAYS_H
#define STREAMER_LANES_REPLAYS_H

#include "streamer/lanes/replay_page.h"

struct contract;
struct issuer_cache;
struct loop;
struct recent_entries;
struct redis_link;
struct replays;

struct replays_options {
    const struct contract *contract;
    struct loop *loop;
    struct issuer_cache *issuers;
    struct framer *framer;
    const struct recent_certificates *window; /* NULL: none */
    const struct recent_entries *recent;
    size_t pages_max;
    uint64_t bytes_per_second; /* of Redis' replies */
};

struct replays_stats {
    uint64_t pages;   /* read */
    uint64_t shared;  /* times that a page served one more client */
    uint64_t entries; /* read; of them those that passed the filter */
    uint64_t passed;
    uint64_t bytes;  /* of entries read */
    uint64_t failed; /* pages that Redis did not give */
    size_t waiting;  /* clients, now */
    size_t held;     /* pages, now */
};

/* A client that wants a page; owned by whoever wants it, from replays_want to its callback or replays_forget. */
struct replay_request {
    const struct lane_key *key; /* borrowed */
    struct stream_position after;
    uint64_t customer; /* for whom (customers.h) */
    /* The page that covers `after`, or that says that there is nothing behind it; one more user of it. Never from inside
     * replays_want. */
    void (*on_page)(struct replay_page *page, void *context);
    void *context;
    uint64_t since_ms;
    struct replay_request *next, **link; /* link: what points to it; NULL while it does not wait */
};

/* Everything is borrowed as long as the replays exist. */
struct replays *replays_create(const struct replays_options *options);
/* After its link; nobody may wait or hold a page. NULL is fine. */
void replays_destroy(struct replays *replays);
/* The link can be used; while it is down requests wait. */
void replays_start(struct replays *replays, struct redis_link *link);

/* A page that is there already, with one more user; or NULL: then the request waits, and on_page will be called. */
struct replay_page *replays_want(struct replays *replays, struct replay_request *request,
                                 uint64_t now_ms);
/* Fine for one that does not wait. */
void replays_forget(struct replays *replays, struct replay_request *request);
/* One user less. NULL is fine. */
void replays_release(struct replays *replays, struct replay_page *page);
/* Pages read so far are of a stream that is no more. */
void replays_forget_pages(struct replays *replays);
/* How long the request has waited although Redis was there; 0 if it does not wait. */
uint64_t replays_waited_ms(const struct replays *replays, const struct replay_request *request,
                           uint64_t now_ms);

const struct replays_stats *replays_stats(const struct replays *replays);

#endif
