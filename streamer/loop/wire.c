#include "streamer/loop/wire.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

void wire_init(struct wire *wire, int descriptor, struct ssl_ctx_st *tls)
{
    *wire = (struct wire){ .descriptor = descriptor };
    if (!tls)
        return;
    wire->tls = SSL_new(tls);
    wire->is_broken = !wire->tls || SSL_set_fd(wire->tls, descriptor) != 1;
    if (wire->is_broken)
        return;
    SSL_set_accept_state(wire->tls);
    /* What a write did not take is kept by us, elsewhere; an idle connection keeps no buffers. */
    (void)SSL_set_mode(wire->tls, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
}

void wire_close(struct wire *wire)
{
    SSL_free(wire->tls);
    (void)close(wire->descriptor);
    *wire = (struct wire){ .descriptor = -1, .is_broken = true };
}

static enum wire_result broken(struct wire *wire)
{
    wire->is_broken = true;
    return WIRE_BROKEN;
}

static enum wire_result judge_tls(struct wire *wire, int result)
{
    int error = SSL_get_error(wire->tls, result);
    /* The queue is the thread's: what is left in it would be taken for the next connection's. */
    ERR_clear_error();
    switch (error) {
    case SSL_ERROR_NONE: return WIRE_DONE;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return WIRE_WAITS;
    case SSL_ERROR_ZERO_RETURN: return WIRE_ENDED;
    default: return broken(wire);
    }
}

static enum wire_result read_tls(struct wire *wire, uint8_t *room, size_t size, size_t *got)
{
    int result = SSL_read_ex(wire->tls, room, size, got);
    if (result == 1)
        return WIRE_DONE;
    *got = 0;
    return judge_tls(wire, result);
}

enum wire_result wire_read(struct wire *wire, uint8_t *room, size_t size, size_t *got)
{
    *got = 0;
    if (wire->is_broken)
        return WIRE_BROKEN;
    if (wire->tls)
        return read_tls(wire, room, size, got);
    ssize_t result = recv(wire->descriptor, room, size, MSG_DONTWAIT);
    if (result > 0)
        *got = (size_t)result;
    if (result >= 0)
        return result ? WIRE_DONE : WIRE_ENDED;
    return errno == EAGAIN || errno == EINTR ? WIRE_WAITS : broken(wire);
}

static enum wire_result write_tls(struct wire *wire, const uint8_t *data, size_t size,
                                  size_t *taken)
{
    while (*taken < size) {
        size_t written = 0;
        int result = SSL_write_ex(wire->tls, data + *taken, size - *taken, &written);
        if (result != 1)
            return judge_tls(wire, result);
        *taken += written;
    }
    return WIRE_DONE;
}

enum wire_result wire_write(struct wire *wire, const uint8_t *data, size_t size, size_t *taken)
{
    *taken = 0;
    if (wire->is_broken)
        return WIRE_BROKEN;
    if (wire->tls)
        return write_tls(wire, data, size, taken);
    /* To the last word of the kernel: only then it tells when there is room again. */
    while (*taken < size) {
        ssize_t result =
            send(wire->descriptor, data + *taken, size - *taken, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (result < 0)
            return errno == EAGAIN || errno == EINTR ? WIRE_WAITS : broken(wire);
        *taken += (size_t)result;
    }
    return WIRE_DONE;
}

void wire_finish(struct wire *wire)
{
    if (wire->is_broken)
        return;
    if (wire->tls && SSL_is_init_finished(wire->tls)) {
        (void)SSL_shutdown(wire->tls);
        ERR_clear_error();
    }
    (void)shutdown(wire->descriptor, SHUT_WR);
}

size_t wire_room(const struct wire *wire)
{
    int queued = 0;
    int buffer = 0;
    socklen_t size = sizeof buffer;
    if (ioctl(wire->descriptor, SIOCOUTQ, &queued) != 0 ||
        getsockopt(wire->descriptor, SOL_SOCKET, SO_SNDBUF, &buffer, &size) != 0 ||
        queued >= buffer)
        return 0;
    return (size_t)(buffer - queued) / 2;
}
