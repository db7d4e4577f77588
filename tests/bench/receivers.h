/*
 * Many WebSocket clients that only count: whole frames and bytes, of whatever comes. Cheap, because
 * they share the machine with the server that is measured. On one epoll, in one thread.
 */
#ifndef TESTS_BENCH_RECEIVERS_H
#define TESTS_BENCH_RECEIVERS_H

#include "shared/base/buffer.h"

struct receivers;

struct receivers_totals {
    /* Text frames but for the first of each client, which is a heartbeat if the server sends
     * such. */
    uint64_t messages;
    uint64_t bytes;    /* of all frames */
    uint64_t first_ms; /* monotonic: when the first and the last message came */
    uint64_t last_ms;
    uint64_t least; /* messages of the client that has had fewest */
    size_t open;
};

/* Connects `count` clients. `skip_size`: text frames shorter than that are none (heartbeats). The
 * first client's bytes are kept if `keeps`. */
struct receivers *receivers_connect(int port, const char *path, bool deflates, size_t count,
                                    size_t skip_size, bool keeps);
/* Takes sockets that are connected already, with frames and nothing before them. */
struct receivers *receivers_of(const int *sockets, size_t count, size_t skip_size);
void receivers_destroy(struct receivers *receivers);

/* Takes what comes within `timeout_ms`; pings are answered. */
void receivers_turn(struct receivers *receivers, int timeout_ms);
/* Waits until each client has had `messages`, or nothing came for `quiet_ms`. */
void receivers_wait(struct receivers *receivers, uint64_t messages, uint64_t quiet_ms);
struct receivers_totals receivers_totals(const struct receivers *receivers);
/* What the first client got: frames. */
struct bytes receivers_kept(const struct receivers *receivers);

#endif
