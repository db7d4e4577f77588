/*
 * A callback gets what it was registered with back as a void pointer. What is registered begins
 * with a mark of its type, and is cast back by context_of, which asserts it: the wrong type, or
 * memory that is somebody else's by now, is a bug that ends there.
 */
#ifndef SHARED_BASE_CONTEXT_H
#define SHARED_BASE_CONTEXT_H

#include <assert.h>
#include <stdint.h>
#include <string.h>

/* Four letters, of each type others. */
#define CONTEXT_MARK(a, b, c, d) \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

/* `context`, which begins with a uint32_t that is `mark`. */
static inline void *context_of(void *context, uint32_t mark)
{
    uint32_t found;
    memcpy(&found, context, sizeof found);
    assert(found == mark);
    return context;
}

#endif
