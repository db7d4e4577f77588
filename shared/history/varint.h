/* Numbers of seven bits a byte, the lowest first, with the high bit on all but the last byte
 * (LEB128); signed ones folded so that small ones stay short. */
#ifndef SHARED_HISTORY_VARINT_H
#define SHARED_HISTORY_VARINT_H

#include "shared/base/buffer.h"
#include "shared/base/reader.h"

enum {
    VARINT_SIZE_MAX = 10
};

static inline void varint_append(struct buffer *out, uint64_t value)
{
    uint8_t *room = buffer_reserve(out, VARINT_SIZE_MAX);
    if (!room)
        return;
    while (value >= 0x80) {
        *room++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *room++ = (uint8_t)value;
    out->size = (size_t)(room - out->data);
}

/* Zero, and the reader failed, if there is none or it is above 2^64 - 1. */
static inline uint64_t varint_read(struct reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint64_t byte = reader_integer(reader, 1);
        value |= (byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            if (shift == 63 && byte > 1)
                break;
            return value;
        }
    }
    reader_fail(reader);
    return 0;
}

/* `to` minus `from`, both of which may be any number. */
static inline void varint_append_difference(struct buffer *out, uint64_t from, uint64_t to)
{
    uint64_t difference = to - from;
    uint64_t sign = difference >> 63 ? UINT64_MAX : 0;
    varint_append(out, difference << 1 ^ sign);
}

static inline uint64_t varint_read_difference(struct reader *reader, uint64_t from)
{
    uint64_t folded = varint_read(reader);
    uint64_t sign = folded & 1 ? UINT64_MAX : 0;
    return from + (folded >> 1 ^ sign);
}

/* A size and so many bytes. */
static inline void varint_append_vector(struct buffer *out, struct bytes bytes)
{
    varint_append(out, bytes.size);
    buffer_append_bytes(out, bytes);
}

static inline struct bytes varint_read_vector(struct reader *reader)
{
    uint64_t size = varint_read(reader);
    if (size > reader->remaining) {
        reader_fail(reader);
        return (struct bytes){ 0 };
    }
    return reader_take(reader, (size_t)size);
}

#endif
