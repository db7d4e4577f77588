#include "streamer/stream/shard_merge.h"

#include <assert.h>

/* In the line of all shards. */
static struct stream_id merged(unsigned shard, struct stream_id id)
{
    struct stream_id place;
    bool good = shard_id_merge(&place, shard, id);
    assert(good);
    return place;
}

static bool has_entries(const struct shard_range *range)
{
    return range->next < range->count;
}

struct stream_id shard_merge_horizon(const struct shard_range *ranges, unsigned count)
{
    struct stream_id lowest = { UINT64_MAX, UINT64_MAX };
    for (unsigned i = 0; i < count; i++) {
        struct stream_id horizon = merged(i, ranges[i].horizon);
        if (!ranges[i].is_away && stream_id_compare(horizon, lowest) < 0)
            lowest = horizon;
    }
    return lowest;
}

bool shard_merge_next(const struct shard_range *ranges, unsigned count, unsigned *shard)
{
    struct stream_id lowest = shard_merge_horizon(ranges, count);
    bool is_found = false;
    for (unsigned i = 0; i < count; i++) {
        if (!has_entries(&ranges[i]))
            continue;
        struct stream_id first = merged(i, ranges[i].ids[ranges[i].next]);
        if (stream_id_compare(first, lowest) >= 0)
            continue;
        lowest = first;
        *shard = i;
        is_found = true;
    }
    return is_found;
}
