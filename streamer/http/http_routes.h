/*
 * What the streamer answers on each path: one function and one row of the table per route. A route
 * either answers at once or waits for Redis. Knows nothing of sockets.
 */
#ifndef STREAMER_HTTP_HTTP_ROUTES_H
#define STREAMER_HTTP_HTTP_ROUTES_H

#include "shared/base/buffer.h"
#include "shared/message/message_view.h"
#include "streamer/http/entry_search.h"
#include "streamer/http/newest.h"
#include "streamer/lanes/lanes.h"
#include "streamer/lanes/stream_request.h"

struct connection_counters;
struct customers;
struct history_watch;
struct log_reports;
struct renderer;
struct redis_link;
struct replays;
struct stream_queries;
struct certificate_index;
struct reader_lag;
struct share_answer;
struct stream_reader;
struct subscriber_counters;
struct recent_certificates;
struct recent_certificates_keeper;

#define HTTP_ROUTES_SSE_TYPE "text/event-stream; charset=utf-8"

/* Where the answers come from; borrowed. */
struct http_sources {
    struct newest *newest;
    struct renderer *renderer;
    struct filter_subject *subject; /* to say what an entry matched */
    const struct lanes *lanes;
    struct entry_search *search;
    const struct recent_certificates *recent_certificates;
    const struct recent_certificates_keeper *keeper;
    const struct reader_lag *reader_lag;
    const struct history_watch *history;
    const struct log_reports *reports;
    struct share_answer *shares;
    const struct connection_counters
        *connections; /* NULL: there are none yet, nor subscribers, nor replays */
    const struct subscriber_counters *subscribers;
    const struct stream_reader *reader;
    const struct redis_link *reader_link;
    const struct redis_link *query_link;
    const struct redis_link *replay_link;
    const struct replays *replays;
    struct stream_queries *queries;
    const struct certificate_index *index;
    const struct loop *loop;
    struct customers *customers;
    const struct tls_identity *identity; /* NULL: no TLS */
    enum certificate_dialect dialect;    /* for those who name none */
};

/* What a client asks for; borrowed for the call. */
struct http_target {
    struct bytes path;         /* as request_path_read has it */
    const struct query *query; /* NULL: there are too many parameters, or they are too long */
    struct bytes if_none_match;
    uint64_t customer; /* who asks (customers.h) */
};

struct http_answer {
    int status;
    const char *content_type; /* a constant */
    bool is_live;             /* must not be stored */
    const char *entity_tag;   /* with its quotes, of what is not live; or NULL */
    struct buffer body;
};

struct http_request;

/* The answer is complete. Never called from inside http_request_start. */
typedef void (*http_request_on_answer)(struct http_request *request, void *context);

/* Lives in the connection; from http_request_start to http_request_clear. */
struct http_request {
    const struct http_sources *sources;
    struct http_target target; /* during the start */
    const struct http_route *route;
    struct stream_request wanted; /* of messages */
    struct newest_waiter waiter;
    struct search_request search;
    struct message_fingerprints fingerprint; /* of /api/cert: one of the two */
    bool has_sha256;
    size_t found; /* entries that the search handed over */
    struct http_answer answer;
    http_request_on_answer on_answer;
    void *context;
};

/* Starts answering a GET (or HEAD). True if request->answer is complete; false if on_answer
 * will say when it is. */
bool http_request_start(struct http_request *request, const struct http_sources *sources,
                        struct http_target target, http_request_on_answer on_answer, void *context);
/* It will have no answer of its own: on_answer is not called. */
void http_request_leave(struct http_request *request);
/* Forgets the request and frees the answer, complete or not. */
void http_request_clear(struct http_request *request);

/* Why there is no such stream. `text` is printable ASCII without quotes and backslashes. */
struct http_refusal {
    int status;
    char text[STREAM_REQUEST_REASON_SIZE];
};

/* What an upgrade to WebSocket asks for, to be cleared; or false, and why not. */
bool http_routes_websocket(const struct http_sources *sources, struct http_target target,
                           struct stream_request *wanted, struct http_refusal *refusal);

/* The same for Server-Sent Events. When false and the refusal has no status, there are no events on
 * this path, and http_request_start answers. */
bool http_routes_sse(const struct http_sources *sources, struct http_target target,
                     struct stream_request *wanted, struct http_refusal *refusal);

/* A request whose answer somebody else writes, instead of http_request_start. */
void http_request_init(struct http_request *request, const struct http_sources *sources);

/* The answer will be JSON, which the caller appends to its body. */
void http_answer_begin_json(struct http_answer *answer, int status);
/* Makes the answer a JSON error. */
void http_answer_error(struct http_answer *answer, int status, const char *text);

#endif
