/*
 * Parts of blocks of packed history, unpacked, shared by all who read the past: what one replay has
 * had unpacked the next one finds. Bounded in bytes; what was used longest ago goes first. Also
 * what is damaged is remembered, so that it is fetched once. Pure.
 */
#ifndef STREAMER_PAST_BLOCK_CACHE_H
#define STREAMER_PAST_BLOCK_CACHE_H

#include "shared/history/block_head.h"
#include "shared/history/block_rows.h"

struct block_cache;

/* Parts of a block are called by number: frame n of its records is BLOCK_FIRST_FRAME + n. */
enum {
    BLOCK_HEAD_PART,
    BLOCK_ROWS_PART,
    BLOCK_FIRST_FRAME,
};

struct block_place {
    struct stream_id block; /* the id of its last entry */
    uint32_t part;
};

enum block_find {
    BLOCK_PART_ABSENT, /* it has to be fetched */
    BLOCK_PART_LOST,   /* damaged, of an unknown format, or not there */
    BLOCK_PART_FOUND,
};

struct block_cache_stats {
    uint64_t hits, misses;
    uint64_t unpacked; /* bytes */
    uint64_t lost;     /* parts */
    size_t bytes;      /* of memory, now */
};

/* It holds at most `limit` bytes, or the one part that was put last. */
struct block_cache *block_cache_create(size_t limit);
/* NULL is fine. */
void block_cache_destroy(struct block_cache *cache);
/* What is held may be of another history. */
void block_cache_clear(struct block_cache *cache);

/* What is found lives until the next block_cache_put. */
enum block_find block_cache_find_head(struct block_cache *cache, struct stream_id block,
                                      const struct block_head **head);
enum block_find block_cache_find_rows(struct block_cache *cache, struct stream_id block,
                                      const struct block_rows **rows);
enum block_find block_cache_find_frame(struct block_cache *cache, struct stream_id block,
                                       size_t number, const struct block_frame **frame);

/* A part as it was fetched, which is not used afterwards: of a head its first bytes, of the others
 * all that the head says, without which they are not kept. BLOCK_GOOD, or why it is lost. */
enum block_result block_cache_put(struct block_cache *cache, struct block_place place,
                                  struct bytes packed);
/* It cannot be had. */
void block_cache_put_lost(struct block_cache *cache, struct block_place place);

const struct block_cache_stats *block_cache_stats(const struct block_cache *cache);

#endif
