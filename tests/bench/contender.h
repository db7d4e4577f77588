/*
 * The streamers that a benchmark compares in the same run, in turn: this project's, and beside it
 * another build of it where BENCH_BEFORE names its program (of a commit before a change:
 * `git worktree add ../before COMMIT`, and built there). Each is measured BENCH_ROUNDS times (3
 * beside another, else 1), in turn, so that what else the machine does meets both alike.
 */
#ifndef TESTS_BENCH_CONTENDER_H
#define TESTS_BENCH_CONTENDER_H

#include <stddef.h>

struct harness;
struct program;
struct redis_server;

enum {
    CONTENDERS_MAX = 2,
    ROUNDS_MAX = 32,
};

struct contender {
    const char *name;    /* of its lines */
    const char *program; /* its path */
};

/* Answers how many there are. */
size_t contenders_find(struct contender *contenders);
size_t contender_rounds(size_t contenders);
/* `arguments` as daemon_start_streamer has them. */
struct program *contender_start(const struct contender *contender, struct harness *harness,
                                const struct redis_server *redis, const char *const *arguments);

/* The middle one of so many figures, which are put in order. */
double contender_median(double *figures, size_t count);

#endif
