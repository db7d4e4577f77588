/* Says from where on a client wants the stream: the parameter `since` of its query, or its
 * Last-Event-ID. */
#ifndef STREAMER_STREAM_SINCE_H
#define STREAMER_STREAM_SINCE_H

#include "streamer/stream/stream_id.h"

enum since_kind {
    SINCE_NOW,       /* no `since`: what comes from now on */
    SINCE_BEGINNING, /* 0: all there is; so nothing before it is missed */
    SINCE_SECONDS,   /* 300s: what came in the last seconds */
    SINCE_ID,        /* an id: what comes after that message */
};

struct since {
    enum since_kind kind;
    uint64_t seconds;       /* of SINCE_SECONDS */
    struct stream_id after; /* of SINCE_ID */
};

#define SINCE_REASON "since is the id of a message (1700000000000-0), seconds (300s), or 0"

/* Reads "0", seconds as "300s", or an id as "1700000000000-0"; no data is SINCE_NOW. False if it is
 * nothing of this. */
bool since_read(struct since *since, struct bytes text);

/* Seconds become an id. `now_ms` is since 1970. */
struct since since_at(const struct since *since, uint64_t now_ms);

/* True if it is an id that no clock of a Redis can have given yet: nothing would come for long. */
bool since_is_to_come(const struct since *since, uint64_t now_ms);

#endif
