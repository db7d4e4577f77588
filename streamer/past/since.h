/* From where on a subscriber wants the stream: the parameter `since` of its query, or its
 * Last-Event-ID. */
#ifndef STREAMER_PAST_SINCE_H
#define STREAMER_PAST_SINCE_H

#include "shared/redis/stream_id.h"
#include "streamer/stream/gap.h"

enum since_kind {
    SINCE_NOW,       /* no `since`: what comes from now on */
    SINCE_BEGINNING, /* 0: all there is; so nothing before it is missed */
    SINCE_SECONDS,   /* 300s: what came in the last seconds */
    SINCE_ID,        /* an id: what comes after that message, wherever the stream stands */
    SINCE_LOST, /* an id, and the stream has lost entries that come after it: what there is, and a
                   word */
    SINCE_UNKNOWN, /* a position of some other server: what comes from now on, and a word */
};

struct since {
    enum since_kind kind;
    uint64_t seconds;             /* of SINCE_SECONDS */
    struct stream_position after; /* of SINCE_ID and SINCE_LOST; read without its ordinal */
    struct gap lost;              /* of SINCE_LOST: the word */
};

#define SINCE_REASON "since is the id of a message (1700000000000-0), seconds (300s), or 0"

/* Reads "0", seconds as "300s", or an id as "1700000000000-0"; no data is SINCE_NOW. Anything else
 * is SINCE_UNKNOWN. An id is taken whatever our clock says: another streamer may have handed it
 * out, of a Redis whose clock is ahead. */
struct since since_read(struct bytes text);

/* Seconds become an id. `now_ms` is since 1970. */
struct since since_at(const struct since *since, uint64_t now_ms);

#endif
