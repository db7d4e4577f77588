/*
 * The checked cursor: every byte from outside is read through it. It never reads past its end. The
 * first read that would do so marks it failed, and from then on every read answers zero or an empty
 * view, so a sequence of reads is checked once, at its end (reader_ok, reader_finished). Integers
 * are big-endian, as in TLS presentation language (RFC 8446 section 3) and in DER lengths.
 *
 * Views it hands out point into the bytes it was made from and live as long as those.
 */
#ifndef SHARED_BASE_READER_H
#define SHARED_BASE_READER_H

#include "shared/base/bytes.h"

struct reader {
    const uint8_t *next;
    size_t remaining;
    bool failed;
};

static inline struct reader reader_of(struct bytes bytes)
{
    return (struct reader){ .next = bytes.data, .remaining = bytes.size };
}

static inline bool reader_ok(const struct reader *reader)
{
    return !reader->failed;
}

/* True when nothing failed and nothing is left over. */
static inline bool reader_finished(const struct reader *reader)
{
    return !reader->failed && reader->remaining == 0;
}

static inline void reader_fail(struct reader *reader)
{
    reader->failed = true;
    reader->remaining = 0;
}

static inline struct bytes reader_take(struct reader *reader, size_t size)
{
    if (reader->remaining < size) {
        reader_fail(reader);
        return (struct bytes){ 0 };
    }
    struct bytes taken = { reader->next, size };
    if (size) /* an empty input may be NULL, to which nothing may be added, not even zero */
        reader->next += size;
    reader->remaining -= size;
    return taken;
}

/* An unsigned integer of `width` bytes, 1 to 8. */
static inline uint64_t reader_integer(struct reader *reader, size_t width)
{
    struct bytes taken = reader_take(reader, width);
    uint64_t value = 0;
    for (size_t i = 0; i < taken.size; i++)
        value = value << 8 | taken.data[i];
    return value;
}

/* A vector that is preceded by its length in `width` bytes, 1 to 8. */
static inline struct bytes reader_vector(struct reader *reader, size_t width)
{
    uint64_t size = reader_integer(reader, width);
    if (size > reader->remaining) {
        reader_fail(reader);
        return (struct bytes){ 0 };
    }
    return reader_take(reader, (size_t)size);
}

/* The bytes not read yet, without reading them. */
static inline struct bytes reader_rest(const struct reader *reader)
{
    return (struct bytes){ reader->next, reader->remaining };
}

#endif
