/*
 * A page of the past: entries that were read from Redis again, as frames of one lane's kind, for
 * clients that a lane cannot serve. Like a slice of a lane it is shared by all who come by: each is
 * only a number in it.
 *
 *     stream      | … | from | . | a | . | b | end | …       the dots do not pass the filter
 *     page               frames:   a       b
 */
#ifndef STREAMER_LANES_REPLAY_PAGE_H
#define STREAMER_LANES_REPLAY_PAGE_H

#include "streamer/lanes/lanes.h"
#include "streamer/stream/stream_state.h"

enum {
    /* Entries of one page: a round trip's worth, about half a megabyte of lite messages. */
    REPLAY_PAGE_ENTRIES_MAX = 100,
    /* A page with more is cut short, after a whole message. */
    REPLAY_PAGE_BYTES_MAX = 1024 * 1024,
};

struct replay_frame {
    size_t end; /* offset behind its last byte */
    struct stream_position position;
    struct stream_id original; /* of an entry that came again: the id it had first; else zero */
};

struct replay_page {
    struct lane_key key; /* with a reference to the filter */
    struct stream_id
        from; /* what comes after it, up to and including `end`, is here if it passes the filter */
    struct stream_position
        end;      /* of the last entry read, whether it passed or not; `from` if there was none */
    bool is_end;  /* nothing came after it */
    bool is_full; /* not all that was read went in */
    struct stream_state state; /* of the stream when it was read */
    struct buffer bytes;
    struct replay_frame frames[REPLAY_PAGE_ENTRIES_MAX];
    size_t count;
    size_t users;
    uint64_t read_at_ms;
    struct replay_page *next;
};

/* Nothing read yet. The key's filter gets one more reference. */
struct replay_page *replay_page_create(const struct lane_key *key, struct stream_id from);
/* NULL is fine. */
void replay_page_destroy(struct replay_page *page);

/* Adds the frame of the entry at `position`. False if the page is full with it or before it; then
 * nothing more may be added. */
bool replay_page_append(struct replay_page *page, struct stream_position position,
                        struct stream_id original, struct bytes frame);

/* True if a client that has had everything up to and including `id` can go on here. */
bool replay_page_covers(const struct replay_page *page, struct stream_id id);
/* Where it goes on: the number of the first frame after `id`. */
size_t replay_page_find(const struct replay_page *page, struct stream_id id);
/* As lane_read, but for entries that came again to one who has had all up to `seen`: *number moves
 * over them. */
bool replay_page_read(const struct replay_page *page, size_t *number, struct stream_id seen,
                      size_t limit, struct lane_slice *slice);

#endif
