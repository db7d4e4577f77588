/* UTF-8 (RFC 3629). */
#ifndef SHARED_BASE_UTF8_H
#define SHARED_BASE_UTF8_H

#include "shared/base/bytes.h"

/* The length of the well-formed sequence (RFC 3629 section 4) at the start of `text`, which is not
 * empty, or 0. */
static inline size_t utf8_sequence_size(struct bytes text)
{
    const uint8_t *at = text.data;
    if (at[0] < 0x80)
        return 1;
    size_t size = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4 || text.size < size)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90);
    bool surrogate = at[0] == 0xed && at[1] > 0x9f;
    bool too_high = at[0] == 0xf4 && at[1] > 0x8f;
    return overlong || surrogate || too_high ? 0 : size;
}

#endif
