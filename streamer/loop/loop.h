/*
 * The one place that waits: libwebsockets' loop, and on it descriptors and timers of ours.
 * Everything is called from loop_run, in one thread. This is all that is used of libwebsockets:
 * what comes from clients is never its to read (transport.h).
 */
#ifndef STREAMER_LOOP_LOOP_H
#define STREAMER_LOOP_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    /* A turn that takes more processor time keeps all clients waiting for long enough to notice. */
    LOOP_LONG_TURN_MS = 20,
};

/* A turn is all that is called back between two times of waiting. */
struct loop_stats {
    uint64_t turns;
    uint64_t long_turns; /* of more than LOOP_LONG_TURN_MS */
    uint64_t longest_us;
};

struct loop;
struct loop_watch;
struct loop_timer;

typedef void (*loop_on_ready)(short events, void *context);
typedef void (*loop_on_time)(void *context);

/* NULL after saying why on the log. */
struct loop *loop_create(void);
/* Has to be called after all watches and timers are gone. NULL is fine. */
void loop_destroy(struct loop *loop);

/* Waits and calls back until loop_stop. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
const struct loop_stats *loop_stats(const struct loop *loop);

/* Calls back when `descriptor` is readable (POLLIN), as poll(2) has it; with POLLHUP alone, once,
 * when it is at its end and is no longer watched. The descriptor is duplicated and stays the
 * caller's. NULL if there is no descriptor left. */
struct loop_watch *loop_watch_create(struct loop *loop, int descriptor, loop_on_ready on_ready,
                                     void *context);
/* Also from inside its own callback. NULL is fine. */
void loop_watch_destroy(struct loop_watch *watch);
/* One POLLOUT callback as soon as the descriptor is writable. */
void loop_watch_want_write(struct loop_watch *watch);
/* Whether POLLIN is waited for; it is from the start. */
void loop_watch_want_read(struct loop_watch *watch, bool wanted);

/* A timer that is not set. */
struct loop_timer *loop_timer_create(struct loop *loop, loop_on_time on_time, void *context);
void loop_timer_destroy(struct loop_timer *timer);
/* Calls back once, after `after_ms`; setting it again moves it. */
void loop_timer_set(struct loop_timer *timer, uint64_t after_ms);

#endif
