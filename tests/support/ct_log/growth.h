/*
 * How large the local CT log is at which moment, and which timestamp each entry has: a pure
 * function of a start time and a few steps, so that a log that is started again from its state is
 * the same log.
 *
 * Initial entries were submitted before the start. From then on the log grows along the last step;
 * a step is added when the rate is changed, entries are published at once, or the log is started
 * again.
 */
#ifndef CT_LOG_GROWTH_H
#define CT_LOG_GROWTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    /* One or two per change by hand and per restart; a test makes dozens. */
    GROWTH_STEPS_MAX = 4096
};

/* Entries come, from `first_index` on, at `rate` per second, the first at `time_ms`; rate 0: all at
 * that moment. */
struct growth_step {
    uint64_t first_index;
    uint64_t time_ms;
    double rate;
};

struct growth {
    uint64_t start_ms;
    uint64_t max_size;
    uint64_t publish_interval_ms;
    struct growth_step *steps;
    size_t step_count; /* at least 1 */
};

/* A log of `size` entries at `start_ms`. Freed with growth_clear. */
void growth_init(struct growth *growth, uint64_t start_ms, uint64_t size, double rate);
void growth_clear(struct growth *growth);

/* Goes on at `now_ms` from `size`, which it had reached before it stood still, at another rate.
 * False when there are too many steps already. */
bool growth_resume(struct growth *growth, uint64_t now_ms, uint64_t size, double rate);

/* When the newest head at `now_ms` was published: heads come at a fixed interval and whenever a
 * step was added. */
uint64_t growth_published_ms(const struct growth *growth, uint64_t now_ms);
/* When the next one will be, if the log grows. */
uint64_t growth_next_publish_ms(const struct growth *growth, uint64_t now_ms);
/* Size of the head that was published at `published_ms`. */
uint64_t growth_size(const struct growth *growth, uint64_t published_ms);
/* Timestamp of an entry: never after the head that first covers it. */
uint64_t growth_timestamp(const struct growth *growth, uint64_t index);
double growth_rate(const struct growth *growth);

/* Grows at `rate` from `now_ms` on. False when there are too many steps already. */
bool growth_set_rate(struct growth *growth, uint64_t now_ms, double rate);
/* Publishes entries up to `size` at `now_ms`, if it is larger than the log. False when there are
 * too many steps. */
bool growth_set_size(struct growth *growth, uint64_t now_ms, uint64_t size);

#endif
