/*
 * The bytes of the connections: what comes in, what goes out, and their end, over TLS or not. Who
 * speaks HTTP or WebSocket on them knows nothing of sockets, and can be tested without any.
 *
 * The sockets are watched together, edge by edge: an event comes once, and whoever does not care
 * (reading is paused, the other side has half closed) is not told again and again. So a quiet
 * connection costs nothing, whatever the other side does. libwebsockets sees one descriptor, that
 * of the whole set: its poll(2) would look at each client at every turn.
 *
 * No callback is called from inside a function of this page: they all come from the loop, and a
 * connection that has ended goes last of all, with on_gone.
 */
#ifndef STREAMER_LOOP_TRANSPORT_H
#define STREAMER_LOOP_TRANSPORT_H

#include "shared/base/bytes.h"

struct loop;
struct ssl_ctx_st;
struct transport;
struct transports;

struct transport_events {
    /* There is something to read, or there was: transport_read says. */
    void (*on_readable)(struct transport *transport, void *context);
    /* Asked for with transport_want_write, nothing is buffered any more. */
    void (*on_writable)(struct transport *transport, void *context);
    /* The connection has ended, however: the last of its callbacks. */
    void (*on_gone)(struct transport *transport, void *context);
};

enum transport_read {
    TRANSPORT_DATA,
    TRANSPORT_QUIET, /* nothing now; on_readable will say when */
    TRANSPORT_ENDED, /* nothing more will come; what is written still goes out */
};

/* Borrows the loop. NULL, with errno, if the kernel has no descriptor left. */
struct transports *transports_create(struct loop *loop);
/* Ends what connections there are. NULL is fine. */
void transports_destroy(struct transports *transports);

/* Takes the descriptor, which is non-blocking and connected. `tls`: what a TLS server shows,
 * borrowed for the connection's life; NULL: in the clear. NULL, with the descriptor closed, if the
 * kernel will not watch it. */
struct transport *transport_open(struct transports *transports, int descriptor,
                                 struct ssl_ctx_st *tls, const struct transport_events *events,
                                 void *context);

/* Whether others come first: those who are new or ask for something that is at hand. Many with
 * streams may have something to be sent at once, and a request must not wait for all of them. Not
 * patient at first. */
void transport_be_patient(struct transport *transport, bool is_patient);

/* Up to `size` bytes, and how many to `got`. One who stops before TRANSPORT_QUIET has to say
 * transport_want_read when he wants to go on. */
enum transport_read transport_read(struct transport *transport, uint8_t *room, size_t size,
                                   size_t *got);
/* on_readable at the next turn of the loop. */
void transport_want_read(struct transport *transport);

/* Hands the bytes to the socket; what it does not take is copied and goes out as soon as it does.
 * They are the caller's again. False: the connection has broken, and on_gone will come. */
bool transport_write(struct transport *transport, struct bytes bytes);
/* on_writable, once: at the next turn, or when all that is buffered has gone out. */
void transport_want_write(struct transport *transport);
/* The bytes that the socket has not taken yet. */
size_t transport_buffered(const struct transport *transport);
/* How many more the socket would take, about. */
size_t transport_room(const struct transport *transport);

/* The last word has been written: lets it go out, says so to the other side, and drops what it
 * still says, so that the word arrives; then, or after a few seconds, the connection is gone. Only
 * on_gone is called from now on. */
void transport_finish(struct transport *transport);
/* The connection is gone, whatever is buffered. */
void transport_kill(struct transport *transport);

/* To be called every second or so: ends those that have been finishing too long. */
void transports_tick(struct transports *transports, uint64_t now_ms);

#endif
