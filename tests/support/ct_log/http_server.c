#include "tests/support/ct_log/http_server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/base/memory.h"
#include "shared/process/clock.h"

enum {
    CONNECTIONS_MAX = 1024,
    EVENTS_MAX = 64,
    HEAD_SIZE = 512,
    /* The largest page of the largest entries. */
    BODY_MAX = 1024 * 1024 * 1024,
    /* Bodies are kept for the next answer: touching fresh memory costs more than filling it. */
    SPARE_BODIES = 16,
    SPARE_BODY_MAX = 8 * 1024 * 1024,
    /* A dripping body is sent this often. */
    DRIP_INTERVAL_MS = 20,
    LONGEST_WAIT_MS = 60 * 1000,
};

/* They are passed through in this order. */
enum connection_state {
    CONNECTION_READING,
    CONNECTION_SKIPPING_BODY, /* of a POST, which says all in its query */
    CONNECTION_DELAYED,
    CONNECTION_SENDING,
    CONNECTION_DRIPPING,
    CONNECTION_DONE, /* to be closed */
};

struct connection {
    int fd;
    enum connection_state state;
    uint32_t events; /* what epoll watches for */
    bool keeps_alive;
    uint8_t input[HTTP_REQUEST_MAX];
    size_t input_size;
    uint64_t skip_size;
    char head[HEAD_SIZE];
    size_t head_size;
    struct http_reply reply;
    size_t send_size; /* head and body, or what of them is sent before a cut */
    size_t sent;
    uint64_t wake_ms; /* of a delayed or dripping one */
    struct connection *next;
};

struct http_server {
    int epoll;
    int listener;
    uint16_t port;
    http_handler handler;
    void *context;
    struct connection *connections;
    size_t count;
    uint64_t accepted;
    struct buffer spare[SPARE_BODIES];
    size_t spare_count;
};

static void take_body(struct http_server *server, struct buffer *body)
{
    buffer_init(body, BODY_MAX);
    if (server->spare_count)
        *body = server->spare[--server->spare_count];
    buffer_clear(body);
}

static void return_body(struct http_server *server, struct buffer *body)
{
    if (!body->data)
        return;
    if (server->spare_count < SPARE_BODIES && body->capacity <= SPARE_BODY_MAX)
        server->spare[server->spare_count++] = *body;
    else
        free(body->data);
    buffer_init(body, BODY_MAX);
}

static void add_connection(struct http_server *server, int fd)
{
    int yes = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes); /* else slower, no more */
    struct connection *connection = memory_allocate_zeroed(1, sizeof *connection);
    connection->fd = fd;
    connection->events = EPOLLIN;
    connection->next = server->connections;
    server->connections = connection;
    server->count++;
    server->accepted++;
    struct epoll_event event = { .events = connection->events };
    event.data.ptr = connection;
    int result = epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event);
    assert(result == 0);
    (void)result;
}

static void accept_all(struct http_server *server)
{
    int fd;
    while ((fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (server->count < CONNECTIONS_MAX)
            add_connection(server, fd);
        else
            (void)close(fd);
    }
}

static void write_head(struct connection *connection)
{
    struct http_reply *reply = &connection->reply;
    int size = snprintf(connection->head, sizeof connection->head,
                        "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s%s\r\n",
                        reply->status, http_status_text(reply->status), reply->content_type,
                        reply->body.size, reply->headers,
                        connection->keeps_alive ? "" : "Connection: close\r\n");
    assert(size > 0 && size < HEAD_SIZE);
    connection->head_size = (size_t)size;
}

static void start_answer(struct http_server *server, struct connection *connection,
                         const struct http_request *request)
{
    struct http_reply *reply = &connection->reply;
    *reply = (struct http_reply){ .status = 200, .content_type = "application/json" };
    take_body(server, &reply->body);
    server->handler(server->context, request, reply);
    assert(!reply->body.failed);
    connection->keeps_alive = request->keeps_alive && !reply->is_cut;
    write_head(connection);
    bool is_head = bytes_equal_string(request->method, "HEAD");
    size_t body_size = is_head ? 0 : reply->body.size;
    if (reply->is_cut && reply->cut_size < body_size)
        body_size = reply->cut_size;
    connection->send_size = connection->head_size + body_size;
    connection->sent = 0;
    connection->wake_ms = clock_monotonic_ms() + reply->delay_ms;
    connection->state = reply->closes_unanswered && !reply->delay_ms ? CONNECTION_DONE
                        : reply->delay_ms                            ? CONNECTION_DELAYED
                        : reply->bytes_per_second                    ? CONNECTION_DRIPPING
                                                                     : CONNECTION_SENDING;
}

static void read_more(struct connection *connection)
{
    size_t room = sizeof connection->input - connection->input_size;
    ssize_t got = recv(connection->fd, connection->input + connection->input_size, room, 0);
    if (got > 0)
        connection->input_size += (size_t)got;
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        connection->state = CONNECTION_DONE;
}

static void drop_input(struct connection *connection, size_t size)
{
    assert(size <= connection->input_size);
    connection->input_size -= size;
    memmove(connection->input, connection->input + size, connection->input_size);
}

static void skip_body(struct connection *connection)
{
    size_t size = connection->input_size;
    if (size > connection->skip_size)
        size = (size_t)connection->skip_size;
    connection->skip_size -= size;
    drop_input(connection, size);
    if (connection->skip_size == 0)
        connection->state = CONNECTION_READING;
}

/* Answers the request at the start of the input if it is whole; false if it is not. The body of a
 * POST, which is nothing to us, is skipped after the answer. */
static bool next_request(struct http_server *server, struct connection *connection)
{
    struct http_request request;
    size_t consumed = 0;
    struct bytes input = bytes_of(connection->input, connection->input_size);
    switch (http_request_parse(&request, input, &consumed)) {
    case HTTP_PARSE_INCOMPLETE: return false;
    case HTTP_PARSE_WRONG: connection->state = CONNECTION_DONE; return true;
    case HTTP_PARSE_DONE: break;
    }
    connection->skip_size = request.body_size;
    start_answer(server, connection, &request);
    drop_input(connection, consumed);
    return true;
}

/* Sends up to `limit` bytes of what is left. False if the socket takes no more now. */
static bool send_some(struct connection *connection, size_t limit)
{
    size_t left = connection->send_size - connection->sent;
    if (left > limit)
        left = limit;
    struct iovec parts[2];
    struct msghdr message = { .msg_iov = parts };
    size_t body_sent = 0;
    if (connection->sent < connection->head_size) {
        size_t size = connection->head_size - connection->sent;
        parts[message.msg_iovlen].iov_base = connection->head + connection->sent;
        parts[message.msg_iovlen++].iov_len = size < left ? size : left;
        left -= size < left ? size : left;
    } else {
        body_sent = connection->sent - connection->head_size;
    }
    if (left) {
        parts[message.msg_iovlen].iov_base = connection->reply.body.data + body_sent;
        parts[message.msg_iovlen++].iov_len = left;
    }
    ssize_t sent = sendmsg(connection->fd, &message, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR)
        connection->state = CONNECTION_DONE;
    connection->sent += sent > 0 ? (size_t)sent : 0;
    return sent > 0;
}

static void end_answer(struct http_server *server, struct connection *connection)
{
    return_body(server, &connection->reply.body);
    connection->state = !connection->keeps_alive ? CONNECTION_DONE
                        : connection->skip_size  ? CONNECTION_SKIPPING_BODY
                                                 : CONNECTION_READING;
}

static void send_answer(struct http_server *server, struct connection *connection)
{
    bool has_room = true;
    while (connection->sent < connection->send_size && has_room &&
           connection->state == CONNECTION_SENDING)
        has_room = send_some(connection, SIZE_MAX);
    if (connection->state == CONNECTION_SENDING && connection->sent == connection->send_size)
        end_answer(server, connection);
}

static void drip_answer(struct http_server *server, struct connection *connection, uint64_t now_ms)
{
    if (now_ms < connection->wake_ms)
        return;
    uint64_t share = connection->reply.bytes_per_second * DRIP_INTERVAL_MS / 1000;
    (void)send_some(connection, connection->sent < connection->head_size ? connection->head_size
                                : share                                  ? (size_t)share
                                                                         : 1);
    /* Below one byte per interval, the interval is longer. */
    connection->wake_ms =
        now_ms + (share ? DRIP_INTERVAL_MS : 1000 / connection->reply.bytes_per_second);
    if (connection->state == CONNECTION_DRIPPING && connection->sent == connection->send_size)
        end_answer(server, connection);
}

static void end_delay(struct connection *connection, uint64_t now_ms)
{
    if (now_ms < connection->wake_ms)
        return;
    connection->state = connection->reply.closes_unanswered  ? CONNECTION_DONE
                        : connection->reply.bytes_per_second ? CONNECTION_DRIPPING
                                                             : CONNECTION_SENDING;
}

/* Takes the connection as far as it goes without waiting. */
static void advance(struct http_server *server, struct connection *connection)
{
    enum connection_state before;
    do {
        before = connection->state;
        switch (connection->state) {
        case CONNECTION_READING:
            if (!next_request(server, connection))
                return;
            break;
        case CONNECTION_SKIPPING_BODY: skip_body(connection); break;
        case CONNECTION_DELAYED: end_delay(connection, clock_monotonic_ms()); break;
        case CONNECTION_SENDING: send_answer(server, connection); break;
        case CONNECTION_DRIPPING: drip_answer(server, connection, clock_monotonic_ms()); break;
        case CONNECTION_DONE: return;
        }
    } while (connection->state != before);
}

static void serve_connection(struct http_server *server, struct connection *connection,
                             uint32_t events)
{
    bool reads =
        connection->state == CONNECTION_READING || connection->state == CONNECTION_SKIPPING_BODY;
    if (events & (EPOLLERR | EPOLLHUP))
        connection->state = CONNECTION_DONE;
    else if (reads)
        read_more(connection);
    advance(server, connection);
}

/* While an answer is under way no further request is read. That the peer hung up is always told. */
static uint32_t wanted_events(const struct connection *connection)
{
    switch (connection->state) {
    case CONNECTION_READING:
    case CONNECTION_SKIPPING_BODY: return EPOLLIN;
    case CONNECTION_SENDING: return EPOLLOUT;
    case CONNECTION_DELAYED:
    case CONNECTION_DRIPPING:
    case CONNECTION_DONE: break;
    }
    return 0;
}

static void update_events(struct http_server *server, struct connection *connection)
{
    uint32_t wanted = wanted_events(connection);
    if (wanted == connection->events)
        return;
    struct epoll_event event = { .events = wanted };
    event.data.ptr = connection;
    int result = epoll_ctl(server->epoll, EPOLL_CTL_MOD, connection->fd, &event);
    assert(result == 0);
    (void)result;
    connection->events = wanted;
}

static void close_connection(struct http_server *server, struct connection *connection)
{
    return_body(server, &connection->reply.body);
    (void)close(connection->fd);
    free(connection);
    server->count--;
}

/* Moves on those whose time has come and closes those that are done: here, where no event can still
 * point to one. */
static void visit_connections(struct http_server *server)
{
    struct connection **link = &server->connections;
    while (*link) {
        struct connection *connection = *link;
        if (connection->state == CONNECTION_DELAYED || connection->state == CONNECTION_DRIPPING)
            advance(server, connection);
        if (connection->state == CONNECTION_DONE) {
            *link = connection->next;
            close_connection(server, connection);
            continue;
        }
        update_events(server, connection);
        link = &connection->next;
    }
}

static uint64_t next_wake_ms(const struct http_server *server, uint64_t deadline_ms)
{
    for (const struct connection *at = server->connections; at; at = at->next)
        if ((at->state == CONNECTION_DELAYED || at->state == CONNECTION_DRIPPING) &&
            at->wake_ms < deadline_ms)
            deadline_ms = at->wake_ms;
    return deadline_ms;
}

static int timeout_until(uint64_t deadline_ms)
{
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t left_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
    return left_ms < LONGEST_WAIT_MS ? (int)left_ms : LONGEST_WAIT_MS;
}

void http_server_serve(struct http_server *server, uint64_t deadline_ms)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(server->epoll, events, EVENTS_MAX,
                           timeout_until(next_wake_ms(server, deadline_ms)));
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr)
            serve_connection(server, events[i].data.ptr, events[i].events);
        else
            accept_all(server);
    }
    visit_connections(server);
}

static int listen_at(const char *address, uint16_t port)
{
    struct sockaddr_in where = { .sin_family = AF_INET, .sin_port = htons(port) };
    if (inet_pton(AF_INET, address, &where.sin_addr) != 1) {
        errno = EINVAL;
        return -1;
    }
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int yes = 1;
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes); /* or a restart has to wait */
    if (bind(fd, (struct sockaddr *)&where, sizeof where) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    int reason = errno;
    (void)close(fd);
    errno = reason;
    return -1;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in where = { 0 };
    socklen_t size = sizeof where;
    int result = getsockname(fd, (struct sockaddr *)&where, &size);
    assert(result == 0);
    (void)result;
    return ntohs(where.sin_port);
}

struct http_server *http_server_create(const char *address, uint16_t port, http_handler handler,
                                       void *context)
{
    int listener = listen_at(address, port);
    if (listener < 0)
        return NULL;
    struct http_server *server = memory_allocate_zeroed(1, sizeof *server);
    server->listener = listener;
    server->port = port_of(listener);
    server->handler = handler;
    server->context = context;
    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = { .events = EPOLLIN };
    int result = epoll_ctl(server->epoll, EPOLL_CTL_ADD, listener, &event);
    assert(result == 0);
    (void)result;
    return server;
}

void http_server_destroy(struct http_server *server)
{
    if (!server)
        return;
    for (struct connection *at = server->connections; at; at = at->next)
        at->state = CONNECTION_DONE;
    visit_connections(server);
    while (server->spare_count)
        free(server->spare[--server->spare_count].data);
    (void)close(server->listener);
    (void)close(server->epoll);
    free(server);
}

uint64_t http_server_accepted(const struct http_server *server)
{
    return server->accepted;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}
