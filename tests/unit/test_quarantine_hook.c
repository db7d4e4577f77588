/* --on-quarantine with a program that never ends: sleep(1), for as long as the log's id says. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "ingest/quarantine_hook.h"
#include "shared/process/clock.h"

enum {
    NOW_MS = 1000,
    PATIENCE_MS = 30000,
};

static void start(struct quarantine_hook *hook, const char *seconds)
{
    quarantine_hook_start(hook, seconds, "0", "0", NOW_MS);
}

static size_t count_running(const struct quarantine_hook *hook)
{
    size_t count = 0;
    for (size_t i = 0; i < QUARANTINE_HOOKS_MAX; i++)
        count += hook->running[i] != 0;
    return count;
}

/* Until all that were started have been taken leave of. */
static void work_until_none(struct quarantine_hook *hook, uint64_t now_ms)
{
    const struct timespec moment = { .tv_nsec = 1000000 };
    uint64_t end_ms = clock_monotonic_ms() + PATIENCE_MS;
    while (quarantine_hook_work(hook, now_ms) != UINT64_MAX) {
        assert_true(clock_monotonic_ms() < end_ms);
        (void)nanosleep(&moment, NULL);
    }
    assert_int_equal(count_running(hook), 0);
}

static void some_run_at_once_and_no_more(void **state)
{
    (void)state;
    struct quarantine_hook hook = { .program = "/bin/sleep" };
    uint64_t start_ms = clock_monotonic_ms();
    for (size_t i = 0; i <= QUARANTINE_HOOKS_MAX; i++)
        start(&hook, "600");
    assert_int_equal(count_running(&hook), QUARANTINE_HOOKS_MAX);
    assert_in_range(quarantine_hook_work(&hook, NOW_MS), NOW_MS + 1, NOW_MS + PATIENCE_MS);
    assert_true(clock_monotonic_ms() - start_ms < PATIENCE_MS);
    work_until_none(&hook, NOW_MS + QUARANTINE_HOOK_MS);
}

static void one_that_hangs_is_killed_when_its_time_is_over(void **state)
{
    (void)state;
    struct quarantine_hook hook = { .program = "/bin/sleep" };
    start(&hook, "600");
    pid_t process = hook.running[0];
    (void)quarantine_hook_work(&hook, NOW_MS + QUARANTINE_HOOK_MS - 1);
    assert_int_equal(kill(process, 0), 0);
    work_until_none(&hook, NOW_MS + QUARANTINE_HOOK_MS);
    assert_int_not_equal(kill(process, 0), 0);
}

static void one_that_ends_makes_room(void **state)
{
    (void)state;
    struct quarantine_hook hook = { .program = "/bin/sleep" };
    for (size_t i = 0; i < QUARANTINE_HOOKS_MAX; i++)
        start(&hook, "0");
    work_until_none(&hook, NOW_MS);
    start(&hook, "0");
    assert_int_equal(count_running(&hook), 1);
    work_until_none(&hook, NOW_MS);
}

static void what_cannot_be_started_takes_no_place(void **state)
{
    (void)state;
    struct quarantine_hook none = { .program = "" }, missing = { .program = "/nowhere/at/all" };
    start(&none, "600");
    start(&missing, "600");
    assert_int_equal(count_running(&none), 0);
    assert_int_equal(count_running(&missing), 0);
    assert_true(quarantine_hook_work(&missing, NOW_MS) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(some_run_at_once_and_no_more),
        cmocka_unit_test(one_that_hangs_is_killed_when_its_time_is_over),
        cmocka_unit_test(one_that_ends_makes_room),
        cmocka_unit_test(what_cannot_be_started_takes_no_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
