/* Unsigned decimal numbers out of text from outside. */
#ifndef SHARED_DECIMAL_H
#define SHARED_DECIMAL_H

#include "shared/bytes.h"

/* False unless `text` is digits only, without leading zeros, and below 10^19. */
static inline bool decimal_parse(uint64_t *out, struct bytes text)
{
    uint64_t value = 0;
    if (text.size == 0 || text.size > 19 || (text.size > 1 && text.data[0] == '0'))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (text.data[i] - '0');
    }
    *out = value;
    return true;
}

#endif
