#include "ingest/http/http_client.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <curl/curl.h>

#include "ingest/http/gunzip.h"
#include "shared/base/context.h"
#include "shared/base/memory.h"
#include "shared/process/clock.h"

enum {
    /* Name, connection and TLS share this: curl knows no limits for each. */
    CONNECT_TIMEOUT_MS = 15 * 1000,
    /* A transfer slower than this for so long has stalled; a slow log is not a broken one. */
    STALL_BYTES_PER_SECOND = 1024,
    STALL_SECONDS = 60,
    /* What is sent and not acknowledged for so long goes over a connection that is dead: a NAT has
     * forgotten it. One that is silent is asked whether it lives. */
    UNACKNOWLEDGED_MS = 15 * 1000,
    KEEPALIVE_IDLE_S = 10,
    KEEPALIVE_INTERVAL_S = 5,
    /* Hosts whose connections were found dead lately. */
    SUSPECTS_MAX = 32,
    HOST_SIZE = 128,
    /* The slowest logs stream a page for minutes. */
    TOTAL_TIMEOUT_MS = 300 * 1000,
    /* A log may ask for any number. Newer versions of libcurl tell no more than this, so all do. */
    RETRY_AFTER_MAX_S = 6 * 60 * 60,
    /* Entries compress 2 to 5 times, because each has random bytes of its own; deflate's own end is
     * at 1,032. */
    INFLATION_MAX = 200,
    /* What is so small may inflate as it likes. */
    INFLATION_FREE_BYTES = 1024 * 1024,
    /* Finished handles kept for the next request: curl keeps their buffers, not their connections,
     * in them. */
    IDLE_HANDLES_MAX = 32,
    /* RFC 1952 section 2.3.1. */
    GZIP_FIRST_BYTE = 0x1f,
};

#define TRANSFER_MARK CONTEXT_MARK('T', 'R', 'N', 'S')

/* A host whose transfer stalled: connections from before that time are not used again. */
struct suspect {
    char host[HOST_SIZE];
    uint64_t stalled_at_ms;
};

struct transfer {
    uint32_t mark; /* TRANSFER_MARK */
    struct http_client *client;
    CURL *handle;
    struct curl_slist *headers;
    struct buffer body;
    size_t body_expected;
    const char *refusal; /* what is wrong with the body, once something is */
    bool keeps_head;
    struct buffer head;
    http_on_response on_response;
    http_on_piece on_piece;
    void *context;
    size_t piece_bytes; /* given to on_piece */
    char host[HOST_SIZE];
    struct transfer *next; /* all transfers that are out */
    struct transfer **link;
};

struct http_client {
    CURLM *multi;
    char *user_agent;
    long stall_s;
    struct transfer *transfers;
    size_t in_flight;
    CURL *idle[IDLE_HANDLES_MAX];
    size_t idle_count;
    struct suspect suspects[SUSPECTS_MAX];
    size_t next_suspect;
};

/* The size up to which a body may have inflated, by what of it has come over the wire. */
static size_t inflation_max(const struct transfer *transfer)
{
    curl_off_t received = 0;
    (void)curl_easy_getinfo(transfer->handle, CURLINFO_SIZE_DOWNLOAD_T, &received);
    size_t wire_size = received > 0 ? (size_t)received : 0;
    return INFLATION_FREE_BYTES + wire_size * INFLATION_MAX;
}

/* What begins like gzip is kept until it is whole. */
static bool takes_pieces(const struct transfer *transfer, struct bytes piece)
{
    return transfer->on_piece && !transfer->body.size &&
           (transfer->piece_bytes || (piece.size && *piece.data != GZIP_FIRST_BYTE));
}

static void hand_on(struct transfer *transfer, struct bytes piece)
{
    transfer->piece_bytes += piece.size;
    if (transfer->piece_bytes > transfer->body.limit)
        transfer->refusal = "body too large";
    else
        transfer->on_piece(transfer->context, piece);
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context_of(context, TRANSFER_MARK);
    size_t bytes = size * count;
    if (takes_pieces(transfer, bytes_of(data, bytes))) {
        hand_on(transfer, bytes_of(data, bytes));
        return transfer->refusal ? 0 : bytes;
    }
    if (!transfer->body.data && transfer->body_expected)
        (void)buffer_reserve(&transfer->body, transfer->body_expected);
    buffer_append(&transfer->body, data, bytes);
    if (transfer->body.failed)
        transfer->refusal = "body too large";
    else if (transfer->body.size > inflation_max(transfer))
        transfer->refusal = "body inflates too much";
    return transfer->refusal ? 0 : bytes;
}

/* A response may have several heads, of a proxy or of status 1xx: the last one counts. */
static size_t on_head_line(char *data, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context_of(context, TRANSFER_MARK);
    struct bytes line = bytes_of(data, size * count);
    if (line.size >= 5 && memcmp(line.data, "HTTP/", 5) == 0)
        buffer_clear(&transfer->head);
    buffer_append_bytes(&transfer->head, line);
    return line.size;
}

struct http_client *http_client_create(const struct http_client_options *options)
{
    CURLcode result = curl_global_init(CURL_GLOBAL_DEFAULT);
    assert(result == CURLE_OK);
    struct http_client *client = memory_allocate_zeroed(1, sizeof *client);
    client->multi = curl_multi_init();
    assert(client->multi);
    client->user_agent = memory_copy_string(options->user_agent);
    client->stall_s = options->stall_s ? options->stall_s : STALL_SECONDS;
    (void)curl_multi_setopt(client->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                            options->connections_max);
    (void)curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, options->connections_max);
    (void)curl_multi_setopt(client->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    return client;
}

static void transfer_free(struct transfer *transfer)
{
    struct http_client *client = transfer->client;
    *transfer->link = transfer->next;
    if (transfer->next)
        transfer->next->link = transfer->link;
    client->in_flight--;
    (void)curl_multi_remove_handle(client->multi, transfer->handle);
    if (client->idle_count < IDLE_HANDLES_MAX)
        client->idle[client->idle_count++] = transfer->handle;
    else
        curl_easy_cleanup(transfer->handle);
    curl_slist_free_all(transfer->headers);
    buffer_free(&transfer->body);
    buffer_free(&transfer->head);
    free(transfer);
}

void http_client_destroy(struct http_client *client)
{
    if (!client)
        return;
    for (struct transfer *transfer = client->transfers, *next; transfer; transfer = next) {
        next = transfer->next;
        const struct http_response stopped = { .result = HTTP_STOPPED,
                                               .etag = "",
                                               .error = "stopped",
                                               .peer = "",
                                               .body = &transfer->body };
        transfer->on_response(transfer->context, &stopped);
        transfer_free(transfer);
    }
    for (size_t i = 0; i < client->idle_count; i++)
        curl_easy_cleanup(client->idle[i]);
    (void)curl_multi_cleanup(client->multi);
    free(client->user_agent);
    free(client);
    curl_global_cleanup();
}

/* A transfer over a dead connection fails soon, not when its patience ends. */
static int set_socket(void *context, curl_socket_t socket, curlsocktype purpose)
{
    (void)context;
    const unsigned unacknowledged_ms = UNACKNOWLEDGED_MS;
    if (purpose == CURLSOCKTYPE_IPCXN)
        (void)setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms,
                         sizeof unacknowledged_ms);
    return CURL_SOCKOPT_OK;
}

/* Scheme, host and port of a URL; cut, so that some may be taken for the same. */
static void copy_host(char *host, const char *url)
{
    const char *scheme_end = strstr(url, "://");
    const char *name = scheme_end ? scheme_end + 3 : url;
    size_t size = (size_t)(name - url) + strcspn(name, "/?#");
    size = size < HOST_SIZE ? size : HOST_SIZE - 1;
    memcpy(host, url, size);
    host[size] = '\0';
}

static struct suspect *find_suspect(struct http_client *client, const char *host)
{
    for (size_t i = 0; i < SUSPECTS_MAX; i++)
        if (strcmp(client->suspects[i].host, host) == 0)
            return &client->suspects[i];
    return NULL;
}

/* HTTP/2 goes on using a connection after a transfer over it has timed out; and the next one times
 * out as well. */
static void suspect_connections(struct transfer *transfer)
{
    struct http_client *client = transfer->client;
    struct suspect *suspect = find_suspect(client, transfer->host);
    if (!suspect)
        suspect = &client->suspects[client->next_suspect++ % SUSPECTS_MAX];
    memcpy(suspect->host, transfer->host, HOST_SIZE);
    suspect->stalled_at_ms = clock_monotonic_ms();
}

static void avoid_dead_connections(struct transfer *transfer)
{
    const struct suspect *suspect = find_suspect(transfer->client, transfer->host);
    if (!suspect || !*suspect->host)
        return;
    long age_s = (long)((clock_monotonic_ms() - suspect->stalled_at_ms) / 1000);
    if (age_s)
        (void)curl_easy_setopt(transfer->handle, CURLOPT_MAXLIFETIME_CONN, age_s);
    else
        (void)curl_easy_setopt(transfer->handle, CURLOPT_FRESH_CONNECT, 1L);
}

static CURL *take_handle(struct http_client *client)
{
    CURL *handle = client->idle_count ? client->idle[--client->idle_count] : curl_easy_init();
    assert(handle);
    curl_easy_reset(handle);
    return handle;
}

static void set_options(struct transfer *transfer, const struct http_get *request)
{
    CURL *handle = transfer->handle;
    CURLcode result = curl_easy_setopt(handle, CURLOPT_URL, request->url);
    assert(result == CURLE_OK);
    (void)curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(handle, CURLOPT_USERAGENT, transfer->client->user_agent);
    (void)curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    (void)curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)TOTAL_TIMEOUT_MS);
    (void)curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES_PER_SECOND);
    (void)curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, transfer->client->stall_s);
    (void)curl_easy_setopt(handle, CURLOPT_SOCKOPTFUNCTION, set_socket);
    (void)curl_easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
    (void)curl_easy_setopt(handle, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_IDLE_S);
    (void)curl_easy_setopt(handle, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_INTERVAL_S);
    (void)curl_easy_setopt(handle, CURLOPT_PIPEWAIT, 1L);
    /* A name that is still being looked up does not hold up the end. */
    (void)curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L);
    (void)curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, 256L * 1024);
    (void)curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(handle, CURLOPT_WRITEDATA, transfer);
    (void)curl_easy_setopt(handle, CURLOPT_PRIVATE, transfer);
}

static void set_way(CURL *handle, const struct http_way *way)
{
    if (way->closes_connection)
        (void)curl_easy_setopt(handle, CURLOPT_FORBID_REUSE, 1L);
    if (way->ca_file)
        (void)curl_easy_setopt(handle, CURLOPT_CAINFO, way->ca_file);
    if (way->source_address)
        (void)curl_easy_setopt(handle, CURLOPT_INTERFACE, way->source_address);
    if (way->proxy)
        (void)curl_easy_setopt(handle, CURLOPT_PROXY, way->proxy);
}

static void add_header(struct transfer *transfer, const char *line)
{
    transfer->headers = curl_slist_append(transfer->headers, line);
    assert(transfer->headers);
}

static void set_headers(struct transfer *transfer, const struct http_get *request)
{
    char line[HTTP_ETAG_SIZE + 32];
    if (request->etag && *request->etag) {
        (void)snprintf(line, sizeof line, "If-None-Match: %s", request->etag);
        add_header(transfer, line);
    }
    if (request->is_fresh) {
        add_header(transfer, "Cache-Control: no-cache");
        (void)curl_easy_setopt(transfer->handle, CURLOPT_FRESH_CONNECT, 1L);
    }
    /* Not curl's own decoding, which goes through zlib: what comes is inflated as a whole. */
    add_header(transfer, "Accept-Encoding: gzip");
    if (request->keeps_head) {
        (void)curl_easy_setopt(transfer->handle, CURLOPT_HEADERFUNCTION, on_head_line);
        (void)curl_easy_setopt(transfer->handle, CURLOPT_HEADERDATA, transfer);
    }
    (void)curl_easy_setopt(transfer->handle, CURLOPT_HTTPHEADER, transfer->headers);
}

void http_client_get(struct http_client *client, const struct http_get *request)
{
    struct transfer *transfer = memory_allocate_zeroed(1, sizeof *transfer);
    transfer->mark = TRANSFER_MARK;
    transfer->client = client;
    transfer->handle = take_handle(client);
    buffer_init(&transfer->body, request->body_max);
    buffer_init(&transfer->head, HTTP_HEAD_MAX);
    transfer->keeps_head = request->keeps_head;
    transfer->body_expected =
        request->body_expected < request->body_max ? request->body_expected : request->body_max;
    transfer->on_response = request->on_response;
    transfer->on_piece = request->on_piece;
    transfer->context = request->context;
    copy_host(transfer->host, request->url);
    set_options(transfer, request);
    avoid_dead_connections(transfer);
    set_way(transfer->handle, &request->way);
    set_headers(transfer, request);
    transfer->next = client->transfers;
    transfer->link = &client->transfers;
    if (transfer->next)
        transfer->next->link = &transfer->next;
    client->transfers = transfer;
    client->in_flight++;
    CURLMcode result = curl_multi_add_handle(client->multi, transfer->handle);
    assert(result == CURLM_OK);
}

size_t http_client_in_flight(const struct http_client *client)
{
    return client->in_flight;
}

void http_response_take_body(const struct http_response *response, struct buffer *out)
{
    *out = *response->body;
    buffer_init(response->body, out->limit);
}

/* curl has its own names for the same events. */
static struct curl_waitfd waited_for(const struct pollfd *other)
{
    return (struct curl_waitfd){
        .fd = other->fd,
        .events = (short)((other->events & POLLIN ? CURL_WAIT_POLLIN : 0) |
                          (other->events & POLLOUT ? CURL_WAIT_POLLOUT : 0)),
    };
}

void http_client_wait(struct http_client *client, struct pollfd *others, size_t count,
                      int timeout_ms)
{
    struct curl_waitfd extra[HTTP_CLIENT_OTHERS_MAX];
    size_t numbers[HTTP_CLIENT_OTHERS_MAX];
    unsigned extra_count = 0;
    assert(count <= HTTP_CLIENT_OTHERS_MAX);
    for (size_t i = 0; i < count; i++) {
        others[i].revents = 0;
        if (others[i].fd < 0 || !others[i].events)
            continue;
        numbers[extra_count] = i;
        extra[extra_count++] = waited_for(&others[i]);
    }
    CURLMcode result = curl_multi_poll(client->multi, extra, extra_count, timeout_ms, NULL);
    assert(result == CURLM_OK);
    for (unsigned i = 0; i < extra_count; i++)
        others[numbers[i]].revents = (short)((extra[i].revents & CURL_WAIT_POLLIN ? POLLIN : 0) |
                                             (extra[i].revents & CURL_WAIT_POLLOUT ? POLLOUT : 0));
}

/* The answer's entity tag, or "" if it has none that can be sent back. */
static const char *etag_of(const struct transfer *transfer)
{
    struct curl_header *header;
    if (curl_easy_header(transfer->handle, "ETag", 0, CURLH_HEADER, -1, &header) != CURLHE_OK ||
        strlen(header->value) >= HTTP_ETAG_SIZE)
        return "";
    return header->value;
}

/* Compressed bytes, declared by a header or not. False if there are none: a body that turns out to
 * be something else stays as it is. */
static bool inflate_once(struct transfer *transfer)
{
    struct bytes body = buffer_bytes(&transfer->body);
    if (!gunzip_is_likely(body))
        return false;
    struct buffer inflated;
    size_t most = INFLATION_FREE_BYTES + body.size * INFLATION_MAX;
    buffer_init(&inflated, most < transfer->body.limit ? most : transfer->body.limit);
    enum gunzip_result result = gunzip(&inflated, body);
    if (result == GUNZIP_TOO_LARGE)
        transfer->refusal = "body inflates too much";
    if (result != GUNZIP_DONE) {
        buffer_free(&inflated);
        return false;
    }
    inflated.limit = transfer->body.limit;
    buffer_free(&transfer->body);
    transfer->body = inflated;
    return true;
}

/* Twice: what is stored compressed is sometimes compressed again on its way. */
static void inflate_body(struct transfer *transfer)
{
    if (inflate_once(transfer))
        (void)inflate_once(transfer);
}

/* What the answer says besides its body. */
static void read_answer(const struct transfer *transfer, struct http_response *response)
{
    curl_off_t retry_after = 0;
    (void)curl_easy_getinfo(transfer->handle, CURLINFO_RESPONSE_CODE, &response->status);
    (void)curl_easy_getinfo(transfer->handle, CURLINFO_RETRY_AFTER, &retry_after);
    if (retry_after > RETRY_AFTER_MAX_S)
        retry_after = RETRY_AFTER_MAX_S;
    response->retry_after_ms = retry_after > 0 ? (uint64_t)retry_after * 1000 : 0;
    response->etag = etag_of(transfer);
}

/* And who said it. */
static void read_evidence(const struct transfer *transfer, struct http_response *response)
{
    const char *peer = NULL;
    (void)curl_easy_getinfo(transfer->handle, CURLINFO_PRIMARY_IP, &peer);
    response->peer = peer ? peer : "";
    response->head = buffer_bytes(&transfer->head);
}

static void finish_get(struct transfer *transfer, CURLcode code)
{
    if (code == CURLE_OPERATION_TIMEDOUT || code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR)
        suspect_connections(transfer);
    if (code == CURLE_OK)
        inflate_body(transfer);
    struct http_response response = {
        .result = HTTP_ANSWERED, .etag = "", .peer = "", .body = &transfer->body
    };
    response.body_size = transfer->piece_bytes + transfer->body.size;
    if (transfer->keeps_head)
        read_evidence(transfer, &response);
    if (transfer->refusal) {
        response.result = HTTP_TOO_LARGE;
        response.error = transfer->refusal;
    } else if (code != CURLE_OK) {
        response.result = HTTP_UNREACHABLE;
        response.error = curl_easy_strerror(code);
    } else {
        read_answer(transfer, &response);
    }
    transfer->on_response(transfer->context, &response);
    transfer_free(transfer);
}

void http_client_perform(struct http_client *client)
{
    int running;
    CURLMcode result = curl_multi_perform(client->multi, &running);
    assert(result == CURLM_OK);
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result;
        struct transfer *transfer = NULL;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        finish_get(transfer, code);
    }
}
