/* A request that is refused: the whole HTTP answer, after which the connection is closed. */
#ifndef STREAMER_EDGE_REFUSAL_H
#define STREAMER_EDGE_REFUSAL_H

#include <stdbool.h>
#include <stddef.h>

enum {
    REFUSAL_SIZE = 640
};

struct refusal {
    int status;       /* 0: it is not refused */
    const char *text; /* needs no escape in JSON */
};

/* Writes less than REFUSAL_SIZE bytes to `answer` and says how many; a HEAD is answered without the
 * body. */
size_t refusal_write(char *answer, struct refusal refusal, bool is_head);

#endif
