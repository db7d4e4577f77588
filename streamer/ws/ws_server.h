/* The server: accepts connections from its listeners, and knows all sessions and subscribers. */
#ifndef STREAMER_WS_WS_SERVER_H
#define STREAMER_WS_WS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "streamer/ws/subscriber.h"

struct admission;
struct http_sources;
struct listeners;
struct loop;
struct ws_server;

struct ws_server_options {
    struct loop *loop;
    const struct http_sources *sources;
    struct subscribers_options subscribers;
    bool deflate; /* compress for those who offer to inflate */
    const struct admission *admission;
    size_t max_connections;
    uint64_t handshake_ms; /* for a whole request to arrive */
};

/* Everything in the options is borrowed as long as the server exists. NULL after saying why on the
 * log. */
struct ws_server *ws_server_create(const struct ws_server_options *options);
/* Ends what connections are left; to be called before loop_destroy. NULL is fine. */
void ws_server_destroy(struct ws_server *server);

/* Accepts connections from the listeners, which are borrowed until ws_server_close. Once for
 * clients, once for administrators (admin.h), who have places of their own. */
bool ws_server_listen(struct ws_server *server, const struct listeners *listeners, bool is_admin);

void ws_server_note_rollback(struct ws_server *server);
void ws_server_note_loss(struct ws_server *server, struct stream_id end);
void ws_server_note_fork(struct ws_server *server, struct stream_id fork, struct stream_id lost);
void ws_server_learn_newest(struct ws_server *server, struct stream_position newest);
/* There is something new in the lanes. */
void ws_server_wake(struct ws_server *server, uint64_t now_ms);
/* To be called every second or so: heartbeats, pings, and the end of clients that are gone. */
void ws_server_tick(struct ws_server *server, uint64_t now_ms);

/* Accepts nothing more and tells all clients that the server is going away. */
void ws_server_close(struct ws_server *server);
const struct connection_counters *ws_server_connections(const struct ws_server *server);
const struct subscriber_counters *ws_server_subscribers(const struct ws_server *server);

#endif
