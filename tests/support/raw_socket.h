/* A connection on which a test says whatever bytes it likes, and which keeps whatever comes
 * back. */
#ifndef TESTS_SUPPORT_RAW_SOCKET_H
#define TESTS_SUPPORT_RAW_SOCKET_H

#include "shared/base/buffer.h"

struct ssl_st;

struct raw_socket {
    int descriptor;
    struct ssl_st *tls;     /* NULL: in the clear */
    struct buffer received; /* ends with a NUL that its size does not count */
    bool has_ended;         /* the other side has closed, or the connection is broken */
};

/* Connects to 127.0.0.1, or fails the test. To be closed by raw_socket_close. */
struct raw_socket raw_socket_connect(int port);
/* The same over TLS, the handshake done; whoever the other side says it is. */
struct raw_socket raw_socket_connect_tls(int port);
void raw_socket_close(struct raw_socket *socket);

/* What the other side no longer takes is lost. */
void raw_socket_send(struct raw_socket *socket, struct bytes bytes);
void raw_socket_send_text(struct raw_socket *socket, const char *text);

/* The same without waiting: as much as is taken at once. */
void raw_socket_offer(struct raw_socket *socket, struct bytes bytes);
/* Takes some of what has come, and forgets it. */
void raw_socket_skip(struct raw_socket *socket, size_t size);
/* Nothing more is said; what the other side says still comes. Over TLS by a close_notify alone (RFC
 * 8446 section 6.1). */
void raw_socket_end_sending(struct raw_socket *socket);

/* Takes what comes until the text is in it, or the other side has closed, or the time is over. True
 * in the first case. */
bool raw_socket_await(struct raw_socket *socket, const char *text, int timeout_ms);
/* The same until the other side has closed: true if it has. */
bool raw_socket_await_end(struct raw_socket *socket, int timeout_ms);

/* What has come so far, as text. */
const char *raw_socket_text(const struct raw_socket *socket);
/* The status of the first answer; 0 when there is none. */
int raw_socket_status(const struct raw_socket *socket);

#endif
