/*
 * What a WebSocket client sends, taken apart frame by frame (RFC 6455 section 5) and checked:
 * clients have nothing to say here, so nothing of it is unmasked but control frames and text that
 * is not compressed, nothing is put together, and nothing is ever inflated. Pure: bytes in, what is
 * to be done out.
 */
#ifndef STREAMER_WS_CLIENT_FRAMES_H
#define STREAMER_WS_CLIENT_FRAMES_H

#include "shared/base/bytes.h"
#include "streamer/ws/utf8_check.h"

enum {
    /* Of a whole message, as it comes over the wire: clients have nothing to say; libraries may. */
    CLIENT_MESSAGE_MAX = 64 * 1024,
    CLIENT_FRAME_HEADER_MAX = 14,
    CLIENT_CONTROL_MAX = 125,
};

struct client_frames {
    bool has_deflate; /* the handshake agreed on permessage-deflate: RSV1 may be there */
    /* The frame that is coming in: its header first, then its payload. */
    uint8_t header[CLIENT_FRAME_HEADER_MAX];
    uint8_t header_size; /* bytes of it that have come; all of it while there is payload */
    uint8_t control[CLIENT_CONTROL_MAX];
    uint64_t payload_size;
    uint64_t payload_got;
    /* The message that it belongs to, maybe with control frames in between. */
    bool is_open;       /* it has begun and not ended */
    bool is_plain_text; /* its payload is to be UTF-8 */
    uint64_t message_size;
    struct utf8_check text;
    bool is_over; /* a close frame, or something wrong, has come: nothing more is heard */
};

enum client_says {
    CLIENT_SAYS_NOTHING, /* all of the input is taken */
    CLIENT_SAYS_PING,    /* `payload` is to be sent back */
    CLIENT_SAYS_CLOSE,   /* `code` is to be sent back; 0: none */
    CLIENT_IS_WRONG,     /* the connection is to be closed with `code` */
};

struct client_word {
    enum client_says says;
    unsigned code;
    const char *reason;   /* of CLIENT_IS_WRONG: a constant */
    struct bytes payload; /* until the next call */
};

/* At the start of a connection. */
void client_frames_init(struct client_frames *frames, bool has_deflate);
/* Takes bytes off the input up to the next thing that is to be done. */
struct client_word client_frames_take(struct client_frames *frames, struct bytes *input);

#endif
