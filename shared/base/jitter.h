/*
 * Random numbers that spread things over time: they need to differ between logs and processes, no
 * more. Not for secrets.
 */
#ifndef SHARED_BASE_JITTER_H
#define SHARED_BASE_JITTER_H

#include <stdint.h>

struct jitter {
    uint64_t state;
};

static inline struct jitter jitter_of(uint64_t seed)
{
    return (struct jitter){ seed ? seed : 1 };
}

/* A number from 0 to limit - 1, by xorshift64*; 0 of 0. */
static inline uint64_t jitter_below(struct jitter *jitter, uint64_t limit)
{
    uint64_t x = jitter->state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    jitter->state = x;
    return limit ? (x * UINT64_C(2685821657736338717) >> 11) % limit : 0;
}

#endif
