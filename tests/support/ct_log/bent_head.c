#include "tests/support/ct_log/bent_head.h"

#include "tests/support/ct_log/ct_log.h"
#include "tests/support/ct_log/fault.h"

static uint64_t less(uint64_t from, uint64_t amount)
{
    return from > amount ? from - amount : 0;
}

struct tree_head bent_head_of(struct ct_log *log, const struct distortion *distortion,
                              uint64_t now_ms)
{
    bool forked = distortion->is_forked;
    uint64_t behind = distortion->stale_entries + distortion->lag_entries;
    struct tree_head head = ct_log_head(log, now_ms, forked);
    if (distortion->shrink_entries)
        return ct_log_head_of(log, less(head.size, distortion->shrink_entries), head.timestamp_ms,
                              forked);
    if (behind) {
        uint64_t size = less(head.size, behind);
        /* It is as old as the last entry that it covers. */
        uint64_t timestamp_ms =
            size ? ct_log_timestamp(log, size - 1, false) : ct_log_start_ms(log);
        return ct_log_head_of(log, size, timestamp_ms, forked);
    }
    if (distortion->stale_ms) {
        uint64_t published_ms;
        uint64_t size = ct_log_size_at(log, less(now_ms, distortion->stale_ms), &published_ms);
        return ct_log_head_of(log, size < head.size ? size : head.size, published_ms, forked);
    }
    return head;
}
