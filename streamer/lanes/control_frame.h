/*
 * What a client is sent besides messages, as the bytes of its transport: over WebSocket frames of
 * their own, never compressed; over Server-Sent Events comments and events with a type.
 */
#ifndef STREAMER_LANES_CONTROL_FRAME_H
#define STREAMER_LANES_CONTROL_FRAME_H

#include "streamer/lanes/framer.h"
#include "streamer/stream/gap.h"

enum {
    /* Each of them is shorter: reasons are constants of ours. */
    CONTROL_FRAME_MAX = 512,
};

/* Each appends to `out`. `now_ms` is since 1970. */
void control_frame_heartbeat(struct buffer *out, enum framing framing, uint64_t now_ms);
/* Nothing for SSE, whose clients cannot answer. */
void control_frame_ping(struct buffer *out, enum framing framing);
/* `asked`: the one it is for knows of gaps; else it is told by a heartbeat. */
void control_frame_gap(struct buffer *out, enum framing framing, const struct gap *gap, bool asked,
                       uint64_t now_ms);
/* The answer to a ping: its payload comes back (RFC 6455 section 5.5.3). */
void control_frame_pong(struct buffer *out, struct bytes payload);
/* `code` as RFC 6455 section 7.4 has it; `reason` is a constant of at most 123 bytes. Over
 * WebSocket 0 is no code, and no reason. */
void control_frame_close(struct buffer *out, enum framing framing, unsigned code,
                         const char *reason);

#endif
