#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "streamer/stream/lag_history.h"

enum {
    MINUTE_MS = 60000
};

static const uint64_t start_ms = UINT64_C(1700000000000);
static const char one[] = "1111111111111111111111111111111111111111111111111111111111111111";
static const char two[] = "2222222222222222222222222222222222222222222222222222222222222222";

static void keeps_the_worst_of_each_minute(void **state)
{
    (void)state;
    struct lag_history *history = lag_history_create();
    lag_history_add(history, one, 5, 500, start_ms);
    lag_history_add(history, one, 7, 300, start_ms);
    lag_history_add(history, two, 1, 1, start_ms);
    lag_history_add(history, one, 2, 20, start_ms + (uint64_t)2 * MINUTE_MS);
    uint64_t now_ms = start_ms + (uint64_t)2 * MINUTE_MS;
    struct lag_point point = lag_history_point(history, one, now_ms, 2);
    assert_true(point.is_known);
    assert_int_equal(point.entries, 7);
    assert_int_equal(point.ms, 500);
    assert_false(lag_history_point(history, one, now_ms, 1).is_known);
    assert_int_equal(lag_history_point(history, one, now_ms, 0).entries, 2);
    assert_false(lag_history_point(history, two, now_ms, 0).is_known);
    assert_int_equal(lag_history_point(history, two, now_ms, 2).entries, 1);
    lag_history_destroy(history);
}

static void forgets_after_an_hour(void **state)
{
    (void)state;
    struct lag_history *history = lag_history_create();
    for (uint64_t minute = 0; minute < 100; minute++)
        lag_history_add(history, one, minute, 0, start_ms + minute * MINUTE_MS);
    uint64_t now_ms = start_ms + (uint64_t)99 * MINUTE_MS;
    for (unsigned ago = 0; ago < LAG_HISTORY_MINUTES; ago++)
        assert_int_equal(lag_history_point(history, one, now_ms, ago).entries, 99 - ago);
    assert_false(lag_history_point(history, one, now_ms, LAG_HISTORY_MINUTES).is_known);
    now_ms += (uint64_t)LAG_HISTORY_MINUTES * MINUTE_MS;
    for (unsigned ago = 0; ago < LAG_HISTORY_MINUTES; ago++)
        assert_false(lag_history_point(history, one, now_ms, ago).is_known);
    lag_history_add(history, one, 1, 1, now_ms);
    assert_false(lag_history_point(history, one, now_ms, 1).is_known);
    lag_history_destroy(history);
}

/* There may be as many logs as reports; who comes then waits until one has been silent for an
 * hour. */
static void bounds_the_logs(void **state)
{
    (void)state;
    struct lag_history *history = lag_history_create();
    char id[65];
    for (unsigned i = 0; i < 1024; i++) {
        (void)snprintf(id, sizeof id, "%064x", i);
        lag_history_add(history, id, i, 0, start_ms);
    }
    lag_history_add(history, one, 1, 1, start_ms);
    assert_false(lag_history_point(history, one, start_ms, 0).is_known);
    assert_int_equal(lag_history_point(history, id, start_ms, 0).entries, 1023);
    uint64_t later_ms = start_ms + (uint64_t)LAG_HISTORY_MINUTES * MINUTE_MS;
    lag_history_add(history, one, 1, 1, later_ms);
    assert_true(lag_history_point(history, one, later_ms, 0).is_known);
    lag_history_destroy(history);
}

static void stands_a_clock_that_is_set_back(void **state)
{
    (void)state;
    struct lag_history *history = lag_history_create();
    lag_history_add(history, one, 3, 3, start_ms);
    lag_history_add(history, one, 9, 9, start_ms - (uint64_t)10 * MINUTE_MS);
    assert_int_equal(lag_history_point(history, one, start_ms, 0).entries, 9);
    lag_history_destroy(history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_worst_of_each_minute),
        cmocka_unit_test(forgets_after_an_hour),
        cmocka_unit_test(bounds_the_logs),
        cmocka_unit_test(stands_a_clock_that_is_set_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
