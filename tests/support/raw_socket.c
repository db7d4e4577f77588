#include "tests/support/raw_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "shared/base/memory.h"
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

static void wait_for(const struct raw_socket *raw, short events, const struct deadline *deadline)
{
    struct pollfd wanted = { .fd = raw->descriptor, .events = events };
    (void)poll(&wanted, 1, deadline_remaining_ms(deadline));
}

struct raw_socket raw_socket_connect_tls(int port)
{
    /* SSL_write is not to be told MSG_NOSIGNAL. */
    (void)signal(SIGPIPE, SIG_IGN);
    struct raw_socket raw = raw_socket_connect(port);
    struct deadline deadline = deadline_after(SEND_MS, "a TLS handshake");
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    assert_non_null(context);
    raw.tls = SSL_new(context);
    SSL_CTX_free(context);
    assert_int_equal(SSL_set_fd(raw.tls, raw.descriptor), 1);
    (void)SSL_set_mode(raw.tls,
                       SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    int result;
    while ((result = SSL_connect(raw.tls)) != 1) {
        int error = SSL_get_error(raw.tls, result);
        bool waits = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
        if (!waits || deadline_has_passed(&deadline))
            fail_msg("no TLS with port %d: %s", port, ERR_error_string(ERR_get_error(), NULL));
        wait_for(&raw, error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, &deadline);
    }
    return raw;
}

void raw_socket_close(struct raw_socket *raw)
{
    SSL_free(raw->tls);
    (void)close(raw->descriptor);
    buffer_free(&raw->received);
}

/* As send(2) and recv(2) have it. */
static ssize_t judge_tls(const struct raw_socket *raw, int result, size_t size)
{
    if (result == 1)
        return (ssize_t)size;
    int error = SSL_get_error(raw->tls, result);
    ERR_clear_error();
    errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : EPIPE;
    return error == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

static ssize_t send_some(const struct raw_socket *raw, struct bytes bytes)
{
    size_t size = 0;
    if (!raw->tls)
        return send(raw->descriptor, bytes.data, bytes.size, MSG_NOSIGNAL);
    int result = SSL_write_ex(raw->tls, bytes.data, bytes.size, &size);
    return judge_tls(raw, result, size);
}

static ssize_t receive_some(const struct raw_socket *raw, uint8_t *room, size_t room_size)
{
    size_t size = 0;
    if (!raw->tls)
        return recv(raw->descriptor, room, room_size, 0);
    int result = SSL_read_ex(raw->tls, room, room_size, &size);
    return judge_tls(raw, result, size);
}

void raw_socket_offer(struct raw_socket *raw, struct bytes bytes)
{
    (void)!send_some(raw, bytes);
}

void raw_socket_skip(struct raw_socket *raw, size_t size)
{
    uint8_t *room = memory_allocate(size);
    (void)!receive_some(raw, room, size);
    free(room);
}

void raw_socket_end_sending(struct raw_socket *raw)
{
    if (raw->tls)
        (void)SSL_shutdown(raw->tls);
    else
        (void)shutdown(raw->descriptor, SHUT_WR);
}

void raw_socket_send(struct raw_socket *raw, struct bytes bytes)
{
    struct deadline deadline = deadline_after(SEND_MS, "room in the socket");
    while (bytes.size && !deadline_has_passed(&deadline)) {
        ssize_t size = send_some(raw, bytes);
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
    if (!room) {
        fail_msg("more than %d bytes came", RECEIVED_MAX);
        return;
    }
    ssize_t size = receive_some(raw, room, RECEIVE_SIZE);
    raw->has_ended = size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR);
    if (size > 0)
        raw->received.size += (size_t)size;
    uint8_t *end = room + (size > 0 ? size : 0);
    *end = '\0';
}

static void wait_for_more(const struct raw_socket *raw, const struct deadline *deadline)
{
    if (!raw->tls || !SSL_pending(raw->tls))
        wait_for(raw, POLLIN, deadline);
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
        wait_for_more(raw, &deadline);
        receive(raw);
    }
    return true;
}

bool raw_socket_await_end(struct raw_socket *raw, int timeout_ms)
{
    struct deadline deadline = deadline_after((uint64_t)timeout_ms, "the end");
    while (!raw->has_ended && !deadline_has_passed(&deadline)) {
        wait_for_more(raw, &deadline);
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
