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
#include "streamer/ws/subscriber.h"

struct admission;
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
    bool deflate;          /* compress for those who offer to inflate */
    bool is_closing;       /* no stream begins any more */
    struct session *first;
};

/* Takes the descriptor and the connection. `tls`: what the listener shows; NULL: in the clear. NULL
 * if the kernel does not take part: then both are gone. */
struct session *session_open(struct sessions *sessions, int descriptor, struct ssl_ctx_st *tls,
                             struct connection *connection);

/* To be called every second or so: ends those that let us wait. */
void sessions_tick(struct sessions *sessions, uint64_t now_ms);
/* The streams are closed already: ends those that are idle, the others end with their answer. */
void sessions_close(struct sessions *sessions);

#endif
