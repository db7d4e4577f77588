/*
 * One connection to Redis that keeps itself up: finds the server (by its sentinels or by nodes of
 * its cluster, if the address names such; anew each time), connects, authenticates, selects the
 * database, sees that it is the server that is needed, waits out LOADING, gives up on a server that
 * stops answering or that says it is no longer the one, and connects again with back-off. Why it
 * cannot is logged once, not with each attempt. It owns no loop: the daemon's one waiting place
 * asks for descriptor, events and deadline, and calls back when one of them is due.
 *
 * Commands go out in order and replies come in that order. When the connection goes away every
 * pending callback is called once with NULL; whoever sent a command then reads back what became of
 * it.
 */
#ifndef SHARED_REDIS_REDIS_LINK_H
#define SHARED_REDIS_REDIS_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/bytes.h"

struct redis_address;
struct redis_link;
struct redisReply;

/* `reply` is freed when the callback returns; NULL when the connection went away first. */
typedef void (*redis_link_on_reply)(struct redis_link *link, struct redisReply *reply,
                                    void *context);

struct redis_link_events {
    /* Commands can be sent from now on; or no longer, with a constant or log-safe reason that lives
     * for the call. */
    void (*on_up)(struct redis_link *link, void *context);
    void (*on_down)(struct redis_link *link, const char *reason, void *context);
    /* Loops that must be told (libwebsockets) have it: the descriptor (-1: none) or the poll(2)
     * events wanted have changed. NULL for loops that ask (curl). */
    void (*on_interest)(struct redis_link *link, int descriptor, short events, void *context);
    void *context;
};

struct redis_link_options {
    const struct redis_address *address; /* copied */
    const char *client_name;             /* for CLIENT SETNAME; copied; [A-Za-z0-9_-] */
    /* One that all others share a hash tag with: in a cluster it is the node with their slot that
     * is needed. Copied. */
    const char *key;
    /* No reply for this long while commands are pending: the connection is dropped. More than the
     * longest BLOCK. */
    uint64_t timeout_ms;
    bool writes; /* a replica will not do */
    struct redis_link_events events;
};

/* Connects at the first redis_link_tick. */
struct redis_link *redis_link_create(const struct redis_link_options *options);
/* Pending callbacks are called with NULL; on_down is not. NULL is fine. Not from inside a callback
 * of the link. */
void redis_link_destroy(struct redis_link *link);

/* Of no link (NULL) it is false, and nothing can be sent. */
bool redis_link_is_up(const struct redis_link *link);
/* Why it is not up: a text that lives until the next change. */
const char *redis_link_reason(const struct redis_link *link);
/* True of a replica in a cluster: when the slot is moved to another node, its keys vanish from the
 * replica before it says so. Who misses one that was there drops the connection: the next one is to
 * a node that knows. Of no link it is false. */
bool redis_link_may_lack_keys(const struct redis_link *link);
/* Commands sent whose reply has not come. */
size_t redis_link_pending(const struct redis_link *link);

/* How long a command has waited for its reply without any other reply coming; 0 if none waits. */
uint64_t redis_link_silent_ms(const struct redis_link *link, uint64_t now_ms);

/* The loop's side. poll(2) events; -1 and 0 when there is nothing to wait for. */
int redis_link_descriptor(const struct redis_link *link);
short redis_link_interest(const struct redis_link *link);
void redis_link_service(struct redis_link *link, short ready, uint64_t now_ms);
/* Monotonic milliseconds of the next redis_link_tick that would do anything. */
uint64_t redis_link_deadline_ms(const struct redis_link *link);
void redis_link_tick(struct redis_link *link, uint64_t now_ms);

/* One turn of a loop that has nothing else to wait for: at most `timeout_ms` until something comes.
 * The monotonic milliseconds after that. */
uint64_t redis_link_turn(struct redis_link *link, int timeout_ms);

/* Room for so many bytes of commands that follow: hiredis would get there by doubling, and copy
 * what it has each time. */
void redis_link_make_room(struct redis_link *link, size_t size);

/* Sends a command; arguments are copied. `on_reply` may be NULL. False, and no callback, when the
 * link is not up. */
bool redis_link_send(struct redis_link *link, redis_link_on_reply on_reply, void *context,
                     size_t count, const char *const *arguments, const size_t *sizes);
/* The same for a command that is in Redis' protocol already (command_text.h). */
bool redis_link_send_command(struct redis_link *link, redis_link_on_reply on_reply, void *context,
                             struct bytes command);
/* The same for arguments that are C strings, ended by NULL. */
bool redis_link_send_strings(struct redis_link *link, redis_link_on_reply on_reply, void *context,
                             ...) __attribute__((sentinel));

/* Drops the connection and connects again after a back-off: for a reply that makes no sense. */
void redis_link_drop(struct redis_link *link, const char *reason);

#endif
