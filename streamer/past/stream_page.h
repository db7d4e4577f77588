/*
 * A stretch of the stream as it was read from Redis: its entries, decoded, as views into the reply
 * that the page keeps, or, of packed history (packed_page.h), into texts of its own; and what was
 * known of the stream at that moment. Whoever asks for any place within it is served from it, in
 * whatever form and through whatever filter.
 *
 *     stream      | … | from | a | b | c = end | …
 *
 * Its state says where the stream begins as seen from here: what is missing between a place before
 * the page and its first entry is a gap (stream_state_gap), wherever in the stream that is.
 */
#ifndef STREAMER_PAST_STREAM_PAGE_H
#define STREAMER_PAST_STREAM_PAGE_H

#include "streamer/past/page_arena.h"
#include "streamer/stream/history_block.h"
#include "streamer/stream/stream_entry.h"
#include "streamer/stream/stream_state.h"

enum {
    /* A round trip's worth: about a megabyte. */
    STREAM_PAGE_ENTRIES_MAX = 200,
};

/* What was asked for: at most `limit` entries after a place, or the newest ones before an id. */
struct stream_page_bounds {
    bool is_backward;
    struct stream_position place; /* after it; or before it, whose ordinal says nothing then */
    size_t limit;
};

struct stream_page {
    struct stream_id from;      /* what comes after it, up to and including `end`, is here */
    struct stream_position end; /* `from` if nothing came after it */
    struct stream_state state;
    struct redisReply *reply; /* held; NULL of packed history */
    struct page_arena texts;  /* of packed history */
    unsigned wanted;          /* what its entries have (packed_page.h); others may be empty */
    bool is_begin;            /* nothing of the stream came before it */
    size_t payload;           /* bytes of the entries' fields */
    size_t bytes;             /* of memory */
    uint64_t number;          /* pages are counted as they are asked for */
    uint64_t used_at_ms;
    size_t users;
    size_t count;
    uint64_t first_ordinal; /* of the first entry; 0: not known */
    struct stream_page *next;
    struct stream_page_bounds asked; /* what it is the answer to */
    /* In their order. One that is not of the contract's form has its id and nothing else. */
    struct stream_entry entries[STREAM_PAGE_ENTRIES_MAX];
};

/* Of the replies to XRANGE or XREVRANGE and XINFO STREAM within `reply`, which is held as long as
 * the page lives. `newest`: the newest block of history at the same moment, which lies before what
 * is asked for. NULL if they are not of the contract's form. */
struct stream_page *stream_page_create(struct redisReply *reply, const struct redisReply *entries,
                                       const struct redisReply *state,
                                       const struct history_block *newest,
                                       const struct stream_page_bounds *bounds);
/* NULL is fine. */
void stream_page_destroy(struct stream_page *page);

/* True if what is asked for begins in this page. */
bool stream_page_covers(const struct stream_page *page, const struct stream_page_bounds *bounds);
/* Where reading goes on backwards: before this place. A page that was read forwards for somebody
 * else may begin long before its first entry. */
struct stream_id stream_page_before(const struct stream_page *page);
/* Nothing that there was then came after it. */
bool stream_page_is_end(const struct stream_page *page);
/* The number of the first entry after `id`; page->count if there is none. */
size_t stream_page_find(const struct stream_page *page, struct stream_id id);
/* An entry's place. */
struct stream_position stream_page_position(const struct stream_page *page, size_t number);

#endif
