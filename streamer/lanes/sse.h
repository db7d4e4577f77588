/*
 * Server-Sent Events as the WHATWG's HTML standard has them (section 9.2): lines of a field each,
 * an empty line ends an event.
 *
 * The body ends with the connection and has no chunks: an event says itself where it ends, and a
 * reader drops what is not whole; so chunks would add nothing, and clients of HTTP/1.0 share the
 * lanes of all others.
 */
#ifndef STREAMER_LANES_SSE_H
#define STREAMER_LANES_SSE_H

#include "shared/base/buffer.h"

/* Appends an event. `id` is what a client will send as Last-Event-ID when it comes back; no data:
 * the event has none. `event` is its type; NULL: "message". */
void sse_write_event(struct buffer *out, struct bytes id, const char *event, struct bytes data);

/* Appends a line that clients pass over, to keep a quiet connection open. */
void sse_write_comment(struct buffer *out, const char *text);

#endif
