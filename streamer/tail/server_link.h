/*
 * The connection to a CertStream server, by libwebsockets' client: one stream at a time, or one
 * GET; and a timer. Single-threaded: everything is called back from server_link_run.
 */
#ifndef STREAMER_TAIL_SERVER_LINK_H
#define STREAMER_TAIL_SERVER_LINK_H

#include "shared/base/buffer.h"
#include "streamer/tail/server_url.h"

struct server_link;

enum {
    /* The longest message of a server that is read: a full message of the largest certificates that
     * logs take has some hundred KB, and what cJSON makes of hostile JSON takes forty times as
     * much. Longer ones are passed over. */
    SERVER_MESSAGE_MAX = 16 * 1024 * 1024,
    SERVER_REASON_SIZE = 200,
    SERVER_LINK_TIMERS = 3,
};

struct server_link_events {
    void (*on_open)(void *context);
    /* The text lives for the call. */
    void (*on_message)(void *context, struct bytes text);
    /* A message was longer than SERVER_MESSAGE_MAX. */
    void (*on_oversize)(void *context);
    /* A stream has ended, or could not be had, or `was_refused`: the server answered something
     * else. `reason` is the peer's and not harmless. */
    void (*on_end)(void *context, bool was_refused, const char *reason);
    /* A GET has ended: its status, 0 if there was no answer, and its body. */
    void (*on_answer)(void *context, unsigned status, struct bytes body);
    void *context;
};

struct server_link_options {
    const struct server_url *url; /* borrowed, as are these */
    const char *token;            /* "": none */
    const char *ca_file;          /* "": those of the system */
    struct server_link_events events;
};

/* NULL after saying why on standard error. */
struct server_link *server_link_create(const struct server_link_options *options);
void server_link_destroy(struct server_link *link);

/* `target` is NUL-terminated and copied. What becomes of it comes by on_end, or on_answer. */
void server_link_open(struct server_link *link, const char *target);
void server_link_get(struct server_link *link, const char *target);

/* Calls back once, after this time; setting a timer again moves it. */
void server_link_set_timer(struct server_link *link, unsigned timer, uint64_t after_ms,
                           void (*on_time)(void *context));

/* Until server_link_stop. */
void server_link_run(struct server_link *link);
void server_link_stop(struct server_link *link);

#endif
