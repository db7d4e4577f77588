#include "shared/redis/shard_id.h"

#include <assert.h>

static const uint64_t sequence_max = (UINT64_C(1) << SHARD_SEQUENCE_BITS) - 1;

bool shard_id_merge(struct stream_id *merged, unsigned shard, struct stream_id id)
{
    assert(shard < SHARDS_MAX);
    if (id.sequence > sequence_max)
        return false;
    *merged = (struct stream_id){ id.ms, (uint64_t)shard << SHARD_SEQUENCE_BITS | id.sequence };
    return true;
}

bool shard_id_split(unsigned *shard, struct stream_id *id, struct stream_id merged)
{
    uint64_t number = merged.sequence >> SHARD_SEQUENCE_BITS;
    if (number >= SHARDS_MAX)
        return false;
    *shard = (unsigned)number;
    *id = (struct stream_id){ merged.ms, merged.sequence & sequence_max };
    return true;
}

struct stream_id shard_id_place(unsigned shard, struct stream_id merged)
{
    uint64_t number = merged.sequence >> SHARD_SEQUENCE_BITS;
    if (shard == number)
        return (struct stream_id){ merged.ms, merged.sequence & sequence_max };
    if (shard < number)
        return (struct stream_id){ merged.ms, sequence_max };
    return stream_id_before((struct stream_id){ merged.ms, 0 });
}
