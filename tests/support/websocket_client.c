#include "tests/support/websocket_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
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
#include "shared/base/reader.h"
#include "tests/support/harness.h"

enum {
    /* A full message with a chain of certificates of 1 MiB each stays below. */
    RECEIVED_MAX = 64 << 20,
    RECEIVE_SIZE = 64 << 10,
    REQUEST_SIZE = 4096,
    HANDSHAKE_MS = 10000,
    SEND_MS = 10000,
    MASK_SIZE = 4,
};

struct websocket_client {
    int socket;
    int status;
    char *headers;
    struct buffer received;
    size_t consumed; /* of `received`: frames that were handed out */
    struct buffer text;
};

static int connect_local(int port)
{
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(descriptor >= 0);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address) != 0)
        fail_msg("cannot connect to port %d: %s", port, strerror(errno));
    assert_int_equal(fcntl(descriptor, F_SETFL, O_NONBLOCK), 0);
    return descriptor;
}

/* The key is any 16 bytes (RFC 6455 section 4.1); the server's proof of having read it is checked
 * by real clients. */
static void send_request(struct websocket_client *client, const struct websocket_options *options)
{
    char request[REQUEST_SIZE];
    int length = snprintf(request, sizeof request,
                          "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
                          options->path, options->port, options->headers ? options->headers : "");
    assert_true(length > 0 && (size_t)length < sizeof request);
    websocket_client_send_raw(client, bytes_of(request, (size_t)length));
}

/* True when the whole answer is there: its lines become `headers`, what follows stays for
 * frames. */
static bool take_answer(struct websocket_client *client)
{
    /* Nothing received yet is a null pointer, which memmem(3) must not be given. */
    const uint8_t *end = client->received.size
                             ? memmem(client->received.data, client->received.size, "\r\n\r\n", 4)
                             : NULL;
    if (!end)
        return false;
    size_t size = (size_t)(end - client->received.data) + 4;
    client->headers = memory_copy_text((const char *)client->received.data, size);
    client->consumed = size;
    const char *status = strchr(client->headers, ' ');
    client->status = status ? (int)strtol(status, NULL, 10) : 0;
    return true;
}

static void wait_readable(struct websocket_client *client, const struct deadline *deadline)
{
    struct pollfd wanted = { .fd = client->socket, .events = POLLIN };
    (void)poll(&wanted, 1, deadline_remaining_ms(deadline));
}

struct websocket_client *websocket_client_open(const struct websocket_options *options)
{
    struct websocket_client *client = memory_allocate_zeroed(1, sizeof *client);
    buffer_init(&client->received, RECEIVED_MAX);
    buffer_init(&client->text, RECEIVED_MAX);
    client->socket = connect_local(options->port);
    send_request(client, options);
    struct deadline deadline = deadline_after(HANDSHAKE_MS, "the handshake's answer");
    while (!take_answer(client)) {
        wait_readable(client, &deadline);
        if (!websocket_client_receive(client))
            break;
        if (deadline_has_passed(&deadline))
            fail_msg("no answer to the handshake");
    }
    return client;
}

struct websocket_client *websocket_client_connect(int port, const char *path)
{
    struct websocket_client *client =
        websocket_client_open(&(struct websocket_options){ .port = port, .path = path });
    if (client->status != 101)
        fail_msg("%s was answered with %d", path, client->status);
    return client;
}

void websocket_client_destroy(struct websocket_client *client)
{
    if (!client)
        return;
    (void)close(client->socket);
    buffer_free(&client->received);
    buffer_free(&client->text);
    free(client->headers);
    free(client);
}

int websocket_client_status(const struct websocket_client *client)
{
    return client->status;
}

const char *websocket_client_headers(const struct websocket_client *client)
{
    return client->headers ? client->headers : "";
}

int websocket_client_descriptor(const struct websocket_client *client)
{
    return client->socket;
}

/* Moves what is left to the front once that is cheap. */
static void drop_consumed(struct websocket_client *client)
{
    size_t left = client->received.size - client->consumed;
    if (client->consumed < left)
        return;
    if (left)
        memmove(client->received.data, client->received.data + client->consumed, left);
    client->received.size = left;
    client->consumed = 0;
}

bool websocket_client_receive(struct websocket_client *client)
{
    drop_consumed(client);
    uint8_t *room = buffer_reserve(&client->received, RECEIVE_SIZE);
    if (!room)
        fail_msg("more than %d bytes were sent without a whole frame", RECEIVED_MAX);
    ssize_t size = recv(client->socket, room, RECEIVE_SIZE, 0);
    if (size > 0)
        client->received.size += (size_t)size;
    return size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR));
}

enum websocket_result websocket_client_next(struct websocket_client *client,
                                            struct websocket_frame *frame)
{
    struct reader reader = reader_of(bytes_of(client->received.data + client->consumed,
                                              client->received.size - client->consumed));
    unsigned first = (unsigned)reader_integer(&reader, 1);
    uint64_t size = reader_integer(&reader, 1);
    if (reader_ok(&reader) && ((first & 0x30) || (size & 0x80)))
        return WEBSOCKET_BROKEN;
    if (size >= 126)
        size = reader_integer(&reader, size == 126 ? 2 : 8);
    if (reader_ok(&reader) && size > RECEIVED_MAX / 2)
        return WEBSOCKET_BROKEN;
    frame->payload = reader_take(&reader, (size_t)size);
    if (!reader_ok(&reader))
        return WEBSOCKET_NOTHING;
    frame->is_final = first & 0x80;
    frame->is_compressed = first & 0x40;
    frame->opcode = first & 0x0f;
    client->consumed = client->received.size - reader.remaining;
    return WEBSOCKET_FRAME;
}

enum websocket_result websocket_client_read(struct websocket_client *client,
                                            struct websocket_frame *frame, int timeout_ms)
{
    struct deadline deadline = deadline_after((uint64_t)timeout_ms, "a frame");
    for (;;) {
        enum websocket_result result = websocket_client_next(client, frame);
        if (result != WEBSOCKET_NOTHING)
            return result;
        wait_readable(client, &deadline);
        if (!websocket_client_receive(client))
            return WEBSOCKET_ENDED;
        if (deadline_has_passed(&deadline))
            return websocket_client_next(client, frame);
    }
}

const char *websocket_client_expect(struct websocket_client *client, const char *part,
                                    int timeout_ms)
{
    struct deadline deadline = deadline_after((uint64_t)timeout_ms, part);
    while (!deadline_has_passed(&deadline)) {
        struct websocket_frame frame;
        enum websocket_result result =
            websocket_client_read(client, &frame, deadline_remaining_ms(&deadline));
        if (result == WEBSOCKET_ENDED || result == WEBSOCKET_BROKEN)
            fail_msg("the connection %s before a message with %s",
                     result == WEBSOCKET_ENDED ? "ended" : "broke", part);
        if (result != WEBSOCKET_FRAME || frame.opcode != WEBSOCKET_TEXT)
            continue;
        buffer_clear(&client->text);
        buffer_append_bytes(&client->text, frame.payload);
        buffer_append_byte(&client->text, '\0');
        if (strstr((const char *)client->text.data, part))
            return (const char *)client->text.data;
    }
    fail_msg("no message with %s within %d ms", part, timeout_ms);
    return NULL;
}

const char *websocket_client_expect_message(struct websocket_client *client, int timeout_ms)
{
    const char *text = websocket_client_expect(client, "", timeout_ms);
    while (strstr(text, "\"message_type\":\"heartbeat\""))
        text = websocket_client_expect(client, "", timeout_ms);
    return text;
}

void websocket_client_send_raw(struct websocket_client *client, struct bytes bytes)
{
    struct deadline deadline = deadline_after(SEND_MS, "room in the socket");
    while (bytes.size) {
        ssize_t size = send(client->socket, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (size < 0 && errno != EAGAIN && errno != EINTR)
            return;
        if (size < 0) {
            deadline_wait(&deadline);
            continue;
        }
        bytes = bytes_of(bytes.data + size, bytes.size - (size_t)size);
    }
}

static void append_header(struct buffer *out, enum websocket_opcode opcode, size_t size)
{
    buffer_append_byte(out, (uint8_t)(0x80 | opcode));
    if (size < 126) {
        buffer_append_byte(out, (uint8_t)(0x80 | size));
        return;
    }
    int width = size <= UINT16_MAX ? 2 : 8;
    buffer_append_byte(out, 0x80 | (width == 2 ? 126 : 127));
    for (int i = width - 1; i >= 0; i--)
        buffer_append_byte(out, (uint8_t)((uint64_t)size >> 8 * i));
}

void websocket_client_send(struct websocket_client *client, enum websocket_opcode opcode,
                           struct bytes payload)
{
    static const uint8_t mask[MASK_SIZE] = { 0x37, 0xfa, 0x21, 0x3d };
    struct buffer out;
    buffer_init(&out, RECEIVED_MAX);
    append_header(&out, opcode, payload.size);
    buffer_append(&out, mask, sizeof mask);
    for (size_t i = 0; i < payload.size; i++)
        buffer_append_byte(&out, payload.data[i] ^ mask[i % MASK_SIZE]);
    websocket_client_send_raw(client, buffer_bytes(&out));
    buffer_free(&out);
}
