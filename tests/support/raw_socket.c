#include "tests/support/raw_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/harness.h"

enum {
    RECEIVED_MAX = 16 << 20,
    RECEIVE_SIZE = 16 << 10,
    SEND_MS = 10000,
};

struct raw_socket raw_socket_connect(int port)
{
    struct raw_socket raw = { .descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(raw.descriptor, (struct sockaddr *)&address, sizeof address) != 0)
        fail_msg("cannot connect to port %d: %s", port, strerror(errno));
    assert_int_equal(fcntl(raw.descriptor, F_SETFL, O_NONBLOCK), 0);
    buffer_init(&raw.received, RECEIVED_MAX);
    return raw;
}

void raw_socket_close(struct raw_socket *raw)
{
    (void)close(raw->descriptor);
    buffer_free(&raw->received);
}

static void wait_for(const struct raw_socket *raw, short events, const struct deadline *deadline)
{
    struct pollfd wanted = { .fd = raw->descriptor, .events = events };
    (void)poll(&wanted, 1, deadline_remaining_ms(deadline));
}

void raw_socket_send(struct raw_socket *raw, struct bytes bytes)
{
    struct deadline deadline = deadline_after(SEND_MS, "room in the socket");
    while (bytes.size && !deadline_has_passed(&deadline)) {
        ssize_t size = send(raw->descriptor, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (size < 0 && errno != EAGAIN && errno != EINTR)
            return;
        if (size < 0) {
            wait_for(raw, POLLOUT, &deadline);
            continue;
        }
        bytes = bytes_of(bytes.data + size, bytes.size - (size_t)size);
    }
}

void raw_socket_send_text(struct raw_socket *raw, const char *text)
{
    raw_socket_send(raw, bytes_of_string(text));
}

static void receive(struct raw_socket *raw)
{
    uint8_t *room = buffer_reserve(&raw->received, RECEIVE_SIZE + 1);
    if (!room)
        fail_msg("more than %d bytes came", RECEIVED_MAX);
    ssize_t size = recv(raw->descriptor, room, RECEIVE_SIZE, 0);
    raw->has_ended = size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR);
    if (size > 0)
        raw->received.size += (size_t)size;
    uint8_t *end = room + (size > 0 ? size : 0);
    *end = '\0';
}

static bool has_text(const struct raw_socket *raw, const char *text)
{
    return raw->received.size && memmem(raw->received.data, raw->received.size, text, strlen(text));
}

bool raw_socket_await(struct raw_socket *raw, const char *text, int timeout_ms)
{
    struct deadline deadline = deadline_after((uint64_t)timeout_ms, text);
    while (!has_text(raw, text)) {
        if (raw->has_ended || deadline_has_passed(&deadline))
            return false;
        wait_for(raw, POLLIN, &deadline);
        receive(raw);
    }
    return true;
}

bool raw_socket_await_end(struct raw_socket *raw, int timeout_ms)
{
    struct deadline deadline = deadline_after((uint64_t)timeout_ms, "the end");
    while (!raw->has_ended && !deadline_has_passed(&deadline)) {
        wait_for(raw, POLLIN, &deadline);
        receive(raw);
    }
    return raw->has_ended;
}

const char *raw_socket_text(const struct raw_socket *raw)
{
    return raw->received.size ? (const char *)raw->received.data : "";
}

int raw_socket_status(const struct raw_socket *raw)
{
    const char *text = raw_socket_text(raw);
    bool is_answer = strncmp(text, "HTTP/1.1 ", 9) == 0 || strncmp(text, "HTTP/1.0 ", 9) == 0;
    return is_answer ? (int)strtol(text + 9, NULL, 10) : 0;
}
