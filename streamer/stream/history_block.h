/* A block of packed history as its index names it (redis/README.md, "P:history"). */
#ifndef STREAMER_STREAM_HISTORY_BLOCK_H
#define STREAMER_STREAM_HISTORY_BLOCK_H

#include "shared/redis/stream_id.h"

struct redisReply;

struct history_block {
    struct stream_id last;  /* the id of its last entry, which names it; zero: there is no block */
    struct stream_id first; /* of its first */
    uint64_t ordinal;       /* of its first entry, as entries-added counts; 0: not known */
    uint64_t count;         /* entries */
    uint64_t size;          /* bytes */
    uint64_t format;
};

/* Reads the reply to XRANGE or XREVRANGE of the index with COUNT 1: no block if it is empty. False
 * if it is not of the contract's form. */
bool history_block_read(struct history_block *block, const struct redisReply *reply);

bool history_block_is_there(const struct history_block *block);
/* The ordinal (struct stream_position) of the entry `row` of the block, from 0 on; of its count,
 * that of the entry that comes after it. 0: not known. */
uint64_t history_block_ordinal(const struct history_block *block, uint64_t row);

#endif
