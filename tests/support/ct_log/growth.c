#include "tests/support/ct_log/growth.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"

enum {
    /* The time between initial entries: 200,000 of them span two hours. */
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

static uint64_t no_earlier(const struct growth *growth, uint64_t now_ms)
{
    uint64_t last_ms = last_step(growth)->time_ms;
    return now_ms > last_ms ? now_ms : last_ms;
}

bool growth_resume(struct growth *growth, uint64_t now_ms, uint64_t size, double rate)
{
    uint64_t published = last_step(growth)->first_index;
    if (growth->step_count == GROWTH_STEPS_MAX)
        return false;
    add_step(growth, size > published ? size : published, no_earlier(growth, now_ms), rate);
    return true;
}

/* Heads that are due by the clock since the start. */
static uint64_t interval_count(const struct growth *growth, uint64_t now_ms)
{
    uint64_t since_ms = now_ms > growth->start_ms ? now_ms - growth->start_ms : 0;
    return since_ms / growth->publish_interval_ms;
}

uint64_t growth_next_publish_ms(const struct growth *growth, uint64_t now_ms)
{
    return growth->start_ms + (interval_count(growth, now_ms) + 1) * growth->publish_interval_ms;
}

uint64_t growth_published_ms(const struct growth *growth, uint64_t now_ms)
{
    uint64_t regular =
        growth->start_ms + interval_count(growth, now_ms) * growth->publish_interval_ms;
    uint64_t stepped = last_step(growth)->time_ms;
    return regular > stepped ? regular : stepped;
}

uint64_t growth_size(const struct growth *growth, uint64_t published_ms)
{
    size_t i = growth->step_count - 1;
    while (i > 0 && growth->steps[i].time_ms > published_ms)
        i--;
    const struct growth_step *step = &growth->steps[i];
    if (step->first_index >= growth->max_size)
        return growth->max_size;
    uint64_t since_ms = published_ms > step->time_ms ? published_ms - step->time_ms : 0;
    double grown = (double)since_ms * step->rate / 1000;
    uint64_t room = growth->max_size - step->first_index;
    return step->first_index + (grown < (double)room ? (uint64_t)grown : room);
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
    uint64_t time_ms = no_earlier(growth, now_ms);
    add_step(growth, growth_size(growth, time_ms), time_ms, rate);
    return true;
}

bool growth_set_size(struct growth *growth, uint64_t now_ms, uint64_t size)
{
    if (growth->step_count + 2 > GROWTH_STEPS_MAX)
        return false;
    uint64_t time_ms = no_earlier(growth, now_ms);
    uint64_t before = growth_size(growth, time_ms);
    double rate = growth_rate(growth);
    if (size <= before)
        return true;
    add_step(growth, before, time_ms, 0);
    add_step(growth, size, time_ms, rate);
    return true;
}
