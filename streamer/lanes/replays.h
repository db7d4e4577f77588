/*
 * Feeds subscribers that a lane cannot serve: what they missed is read by the one reader of the
 * past (stream_query.h), goes through their filter, and is framed for their lane's kind. A page of
 * frames serves all who ask for the same, and entries that are read serve everybody, so a thousand
 * subscribers that come back together cost little more than one.
 *
 * Bounded: bytes of frames held; who comes over that waits until a page is given back.
 */
#ifndef STREAMER_LANES_REPLAYS_H
#define STREAMER_LANES_REPLAYS_H

#include "streamer/lanes/replay_page.h"
#include "streamer/past/stream_query.h"

struct loop;
struct recent_entries;
struct replays;

struct replays_options {
    struct stream_queries *queries;
    struct loop *loop;
    struct framer *framer;
    const struct recent_certificates *window; /* NULL: none */
    const struct recent_entries *recent;
    size_t pages_max; /* so many full pages of frames, or more that are not full */
};

struct replays_stats {
    uint64_t pages;     /* of frames */
    uint64_t shared;    /* times that such a page served one more subscriber */
    uint64_t looked_at; /* entries, for each filter anew; of them those that passed it */
    uint64_t passed;
    size_t waiting; /* subscribers, now */
    size_t held;    /* pages, now */
};

/* A subscriber that wants a page; owned by whoever wants it, from replays_want to its callback or
 * replays_forget. */
struct replay_request {
    const struct lane_key *key; /* borrowed */
    struct stream_position after;
    uint64_t customer; /* for whom (customers.h) */
    /* The page that covers `after`, or that says that there is nothing behind it; one more user of
     * it. Never from inside replays_want. */
    void (*on_page)(struct replay_page *page, void *context);
    void *context;
    /* The rest is the replays'. */
    struct replays *replays;
    struct stream_query query;
    struct stream_position looked_at;    /* what comes up to here does not pass */
    uint64_t since_ms;                   /* of the last entry that was looked at for it */
    struct replay_request *next, **link; /* link: what points to it; NULL while it does not wait */
};

/* Everything is borrowed as long as the replays exist. */
struct replays *replays_create(const struct replays_options *options);
/* Before the queries; nobody may wait or hold a page. NULL is fine. */
void replays_destroy(struct replays *replays);

/* A page that is there already, with one more user; or NULL: then the request waits, and on_page
 * will be called. */
struct replay_page *replays_want(struct replays *replays, struct replay_request *request,
                                 uint64_t now_ms);
/* Fine for one that does not wait. */
void replays_forget(struct replays *replays, struct replay_request *request);
/* One user less. NULL is fine. */
void replays_release(struct replays *replays, struct replay_page *page);
/* Pages made so far are of a stream that is no more. */
void replays_forget_pages(struct replays *replays);
/* How long the request has waited although Redis was there, without an entry being looked at for
 * it; 0 if it does not wait. */
uint64_t replays_waited_ms(const struct replays *replays, const struct replay_request *request,
                           uint64_t now_ms);

const struct replays_stats *replays_stats(const struct replays *replays);

#endif
