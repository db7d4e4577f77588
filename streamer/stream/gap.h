/* What a client could not be given (shared/README.md, "Messages": gap). */
#ifndef STREAMER_STREAM_GAP_H
#define STREAMER_STREAM_GAP_H

#include "shared/base/buffer.h"
#include "shared/redis/stream_id.h"

enum gap_reason {
    GAP_TRIMMED, /* Redis no longer has it */
    GAP_SLOW,    /* the lane does not have it any more, and there is nowhere else to get it from */
};

/* The entries of the stream after `from`, up to and including `to`. Of a filtered stream all count,
 * also those the filter would not have let through: nobody can tell any more. */
struct gap {
    struct stream_id from;
    struct stream_id to;
    bool is_counted;
    uint64_t missed; /* if it is */
    enum gap_reason reason;
};

/* Appends the message. `missed` is null if it is not known. */
void gap_write(struct buffer *out, const struct gap *gap);
/* The same for who never heard of gaps and would stumble over such a message: a heartbeat, which
 * all pass over, that has the gap as a member. `now_ms` is since 1970. */
void gap_write_heartbeat(struct buffer *out, const struct gap *gap, uint64_t now_ms);

#endif
