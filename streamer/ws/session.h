/*
 * One connection from its first byte to its last: requests one after the other, each answered
 * before the next is looked at, until one becomes a stream, of events or of WebSocket frames.
 * Reading stops while a request is answered, so nobody can have us keep more than one; what
 * comes behind a request that begins a stream is refused.
 */
#ifndef STREAMER_WS_SESSION_H
#define STREAMER_WS_SESSION_H

#include "streamer/edge/connection.h"
#include "streamer/http/client_counters.h"
#include "streamer/http/http_routes.h"
#include "streamer/ws/client_frames.h"
#include "streamer/ws/subscriber.h"

struct admission;
struct http_exchange;
struct session;
struct ssl_ctx_st;
struct transports;

/* What all sessions have in common; borrowed by each. */
struct sessions {
    const struct http_sources *sources;
    struct subscribers *subscribers;
    struct lanes *lanes;
    const struct admission *admission;
    struct transports *transports;
    struct connection_counters *counters;
    size_t refusing;       /* of the open ones, those that are only told why */
    uint64_t handshake_ms; /* for a whole request to arrive */
    uint64_t numbers;      /* given to sessions so far */
    size_t administrators; /* of the open ones */
    bool deflate;          /* compress for those who offer to inflate */
    bool is_closing;       /* no stream begins any more */
    struct session *first;
};

enum session_state {
    SESSION_ASKING,    /* a request comes in */
    SESSION_ANSWERING, /* and is answered; nothing is read */
    SESSION_EVENTS,    /* a stream: whatever comes ends it */
    SESSION_FRAMES,    /* a stream: what comes is checked */
    SESSION_OVER,      /* the last word is said */
};

struct session {
    struct sessions *all;
    uint64_t number; /* by which an administrator names it */
    uint64_t opened_at_ms;
    struct transport *transport;
    struct connection *connection;
    enum session_state state;
    uint64_t deadline_ms;           /* what it waits for has to have happened by then */
    struct buffer input;            /* a request that comes in; no memory while there is none */
    size_t input_seen;              /* of it, what did not hold the end of the request's head */
    struct http_exchange *exchange; /* while a request is answered over HTTP */
    struct subscriber subscriber;   /* of a stream */
    struct client_frames frames;
    struct session *next, **link; /* link: what points to this one */
};

/* Takes the descriptor and the connection. `tls`: what the listener shows; NULL: in the clear. NULL
 * if the kernel does not take part: then both are gone. */
struct session *session_open(struct sessions *sessions, int descriptor, struct ssl_ctx_st *tls,
                             struct connection *connection);

/* One of those that are only told why gives way, or one of the administrators: the one that has
 * said nothing for the longest time. False if there is none. Its connection is gone at the next
 * turn of the loop. */
bool sessions_displace(const struct sessions *sessions, bool is_admin);

/* Says goodbye to the one with this number; false if there is none. */
bool sessions_end(struct sessions *sessions, uint64_t number);

/* To be called every second or so: ends those that let us wait. */
void sessions_tick(struct sessions *sessions, uint64_t now_ms);
/* The streams are closed already: ends those that are idle, the others end with their answer. */
void sessions_close(struct sessions *sessions);

#endif
