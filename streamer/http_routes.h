/*
 * What the streamer answers on each path: one function and one row of the table per route. A route either answers at once
 * or waits for Redis. Knows nothing of sockets.
 */
#ifndef STREAMER_HTTP_ROUTES_H
#define STREAMER_HTTP_ROUTES_H

#include "shared/buffer.h"
#include "streamer/lanes.h"
#include "streamer/newest.h"

struct log_positions;
struct renderer;
struct stream_reader;
struct redis_link;

#define HTTP_ROUTES_SSE_TYPE "text/event-stream; charset=utf-8"

/* Where the answers come from; borrowed. */
struct http_sources {
    struct newest *newest;
    struct renderer *renderer;
    const struct lanes *lanes;
    const struct log_positions *positions;
    const struct stream_reader *reader;
    const struct redis_link *reader_link;
    const struct redis_link *query_link;
    enum certificate_dialect dialect; /* for those who name none */
};

/* What a client asks for. */
struct http_target {
    struct bytes path;    /* without a query */
    struct bytes dialect; /* of the query; data is NULL if it names none */
    struct bytes stream;  /* likewise */
};

struct http_answer {
    int status;
    const char *content_type; /* a constant */
    bool is_live;             /* must not be stored */
    struct buffer body;
};

struct http_request;

/* The answer is complete. Never called from inside http_request_start. */
typedef void (*http_request_on_answer)(struct http_request *request, void *context);

/* Lives in the connection; from http_request_start to http_request_clear. */
struct http_request {
    const struct http_sources *sources;
    const struct http_route *route;
    enum certificate_dialect dialect;
    struct bytes stream; /* of the target, during the start */
    struct newest_waiter waiter;
    struct http_answer answer;
    http_request_on_answer on_answer;
    void *context;
};

/* Starts answering a GET (or HEAD). True if request->answer is complete; false if on_answer
 * will say when it is. */
bool http_request_start(struct http_request *request, const struct http_sources *sources,
                        struct http_target target, http_request_on_answer on_answer, void *context);
/* Forgets the request and frees the answer, complete or not. */
void http_request_clear(struct http_request *request);

/* The form of messages that an upgrade to WebSocket, or a request for Server-Sent Events, asks for. False if there is no
 * such stream: then `status` and `text` (a constant) are what to answer. */
bool http_routes_websocket(const struct http_sources *sources, struct http_target target,
                           struct render_form *form, int *status, const char **text);
bool http_routes_sse(const struct http_sources *sources, struct http_target target,
                     struct render_form *form, int *status, const char **text);
bool http_routes_is_sse(struct bytes path);

/* Makes the answer a JSON error; `text` is a constant. */
void http_answer_error(struct http_answer *answer, int status, const char *text);

#endif
