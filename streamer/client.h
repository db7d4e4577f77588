/*
 * A client of a lane: a position, and when what happened. It does no I/O and reads no clock: it is told, and says what is
 * to be done next.
 */
#ifndef STREAMER_CLIENT_H
#define STREAMER_CLIENT_H

#include "streamer/gap.h"
#include "streamer/lane.h"

/* All in milliseconds. */
struct client_timing {
    uint64_t heartbeat_ms; /* a connection that was quiet for this long gets a heartbeat */
    uint64_t ping_ms;      /* between pings */
    uint64_t silence_ms;   /* a client from which nothing came for this long is gone */
    uint64_t stall_ms;     /* a client whose socket took nothing for this long is too slow */
};

struct client {
    uint64_t position;           /* the number of the message it is sent next */
    struct stream_position last; /* of the message it was sent last, or the newest when it joined */
    uint64_t sent_at_ms;         /* 0: nothing yet, so the first heartbeat is due at once */
    uint64_t heard_at_ms;
    uint64_t pinged_at_ms;
    uint64_t
        waiting_since_ms; /* asked for a writable socket and has not got it; 0: it has not asked */
};

enum client_next {
    CLIENT_NEXT_NOTHING,
    CLIENT_NEXT_SLICE,
    CLIENT_NEXT_GAP, /* the lane has overtaken it */
};

enum client_due {
    CLIENT_DUE_NOTHING,
    CLIENT_DUE_HEARTBEAT,
    CLIENT_DUE_PING,
    CLIENT_DUE_CLOSE_SILENT,
    CLIENT_DUE_CLOSE_SLOW,
};

/* Joins the lane at its end. `last_id` is the id of the newest entry that was read from the stream. `now_ms` is monotonic
 * and above zero, here and below. */
void client_join(struct client *client, const struct lane *lane, struct stream_id last_id,
                 uint64_t now_ms);

/* What to send next, and for CLIENT_NEXT_SLICE at most `limit` bytes of it (but a whole message). */
enum client_next client_next(const struct client *client, const struct lane *lane, size_t limit,
                             struct lane_slice *slice);
/* The slice was handed over. */
void client_advance(struct client *client, const struct lane_slice *slice, uint64_t now_ms);
/* Moves an overtaken client to the lane's end, and says what it missed. `newest` is the id of the lane's last message. */
struct gap client_skip(struct client *client, const struct lane *lane, struct stream_id newest);

/* What the passing of time asks for; the most urgent first. */
enum client_due client_due(const struct client *client, const struct client_timing *timing,
                           uint64_t now_ms);

#endif
