/*
 * Reads a page of the past from Redis, wherever it is: what is newer from the stream, what is older
 * from packed history (redis/README.md, "P:history"). What is asked of Redis in one transaction is
 * of one moment, and packing moves entries from one to the other in one as well; so an entry is
 * found in exactly one of them.
 *
 *     PLAIN ── it has been packed ──► INDEX ──► PARTS ⇄ what the block cache does not have
 *       ▲                               │         │
 *       └── history does not have it ───┘         └─ a block has gone meanwhile ──► INDEX
 */
#ifndef STREAMER_PAST_PAST_READ_H
#define STREAMER_PAST_PAST_READ_H

#include "streamer/past/packed_page.h"

struct contract;
struct past;
struct past_read;
struct redis_link;

/* What all reads of the past have in common. */
struct past_stats {
    uint64_t packed_pages; /* made of history; of them the entries */
    uint64_t packed_entries;
    uint64_t fetched_parts; /* of blocks */
    uint64_t fetched_bytes;
    uint64_t lost_entries; /* whose blocks are damaged, gone or of an unknown format */
};

/* `page` is the caller's; NULL: `reason` says why, or is NULL too if the link went away. */
typedef void (*past_read_on_page)(struct past_read *read, struct stream_page *page,
                                  const char *reason, void *context);

/* `contract` is borrowed as long as it exists; `cache_bytes` of unpacked parts of blocks are kept.
 */
struct past *past_create(const struct contract *contract, size_t cache_bytes);
/* No read may be under way. NULL is fine. */
void past_destroy(struct past *past);
/* What was read may be of another history: a new connection, or entries that Redis lost. */
void past_forget(struct past *past);
/* The newest block of history, as it was read last. */
void past_note_newest(struct past *past, const struct history_block *newest);
/* The id of the last block read whose format this program does not know; zero: there was none. */
struct stream_id past_unknown(const struct past *past);
const struct past_stats *past_stats(const struct past *past);
const struct block_cache_stats *past_cache_stats(const struct past *past);

/* The past is borrowed as long as it exists. */
struct past_read *past_read_create(struct past *past, past_read_on_page on_page, void *context);
/* No read may be under way. NULL is fine. */
void past_read_destroy(struct past_read *read);

/* One page at a time. False, and no callback, if the link is not up. */
bool past_read_start(struct past_read *read, struct redis_link *link,
                     const struct stream_page_bounds *bounds, unsigned wanted);

#endif
