/* What is counted of connections and subscribers by those who have them, for those who tell of it
 * (metrics). */
#ifndef STREAMER_HTTP_CLIENT_COUNTERS_H
#define STREAMER_HTTP_CLIENT_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

struct connection_counters {
    size_t open;       /* now */
    uint64_t accepted; /* connections */
    uint64_t refused;  /* requests and connections that were told why */
};

struct subscriber_counters {
    uint64_t slices; /* written */
    uint64_t slice_bytes;
    uint64_t messages;    /* in them */
    uint64_t partial;     /* slices that the socket did not take whole */
    uint64_t gaps;        /* times that a subscriber was told that it missed something */
    uint64_t missed;      /* messages they missed, where that could be counted */
    uint64_t resumed;     /* subscribers that came for what was before */
    uint64_t overtaken;   /* times that a lane overtook a subscriber */
    uint64_t caught_up;   /* times that one that was behind got back to its lane */
    size_t behind;        /* subscribers, now */
    uint64_t closed_busy; /* subscribers whose turn for a page did not come */
    uint64_t closed_slow;
    uint64_t closed_silent;
};

#endif
