/* The body of an answer as gzip (RFC 1952), for clients that take it. Pure. */
#ifndef STREAMER_HTTP_GZIP_BODY_H
#define STREAMER_HTTP_GZIP_BODY_H

#include "shared/base/buffer.h"

enum {
    /* A smaller one is one packet anyway. */
    GZIP_BODY_MIN = 1024,
    /* At some 3 ms a megabyte: no answer holds the loop for longer. */
    GZIP_BODY_MAX = 1024 * 1024,
};

/* Compresses the body in its place. False, and the body is as it was, if that is not within the
 * bounds or would not get smaller. */
bool gzip_body(struct buffer *body);

#endif
