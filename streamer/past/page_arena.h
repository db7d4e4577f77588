/* Memory for the texts of a page that are made for it: it only grows, nothing in it moves, and all
 * of it goes together. */
#ifndef STREAMER_PAST_PAGE_ARENA_H
#define STREAMER_PAST_PAGE_ARENA_H

#include "shared/base/bytes.h"

struct page_chunk;

/* Zeroed memory is an empty one. */
struct page_arena {
    struct page_chunk *chunks;
    size_t bytes; /* of memory */
};

void page_arena_free(struct page_arena *arena);

/* A copy of `text`; no data of no data. */
struct bytes page_arena_copy(struct page_arena *arena, struct bytes text);

#endif
