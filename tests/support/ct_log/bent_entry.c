#include "tests/support/ct_log/bent_entry.h"

#include "tests/support/ct_log/ct_log.h"
#include "tests/support/ct_log/fault.h"

enum {
    /* What makes an entry wrong by one bit. */
    BAD_LEAF_BIT = 1,
};

uint64_t bent_size(const struct ct_log *log, const struct distortion *distortion)
{
    uint64_t size = ct_log_size(log);
    return size > distortion->lag_entries ? size - distortion->lag_entries : 0;
}

struct entry_position bent_entry_at(const struct ct_log *log, const struct distortion *distortion,
                                    uint64_t index, uint64_t first)
{
    struct entry_position position = ct_log_position(log, index, distortion->is_forked);
    position.has_bad_extra = distortion->has_bad_extra;
    position.junk = distortion->junk;
    position.junk_size = distortion->junk_size;
    if (index != (distortion->has_index ? distortion->leaf_index : first))
        return position;
    if (distortion->flips_leaf)
        position.timestamp_ms ^= BAD_LEAF_BIT;
    position.index_error += distortion->says_wrong_index;
    return position;
}
