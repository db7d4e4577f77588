/*
 * A WebSocket client (RFC 6455) that hides nothing: each frame as it came, and any bytes sent,
 * right or wrong. It answers no ping by itself.
 */
#ifndef TESTS_SUPPORT_WEBSOCKET_CLIENT_H
#define TESTS_SUPPORT_WEBSOCKET_CLIENT_H

#include "shared/base/bytes.h"

struct websocket_client;

enum websocket_opcode {
    WEBSOCKET_CONTINUATION = 0,
    WEBSOCKET_TEXT = 1,
    WEBSOCKET_BINARY = 2,
    WEBSOCKET_CLOSE = 8,
    WEBSOCKET_PING = 9,
    WEBSOCKET_PONG = 10,
};

struct websocket_frame {
    bool is_final;
    bool is_compressed; /* RSV1 */
    enum websocket_opcode opcode;
    struct bytes payload; /* until the next call with this client */
};

enum websocket_result {
    WEBSOCKET_NOTHING, /* no whole frame (yet) */
    WEBSOCKET_FRAME,
    WEBSOCKET_ENDED, /* the server closed the connection */
    /* It sent what RFC 6455 forbids a server: a masked or reserved frame, or one too big. */
    WEBSOCKET_BROKEN,
};

struct websocket_options {
    int port; /* on 127.0.0.1 */
    const char *path;
    const char *headers; /* more header lines, each with "\r\n"; or NULL */
};

/* Connects and shakes hands. Never NULL: a refusal shows in websocket_client_status. */
struct websocket_client *websocket_client_open(const struct websocket_options *options);
/* Opens a lite, full or domains stream and fails the test unless the answer is 101. */
struct websocket_client *websocket_client_connect(int port, const char *path);
/* Closes the connection without a word. NULL is fine. */
void websocket_client_destroy(struct websocket_client *client);

/* The HTTP status of the handshake's answer; 0 when there was none. Its header lines,
 * NUL-terminated. */
int websocket_client_status(const struct websocket_client *client);
const char *websocket_client_headers(const struct websocket_client *client);

/* Poll(2) may wait for it: readable means that websocket_client_receive has something to do.
 * Non-blocking. */
int websocket_client_descriptor(const struct websocket_client *client);
/* Takes what the socket has. False when the server has closed. */
bool websocket_client_receive(struct websocket_client *client);
/* The next whole frame of what was received. */
enum websocket_result websocket_client_next(struct websocket_client *client,
                                            struct websocket_frame *frame);

/* Waits up to `timeout_ms` for the next frame. */
enum websocket_result websocket_client_read(struct websocket_client *client,
                                            struct websocket_frame *frame, int timeout_ms);
/* Waits for the next text frame whose text contains `part`, passing over others; fails the test
 * when it does not come. The text is NUL-terminated and lives until the next call with this
 * client. */
const char *websocket_client_expect(struct websocket_client *client, const char *part,
                                    int timeout_ms);
/* The next one that is no heartbeat. */
const char *websocket_client_expect_message(struct websocket_client *client, int timeout_ms);

/* Sends a final, masked frame, as a client must. */
void websocket_client_send(struct websocket_client *client, enum websocket_opcode opcode,
                           struct bytes payload);
void websocket_client_send_raw(struct websocket_client *client, struct bytes bytes);

#endif
