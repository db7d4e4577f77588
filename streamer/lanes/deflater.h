/*
 * Compresses messages for the WebSocket extension permessage-deflate (RFC 7692): each by itself,
 * without a memory of those before it, so that one result serves every client of a lane, whenever
 * it joined.
 */
#ifndef STREAMER_LANES_DEFLATER_H
#define STREAMER_LANES_DEFLATER_H

#include "shared/base/buffer.h"

struct deflater;

enum {
    /* How far back we look, a power of two. Measured on messages of the local CT log and on real
     * ones: 4 KiB compress lite messages as well as 32 KiB do, and full ones to within 2 %; clients
     * that can hold no more (python's websockets offers this number) are served as well. */
    DEFLATER_WINDOW_BITS = 12,
};

struct deflater *deflater_create(void);
/* NULL is fine. */
void deflater_destroy(struct deflater *deflater);

/* Appends the payload of a compressed message: raw deflate blocks without the empty one at the end
 * (RFC 7692 section 7.2.1). False, and `out` is as before, if that would be no shorter than the
 * message, or `out` is full. */
bool deflater_compress(struct deflater *deflater, struct buffer *out, struct bytes message);

#endif
