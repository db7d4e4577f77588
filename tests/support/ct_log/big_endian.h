/* Integers as TLS presentation language writes them (RFC 8446 section 3.3). */
#ifndef CT_LOG_BIG_ENDIAN_H
#define CT_LOG_BIG_ENDIAN_H

#include "shared/base/buffer.h"

/* `width` is 1 to 8; higher bytes of the value are dropped. */
static inline void big_endian_write(uint8_t *out, uint64_t value, size_t width)
{
    for (size_t i = width; i-- > 0; value >>= 8)
        out[i] = (uint8_t)value;
}

static inline void big_endian_append(struct buffer *out, uint64_t value, size_t width)
{
    uint8_t *room = buffer_reserve(out, width);
    if (!room)
        return;
    big_endian_write(room, value, width);
    out->size += width;
}

#endif
