#include "streamer/ws/ws_server.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libwebsockets.h>

#include "shared/base/clock.h"
#include "shared/base/memory.h"
#include "shared/base/say.h"
#include "streamer/edge/admission.h"
#include "streamer/edge/connection.h"
#include "streamer/edge/listeners.h"
#include "streamer/edge/tls_identity.h"
#include "streamer/loop/loop.h"
#include "streamer/ws/close_frame.h"
#include "streamer/ws/deflate_extension.h"
#include "streamer/ws/http_connection.h"
#include "streamer/ws/request_headers.h"
#include "streamer/ws/request_query.h"
#include "streamer/ws/utf8_check.h"

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
    ENTITY_TAGS_SIZE = 256,
    /* Connections that are let in only to be told why they are not; more are told at once, before
     * they have said anything, which some clients do not get to see. */
    REFUSING_MAX = 32,
    MS_PER_S = 1000,
};

#define PROTOCOL_NAME "certstream"
/* As libwebsockets has the names of headers that it does not know. */
#define LAST_EVENT_ID    "last-event-id:"
#define TOO_MANY_FILTERS "too many different filters at once"
/* The certificate is our own business (tls_identity.h). */
#define TLS_OPTIONS (LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX)

/* In libwebsockets' memory for a connection, zeroed at the start of each transaction and of the
 * WebSocket. */
struct session {
    struct http_connection http;
    struct subscriber subscriber;
    enum websocket_deflate_answer deflate; /* what the handshake agrees on */
    struct utf8_check text;                /* of the message that is coming in */
    bool client_closes;                    /* what it says after that is not heard */
};

struct listening {
    struct ws_server *server;
    const struct open_listener *listener;
    struct loop_watch *watch;
};

struct ws_server {
    struct ws_server_options options;
    struct lws_protocols protocols[3];
    char subprotocol[UPGRADE_SUBPROTOCOL_SIZE]; /* the name of protocols[1] */
    struct lws_vhost *vhost;
    struct listening listening[LISTENERS_MAX];
    size_t listening_count;
    struct loop_timer *accept_again;
    struct connection *adopting; /* while libwebsockets takes it; NULL when it has ended already */
    size_t refusing;             /* of the open connections, those that are only told so */
    bool closing;
    struct subscribers *subscribers;
    struct connection_counters counters;
};

static struct ws_server *server_of(struct lws *wsi)
{
    return lws_vhost_user(lws_get_vhost(wsi));
}

static uint64_t customer_of(struct lws *wsi)
{
    const struct connection *connection = lws_get_opaque_user_data(wsi);
    return connection->customer;
}

/* Of an upgrade; one that is too long is none that we have. */
static struct bytes path_of(struct lws *wsi, char *text, int size)
{
    int copied = lws_hdr_copy(wsi, text, size, WSI_TOKEN_GET_URI);
    return copied > 0 ? bytes_of(text, (size_t)copied) : bytes_of_string("?");
}

/* What the upgrade asks for, to be cleared; false, and why not, if it cannot be had. */
static bool find_wanted(struct lws *wsi, struct stream_request *wanted,
                        struct http_refusal *refusal)
{
    char path[PATH_MAX_SIZE];
    struct query query;
    bool read = request_query_read(&query, wsi);
    struct http_target target = { .path = path_of(wsi, path, sizeof path),
                                  .query = read ? &query : NULL,
                                  .customer = customer_of(wsi) };
    return http_routes_websocket(server_of(wsi)->options.sources, target, wanted, refusal);
}

/* The lane has a reference to the filter of its own. */
static int join(struct session *session, struct lws *wsi, struct stream_request *wanted,
                enum framing framing)
{
    struct lane_key key = { wanted->form, framing, wanted->filter };
    struct subscribers *subscribers = server_of(wsi)->subscribers;
    bool joined = subscriber_join(&session->subscriber, subscribers, wsi, &key, wanted);
    stream_request_clear(wanted);
    return joined ? 0 : -1;
}

static int on_established(struct session *session, struct lws *wsi)
{
    struct stream_request wanted;
    struct http_refusal refusal;
    if (server_of(wsi)->closing || !find_wanted(wsi, &wanted, &refusal))
        return -1;
    return join(session, wsi, &wanted,
                session->deflate != WEBSOCKET_DEFLATE_NONE ? FRAMING_WEBSOCKET_DEFLATED
                                                           : FRAMING_WEBSOCKET);
}

/* Nothing more comes with this connection than the stream, until one of both sides ends it
 * (streamer/sse.h). */
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

static int start_sse(struct session *session, struct lws *wsi, struct stream_request *wanted)
{
    if (!server_of(wsi)->closing && !write_sse_headers(wsi) && !lws_http_mark_sse(wsi))
        return join(session, wsi, wanted, FRAMING_SSE);
    stream_request_clear(wanted);
    return -1;
}

static bool is_get(struct lws *wsi)
{
    char *uri;
    int uri_size;
    return lws_http_get_uri_and_method(wsi, &uri, &uri_size) == LWSHUMETH_GET;
}

/* Before anything else is looked at: does the client come in. */
static struct refusal decide(struct lws *wsi, const struct request_headers *headers)
{
    struct connection *connection = lws_get_opaque_user_data(wsi);
    if (connection->refusal.status)
        return connection->refusal;
    struct refusal refusal = connection_forward(connection, headers->forwarded_for);
    if (refusal.status)
        return refusal;
    return access_decide(&server_of(wsi)->options.admission->access, &headers->access);
}

/* Answers, and has libwebsockets close the connection. */
static int refuse(struct lws *wsi, struct refusal refusal, bool is_head)
{
    char answer[REFUSAL_SIZE];
    size_t size = refusal_write(answer, refusal, is_head);
    server_of(wsi)->counters.refused++;
    (void)lws_write(wsi, (uint8_t *)answer, size, LWS_WRITE_HTTP_FINAL);
    return -1;
}

/* What is asked for is right; can it be had? A lane of another filter is not to be had without end.
 */
static struct refusal check_wanted(struct lws *wsi, const struct stream_request *wanted)
{
    const struct lane_key key = { wanted->form, FRAMING_WEBSOCKET, wanted->filter };
    if (!lanes_have_room(server_of(wsi)->options.subscribers.lanes, &key))
        return (struct refusal){ 503, TOO_MANY_FILTERS };
    return (struct refusal){ 0 };
}

/* What a browser that comes back says is newer than the query it asks with again and again. */
static void read_last_event_id(struct lws *wsi, struct stream_request *wanted)
{
    char text[STREAM_ID_TEXT_SIZE];
    const int name_size = sizeof LAST_EVENT_ID - 1;
    if (lws_hdr_custom_length(wsi, LAST_EVENT_ID, name_size) <= 0)
        return;
    int size = lws_hdr_custom_copy(wsi, text, sizeof text, LAST_EVENT_ID, name_size);
    /* One that is too long for a position is none. */
    stream_request_take_last_event_id(wanted, size > 0 ? bytes_of(text, (size_t)size)
                                                       : bytes_of_string("?"));
}

/* Takes what is wanted. */
static int answer_sse(struct session *session, struct lws *wsi, struct stream_request *wanted)
{
    read_last_event_id(wsi, wanted);
    struct refusal refusal = check_wanted(wsi, wanted);
    if (!refusal.status)
        return start_sse(session, wsi, wanted);
    stream_request_clear(wanted);
    return refuse(wsi, refusal, false);
}

static int answer_http(struct session *session, struct lws *wsi, struct bytes path)
{
    char if_none_match[ENTITY_TAGS_SIZE];
    struct query query;
    struct stream_request wanted;
    const struct http_sources *sources = server_of(wsi)->options.sources;
    bool read = request_query_read(&query, wsi);
    int copied =
        lws_hdr_copy(wsi, if_none_match, sizeof if_none_match, WSI_TOKEN_HTTP_IF_NONE_MATCH);
    struct http_target target = { .path = path,
                                  .query = read ? &query : NULL,
                                  .if_none_match =
                                      bytes_of(if_none_match, copied > 0 ? (size_t)copied : 0),
                                  .customer = customer_of(wsi) };
    if (!is_get(wsi) || !http_routes_sse(sources, target, &wanted))
        return http_connection_start(&session->http, wsi, sources, target);
    return answer_sse(session, wsi, &wanted);
}

static int on_http(struct session *session, struct lws *wsi, struct bytes path)
{
    struct request_headers headers;
    request_headers_read(&headers, wsi);
    struct refusal refusal = decide(wsi, &headers);
    request_headers_clear(&headers);
    if (refusal.status)
        return refuse(wsi, refusal, headers.is_head);
    return answer_http(session, wsi, path);
}

/* `reason` is where the refusal's text may be. */
static struct refusal check_stream(struct lws *wsi, struct http_refusal *reason)
{
    struct stream_request wanted;
    if (deflate_extension_is_too_long(wsi))
        return (struct refusal){ 400, "Sec-WebSocket-Extensions is too long" };
    if (!find_wanted(wsi, &wanted, reason))
        return (struct refusal){ reason->status, reason->text };
    struct refusal refusal = check_wanted(wsi, &wanted);
    stream_request_clear(&wanted);
    return refusal;
}

static struct refusal check_upgrade(struct lws *wsi, const struct request_headers *headers,
                                    struct http_refusal *reason)
{
    struct refusal refusal = decide(wsi, headers);
    if (!refusal.status)
        refusal = upgrade_check(&headers->upgrade);
    return refusal.status ? refusal : check_stream(wsi, reason);
}

/* Libwebsockets itself would end a connection whose handshake it does not like without a word. */
static int on_websocket(struct lws *wsi)
{
    struct ws_server *server = server_of(wsi);
    struct request_headers headers;
    request_headers_read(&headers, wsi);
    struct http_refusal reason;
    struct refusal refusal = check_upgrade(wsi, &headers, &reason);
    /* Libwebsockets speaks only subprotocols that a protocol of its is named after, and looks right
     * after this. */
    if (!refusal.status && headers.upgrade.subprotocols.size)
        upgrade_choose_subprotocol(server->subprotocol, headers.upgrade.subprotocols);
    request_headers_clear(&headers);
    return refusal.status ? refuse(wsi, refusal, headers.is_head) : 0;
}

static int on_upgrade(struct lws *wsi, char *protocol)
{
    /* One that libwebsockets does not know: it has answered, and its copy of the request is gone.
     */
    if (lws_hdr_total_length(wsi, WSI_TOKEN_UPGRADE) <= 0)
        return -1;
    if (strcasecmp(protocol, "websocket") == 0)
        return on_websocket(wsi);
    /* HTTP/2 in the clear, which clients offer and do without. What libwebsockets does not
     * recognise, it answers as HTTP/1. */
    *protocol = '-';
    return 0;
}

/* The end of what admit() began. */
static void forget_connection(struct ws_server *server, struct connection *connection)
{
    if (!connection)
        return;
    server->counters.open--;
    server->refusing -= connection->refusal.status != 0;
    if (server->adopting == connection)
        server->adopting = NULL;
    connection_destroy(connection);
}

static int on_tls_context(struct ws_server *server, void *context)
{
    tls_identity_apply(server->options.admission->identity, context);
    return 0;
}

/* Whether the extension that the client offers is agreed on: 0 if it is, as libwebsockets has it.
 */
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

/* Whatever the client says is only checked (RFC 6455 section 8.1), and counted. */
static int on_receive(struct session *session, struct lws *wsi, struct bytes piece)
{
    if (session->client_closes)
        return 0;
    if (lws_is_first_fragment(wsi))
        session->text = (struct utf8_check){ 0 };
    bool is_good = lws_frame_is_binary(wsi) ||
                   (utf8_check_add(&session->text, piece) &&
                    (!lws_is_final_fragment(wsi) || utf8_check_is_complete(&session->text)));
    if (is_good)
        return subscriber_receive(&session->subscriber, piece.size);
    uint8_t reason[] = "not UTF-8";
    lws_close_reason(wsi, LWS_CLOSE_STATUS_INVALID_PAYLOAD, reason, sizeof reason - 1);
    return -1;
}

/* Libwebsockets sends back what comes, however it is made. */
static int on_client_closes(struct session *session, struct lws *wsi, struct bytes payload)
{
    unsigned code = close_frame_check(payload);
    session->client_closes = true;
    if (code)
        lws_close_reason(wsi, (enum lws_close_status)code, NULL, 0);
    return code ? -1 : 0;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t size)
{
    struct session *session = user;
    switch ((int)reason) {
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
        return on_tls_context(server_of(wsi), user);
    case LWS_CALLBACK_WSI_DESTROY:
        forget_connection(server_of(wsi), lws_get_opaque_user_data(wsi));
        return 0;
    case LWS_CALLBACK_HTTP: return on_http(session, wsi, bytes_of(in, size));
    case LWS_CALLBACK_HTTP_WRITEABLE: return on_http_writable(session);
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
    case LWS_CALLBACK_CLOSED_HTTP: return on_http_closed(session);
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: return on_upgrade(wsi, in);
    case LWS_CALLBACK_CONFIRM_EXTENSION_OKAY: return on_extension(session, wsi);
    case LWS_CALLBACK_ADD_HEADERS: return on_headers(session, in);
    case LWS_CALLBACK_ESTABLISHED: return on_established(session, wsi);
    case LWS_CALLBACK_SERVER_WRITEABLE: return subscriber_write(&session->subscriber);
    case LWS_CALLBACK_RECEIVE: return on_receive(session, wsi, bytes_of(in, size));
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return on_client_closes(session, wsi, bytes_of(in, size));
    case LWS_CALLBACK_RECEIVE_PONG: return subscriber_receive(&session->subscriber, 0);
    case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
    case LWS_CALLBACK_CLOSED: subscriber_leave(&session->subscriber); return 0;
    default: return 0;
    }
}

static struct lws_protocols protocol_named(const char *name)
{
    return (struct lws_protocols){
        .name = name,
        .callback = on_event,
        .per_session_data_size = sizeof(struct session),
        .rx_buffer_size = INBOUND_BUFFER,
        .tx_packet_size = WRITE_MAX,
    };
}

/* Pings and their timeouts are the client's own business: libwebsockets' come at other times. */
static const lws_retry_bo_t no_pings = { 0 };

struct ws_server *ws_server_create(const struct ws_server_options *options)
{
    struct ws_server *server = memory_allocate_zeroed(1, sizeof *server);
    server->options = *options;
    server->subscribers = subscribers_create(&options->subscribers);
    memcpy(server->subprotocol, "-", sizeof "-");
    server->protocols[0] = protocol_named(PROTOCOL_NAME);
    server->protocols[1] = protocol_named(server->subprotocol);
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .vhost_name = PROTOCOL_NAME,
        .protocols = server->protocols,
        .extensions = deflate_extension_table(),
        .retry_and_idle_policy = &no_pings,
        .keepalive_timeout = KEEP_ALIVE_S,
        .timeout_secs_ah_idle = (unsigned)(options->handshake_ms / MS_PER_S),
        .options = options->admission->identity ? TLS_OPTIONS : 0,
        /* What we write ourselves on a connection is not for HTTP/2. */
        .alpn = "http/1.1",
        .user = server,
    };
    server->vhost = lws_create_vhost(loop_context(options->loop), &info);
    if (server->vhost)
        return server;
    say_error("cannot make the server", "library=%s", lws_get_library_version());
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

/* Before it has asked for anything; with TLS, before it could understand. */
static void turn_away(struct ws_server *server, const struct listening *listening, int descriptor,
                      struct refusal refusal)
{
    char answer[REFUSAL_SIZE];
    size_t size = refusal_write(answer, refusal, false);
    server->counters.refused++;
    /* A new socket's buffer is empty; if the answer does not fit all the same, the client sees a
     * closed connection. */
    if (!listening->listener->place.is_tls)
        (void)!send(descriptor, answer, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)close(descriptor);
}

static void want_accepts(struct ws_server *server, bool wanted)
{
    for (size_t i = 0; i < server->listening_count; i++)
        loop_watch_want_read(server->listening[i].watch, wanted);
}

static void pause_accepting(struct ws_server *server)
{
    say_warning("cannot accept connections", "reason=%s", say_quoted(strerror(errno)));
    want_accepts(server, false);
    loop_timer_set(server->accept_again, ACCEPT_PAUSE_MS);
}

static void on_accept_again(void *context)
{
    want_accepts(context, true);
}

/* Libwebsockets closes the descriptor when it cannot take it. */
static void adopt(struct ws_server *server, const struct listening *listening, int descriptor,
                  struct connection *connection)
{
    unsigned tls = listening->listener->place.is_tls ? LWS_ADOPT_ALLOW_SSL : 0;
    lws_adopt_desc_t adoption = {
        .vh = server->vhost,
        .type = (lws_adoption_type)(LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP | tls),
        .fd = { .sockfd = descriptor },
        .opaque = connection,
    };
    server->adopting = connection;
    if (lws_adopt_descriptor_vhost_via_info(&adoption))
        server->counters.accepted++;
    else
        forget_connection(server, server->adopting);
    server->adopting = NULL;
}

static void admit(struct ws_server *server, const struct listening *listening, int descriptor,
                  struct address peer)
{
    struct connection *connection = connection_create(server->options.admission, peer);
    if (server->counters.open - server->refusing >= server->options.max_connections)
        connection->refusal = (struct refusal){ 503, "too many connections" };
    server->counters.open++;
    server->refusing += connection->refusal.status != 0;
    if (server->refusing <= REFUSING_MAX) {
        adopt(server, listening, descriptor, connection);
        return;
    }
    turn_away(server, listening, descriptor, connection->refusal);
    forget_connection(server, connection);
}

static void on_acceptable(short events, void *context)
{
    const struct listening *listening = context;
    struct ws_server *server = listening->server;
    (void)events;
    for (int turn = 0; turn < ACCEPTS_PER_TURN; turn++) {
        struct address peer;
        int descriptor = listener_accept(listening->listener->descriptor, &peer);
        if (descriptor < 0 && errno == EAGAIN)
            return;
        if (descriptor < 0 &&
            (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
            pause_accepting(server);
            return;
        }
        if (descriptor >= 0)
            admit(server, listening, descriptor, peer);
    }
}

bool ws_server_listen(struct ws_server *server, const struct listeners *listeners)
{
    assert(server->listening_count == 0);
    server->accept_again = loop_timer_create(server->options.loop, on_accept_again, server);
    for (size_t i = 0; i < listeners->count; i++) {
        struct listening *listening = &server->listening[server->listening_count++];
        *listening = (struct listening){ .server = server, .listener = &listeners->items[i] };
        listening->watch = loop_watch_create(server->options.loop, listeners->items[i].descriptor,
                                             on_acceptable, listening);
        if (!listening->watch)
            return false;
    }
    return true;
}

void ws_server_note_rollback(struct ws_server *server)
{
    subscribers_note_rollback(server->subscribers);
}

void ws_server_note_loss(struct ws_server *server, struct stream_id end)
{
    subscribers_note_loss(server->subscribers, end);
}

void ws_server_note_fork(struct ws_server *server, struct stream_id fork, struct stream_id lost)
{
    subscribers_note_fork(server->subscribers, fork, lost);
}

void ws_server_learn_newest(struct ws_server *server, struct stream_position newest)
{
    subscribers_learn_newest(server->subscribers, newest);
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
    for (size_t i = 0; i < server->listening_count; i++)
        loop_watch_destroy(server->listening[i].watch);
    server->listening_count = 0;
    loop_timer_destroy(server->accept_again);
    server->accept_again = NULL;
    subscribers_close(server->subscribers);
}

const struct connection_counters *ws_server_connections(const struct ws_server *server)
{
    return &server->counters;
}

const struct subscriber_counters *ws_server_subscribers(const struct ws_server *server)
{
    return subscribers_counters(server->subscribers);
}
