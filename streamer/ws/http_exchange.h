/* A request over HTTP and its answer: it goes to its route, and the answer to the connection piece
 * by piece, as fast as that takes it. */
#ifndef STREAMER_WS_HTTP_EXCHANGE_H
#define STREAMER_WS_HTTP_EXCHANGE_H

#include "streamer/http/http_routes.h"
#include "streamer/request/request_head.h"

struct transport;

/* From its start to http_exchange_clear; the transport is borrowed. */
struct http_exchange {
    struct http_request request;
    struct transport *transport;
    bool is_head;
    bool keeps_alive;
    bool takes_gzip;
    bool is_gzip;      /* the answer's body is compressed */
    bool is_complete;  /* there is an answer */
    bool is_answering; /* its head is out */
    size_t sent;       /* of the answer's body */
};

/* Takes the request to its route; http_exchange_write is to be called next. */
void http_exchange_start(struct http_exchange *exchange, struct transport *transport,
                         const struct request_head *head, const struct http_sources *sources,
                         struct http_target target);
/* The same for one whose answer the caller writes himself, at once, to request.answer. */
void http_exchange_begin(struct http_exchange *exchange, struct transport *transport,
                         const struct request_head *head, const struct http_sources *sources);
/* The answer has not come in time. */
void http_exchange_give_up(struct http_exchange *exchange);
/* When the transport is writable. True: the answer, if there is one yet, is out as a whole. */
bool http_exchange_write(struct http_exchange *exchange, uint64_t realtime_ms);
void http_exchange_clear(struct http_exchange *exchange);

/* What a page of another origin asks before it may send a token along (the CORS preflight). */
void http_exchange_write_options(struct transport *transport, bool keeps_alive,
                                 uint64_t realtime_ms);
/* The answer that ends with the connection (streamer/lanes/sse.h). */
void http_exchange_write_events(struct transport *transport, uint64_t realtime_ms);

#endif
