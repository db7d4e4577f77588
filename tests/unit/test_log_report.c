/* When a log is an alarm: its newest head is older than it promises, or it is stuck. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/process/clock.h"
#include "tests/unit/log_world.h"

enum {
    TURNS = 100,
    TOLERANCE_S = 300,
    MINUTE_S = 60,
    DAY_S = 86400,
    HOUR_MS = 3600 * 1000,
};

static int setup(void **state)
{
    *state = log_world_create(site_options());
    return 0;
}

static int teardown(void **state)
{
    log_world_destroy(*state);
    return 0;
}

static bool is_old(struct followed_log *log, uint64_t age_s)
{
    log->follower.head.timestamp_ms = clock_realtime_ms() - age_s * 1000;
    followed_log_report(log, clock_monotonic_ms());
    return log->has_old_head;
}

static void a_head_is_old_that_is_older_than_the_log_promises(void **state)
{
    struct log_world *world = *state;
    struct followed_log *log = log_world_follow(world, CT_LOG_TILED);
    log_world_run(world, TURNS);
    log->ct_log.mmd_s = MINUTE_S;
    assert_false(is_old(log, 0));
    assert_false(is_old(log, MINUTE_S + TOLERANCE_S - 10));
    assert_true(is_old(log, MINUTE_S + TOLERANCE_S + 10));
    assert_false(is_old(log, 0));
    /* A log that promises nothing is held to what RFC 6962 logs promise. */
    log->ct_log.mmd_s = 0;
    assert_false(is_old(log, DAY_S + TOLERANCE_S - 10));
    assert_true(is_old(log, DAY_S + TOLERANCE_S + 10));
}

static void one_that_is_read_to_its_end_promises_nothing(void **state)
{
    struct log_world *world = *state;
    struct followed_log *log = log_world_follow(world, CT_LOG_RFC6962);
    log_world_run(world, TURNS);
    assert_true(is_old(log, (uint64_t)2 * DAY_S));
    log->follower.state = FOLLOWER_FINISHED;
    assert_false(is_old(log, (uint64_t)2 * DAY_S));
}

static void one_is_stuck_that_has_failed_for_long_and_counted_once(void **state)
{
    struct log_world *world = *state;
    struct followed_log *log = log_world_follow(world, CT_LOG_RFC6962);
    site_control(world->site, "route=get-entries&fault=status&code=500");
    log_world_run(world, TURNS);
    uint64_t now_ms = clock_monotonic_ms();
    followed_log_report(log, now_ms);
    assert_false(log->is_stuck);
    for (unsigned report = 0; report < 2; report++) {
        followed_log_report(log, now_ms + HOUR_MS);
        assert_true(log->is_stuck);
        assert_int_equal(world->stats.stuck, 1);
    }
    site_control(world->site, "clear=1");
    for (unsigned turn = 0; turn < TURNS && log->follower.book.released.next == 0; turn++) {
        (void)followed_log_work(log, now_ms += HOUR_MS / 100);
        while (world->http.count)
            log_world_answer(world, 0);
    }
    followed_log_report(log, now_ms + HOUR_MS);
    assert_false(log->is_stuck);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(a_head_is_old_that_is_older_than_the_log_promises),
        IN_WORLD(one_that_is_read_to_its_end_promises_nothing),
        IN_WORLD(one_is_stuck_that_has_failed_for_long_and_counted_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
