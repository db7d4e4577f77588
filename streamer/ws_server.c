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
    struct ws_client client;
};

struct ws_server {
    struct ws_server_options options;
    struct lws_vhost *vhost;
    struct loop_watch *listener;
    struct loop_timer *accept_again;
    int listening;
    size_t connections;
    bool closing;
    struct ws_clients *clients;
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

/* The value of `dialect` in the query, written to `text`; no data if there is none. Libwebsockets has taken the query
 * apart and decoded it. */
static struct bytes dialect_of(struct lws *wsi, char *text, int size)
{
    static const char name[] = "dialect=";
    const size_t name_size = sizeof name - 1;
    for (int fragment = 0;; fragment++) {
        int copied = lws_hdr_copy_fragment(wsi, text, size, WSI_TOKEN_HTTP_URI_ARGS, fragment);
        if (copied < 0)
            return (struct bytes){ 0 };
        if ((size_t)copied >= name_size && memcmp(text, name, name_size) == 0)
            return bytes_of(text + name_size, (size_t)copied - name_size);
    }
}

static enum lane_kind find_lane(struct lws *wsi, int *status, const char **text)
{
    char path[PATH_MAX_SIZE], dialect[QUERY_MAX_SIZE];
    struct http_target target = { path_of(wsi, path, sizeof path),
                                  dialect_of(wsi, dialect, sizeof dialect) };
    return http_routes_lane(server_of(wsi)->options.sources, target, status, text);
}

static int on_established(struct session *session, struct lws *wsi)
{
    struct ws_server *server = server_of(wsi);
    int status;
    const char *text;
    enum lane_kind kind = find_lane(wsi, &status, &text);
    if (kind == LANE_KINDS || server->closing)
        return -1;
    ws_client_join(&session->client, server->clients, wsi, kind);
    return 0;
}

static int on_http(struct session *session, struct lws *wsi, struct bytes path)
{
    char dialect[QUERY_MAX_SIZE];
    struct http_target target = { path, dialect_of(wsi, dialect, sizeof dialect) };
    return http_connection_start(&session->http, wsi, server_of(wsi)->options.sources, target);
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
    return find_lane(wsi, status, &text) == LANE_KINDS ? text : NULL;
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
    case LWS_CALLBACK_HTTP_WRITEABLE: return http_connection_write(&session->http);
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
    case LWS_CALLBACK_CLOSED_HTTP: http_connection_clear(session ? &session->http : NULL); return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: return on_upgrade(wsi, in);
    case LWS_CALLBACK_ESTABLISHED: return on_established(session, wsi);
    case LWS_CALLBACK_SERVER_WRITEABLE: return ws_client_write(&session->client);
    case LWS_CALLBACK_RECEIVE: return ws_client_receive(&session->client, size);
    case LWS_CALLBACK_RECEIVE_PONG: return ws_client_receive(&session->client, 0);
    case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
    case LWS_CALLBACK_CLOSED: ws_client_leave(&session->client); return 0;
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
    server->clients = ws_clients_create(&options->clients);
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
    if (!server)
        return;
    ws_clients_destroy(server->clients);
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
    ws_clients_wake(server->clients, now_ms);
}

void ws_server_tick(struct ws_server *server, uint64_t now_ms)
{
    ws_clients_tick(server->clients, now_ms);
}

void ws_server_close(struct ws_server *server)
{
    server->closing = true;
    loop_watch_destroy(server->listener);
    server->listener = NULL;
    loop_timer_destroy(server->accept_again);
    server->accept_again = NULL;
    ws_clients_close(server->clients);
}

size_t ws_server_connections(const struct ws_server *server)
{
    return server->connections;
}

const struct ws_server_stats *ws_server_stats(const struct ws_server *server)
{
    return &server->stats;
}

const struct ws_clients_stats *ws_server_clients_stats(const struct ws_server *server)
{
    return ws_clients_stats(server->clients);
}
