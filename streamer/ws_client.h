/*
 * WebSocket clients. Each is a position in a lane; whenever its socket is writable it is sent the next slice of ready-made
 * frames, whole frames only, so that what libwebsockets sends by itself (pongs, closes) always falls between two frames.
 */
#ifndef STREAMER_WS_CLIENT_H
#define STREAMER_WS_CLIENT_H

#include "streamer/client.h"
#include "streamer/lanes.h"

struct lws;
struct stream_reader;
struct ws_clients;

struct ws_clients_options {
    struct lanes *lanes;
    const struct stream_reader *reader;
    struct client_timing timing;
};

struct ws_clients_stats {
    uint64_t slices; /* written */
    uint64_t slice_bytes;
    uint64_t partial; /* of them, those the socket did not take whole */
    uint64_t gaps;    /* clients told that they were overtaken */
    uint64_t missed;  /* messages they missed */
    uint64_t closed_slow;
    uint64_t closed_silent;
};

/* One connection; in libwebsockets' memory, owned by nobody else. */
struct ws_client {
    struct ws_clients *clients;
    struct lws *wsi;
    struct client state;
    struct lane *lane; /* NULL: it has left, or never joined */
    enum lane_kind kind;
    size_t inbound;                 /* bytes of the message that is coming in */
    struct ws_client *next, **link; /* link: what points to this one */
};

/* Everything in the options is borrowed as long as the clients exist. */
struct ws_clients *ws_clients_create(const struct ws_clients_options *options);
/* After the last client left. NULL is fine. */
void ws_clients_destroy(struct ws_clients *clients);

/* The connection is open. From here to ws_client_leave it listens to its lane. */
void ws_client_join(struct ws_client *client, struct ws_clients *clients, struct lws *wsi,
                    enum lane_kind kind);
/* The connection is closing. Fine for a client that has left already or never joined. */
void ws_client_leave(struct ws_client *client);
/* The socket is writable; `size` bytes have come in. 0, or -1 to close the connection, as libwebsockets has it. */
int ws_client_write(struct ws_client *client);
int ws_client_receive(struct ws_client *client, size_t size);

/* There is something new in the lanes. */
void ws_clients_wake(struct ws_clients *clients, uint64_t now_ms);
/* To be called every second or so: heartbeats, pings, and the end of clients that are gone. */
void ws_clients_tick(struct ws_clients *clients, uint64_t now_ms);
/* Tells all clients that the server is going away. */
void ws_clients_close(struct ws_clients *clients);
const struct ws_clients_stats *ws_clients_stats(const struct ws_clients *clients);

#endif
