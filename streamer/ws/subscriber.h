/*
 * Clients of the streams, over WebSocket or Server-Sent Events. Each is a position in a lane;
 * whenever its socket is writable it is sent the next slice of ready-made frames, whole frames
 * only, so that pongs and closes always fall between two frames. One that is behind its lane is
 * sent pages of the past instead.
 */
#ifndef STREAMER_WS_SUBSCRIBER_H
#define STREAMER_WS_SUBSCRIBER_H

#include "streamer/http/client_counters.h"
#include "streamer/lanes/cursor.h"
#include "streamer/lanes/lanes.h"
#include "streamer/lanes/replays.h"
#include "streamer/lanes/stream_request.h"
#include "streamer/request/refusal.h"

struct stream_reader;
struct subscribers;
struct transport;

struct subscribers_options {
    struct lanes *lanes;
    const struct stream_reader *reader;
    struct replays *replays;
    struct customers *customers;
    const struct recent_entries *recent;
    const struct certificate_index *index;
    struct cursor_timing timing;
};

/* One connection; lives in its session. */
struct subscriber {
    struct subscribers *all;
    struct transport *transport;
    struct cursor state;
    struct lane_slot *slot;   /* NULL: it has left, or never joined */
    struct replay_page *page; /* of one that is behind, while it is sent it */
    size_t page_next;         /* the number of the frame of it that comes next */
    struct replay_request request;
    uint64_t sent_bytes;             /* of messages */
    bool knows_gaps;                 /* it is told of them by messages of their own */
    struct subscriber *next, **link; /* link: what points to this one */
};

/* Everything in the options is borrowed as long as the subscribers exist. */
struct subscribers *subscribers_create(const struct subscribers_options *options);
/* After the last one left. NULL is fine. */
void subscribers_destroy(struct subscribers *all);

/* Whether somebody may have this stream now, or why not: a customer has a share of the filters, and
 * of what they cost (customers.h). The same one is counted once, however many of his streams have
 * it. */
struct refusal subscribers_check(const struct subscribers *all,
                                 const struct stream_request *wanted);

/* The connection is open, its answer or handshake written. From here to subscriber_leave it
 * listens to its lane. False if there are as many lanes as may be, or subscribers_check has
 * something against it. */
bool subscriber_join(struct subscriber *subscriber, struct subscribers *all,
                     struct transport *transport, const struct lane_key *key,
                     const struct stream_request *wanted);
/* The connection is closing. Fine for one that has left already or never joined. */
void subscriber_leave(struct subscriber *subscriber);
bool subscriber_has_joined(const struct subscriber *subscriber);
/* The socket is writable. */
void subscriber_write(struct subscriber *subscriber);
/* The client has sent something: it is there. */
void subscriber_hear(struct subscriber *subscriber);
/* Says why, leaves, and finishes the connection. Fine for one that has left already. `code` as
 * RFC 6455 section 7.4 has it; the reason is a constant. */
void subscriber_close(struct subscriber *subscriber, unsigned code, const char *reason);

/* What Redis gets again, all have had. */
void subscribers_note_rollback(struct subscribers *all);
/* Redis lost entries that were given out; the stream ends at `end` now. */
void subscribers_note_loss(struct subscribers *all, struct stream_id end);
/* And it is known now which: those after `fork` up to `lost`. */
void subscribers_note_fork(struct subscribers *all, struct stream_id fork, struct stream_id lost);
/* The reader knows only now where the stream ends. */
void subscribers_learn_newest(struct subscribers *all, struct stream_position newest);
/* There is something new in the lanes. */
void subscribers_wake(struct subscribers *all, uint64_t now_ms);
/* To be called every second or so: heartbeats, pings, and the end of clients that are gone. */
void subscribers_tick(struct subscribers *all, uint64_t now_ms);
/* Tells all clients that the server is going away. */
void subscribers_close(struct subscribers *all);
const struct subscriber_counters *subscribers_counters(const struct subscribers *all);

#endif
