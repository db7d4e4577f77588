#include "streamer/tail/server_link.h"

#include <stdio.h>
#include <stdlib.h>

#include <libwebsockets.h>

#include "shared/base/memory.h"

enum {
    /* A server that is silent for this long is asked whether it is there, and left if it is not. */
    PING_S = 30,
    HANG_UP_S = 60,
    CONNECT_S = 20,
    RECEIVE_SIZE = 64 * 1024,
    BODY_PART_SIZE = 16 * 1024,
};

struct link_timer {
    lws_sorted_usec_list_t entry; /* first: it is what libwebsockets hands back */
    struct server_link *link;
    void (*on_time)(void *context);
};

struct server_link {
    struct server_link_options options;
    struct lws_context *context;
    struct link_timer timers[SERVER_LINK_TIMERS];
    struct buffer message; /* or the body of an answer */
    unsigned status;       /* of the answer */
    char reason[SERVER_REASON_SIZE];
    bool is_stopping;
};

static void set_reason(struct server_link *link, const char *text, size_t size)
{
    size_t most = sizeof link->reason - 1;
    memcpy(link->reason, text, size < most ? size : most);
    link->reason[size < most ? size : most] = '\0';
}

static void tell_end(struct server_link *link, bool was_refused)
{
    if (!link->is_stopping)
        link->options.events.on_end(link->options.events.context, was_refused, link->reason);
}

/* libwebsockets says so of every answer but 101. */
static bool is_refusal(const char *reason)
{
    return strncmp(reason, "HS:", 3) == 0;
}

/* A frame, or a part of one. */
static void take_part(struct server_link *link, struct lws *wsi, const void *data, size_t size)
{
    const struct server_link_events *events = &link->options.events;
    if (lws_is_first_fragment(wsi))
        buffer_clear(&link->message);
    buffer_append(&link->message, data, size);
    if (lws_remaining_packet_payload(wsi) || !lws_is_final_fragment(wsi))
        return;
    if (link->message.failed)
        events->on_oversize(events->context);
    else
        events->on_message(events->context, buffer_bytes(&link->message));
    buffer_clear(&link->message);
}

/* Appends the token to the handshake. */
static int add_headers(struct server_link *link, struct lws *wsi, unsigned char **at,
                       unsigned char *end)
{
    char value[512];
    if (!*link->options.token)
        return 0;
    int size = snprintf(value, sizeof value, "Bearer %s", link->options.token);
    return size < 0 || (size_t)size >= sizeof value ||
           lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, (unsigned char *)value,
                                        size, at, end);
}

static int on_stream(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                     size_t size)
{
    struct server_link *link = user;
    switch ((int)reason) {
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER: {
        unsigned char **at = in;
        return add_headers(link, wsi, at, *at + size);
    }
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        buffer_clear(&link->message);
        set_reason(link, "", 0);
        link->options.events.on_open(link->options.events.context);
        return 0;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        take_part(link, wsi, in, size);
        /* The connection is closed by its owner once nobody reads any more. */
        return link->is_stopping ? -1 : 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        /* RFC 6455 section 5.5.1: the code stands before the text. */
        if (size > 2)
            set_reason(link, (const char *)in + 2, size - 2);
        return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        set_reason(link, in ? in : "no connection", in ? size : strlen("no connection"));
        tell_end(link, is_refusal(link->reason));
        return 0;
    case LWS_CALLBACK_CLIENT_CLOSED: tell_end(link, false); return 0;
    default: return 0;
    }
}

static void tell_answer(struct server_link *link)
{
    const struct server_link_events *events = &link->options.events;
    if (link->is_stopping)
        return;
    if (link->message.failed)
        link->status = 0;
    events->on_answer(events->context, link->status, buffer_bytes(&link->message));
}

static int read_body(struct lws *wsi)
{
    char room[LWS_PRE + BODY_PART_SIZE];
    char *at = room + LWS_PRE;
    int size = BODY_PART_SIZE;
    return lws_http_client_read(wsi, &at, &size) < 0 ? -1 : 0;
}

static int on_get(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                  size_t size)
{
    struct server_link *link = user;
    switch ((int)reason) {
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER: {
        unsigned char **at = in;
        return add_headers(link, wsi, at, *at + size);
    }
    case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
        buffer_clear(&link->message);
        link->status = lws_http_client_http_response(wsi);
        return 0;
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP: return read_body(wsi);
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ:
        buffer_append(&link->message, in, size);
        return link->message.failed ? -1 : 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        link->status = 0;
        buffer_clear(&link->message);
        buffer_append(&link->message, in ? in : "", in ? size : 0);
        tell_answer(link);
        return 0;
    case LWS_CALLBACK_CLOSED_CLIENT_HTTP: tell_answer(link); return 0;
    default: return 0;
    }
}

static const struct lws_protocols protocols[] = {
    { .name = "stream", .callback = on_stream, .rx_buffer_size = RECEIVE_SIZE },
    { .name = "get", .callback = on_get, .rx_buffer_size = RECEIVE_SIZE },
    { 0 },
};

static const lws_retry_bo_t silence = { .secs_since_valid_ping = PING_S,
                                        .secs_since_valid_hangup = HANG_UP_S };

struct server_link *server_link_create(const struct server_link_options *options)
{
    struct server_link *link = memory_allocate_zeroed(1, sizeof *link);
    link->options = *options;
    buffer_init(&link->message, SERVER_MESSAGE_MAX);
    const struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .options = options->url->is_tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0,
        .client_ssl_ca_filepath = *options->ca_file ? options->ca_file : NULL,
        .retry_and_idle_policy = &silence,
        .timeout_secs = CONNECT_S,
        .connect_timeout_secs = CONNECT_S,
    };
    /* What goes wrong comes as a reason. */
    lws_set_log_level(0, NULL);
    link->context = lws_create_context(&info);
    if (link->context)
        return link;
    (void)fputs("certstream-tail: libwebsockets does not start; is --ca a file of certificates?\n",
                stderr);
    free(link);
    return NULL;
}

void server_link_destroy(struct server_link *link)
{
    if (!link)
        return;
    for (unsigned i = 0; i < SERVER_LINK_TIMERS; i++)
        lws_sul_cancel(&link->timers[i].entry);
    link->is_stopping = true;
    lws_context_destroy(link->context);
    buffer_free(&link->message);
    free(link);
}

static bool connect_to_server(struct server_link *link, const char *target, const char *protocol,
                              const char *method)
{
    const struct server_url *url = link->options.url;
    char host[SERVER_HOST_HEADER_SIZE];
    server_url_write_host(url, host);
    const struct lws_client_connect_info info = {
        .context = link->context,
        .address = url->host,
        .port = url->port,
        .ssl_connection = url->is_tls ? LCCSCF_USE_SSL : 0,
        .path = target,
        .host = host,
        .local_protocol_name = protocol,
        .method = method,
        .alpn = "http/1.1",
        .userdata = link,
        .retry_and_idle_policy = &silence,
    };
    set_reason(link, "", 0);
    return lws_client_connect_via_info(&info) || *link->reason;
}

void server_link_open(struct server_link *link, const char *target)
{
    if (connect_to_server(link, target, "stream", NULL))
        return;
    set_reason(link, "no connection", strlen("no connection"));
    tell_end(link, false);
}

void server_link_get(struct server_link *link, const char *target)
{
    buffer_clear(&link->message);
    link->status = 0;
    (void)connect_to_server(link, target, "get", "GET");
}

static void on_link_timer(lws_sorted_usec_list_t *entry)
{
    struct link_timer *timer = lws_container_of(entry, struct link_timer, entry);
    timer->on_time(timer->link->options.events.context);
}

void server_link_set_timer(struct server_link *link, unsigned timer, uint64_t after_ms,
                           void (*on_time)(void *context))
{
    struct link_timer *set = &link->timers[timer];
    set->link = link;
    set->on_time = on_time;
    lws_sul_schedule(link->context, 0, &set->entry, on_link_timer,
                     (lws_usec_t)after_ms * LWS_US_PER_MS);
}

void server_link_run(struct server_link *link)
{
    while (!link->is_stopping && lws_service(link->context, 0) >= 0)
        continue;
}

void server_link_stop(struct server_link *link)
{
    link->is_stopping = true;
    lws_cancel_service(link->context);
}
