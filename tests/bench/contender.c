#include "tests/bench/contender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/e2e/daemons.h"
#include "tests/support/harness.h"
#include "tests/support/redis_server.h"

enum {
    ROUNDS_BESIDE_ANOTHER = 3
};

size_t contenders_find(struct contender *contenders)
{
    const char *before = getenv("BENCH_BEFORE");
    size_t count = 0;
    if (before && *before)
        contenders[count++] = (struct contender){ "before", before };
    contenders[count++] = (struct contender){ "certstream", CERTSTREAM_STREAMER };
    return count;
}

size_t contender_rounds(size_t contenders)
{
    size_t rounds =
        (size_t)harness_setting("BENCH_ROUNDS", contenders > 1 ? ROUNDS_BESIDE_ANOTHER : 1);
    assert_in_range(rounds, 1, ROUNDS_MAX);
    return rounds;
}

struct program *contender_start(const struct contender *contender, struct harness *harness,
                                const struct redis_server *redis, const char *const *arguments)
{
    return daemon_start_streamer_program(harness, contender->program, redis_server_url(redis),
                                         arguments);
}

static int compare_figures(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

double contender_median(double *figures, size_t count)
{
    qsort(figures, count, sizeof *figures, compare_figures);
    return figures[count / 2];
}
