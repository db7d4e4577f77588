#include "streamer/ws_server.h"

#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libwebsockets.h>

#include "shared/clock.h"
#include "shared/json_writer.h"
#include "shared/log.h"
#include "shared/memory.h"
#include "shared/message.h"
#include "streamer/http_routes.h"
#include "streamer/lanes.h"
#include "streamer/listener.h"
#include "streamer/loop.h"
#include "streamer/stream_reader.h"
#include "streamer/websocket_frame.h"

enum {
    /* One call's worth: with more, the kernel's copy is all that is left to see. */
    SLICE_MAX = 128 * 1024,
    /* Up to here a slice is sent without asking how much room the socket has. */
    SLICE_SMALL = 16 * 1024,
    /* A client that catches up gives way to the others after so much. */
    SLICES_PER_TURN = 8,
    /* Clients have nothing to say; libraries may. */
    INBOUND_MESSAGE_MAX = 64 * 1024,
    /* Per client. A control frame's 125 bytes must fit; longer messages come in pieces. */
    INBOUND_BUFFER = 256,
    /* What libwebsockets hands to the socket at once: more than any slice or message. */
    WRITE_MAX = 1 << 30,
    ACCEPTS_PER_TURN = 64,
    /* When the machine is out of descriptors or memory. */
    ACCEPT_PAUSE_MS = 100,
    KEEP_ALIVE_S = 30,
    PATH_MAX_SIZE = 256,
    HEADERS_SIZE = 1024,
    CONTROL_FRAME_MAX = 512,
    REFUSAL_SIZE = 512,
};

#define PROTOCOL_NAME "certstream"

/* In libwebsockets' memory for a connection, zeroed at the start of each transaction and of the WebSocket. */
struct session {
    struct ws_server *server;
    struct lws *wsi;
    struct http_request request;
    bool has_request;
    bool is_head;
    /* Of WebSocket clients; `link` is what points to this one, NULL when it is not in a list. */
    struct client client;
    struct lane *lane;
    enum lane_kind kind;
    size_t inbound;
    struct session *next, **link;
};

struct ws_server {
    struct ws_server_options options;
    struct lws_vhost *vhost;
    struct loop_watch *listener;
    struct loop_timer *accept_again;
    int listening;
    size_t connections;
    bool closing;
    struct session *clients[LANE_KINDS];
    struct ws_server_stats stats;
};

static struct ws_server *server_of(struct lws *wsi)
{
    return lws_vhost_user(lws_get_vhost(wsi));
}

/* WebSocket clients */

static void want_write(struct session *session, uint64_t now_ms)
{
    if (session->client.waiting_since_ms)
        return;
    session->client.waiting_since_ms = now_ms;
    lws_callback_on_writable(session->wsi);
}

static bool write_raw(struct session *session, uint8_t *data, size_t size, uint64_t now_ms)
{
    if (lws_write(session->wsi, data, size, LWS_WRITE_RAW) < 0)
        return false;
    session->client.sent_at_ms = now_ms;
    return true;
}

static bool send_frame(struct session *session, enum websocket_frame_type type,
                       struct bytes payload, uint64_t now_ms)
{
    uint8_t frame[CONTROL_FRAME_MAX];
    size_t header = websocket_frame_header(frame, type, payload.size);
    assert(header + payload.size <= sizeof frame);
    memcpy(frame + header, payload.data, payload.size);
    return write_raw(session, frame, header + payload.size, now_ms);
}

static bool send_heartbeat(struct session *session, uint64_t now_ms)
{
    struct buffer text;
    buffer_init(&text, CONTROL_FRAME_MAX / 2);
    message_write_heartbeat(&text, clock_realtime_ms());
    bool sent = send_frame(session, WEBSOCKET_FRAME_TEXT, buffer_bytes(&text), now_ms);
    buffer_free(&text);
    return sent;
}

/* With a payload, because libwebsockets keeps empty pongs to itself. */
static bool send_ping(struct session *session, uint64_t now_ms)
{
    session->client.pinged_at_ms = now_ms;
    return send_frame(session, WEBSOCKET_FRAME_PING, bytes_of_string("certstream"), now_ms);
}

static void write_gap(struct buffer *out, const struct client_gap *gap)
{
    char from[STREAM_ID_TEXT_SIZE];
    char to[STREAM_ID_TEXT_SIZE];
    struct json_writer writer = json_writer_of(out);
    json_begin_object(&writer);
    json_key(&writer, "message_type");
    json_string(&writer, "gap");
    json_key(&writer, "data");
    json_begin_object(&writer);
    json_key(&writer, "from");
    json_text(&writer, stream_id_format(from, gap->from));
    json_key(&writer, "to");
    json_text(&writer, stream_id_format(to, gap->to));
    json_key(&writer, "missed");
    json_unsigned(&writer, gap->missed);
    json_key(&writer, "reason");
    json_string(&writer, "slow");
    json_end_object(&writer);
    json_end_object(&writer);
}

static bool send_gap(struct session *session, uint64_t now_ms)
{
    struct ws_server *server = session->server;
    struct client_gap gap =
        client_skip(&session->client, session->lane, stream_reader_last_id(server->options.reader));
    server->stats.gaps++;
    server->stats.missed += gap.missed;
    struct buffer text;
    buffer_init(&text, CONTROL_FRAME_MAX / 2);
    write_gap(&text, &gap);
    bool sent = send_frame(session, WEBSOCKET_FRAME_TEXT, buffer_bytes(&text), now_ms);
    buffer_free(&text);
    return sent;
}

/* What a socket does not take, libwebsockets copies and keeps; so a stuck client is not given what will not fit. Half of
 * the room, because the kernel counts its own overhead in. */
static size_t slice_limit(const struct session *session)
{
    const struct lane *lane = session->lane;
    if (session->client.position >= lane_first(lane) &&
        lane_bytes_after(lane, session->client.position) <= SLICE_SMALL)
        return SLICE_SMALL;
    int descriptor = lws_get_socket_fd(session->wsi);
    int queued = 0;
    int buffer = 0;
    socklen_t size = sizeof buffer;
    if (ioctl(descriptor, SIOCOUTQ, &queued) != 0 ||
        getsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &buffer, &size) != 0 || queued >= buffer)
        return 0;
    size_t room = (size_t)(buffer - queued) / 2;
    return room < SLICE_MAX ? room : SLICE_MAX;
}

static bool send_slice(struct session *session, const struct lane_slice *slice, uint64_t now_ms)
{
    struct ws_server_stats *stats = &session->server->stats;
    if (!write_raw(session, slice->data, slice->size, now_ms))
        return false;
    client_advance(&session->client, slice, now_ms);
    stats->slices++;
    stats->slice_bytes += slice->size;
    stats->partial += (uint64_t)lws_partial_buffered(session->wsi);
    return true;
}

/* False when the connection is broken. */
static bool send_slices(struct session *session, uint64_t now_ms)
{
    struct lane_slice slice;
    for (int turn = 0; turn < SLICES_PER_TURN && !lws_partial_buffered(session->wsi); turn++) {
        switch (client_next(&session->client, session->lane, slice_limit(session), &slice)) {
        case CLIENT_NEXT_NOTHING: return true;
        case CLIENT_NEXT_GAP:
            if (!send_gap(session, now_ms))
                return false;
            break;
        case CLIENT_NEXT_SLICE:
            if (!send_slice(session, &slice, now_ms))
                return false;
            break;
        }
    }
    want_write(session, now_ms);
    return true;
}

static bool send_due(struct session *session, uint64_t now_ms)
{
    switch (client_due(&session->client, &session->server->options.timing, now_ms)) {
    case CLIENT_DUE_PING: return send_ping(session, now_ms);
    case CLIENT_DUE_HEARTBEAT: return send_heartbeat(session, now_ms);
    case CLIENT_DUE_NOTHING:
    case CLIENT_DUE_CLOSE_SILENT:
    case CLIENT_DUE_CLOSE_SLOW: return true;
    }
    return true;
}

static int on_writable(struct session *session)
{
    if (!session->lane)
        return 0;
    uint64_t now_ms = clock_monotonic_ms();
    session->client.waiting_since_ms = 0;
    return send_due(session, now_ms) && send_slices(session, now_ms) ? 0 : -1;
}

static void leave_lane(struct session *session)
{
    if (!session->lane)
        return;
    *session->link = session->next;
    if (session->next)
        session->next->link = session->link;
    lanes_leave(session->server->options.lanes, session->kind, clock_monotonic_ms());
    session->lane = NULL;
}

/* Not from inside a callback of the connection: it may be freed. */
static void close_session(struct session *session, enum lws_close_status code, const char *reason)
{
    struct lws *wsi = session->wsi;
    struct bytes text = bytes_of_string(reason);
    if (lws_partial_buffered(wsi)) {
        /* libwebsockets would end the connection after what is buffered, without a word. */
        uint8_t payload[WEBSOCKET_CONTROL_MAX] = { (uint8_t)(code >> 8), (uint8_t)code };
        memcpy(payload + 2, text.data, text.size);
        (void)send_frame(session, WEBSOCKET_FRAME_CLOSE, bytes_of(payload, text.size + 2),
                         clock_monotonic_ms());
    } else {
        uint8_t copy[WEBSOCKET_CONTROL_MAX];
        memcpy(copy, text.data, text.size);
        lws_close_reason(wsi, code, copy, text.size);
    }
    leave_lane(session);
    lws_set_timeout(wsi, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_SYNC);
}

/* Of an upgrade; one that is too long is none that we have. */
static struct bytes path_of(struct lws *wsi, char *text, int size)
{
    int copied = lws_hdr_copy(wsi, text, size, WSI_TOKEN_GET_URI);
    return copied > 0 ? bytes_of(text, (size_t)copied) : bytes_of_string("?");
}

static int on_established(struct session *session, struct lws *wsi)
{
    struct ws_server *server = server_of(wsi);
    const struct ws_server_options *options = &server->options;
    char text[PATH_MAX_SIZE];
    enum lane_kind kind = http_routes_lane(path_of(wsi, text, sizeof text));
    if (kind == LANE_KINDS || server->closing)
        return -1;
    uint64_t now_ms = clock_monotonic_ms();
    *session = (struct session){ .server = server, .wsi = wsi, .kind = kind };
    session->lane = lanes_join(options->lanes, kind);
    client_join(&session->client, session->lane, stream_reader_last_id(options->reader), now_ms);
    session->link = &server->clients[kind];
    session->next = *session->link;
    if (session->next)
        session->next->link = &session->next;
    *session->link = session;
    want_write(session, now_ms);
    return 0;
}

static int on_received(struct session *session, size_t size)
{
    session->client.heard_at_ms = clock_monotonic_ms();
    session->inbound += size;
    if (session->inbound > INBOUND_MESSAGE_MAX) {
        uint8_t reason[] = "message too large";
        lws_close_reason(session->wsi, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, reason,
                         sizeof reason - 1);
        return -1;
    }
    if (lws_is_final_fragment(session->wsi))
        session->inbound = 0;
    return 0;
}

/* HTTP */

static int write_headers(struct lws *wsi, const struct http_answer *answer)
{
    static const struct {
        const char *name, *value;
    } extra[] = {
        { "access-control-allow-origin:", "*" },
        { "cache-control:", "no-store" },
    };
    uint8_t headers[LWS_PRE + HEADERS_SIZE];
    uint8_t *at = headers + LWS_PRE;
    uint8_t *end = headers + sizeof headers;
    if (lws_add_http_common_headers(wsi, (unsigned)answer->status, answer->content_type,
                                    answer->body.size, &at, end))
        return -1;
    for (size_t i = 0; answer->is_live && i < sizeof extra / sizeof *extra; i++)
        if (lws_add_http_header_by_name(wsi, (const uint8_t *)extra[i].name,
                                        (const uint8_t *)extra[i].value,
                                        (int)strlen(extra[i].value), &at, end))
            return -1;
    return lws_finalize_write_http_header(wsi, headers + LWS_PRE, &at, end);
}

static int write_answer(struct lws *wsi, const struct http_answer *answer, bool is_head)
{
    if (write_headers(wsi, answer))
        return -1;
    if (is_head || answer->body.size == 0)
        return 0;
    return lws_write(wsi, answer->body.data, answer->body.size, LWS_WRITE_HTTP_FINAL) < 0 ? -1 : 0;
}

static void on_answer(struct http_request *request, void *context)
{
    (void)request;
    struct session *session = context;
    lws_callback_on_writable(session->wsi);
}

static int on_http(struct session *session, struct lws *wsi, struct bytes path)
{
    char *uri;
    int uri_size;
    int method = lws_http_get_uri_and_method(wsi, &uri, &uri_size);
    struct ws_server *server = server_of(wsi);
    session->server = server;
    session->wsi = wsi;
    session->has_request = true;
    session->is_head = method == LWSHUMETH_HEAD;
    bool complete =
        http_request_start(&session->request, server->options.sources, path, on_answer, session);
    if (method != LWSHUMETH_GET && method != LWSHUMETH_HEAD) {
        newest_leave(&session->request.waiter);
        http_answer_error(&session->request.answer, 405, "only GET and HEAD");
        complete = true;
    }
    if (complete)
        lws_callback_on_writable(wsi);
    return 0;
}

static int on_http_writable(struct session *session)
{
    struct lws *wsi = session->wsi;
    if (!session->has_request || session->request.answer.status == 0)
        return 0;
    if (write_answer(wsi, &session->request.answer, session->is_head))
        return -1;
    /* Libwebsockets has copied what the socket did not take. */
    session->request.answer.status = 0;
    return lws_http_transaction_completed(wsi) ? -1 : 0;
}

static void forget_request(struct session *session)
{
    if (!session || !session->has_request)
        return;
    session->has_request = false;
    http_request_clear(&session->request);
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
    char text[PATH_MAX_SIZE];
    *status = 400;
    if (strcasecmp(protocol, "websocket") != 0)
        return "the only upgrade is to WebSocket";
    if (lws_hdr_total_length(wsi, WSI_TOKEN_PROTOCOL) > 0)
        return "there are no subprotocols";
    *status = 404;
    bool has_stream = http_routes_lane(path_of(wsi, text, sizeof text)) != LANE_KINDS;
    return has_stream ? NULL : "no such stream";
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
    case LWS_CALLBACK_CLOSED_HTTP: forget_request(session); return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: return on_upgrade(wsi, in);
    case LWS_CALLBACK_ESTABLISHED: return on_established(session, wsi);
    case LWS_CALLBACK_SERVER_WRITEABLE: return on_writable(session);
    case LWS_CALLBACK_RECEIVE: return on_received(session, size);
    case LWS_CALLBACK_RECEIVE_PONG: return on_received(session, 0);
    case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
    case LWS_CALLBACK_CLOSED: leave_lane(session); return 0;
    default: return 0;
    }
}

/* The server */

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
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .vhost_name = PROTOCOL_NAME,
        .protocols = protocols,
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
    for (size_t kind = 0; kind < LANE_KINDS; kind++) {
        const struct lane *lane = lanes_get(server->options.lanes, (enum lane_kind)kind);
        for (struct session *session = server->clients[kind]; session; session = session->next)
            if (session->client.position < lane_next(lane))
                want_write(session, now_ms);
    }
}

static void tick_client(struct ws_server *server, struct session *session, uint64_t now_ms)
{
    switch (client_due(&session->client, &server->options.timing, now_ms)) {
    case CLIENT_DUE_NOTHING: return;
    case CLIENT_DUE_PING:
    case CLIENT_DUE_HEARTBEAT: want_write(session, now_ms); return;
    case CLIENT_DUE_CLOSE_SILENT:
        server->stats.closed_silent++;
        close_session(session, LWS_CLOSE_STATUS_POLICY_VIOLATION, "no answer to pings");
        return;
    case CLIENT_DUE_CLOSE_SLOW:
        server->stats.closed_slow++;
        close_session(session, LWS_CLOSE_STATUS_POLICY_VIOLATION, "too slow");
        return;
    }
}

void ws_server_tick(struct ws_server *server, uint64_t now_ms)
{
    for (size_t kind = 0; kind < LANE_KINDS; kind++) {
        struct session *next = NULL;
        for (struct session *session = server->clients[kind]; session; session = next) {
            next = session->next;
            tick_client(server, session, now_ms);
        }
    }
}

void ws_server_close(struct ws_server *server)
{
    server->closing = true;
    loop_watch_destroy(server->listener);
    server->listener = NULL;
    loop_timer_destroy(server->accept_again);
    server->accept_again = NULL;
    for (size_t kind = 0; kind < LANE_KINDS; kind++)
        while (server->clients[kind])
            close_session(server->clients[kind], LWS_CLOSE_STATUS_GOINGAWAY, "going away");
}

size_t ws_server_connections(const struct ws_server *server)
{
    return server->connections;
}

const struct ws_server_stats *ws_server_stats(const struct ws_server *server)
{
    return &server->stats;
}
