#include "streamer/ws/http_exchange.h"

#include "streamer/http/gzip_body.h"
#include "streamer/http/web_page.h"
#include "streamer/loop/transport.h"
#include "streamer/request/accept_encoding.h"
#include "streamer/request/answer_head.h"

enum {
    /* What is handed to the socket at once: if it does not take it, so much is copied. */
    PIECE_SIZE = 64 * 1024,
};

#define EVERYBODY   "access-control-allow-origin: *\r\n"
#define NO_SNIFFING "x-content-type-options: nosniff\r\n"

static void on_answer(struct http_request *request, void *context)
{
    (void)request;
    struct http_exchange *exchange = context;
    exchange->is_complete = true;
    transport_want_write(exchange->transport);
}

void http_exchange_begin(struct http_exchange *exchange, struct transport *transport,
                         const struct request_head *head, const struct http_sources *sources)
{
    *exchange = (struct http_exchange){
        .transport = transport,
        .is_head = head->method == REQUEST_HEAD,
        .keeps_alive = head->keeps_alive,
        .takes_gzip = accept_encoding_has_gzip(head->fields[FIELD_ACCEPT_ENCODING]),
        .is_complete = true,
    };
    http_request_init(&exchange->request, sources);
}

void http_exchange_start(struct http_exchange *exchange, struct transport *transport,
                         const struct request_head *head, const struct http_sources *sources,
                         struct http_target target)
{
    http_exchange_begin(exchange, transport, head, sources);
    exchange->is_complete =
        http_request_start(&exchange->request, sources, target, on_answer, exchange);
}

void http_exchange_give_up(struct http_exchange *exchange)
{
    http_request_leave(&exchange->request);
    http_answer_error(&exchange->request.answer, 503, "Redis does not answer");
    exchange->is_complete = true;
    transport_want_write(exchange->transport);
}

static enum answer_body body_of(const struct http_exchange *exchange)
{
    const struct http_answer *answer = &exchange->request.answer;
    if (answer->status == 304)
        return BODY_NONE;
    /* Only HEAD of a stream comes here: the answer to its GET has no length either. */
    bool is_stream =
        answer->content_type && strcmp(answer->content_type, HTTP_ROUTES_SSE_TYPE) == 0;
    return is_stream ? BODY_TO_END : BODY_OF_SIZE;
}

static void write_head(struct buffer *out, const struct http_exchange *exchange,
                       uint64_t realtime_ms)
{
    const struct http_answer *answer = &exchange->request.answer;
    const struct answer_head head = {
        .status = answer->status,
        .content_type = answer->content_type,
        .body = body_of(exchange),
        .body_size = answer->body.size,
        .keeps_alive = exchange->keeps_alive,
        .is_gzip = exchange->is_gzip,
        .varies = true,
        .cache_control = answer->is_live ? "no-store" : "no-cache",
        .entity_tag = answer->entity_tag,
        .more = answer->is_live ? EVERYBODY NO_SNIFFING : web_page_headers,
    };
    answer_head_write(out, &head, realtime_ms);
}

static void begin_answer(struct http_exchange *exchange, uint64_t realtime_ms)
{
    struct buffer *body = &exchange->request.answer.body;
    struct buffer out;
    buffer_init(&out, ANSWER_HEAD_MAX + PIECE_SIZE);
    exchange->is_gzip =
        exchange->takes_gzip && body_of(exchange) == BODY_OF_SIZE && gzip_body(body);
    write_head(&out, exchange, realtime_ms);
    exchange->sent = body_of(exchange) == BODY_NONE || exchange->is_head ? body->size : 0;
    /* A small answer is one packet. */
    size_t size = body->size - exchange->sent;
    if (size && size <= PIECE_SIZE) {
        buffer_append_bytes(&out, buffer_bytes(body));
        exchange->sent = body->size;
    }
    (void)transport_write(exchange->transport, buffer_bytes(&out));
    buffer_free(&out);
    exchange->is_answering = true;
}

bool http_exchange_write(struct http_exchange *exchange, uint64_t realtime_ms)
{
    const struct buffer *body = &exchange->request.answer.body;
    if (!exchange->is_complete)
        return false;
    if (!exchange->is_answering)
        begin_answer(exchange, realtime_ms);
    while (exchange->sent < body->size && transport_buffered(exchange->transport) == 0) {
        size_t rest = body->size - exchange->sent;
        struct bytes piece =
            bytes_of(body->data + exchange->sent, rest < PIECE_SIZE ? rest : PIECE_SIZE);
        if (!transport_write(exchange->transport, piece))
            return false;
        exchange->sent += piece.size;
    }
    if (exchange->sent == body->size && transport_buffered(exchange->transport) == 0)
        return true;
    transport_want_write(exchange->transport);
    return false;
}

void http_exchange_clear(struct http_exchange *exchange)
{
    http_request_clear(&exchange->request);
}

static void write_answer_head(struct transport *transport, const struct answer_head *head,
                              uint64_t realtime_ms)
{
    struct buffer out;
    buffer_init(&out, ANSWER_HEAD_MAX);
    answer_head_write(&out, head, realtime_ms);
    (void)transport_write(transport, buffer_bytes(&out));
    buffer_free(&out);
}

void http_exchange_write_options(struct transport *transport, bool keeps_alive,
                                 uint64_t realtime_ms)
{
    const struct answer_head head = {
        .status = 204,
        .body = BODY_NONE,
        .keeps_alive = keeps_alive,
        .more = EVERYBODY "access-control-allow-methods: GET, HEAD, OPTIONS\r\n"
                          "access-control-allow-headers: authorization, last-event-id, "
                          "cache-control\r\n"
                          "access-control-max-age: 86400\r\n"
                          "allow: GET, HEAD, OPTIONS\r\n",
    };
    write_answer_head(transport, &head, realtime_ms);
}

void http_exchange_write_events(struct transport *transport, uint64_t realtime_ms)
{
    const struct answer_head head = {
        .status = 200,
        .content_type = HTTP_ROUTES_SSE_TYPE,
        .body = BODY_TO_END,
        .cache_control = "no-store",
        /* nginx would collect before it sends. */
        .more = EVERYBODY "x-accel-buffering: no\r\n",
    };
    write_answer_head(transport, &head, realtime_ms);
}
