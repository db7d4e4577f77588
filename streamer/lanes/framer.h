/*
 * An entry of the stream as the bytes that go to clients: its message, in the frame of a transport.
 * For one entry and form of message at a time, each frame is made once, when it is first asked for,
 * whatever number of lanes want it.
 */
#ifndef STREAMER_LANES_FRAMER_H
#define STREAMER_LANES_FRAMER_H

#include "streamer/lanes/renderer.h"

struct framer;
struct stream_entry;

/* How messages are framed. */
enum framing {
    FRAMING_WEBSOCKET,
    FRAMING_WEBSOCKET_DEFLATED, /* permessage-deflate was agreed on */
    FRAMING_SSE,
    FRAMINGS,
};

struct framer_stats {
    uint64_t rendered[MESSAGE_CONTENTS];
    uint64_t deflated_in; /* bytes of messages that were compressed, and what they became */
    uint64_t deflated_out;
    /* Messages that could not be made because the entry's json is not of the contract's form. */
    uint64_t malformed;
};

/* The renderer is borrowed as long as the framer exists. */
struct framer *framer_create(struct renderer *renderer);
/* NULL is fine. */
void framer_destroy(struct framer *framer);

const char *framing_name(enum framing framing);

/* The frames are from now on those of this entry's message in this form; `matched`: renderer_write.
 * Both are borrowed until the next framer_set. */
void framer_set(struct framer *framer, const struct stream_entry *entry, struct render_form form,
                struct bytes matched, uint64_t now_ms);
/* The frame, alive until the next framer_set. False if the message cannot be made. */
bool framer_get(struct framer *framer, enum framing framing, struct bytes *frame);

const struct framer_stats *framer_stats(const struct framer *framer);

#endif
