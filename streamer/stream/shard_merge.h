/*
 * Several ordered ranges of entries, one per shard, as one ordered line. The lowest entry that was
 * read may go out only when no shard can bring a lower one any more: each range says up to where
 * its shard is known. Pure.
 */
#ifndef STREAMER_STREAM_SHARD_MERGE_H
#define STREAMER_STREAM_SHARD_MERGE_H

#include "shared/redis/shard_id.h"

/* What was read of one shard and has not gone out yet. */
struct shard_range {
    const struct stream_id *ids; /* ascending, as the shard has them; borrowed */
    size_t count;
    size_t next; /* the first that has not gone out */
    /* The shard brings none below this that is not in `ids`: (tick, 0) if all there was has been
     * read, else what follows the last that was. */
    struct stream_id horizon;
    bool is_away; /* it is waited for no longer */
};

/* Which shard has the entry that goes out next: `ranges[shard].ids[ranges[shard].next]`. False:
 * none may yet. */
bool shard_merge_next(const struct shard_range *ranges, unsigned count, unsigned *shard);
/* Up to where the line is known: no entry before this comes any more. */
struct stream_id shard_merge_horizon(const struct shard_range *ranges, unsigned count);

#endif
