/* A request that is refused: the whole HTTP answer, after which the connection is closed. */
#ifndef STREAMER_REQUEST_REFUSAL_H
#define STREAMER_REQUEST_REFUSAL_H

#include "shared/base/buffer.h"

struct refusal {
    int status;       /* 0: it is not refused */
    const char *text; /* needs no escape in JSON */
};

/* Appends the answer; a HEAD is answered without the body. */
void refusal_write(struct buffer *out, struct refusal refusal, bool is_head, uint64_t realtime_ms);

#endif
