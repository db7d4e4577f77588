#include "shared/base/clock.h"

#include <assert.h>
#include <time.h>

static uint64_t read_ms(clockid_t clock)
{
    struct timespec now;
    int result = clock_gettime(clock, &now);
    assert(result == 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t clock_monotonic_ms(void)
{
    return read_ms(CLOCK_MONOTONIC);
}

uint64_t clock_realtime_ms(void)
{
    return read_ms(CLOCK_REALTIME);
}
