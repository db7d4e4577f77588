#include "streamer/ws_server.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libwebsockets.h>

#include "shared/log.h"
#include "shared/memory.h"
#include "streamer/deflate_extension.h"
#include "streamer/http_connection.h"
#include "streamer/listener.h"
#include "streamer/loop.h"

enum {
    /* Per client. A control frame's 125 bytes must fit; longer messages come in pieces. */
    INBOUND_BUFFER = 256,
    /* What libwebsockets hands to the socket at once: more than any slice or message. */
    WRITE_MAX = 1 << 30,
    ACCEPTS_PER_TURN = 64,
    /* When the machine is out of descriptors or memory. */
    ACCEPT_PAUSE_MS = 100,
    KEEP_ALIVE_S = 30,
    PATH_MAX_SIZE = 256,
    QUERY_MAX_SIZE = 1024,
    REFUSAL_SIZE = 512,
};

#define PROTOCOL_NAME "certstream"

/* In libwebsockets' memory for a connection, zeroed at the start of each transaction and of the WebSocket. */
struct session {
    struct http_connection http;
    struct subscriber subscriber;
    enum websocket_deflate_answer deflate; /* what the handshake agrees on */
};

struct ws_server {
    struct ws_server_options options;
    struct lws_vhost *vhost;
    struct loop_watch *listener;
    struct loop_timer *accept_again;
    int listening;
    size_t connections;
    bool closing;
    struct subscribers *subscribers;
    struct ws_server_stats stats;
};

static struct ws_server *server_of(struct lws *wsi)
{
    return lws_vhost_user(lws_get_vhost(wsi));
}

/* Of an upgrade; one that is too long is none that we have. */
static struct bytes path_of(struct lws *wsi, char *text, int size)
{
    int copied = lws_hdr_copy(wsi, text, size, WSI_TOKEN_GET_URI);
    return copied > 0 ? bytes_of(text, (size_t)copied) : bytes_of_string("?");
}

/* The value of a parameter of the query, written to `text`; no data if there is none. Libwebsockets has taken the query
 * apart and decoded it. */
static struct bytes parameter_of(struct lws *wsi, const char *name, char *text, int size)
{
    size_t name_size = strlen(name);
    for (int fragment = 0;; fragment++) {
        int copied = lws_hdr_copy_fragment(wsi, text, size, WSI_TOKEN_HTTP_URI_ARGS, fragment);
        if (copied < 0)
            return (struct bytes){ 0 };
        if ((size_t)copied > name_size && memcmp(text, name, name_size) == 0 &&
            text[name_size] == '=')
            return bytes_of(text + name_size + 1, (size_t)copied - name_size - 1);
    }
}

static bool find_form(struct lws *wsi, struct render_form *form, int *status, const char **text)
{
    char path[PATH_MAX_SIZE], dialect[QUERY_MAX_SIZE];
    struct http_target target = { .path = path_of(wsi, path, sizeof path),
                                  .dialect =
                                      parameter_of(wsi, "dialect", dialect, sizeof dialect) };
    return http_routes_websocket(server_of(wsi)->options.sources, target, form, status, text);
}

static int on_established(struct session *session, struct lws *wsi)
{
    struct ws_server *server = server_of(wsi);
    int status;
    const char *text;
    struct lane_key key = { .framing = session->deflate != WEBSOCKET_DEFLATE_NONE
                                           ? FRAMING_WEBSOCKET_DEFLATED
                                           : FRAMING_WEBSOCKET };
    if (server->closing || !find_form(wsi, &key.form, &status, &text))
        return -1;
    return subscriber_join(&session->subscriber, server->subscribers, wsi, &key) ? 0 : -1;
}

/* Nothing more comes with this connection than the stream, until one of both sides ends it (streamer/sse.h). */
static int write_sse_headers(struct lws *wsi)
{
    static const struct {
        const char *name, *value;
    } extra[] = {
        { "access-control-allow-origin:", "*" },
        { "cache-control:", "no-store" },
        { "x-accel-buffering:", "no" }, /* nginx would collect before it sends */
    };
    uint8_t headers[LWS_PRE + REFUSAL_SIZE];
    uint8_t *at = headers + LWS_PRE;
    uint8_t *end = headers + sizeof headers;
    if (lws_add_http_common_headers(wsi, 200, HTTP_ROUTES_SSE_TYPE, LWS_ILLEGAL_HTTP_CONTENT_LEN,
                                    &at, end))
        return -1;
    for (size_t i = 0; i < sizeof extra / sizeof *extra; i++)
        if (lws_add_http_header_by_name(wsi, (const uint8_t *)extra[i].name,
                                        (const uint8_t *)extra[i].value,
                                        (int)strlen(extra[i].value), &at, end))
            return -1;
    return lws_finalize_write_http_header(wsi, headers + LWS_PRE, &at, end);
}

static int start_sse(struct session *session, struct lws *wsi, struct render_form form)
{
    struct ws_server *server = server_of(wsi);
    struct lane_key key = { .form = form, .framing = FRAMING_SSE };
    if (server->closing || write_sse_headers(wsi) || lws_http_mark_sse(wsi))
        return -1;
    return subscriber_join(&session->subscriber, server->subscribers, wsi, &key) ? 0 : -1;
}

static bool is_get(struct lws *wsi)
{
    char *uri;
    int uri_size;
    return lws_http_get_uri_and_method(wsi, &uri, &uri_size) == LWSHUMETH_GET;
}

static int on_http(struct session *session, struct lws *wsi, struct bytes path)
{
    char dialect[QUERY_MAX_SIZE], stream[QUERY_MAX_SIZE];
    const struct http_sources *sources = server_of(wsi)->options.sources;
    struct http_target target = { path, parameter_of(wsi, "dialect", dialect, sizeof dialect),
                                  parameter_of(wsi, "stream", stream, sizeof stream) };
    struct render_form form;
    int status;
    const char *text;
    if (http_routes_is_sse(path) && is_get(wsi) &&
        http_routes_sse(sources, target, &form, &status, &text))
        return start_sse(session, wsi, form);
    return http_connection_start(&session->http, wsi, sources, target);
}

/* A whole answer to a request that libwebsockets is not to handle, after which the connection is closed. `text` is a
 * constant that needs no escape. */
static int write_refusal(char *answer, int status, const char *text)
{
    static const char format[] = "HTTP/1.1 %d %s\r\n"
                                 "content-type: application/json; charset=utf-8\r\n"
                                 "content-length: %zu\r\n"
                                 "access-control-allow-origin: *\r\n"
                                 "connection: close\r\n\r\n"
                                 "{\"error\":\"%s\"}";
    const char *phrase = status == 404   ? "Not Found"
                         : status == 400 ? "Bad Request"
                                         : "Unavailable";
    size_t body = strlen("{\"error\":\"\"}") + strlen(text);
    int size = snprintf(answer, REFUSAL_SIZE, format, status, phrase, body, text);
    assert(size > 0 && size < REFUSAL_SIZE);
    return size;
}

/* NULL if the upgrade is fine, else what to tell the client. */
static const char *find_refusal(struct lws *wsi, const char *protocol, int *status)
{
    const char *text = NULL;
    *status = 400;
    if (strcasecmp(protocol, "websocket") != 0)
        return "the only upgrade is to WebSocket";
    if (lws_hdr_total_length(wsi, WSI_TOKEN_PROTOCOL) > 0)
        return "there are no subprotocols";
    if (deflate_extension_is_too_long(wsi))
        return "Sec-WebSocket-Extensions is too long";
    struct render_form form;
    return find_form(wsi, &form, status, &text) ? NULL : text;
}

/* Libwebsockets itself would end a connection whose upgrade it does not like without a word. */
static int on_upgrade(struct lws *wsi, const char *protocol)
{
    int status;
    const char *refusal = find_refusal(wsi, protocol, &status);
    if (!refusal)
        return 0;
    char answer[REFUSAL_SIZE];
    int size = write_refusal(answer, status, refusal);
    (void)lws_write(wsi, (uint8_t *)answer, (size_t)size, LWS_WRITE_HTTP_FINAL);
    return -1;
}

/* Whether the extension that the client offers is agreed on: 0 if it is, as libwebsockets has it. */
static int on_extension(struct session *session, struct lws *wsi)
{
    session->deflate =
        server_of(wsi)->options.deflate ? deflate_extension_answer(wsi) : WEBSOCKET_DEFLATE_NONE;
    return session->deflate == WEBSOCKET_DEFLATE_NONE;
}

/* Of a handshake, once on_extension has agreed; and of every other answer. */
static int on_headers(const struct session *session, struct lws_process_html_args *headers)
{
    if (!session || session->deflate == WEBSOCKET_DEFLATE_NONE)
        return 0;
    return deflate_extension_add_parameters(headers, session->deflate) ? 0 : -1;
}

/* Over HTTP an answer, or one that never ends. */
static int on_http_writable(struct session *session)
{
    return subscriber_has_joined(&session->subscriber) ? subscriber_write(&session->subscriber)
                                                       : http_connection_write(&session->http);
}

static int on_http_closed(struct session *session)
{
    if (!session)
        return 0;
    http_connection_clear(&session->http);
    subscriber_leave(&session->subscriber);
    return 0;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t size)
{
    struct session *session = user;
    switch ((int)reason) {
    case LWS_CALLBACK_WSI_CREATE: server_of(wsi)->connections++; return 0;
    case LWS_CALLBACK_WSI_DESTROY: server_of(wsi)->connections--; return 0;
    case LWS_CALLBACK_HTTP: return on_http(session, wsi, bytes_of(in, size));
    case LWS_CALLBACK_HTTP_WRITEABLE: return on_http_writable(session);
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
    case LWS_CALLBACK_CLOSED_HTTP: return on_http_closed(session);
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: return on_upgrade(wsi, in);
    case LWS_CALLBACK_CONFIRM_EXTENSION_OKAY: return on_extension(session, wsi);
    case LWS_CALLBACK_ADD_HEADERS: return on_headers(session, in);
    case LWS_CALLBACK_ESTABLISHED: return on_established(session, wsi);
    case LWS_CALLBACK_SERVER_WRITEABLE: return subscriber_write(&session->subscriber);
    case LWS_CALLBACK_RECEIVE: return subscriber_receive(&session->subscriber, size);
    case LWS_CALLBACK_RECEIVE_PONG: return subscriber_receive(&session->subscriber, 0);
    case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
    case LWS_CALLBACK_CLOSED: subscriber_leave(&session->subscriber); return 0;
    default: return 0;
    }
}

static const struct lws_protocols protocols[] = {
    {
        .name = PROTOCOL_NAME,
        .callback = on_event,
        .per_session_data_size = sizeof(struct session),
        .rx_buffer_size = INBOUND_BUFFER,
        .tx_packet_size = WRITE_MAX,
    },
    { 0 },
};

/* Pings and their timeouts are the client's own business: libwebsockets' come at other times. */
static const lws_retry_bo_t no_pings = { 0 };

struct ws_server *ws_server_create(const struct ws_server_options *options)
{
    struct ws_server *server = memory_allocate_zeroed(1, sizeof *server);
    server->options = *options;
    server->subscribers = subscribers_create(&options->subscribers);
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .vhost_name = PROTOCOL_NAME,
        .protocols = protocols,
        .extensions = deflate_extension_table(),
        .retry_and_idle_policy = &no_pings,
        .keepalive_timeout = KEEP_ALIVE_S,
        .user = server,
    };
    server->vhost = lws_create_vhost(loop_context(options->loop), &info);
    if (server->vhost)
        return server;
    log_error("cannot make the server", "library=%s", lws_get_library_version());
    ws_server_destroy(server);
    return NULL;
}

void ws_server_destroy(struct ws_server *server)
{
    if (!server)
        return;
    subscribers_destroy(server->subscribers);
    free(server);
}

static void refuse(struct ws_server *server, int descriptor)
{
    char answer[REFUSAL_SIZE];
    int size = write_refusal(answer, 503, "too many connections");
    server->stats.refused++;
    /* A new socket's buffer is empty; if the answer does not fit all the same, the client sees a closed connection. */
    (void)!send(descriptor, answer, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)close(descriptor);
}

static void pause_accepting(struct ws_server *server)
{
    log_warning("cannot accept connections", "reason=%s", log_quoted(strerror(errno)));
    loop_watch_want_read(server->listener, false);
    loop_timer_set(server->accept_again, ACCEPT_PAUSE_MS);
}

static void on_accept_again(void *context)
{
    struct ws_server *server = context;
    if (server->listener)
        loop_watch_want_read(server->listener, true);
}

static void on_acceptable(short events, void *context)
{
    struct ws_server *server = context;
    (void)events;
    for (int turn = 0; turn < ACCEPTS_PER_TURN; turn++) {
        int descriptor = listener_accept(server->listening);
        if (descriptor < 0 && errno == EAGAIN)
            return;
        if (descriptor < 0 &&
            (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
            pause_accepting(server);
            return;
        }
        if (descriptor < 0)
            continue;
        if (server->connections >= server->options.max_connections) {
            refuse(server, descriptor);
            continue;
        }
        server->stats.accepted += lws_adopt_socket_vhost(server->vhost, descriptor) != NULL;
    }
}

bool ws_server_listen(struct ws_server *server, int descriptor)
{
    assert(!server->listener);
    server->listening = descriptor;
    server->accept_again = loop_timer_create(server->options.loop, on_accept_again, server);
    server->listener = loop_watch_create(server->options.loop, descriptor, on_acceptable, server);
    return server->listener != NULL;
}

void ws_server_wake(struct ws_server *server, uint64_t now_ms)
{
    subscribers_wake(server->subscribers, now_ms);
}

void ws_server_tick(struct ws_server *server, uint64_t now_ms)
{
    subscribers_tick(server->subscribers, now_ms);
}

void ws_server_close(struct ws_server *server)
{
    server->closing = true;
    loop_watch_destroy(server->listener);
    server->listener = NULL;
    loop_timer_destroy(server->accept_again);
    server->accept_again = NULL;
    subscribers_close(server->subscribers);
}

size_t ws_server_connections(const struct ws_server *server)
{
    return server->connections;
}

const struct ws_server_stats *ws_server_stats(const struct ws_server *server)
{
    return &server->stats;
}

const struct subscribers_stats *ws_server_subscribers_stats(const struct ws_server *server)
{
    return subscribers_stats(server->subscribers);
}
