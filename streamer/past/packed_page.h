/*
 * Makes a page of the past (stream_page.h) of packed history: finds which entries of a block are
 * asked for, says what has to be fetched before they can be had, and then writes their fields as
 * they stood in the stream. Pure; the block cache has what was fetched.
 *
 * An entry whose parts are lost is left out where it can be told: a page ends before it, and one
 * that begins with lost entries says that the stream begins behind them.
 */
#ifndef STREAMER_PAST_PACKED_PAGE_H
#define STREAMER_PAST_PACKED_PAGE_H

#include "shared/history/entry_renderer.h"
#include "streamer/past/block_cache.h"
#include "streamer/past/stream_page.h"

enum {
    /* A page takes what it needs of so many frames at most, some 16 MB, so that two pages on their
     * way have theirs in the cache together. */
    PACKED_PAGE_FRAMES_MAX = 16,
    PACKED_PAGE_PARTS_MAX = PACKED_PAGE_FRAMES_MAX + 2,
    /* And ends after so many bytes of fields: what is made in one turn of the loop. */
    PACKED_PAGE_BYTES = 1024 * 1024,
    /* What whoever asks for a page may want of its entries (entry_renderer.h); id, log, index and
     * chain are always there. */
    PAGE_WANTS_JSON = ENTRY_JSON,
    PAGE_WANTS_DOMAINS = ENTRY_DOMAINS,
    PAGE_WANTS_DER = ENTRY_ALL + 1,
    PAGE_WANTS_ALL = ENTRY_ALL | PAGE_WANTS_DER,
};

/* What has to be fetched, each once. */
struct packed_parts {
    struct block_place places[PACKED_PAGE_PARTS_MAX];
    size_t count;
};

struct packed_source {
    struct block_cache *cache;
    struct entry_renderer *renderer;
    uint64_t lost; /* entries that could not be made again, counted each time they are come by */
};

/* What is asked for, all of one moment. */
struct packed_request {
    struct history_block block;
    /* Forwards, the block that ends at the place or before it, if there is one. */
    struct history_block before;
    struct stream_state state;
    struct stream_page_bounds bounds;
    unsigned wanted; /* of PAGE_WANTS_ALL */
};

/* A page of the block after the place, or, backwards, before it: the newest that the block has.
 * NULL if something has to be fetched first: then `parts` says what, and the same has to be asked
 * again when it is in the cache. */
struct stream_page *packed_page_create(struct packed_source *source,
                                       const struct packed_request *request,
                                       struct packed_parts *parts);

/* A page that says that nothing comes before a place. */
struct stream_page *packed_page_create_begin(const struct stream_state *state,
                                             const struct stream_page_bounds *bounds);

#endif
