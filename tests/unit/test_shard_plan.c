#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/store/shard_plan.h"

enum {
    LOGS = 70
};

/* The k-th largest log of today: the largest has 6 % of all entries. */
static void make_logs(struct shard_plan_log *logs)
{
    for (size_t i = 0; i < LOGS; i++)
        logs[i] = (struct shard_plan_log){ SHARD_PLAN_NONE, 1500.0 / (double)(i + 6) };
}

static void sum(const struct shard_plan_log *logs, unsigned shards, double *rates, size_t *counts)
{
    memset(rates, 0, shards * sizeof *rates);
    memset(counts, 0, shards * sizeof *counts);
    for (size_t i = 0; i < LOGS; i++) {
        assert_in_range(logs[i].shard, 0, shards - 1);
        rates[logs[i].shard] += logs[i].rate;
        counts[logs[i].shard]++;
    }
}

static void new_logs_are_spread_by_number(void **state)
{
    (void)state;
    struct shard_plan_log logs[LOGS];
    double rates[6];
    size_t counts[6];
    make_logs(logs);
    logs[3].shard = 5;
    shard_plan_place(logs, LOGS, 6);
    assert_int_equal(logs[3].shard, 5);
    sum(logs, 6, rates, counts);
    for (unsigned shard = 0; shard < 6; shard++)
        assert_in_range(counts[shard], LOGS / 6, LOGS / 6 + 1);
}

static void expect_even(const struct shard_plan_log *logs, unsigned shards)
{
    double rates[6], all = 0;
    size_t counts[6];
    sum(logs, shards, rates, counts);
    for (unsigned shard = 0; shard < shards; shard++)
        all += rates[shard];
    for (unsigned shard = 0; shard < shards; shard++)
        assert_true(rates[shard] > 0.85 * all / shards && rates[shard] < 1.15 * all / shards);
}

static size_t count_moved(const struct shard_plan_log *before, const struct shard_plan_log *after)
{
    size_t moved = 0;
    for (size_t i = 0; i < LOGS; i++)
        moved += before[i].shard != after[i].shard;
    return moved;
}

static void growth_makes_rates_even_with_few_moves(void **state)
{
    (void)state;
    struct shard_plan_log logs[LOGS], before[LOGS];
    make_logs(logs);
    shard_plan_place(logs, LOGS, 1);
    for (unsigned shards = 3; shards <= 6; shards += 3) {
        memcpy(before, logs, sizeof logs);
        shard_plan_grow(logs, LOGS, shards);
        expect_even(logs, shards);
        /* Two thirds of all, and half of all, have to move. */
        assert_true(count_moved(before, logs) < LOGS);
        memcpy(before, logs, sizeof logs);
        shard_plan_grow(logs, LOGS, shards);
        assert_int_equal(count_moved(before, logs), 0);
    }
}

static void a_log_that_is_larger_than_a_shard_has_one_alone(void **state)
{
    (void)state;
    struct shard_plan_log logs[] = { { 0, 1 }, { 0, 100 }, { 0, 2 }, { 0, 0 } };
    shard_plan_grow(logs, 4, 2);
    assert_int_not_equal(logs[1].shard, logs[0].shard);
    assert_int_equal(logs[0].shard, logs[2].shard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_logs_are_spread_by_number),
        cmocka_unit_test(growth_makes_rates_even_with_few_moves),
        cmocka_unit_test(a_log_that_is_larger_than_a_shard_has_one_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
