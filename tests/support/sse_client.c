#include "tests/support/sse_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/base/buffer.h"
#include "shared/base/memory.h"
#include "tests/support/harness.h"

enum {
    RECEIVED_MAX = 64 << 20,
    RECEIVE_SIZE = 64 << 10,
    REQUEST_SIZE = 4096,
    ANSWER_MS = 10000,
};

struct sse_client {
    int socket;
    int status;
    char *headers;
    struct buffer received;
    size_t consumed;
    bool has_ended;
    /* What the event handed out last has. */
    struct buffer id, event, data, comment;
};

static void send_request(struct sse_client *client, int port, const char *path, const char *headers)
{
    char request[REQUEST_SIZE];
    int size = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: text/event-stream\r\n"
                        "%s\r\n",
                        path, port, headers ? headers : "");
    assert_true(size > 0 && (size_t)size < sizeof request);
    assert_int_equal(send(client->socket, request, (size_t)size, MSG_NOSIGNAL), size);
}

/* Takes what comes within the time. */
static void receive(struct sse_client *client, int timeout_ms)
{
    struct pollfd wanted = { .fd = client->socket, .events = POLLIN };
    if (poll(&wanted, 1, timeout_ms) <= 0)
        return;
    size_t left = client->received.size - client->consumed;
    if (left && client->consumed)
        memmove(client->received.data, client->received.data + client->consumed, left);
    client->received.size = left;
    client->consumed = 0;
    uint8_t *room = buffer_reserve(&client->received, RECEIVE_SIZE);
    assert_non_null(room);
    ssize_t size = recv(client->socket, room, RECEIVE_SIZE, MSG_DONTWAIT);
    if (size > 0)
        client->received.size += (size_t)size;
    else if (size == 0 || (errno != EAGAIN && errno != EINTR))
        client->has_ended = true;
}

static bool take_headers(struct sse_client *client)
{
    const uint8_t *end = client->received.size
                             ? memmem(client->received.data, client->received.size, "\r\n\r\n", 4)
                             : NULL;
    if (!end)
        return false;
    client->consumed = (size_t)(end - client->received.data) + 4;
    client->headers = memory_copy_text((const char *)client->received.data, client->consumed);
    const char *status = strchr(client->headers, ' ');
    client->status = status ? (int)strtol(status, NULL, 10) : 0;
    return true;
}

static void connect_local(struct sse_client *client, int port)
{
    client->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(client->socket >= 0);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(client->socket, (struct sockaddr *)&address, sizeof address) != 0)
        fail_msg("cannot connect to port %d: %s", port, strerror(errno));
}

struct sse_client *sse_client_open(int port, const char *path, const char *headers)
{
    struct sse_client *client = memory_allocate_zeroed(1, sizeof *client);
    struct buffer *const buffers[] = { &client->received, &client->id, &client->event,
                                       &client->data, &client->comment };
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        buffer_init(buffers[i], RECEIVED_MAX);
    connect_local(client, port);
    send_request(client, port, path, headers);
    struct deadline deadline = deadline_after(ANSWER_MS, "the answer's header lines");
    while (!take_headers(client) && !client->has_ended) {
        receive(client, deadline_remaining_ms(&deadline));
        if (deadline_has_passed(&deadline))
            fail_msg("no answer to %s", path);
    }
    return client;
}

void sse_client_destroy(struct sse_client *client)
{
    if (!client)
        return;
    (void)close(client->socket);
    struct buffer *const buffers[] = { &client->received, &client->id, &client->event,
                                       &client->data, &client->comment };
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        buffer_free(buffers[i]);
    free(client->headers);
    free(client);
}

int sse_client_status(const struct sse_client *client)
{
    return client->status;
}

const char *sse_client_headers(const struct sse_client *client)
{
    return client->headers ? client->headers : "";
}

int sse_client_descriptor(const struct sse_client *client)
{
    return client->socket;
}

static void take_line(struct sse_client *client, struct bytes line)
{
    static const char *const names[] = { "id: ", "event: ", "data: ", ": " };
    struct buffer *const fields[] = { &client->id, &client->event, &client->data,
                                      &client->comment };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t size = strlen(names[i]);
        if (line.size < size || memcmp(line.data, names[i], size) != 0)
            continue;
        if (fields[i]->size > 0)
            buffer_append_byte(fields[i], '\n');
        buffer_append(fields[i], line.data + size, line.size - size);
        return;
    }
    fail_msg("no line of an event: %.*s", (int)line.size, (const char *)line.data);
}

static const char *text_of(struct buffer *buffer)
{
    buffer_append_byte(buffer, '\0');
    return (const char *)buffer->data;
}

static bool take_event(struct sse_client *client, struct sse_event *event)
{
    const uint8_t *start = client->received.data + client->consumed;
    size_t size = client->received.size - client->consumed;
    const uint8_t *end = size ? memmem(start, size, "\n\n", 2) : NULL;
    if (!end)
        return false;
    struct buffer *const fields[] = { &client->id, &client->event, &client->data,
                                      &client->comment };
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        buffer_clear(fields[i]);
    for (const uint8_t *line = start; line <= end;) {
        const uint8_t *newline = memchr(line, '\n', (size_t)(end + 1 - line));
        take_line(client, bytes_of(line, (size_t)(newline - line)));
        line = newline + 1;
    }
    client->consumed += (size_t)(end - start) + 2;
    *event = (struct sse_event){ text_of(&client->id), text_of(&client->event),
                                 text_of(&client->data), text_of(&client->comment) };
    return true;
}

enum sse_result sse_client_read(struct sse_client *client, struct sse_event *event, int timeout_ms)
{
    struct deadline deadline = deadline_after((uint64_t)timeout_ms, "an event");
    for (;;) {
        if (take_event(client, event))
            return SSE_EVENT;
        if (client->has_ended)
            return client->received.size == client->consumed ? SSE_ENDED : SSE_TORN;
        receive(client, deadline_remaining_ms(&deadline));
        if (deadline_has_passed(&deadline))
            return take_event(client, event) ? SSE_EVENT : SSE_NOTHING;
    }
}

struct sse_event sse_client_expect(struct sse_client *client, const char *part, int timeout_ms)
{
    struct deadline deadline = deadline_after((uint64_t)timeout_ms, part);
    struct sse_event event;
    while (sse_client_read(client, &event, deadline_remaining_ms(&deadline)) == SSE_EVENT)
        if (strstr(event.data, part))
            return event;
    fail_msg("no event with %s within %d ms", part, timeout_ms);
    return event;
}
