#include "tests/bench/receivers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/base/memory.h"
#include "shared/process/clock.h"

enum {
    SCRATCH_SIZE = 256 << 10,
    EVENTS_MAX = 256,
    HEADER_MAX = 10,
    KEPT_MAX = 512 << 20,
    ANSWER_SIZE = 2048,
    OPCODE_TEXT = 1,
    OPCODE_PING = 9,
};

/* Where a client is in the frame that is coming in. */
struct receiver {
    int socket;
    uint8_t header[HEADER_MAX];
    size_t header_size;
    uint64_t payload_left;
    uint64_t messages;
};

struct receivers {
    struct receiver *items;
    size_t count;
    size_t skip_size;
    int epoll;
    bool keeps;
    struct buffer kept;
    struct receivers_totals totals;
    uint8_t scratch[SCRATCH_SIZE];
};

static struct receivers *create(size_t count, size_t skip_size)
{
    struct receivers *receivers = memory_allocate_zeroed(1, sizeof *receivers);
    receivers->items = memory_allocate_zeroed(count, sizeof *receivers->items);
    receivers->skip_size = skip_size;
    receivers->epoll = epoll_create1(EPOLL_CLOEXEC);
    assert_true(receivers->epoll >= 0);
    buffer_init(&receivers->kept, KEPT_MAX);
    return receivers;
}

static void add(struct receivers *receivers, int descriptor)
{
    struct receiver *receiver = &receivers->items[receivers->count++];
    receiver->socket = descriptor;
    struct epoll_event event = { .events = EPOLLIN, .data = { .ptr = receiver } };
    assert_int_equal(epoll_ctl(receivers->epoll, EPOLL_CTL_ADD, descriptor, &event), 0);
    receivers->totals.open++;
}

/* Blocking, up to the empty line; the byte behind it is not taken. */
static void read_answer(int descriptor)
{
    char answer[ANSWER_SIZE];
    size_t size = 0;
    while (size < 4 || memcmp(answer + size - 4, "\r\n\r\n", 4) != 0) {
        assert_true(size < sizeof answer);
        if (recv(descriptor, answer + size, 1, 0) != 1)
            fail_msg("the handshake ended: %s", strerror(errno));
        size++;
    }
    if (memcmp(answer, "HTTP/1.1 101", 12) != 0)
        fail_msg("the handshake failed: %.*s", (int)size, answer);
}

static int shake_hands(int port, const char *path, bool deflates)
{
    char request[512];
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0 || connect(descriptor, (struct sockaddr *)&address, sizeof address) != 0)
        fail_msg("cannot connect: %s", strerror(errno));
    int size = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
                        path, deflates ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "");
    assert_int_equal(send(descriptor, request, (size_t)size, MSG_NOSIGNAL), size);
    read_answer(descriptor);
    return descriptor;
}

struct receivers *receivers_connect(int port, const char *path, bool deflates, size_t count,
                                    size_t skip_size, bool keeps)
{
    struct receivers *receivers = create(count, skip_size);
    receivers->keeps = keeps;
    for (size_t i = 0; i < count; i++)
        add(receivers, shake_hands(port, path, deflates));
    return receivers;
}

struct receivers *receivers_of(const int *sockets, size_t count, size_t skip_size)
{
    struct receivers *receivers = create(count, skip_size);
    for (size_t i = 0; i < count; i++)
        add(receivers, sockets[i]);
    return receivers;
}

void receivers_destroy(struct receivers *receivers)
{
    for (size_t i = 0; i < receivers->count; i++)
        (void)close(receivers->items[i].socket);
    (void)close(receivers->epoll);
    buffer_free(&receivers->kept);
    free(receivers->items);
    free(receivers);
}

/* 0: the header is not whole yet. */
static size_t header_size_of(const struct receiver *receiver)
{
    if (receiver->header_size < 2)
        return 0;
    unsigned length = receiver->header[1] & 0x7f;
    size_t size = length == 127 ? 10 : length == 126 ? 4 : 2;
    return receiver->header_size >= size ? size : 0;
}

static void begin_payload(struct receivers *receivers, struct receiver *receiver)
{
    size_t size = receiver->header_size;
    uint64_t length = receiver->header[1] & 0x7f;
    for (size_t i = 2; i < size; i++)
        length = (i == 2 ? 0 : length << 8) | receiver->header[i];
    receiver->payload_left = length;
    receiver->header_size = 0;
    unsigned opcode = receiver->header[0] & 0x0f;
    if (opcode == OPCODE_PING) {
        /* Pongs have a payload, for libwebsockets keeps empty ones to itself; they are masked with
         * zeros. */
        static const uint8_t pong[] = { 0x8a, 0x81, 0, 0, 0, 0, 'c' };
        (void)!send(receiver->socket, pong, sizeof pong, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    if (opcode != OPCODE_TEXT || length < receivers->skip_size)
        return;
    receiver->messages++;
    receivers->totals.last_ms = clock_monotonic_ms();
    if (receivers->totals.messages++ == 0)
        receivers->totals.first_ms = receivers->totals.last_ms;
}

static void walk(struct receivers *receivers, struct receiver *receiver, size_t size)
{
    const uint8_t *at = receivers->scratch;
    while (size > 0) {
        if (receiver->payload_left > 0) {
            size_t skipped = receiver->payload_left < size ? (size_t)receiver->payload_left : size;
            receiver->payload_left -= skipped;
            at += skipped;
            size -= skipped;
            continue;
        }
        receiver->header[receiver->header_size++] = *at++;
        size--;
        if (header_size_of(receiver))
            begin_payload(receivers, receiver);
    }
}

static void receive(struct receivers *receivers, struct receiver *receiver)
{
    ssize_t size = recv(receiver->socket, receivers->scratch, SCRATCH_SIZE, MSG_DONTWAIT);
    if (size < 0 && errno == EAGAIN)
        return;
    if (size <= 0) {
        (void)epoll_ctl(receivers->epoll, EPOLL_CTL_DEL, receiver->socket, NULL);
        receivers->totals.open--;
        return;
    }
    receivers->totals.bytes += (uint64_t)size;
    if (receivers->keeps && receiver == receivers->items)
        buffer_append(&receivers->kept, receivers->scratch, (size_t)size);
    walk(receivers, receiver, (size_t)size);
}

void receivers_turn(struct receivers *receivers, int timeout_ms)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(receivers->epoll, events, EVENTS_MAX, timeout_ms);
    for (int i = 0; i < count; i++)
        receive(receivers, events[i].data.ptr);
}

struct receivers_totals receivers_totals(const struct receivers *receivers)
{
    struct receivers_totals totals = receivers->totals;
    totals.least = UINT64_MAX;
    for (size_t i = 0; i < receivers->count; i++)
        if (receivers->items[i].messages < totals.least)
            totals.least = receivers->items[i].messages;
    return totals;
}

void receivers_wait(struct receivers *receivers, uint64_t messages, uint64_t quiet_ms)
{
    uint64_t all = messages * receivers->count;
    uint64_t quiet_since_ms = clock_monotonic_ms();
    while (receivers->totals.messages < all && receivers->totals.open > 0) {
        uint64_t before = receivers->totals.messages;
        receivers_turn(receivers, 100);
        uint64_t now_ms = clock_monotonic_ms();
        if (receivers->totals.messages != before)
            quiet_since_ms = now_ms;
        if (now_ms - quiet_since_ms > quiet_ms)
            return;
    }
}

struct bytes receivers_kept(const struct receivers *receivers)
{
    return buffer_bytes(&receivers->kept);
}
