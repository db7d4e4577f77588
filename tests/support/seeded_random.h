/*
 * The random numbers of all tests: a pure function of a number or a text, the same on every
 * machine, so that a run can be repeated. Everything that the local CT log makes up comes from
 * here, too. Not for secrets.
 */
#ifndef TESTS_SUPPORT_SEEDED_RANDOM_H
#define TESTS_SUPPORT_SEEDED_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct seeded_random {
    uint64_t state;
};

/* For a test: begins with the number in CERTSTREAM_SEED, or else with one that nobody has seen, and
 * prints it. */
struct seeded_random seeded_random_of_run(void);

/* `seed` is the log's, `purpose` and `number` name one of the many sequences drawn from it. */
struct seeded_random seeded_random_of(const char *seed, const char *purpose, uint64_t number);

uint64_t seeded_random_next(struct seeded_random *random);
/* 0 to limit - 1. */
uint64_t seeded_random_below(struct seeded_random *random, uint64_t limit);
/* 0 up to, not including, 1. */
double seeded_random_fraction(struct seeded_random *random);
void seeded_random_fill(struct seeded_random *random, uint8_t *out, size_t size);

/* A well-mixed one-to-one image of `value`. */
uint64_t seeded_random_mix(uint64_t value);

#endif
