/* What a client says when it closes a WebSocket (RFC 6455 section 5.5.1, 7.4). */
#ifndef STREAMER_WS_CLOSE_FRAME_H
#define STREAMER_WS_CLOSE_FRAME_H

#include "shared/base/bytes.h"

/* 0 if the frame's payload is well-formed and may be sent back, else the code to answer. */
unsigned close_frame_check(struct bytes payload);

#endif
