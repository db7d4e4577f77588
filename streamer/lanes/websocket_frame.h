/* WebSocket frames as a server sends them: whole messages, unmasked (RFC 6455 section 5.2). */
#ifndef STREAMER_LANES_WEBSOCKET_FRAME_H
#define STREAMER_LANES_WEBSOCKET_FRAME_H

#include <stddef.h>
#include <stdint.h>

enum {
    /* Opcode byte, length byte, and 64 bits of length. */
    WEBSOCKET_FRAME_HEADER_MAX = 10,
    /* RFC 6455 section 5.5. */
    WEBSOCKET_CONTROL_MAX = 125,
};

enum websocket_frame_type {
    WEBSOCKET_FRAME_TEXT = 0x1,
    WEBSOCKET_FRAME_TEXT_DEFLATED = 0x41, /* RSV1: the payload is compressed (RFC 7692 section 6) */
    WEBSOCKET_FRAME_CLOSE = 0x8,
    WEBSOCKET_FRAME_PING = 0x9,
    WEBSOCKET_FRAME_PONG = 0xa,
};

/* Writes the header of a final frame with `size` bytes of payload to `header`, of
 * WEBSOCKET_FRAME_HEADER_MAX bytes, and answers how many bytes it has: 2, 4 or 10. */
size_t websocket_frame_header(uint8_t *header, enum websocket_frame_type type, size_t size);

#endif
