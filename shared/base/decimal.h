/* Unsigned decimal numbers out of text from outside. */
#ifndef SHARED_BASE_DECIMAL_H
#define SHARED_BASE_DECIMAL_H

#include "shared/base/bytes.h"

/* False unless `text` is digits only, without leading zeros, and below 2^64. */
static inline bool decimal_parse(uint64_t *out, struct bytes text)
{
    uint64_t value = 0;
    if (text.size == 0 || text.size > 20 || (text.size > 1 && text.data[0] == '0'))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, (uint64_t)(text.data[i] - '0'), &value))
            return false;
    }
    *out = value;
    return true;
}

/* True if `text` is such a number, or one with digits behind a point: what JSON and Prometheus both
 * read. */
static inline bool decimal_is_fraction(struct bytes text)
{
    uint64_t whole;
    const uint8_t *point = text.size ? memchr(text.data, '.', text.size) : NULL;
    size_t before = point ? (size_t)(point - text.data) : text.size;
    for (size_t i = before + 1; i < text.size; i++)
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    return decimal_parse(&whole, bytes_of(text.data, before)) && (!point || text.size > before + 1);
}

#endif
