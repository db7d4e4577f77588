/*
 * A lane: the stream's latest messages as frames that are ready to be sent, in a ring of bytes that
 * is mapped twice in a row, so that any run of messages is one contiguous slice.
 *
 *     bytes     [ … frame 7 | frame 8 | frame 9 | room … ][ the same memory again ]
 *     messages          7         8         9      10 = lane_next, where new cursors join
 *                       lane_first
 *
 * Messages are numbered; the numbers only grow. A cursor is nothing but the number of the message
 * that a subscriber is sent next, so the lane does not know its subscribers, and one that lags pins
 * no memory: it is overtaken when lane_first passes it.
 */
#ifndef STREAMER_LANES_LANE_H
#define STREAMER_LANES_LANE_H

#include "shared/redis/stream_id.h"

struct lane;
struct ring_file;

struct lane_slice {
    uint8_t *data; /* only to be read; not const, because what sends it is not */
    size_t size;
    uint64_t next;               /* the number of the message after it */
    struct stream_position last; /* of the last message in it */
};

/* `size` bytes of the file, which is borrowed, rounded up to whole pages. `after`: the lane will
 * get what comes after that place. Aborts if the memory cannot be mapped. */
struct lane *lane_create(struct ring_file *file, size_t size, struct stream_id after);
/* NULL is fine. */
void lane_destroy(struct lane *lane);

/* Appends a frame, dropping the oldest messages to make room. False if the ring is too small for
 * it: then it only takes its number, and the lane is empty after it, so that every cursor is
 * overtaken and its subscriber reads it elsewhere. An id that is not above the last one (Redis was
 * set back) is fine; who looks for a place finds none before it then. */
bool lane_append(struct lane *lane, struct stream_position position, struct bytes frame);

/* What came between the last message and `id` will never be appended: every cursor is overtaken,
 * and nobody finds a place at or before the last message. */
void lane_break(struct lane *lane, struct stream_id id);

/* What is appended next follows `fork`, and not what was appended before: who looks for a place
 * finds none before `fork`. Cursors go on as they were. */
void lane_branch(struct lane *lane, struct stream_id fork);

/* An entry with this id was not appended, though some may want it: who has not had all up to it
 * finds no place. */
void lane_pass_over(struct lane *lane, struct stream_id id);

/* The oldest message held, and the one that will come next. Equal when the lane is empty. */
uint64_t lane_first(const struct lane *lane);
uint64_t lane_next(const struct lane *lane);

/* Whole messages from `number` on, at most `limit` bytes but at least one message. False when there
 * is none yet. `number` is lane_first to lane_next. The slice lives until the next append. */
bool lane_read(const struct lane *lane, uint64_t number, size_t limit, struct lane_slice *slice);

/* Where one who has had everything up to and including `id` goes on: the number of the first
 * message after it. False if the lane no longer holds all that comes after it. */
bool lane_find(const struct lane *lane, struct stream_id id, uint64_t *number);

/* Its ring and its index, in bytes. */
size_t lane_memory(const struct lane *lane);

/* The bytes from `number` on to the end. */
uint64_t lane_bytes_after(const struct lane *lane, uint64_t number);

#endif
