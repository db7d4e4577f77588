#include "tests/support/ct_log/growth.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/memory.h"

enum {
    /* Between initial entries: 200,000 of them span two hours. */
    INITIAL_SPACING_MS = 37
};

static void add_step(struct growth *growth, uint64_t first_index, uint64_t time_ms, double rate)
{
    assert(growth->step_count < GROWTH_STEPS_MAX);
    growth->steps[growth->step_count++] = (struct growth_step){ first_index, time_ms, rate };
}

void growth_init(struct growth *growth, uint64_t start_ms, uint64_t size, double rate)
{
    *growth =
        (struct growth){ .start_ms = start_ms, .max_size = UINT64_MAX, .publish_interval_ms = 1 };
    growth->steps = memory_allocate_zeroed(GROWTH_STEPS_MAX, sizeof *growth->steps);
    add_step(growth, size, start_ms, rate);
}

void growth_clear(struct growth *growth)
{
    free(growth->steps);
    growth->steps = NULL;
}

static const struct growth_step *last_step(const struct growth *growth)
{
    return &growth->steps[growth->step_count - 1];
}

uint64_t growth_published_ms(const struct growth *growth, uint64_t now_ms)
{
    uint64_t since = now_ms > growth->start_ms ? now_ms - growth->start_ms : 0;
    uint64_t regular =
        growth->start_ms + since / growth->publish_interval_ms * growth->publish_interval_ms;
    uint64_t stepped = last_step(growth)->time_ms;
    return regular > stepped ? regular : stepped;
}

uint64_t growth_size(const struct growth *growth, uint64_t published_ms)
{
    size_t i = growth->step_count - 1;
    while (i > 0 && growth->steps[i].time_ms > published_ms)
        i--;
    const struct growth_step *step = &growth->steps[i];
    uint64_t since = published_ms > step->time_ms ? published_ms - step->time_ms : 0;
    double grown = (double)since * step->rate / 1000;
    double room = (double)(growth->max_size - step->first_index);
    if (step->first_index >= growth->max_size)
        return growth->max_size;
    return step->first_index +
           (grown < room ? (uint64_t)grown : growth->max_size - step->first_index);
}

uint64_t growth_timestamp(const struct growth *growth, uint64_t index)
{
    uint64_t initial = growth->steps[0].first_index;
    if (index < initial)
        return growth->start_ms - (initial - index) * INITIAL_SPACING_MS;
    /* Indexes asked for are mostly of the last steps. */
    size_t i = growth->step_count - 1;
    while (growth->steps[i].first_index > index)
        i--;
    const struct growth_step *step = &growth->steps[i];
    if (step->rate <= 0)
        return step->time_ms;
    return step->time_ms + (uint64_t)((double)(index - step->first_index) * 1000 / step->rate);
}

double growth_rate(const struct growth *growth)
{
    return last_step(growth)->rate;
}

bool growth_set_rate(struct growth *growth, uint64_t now_ms, double rate)
{
    if (growth->step_count == GROWTH_STEPS_MAX)
        return false;
    uint64_t time_ms = now_ms > last_step(growth)->time_ms ? now_ms : last_step(growth)->time_ms;
    add_step(growth, growth_size(growth, time_ms), time_ms, rate);
    return true;
}

bool growth_set_size(struct growth *growth, uint64_t now_ms, uint64_t size)
{
    if (growth->step_count + 2 > GROWTH_STEPS_MAX)
        return false;
    uint64_t time_ms = now_ms > last_step(growth)->time_ms ? now_ms : last_step(growth)->time_ms;
    uint64_t before = growth_size(growth, time_ms);
    double rate = growth_rate(growth);
    if (size <= before)
        return true;
    add_step(growth, before, time_ms, 0);
    add_step(growth, size, time_ms, rate);
    return true;
}
