/* Who may hold how much, and whose window is closed when memory is short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/follow/held_memory.h"

enum {
    MIB = 1024 * 1024
};

static void what_is_only_on_its_way_closes_no_window(void **state)
{
    (void)state;
    struct held_memory memory = { 0 };
    struct memory_share shares[23];
    for (size_t i = 0; i < 23; i++) {
        memory_share_join(&shares[i], &memory);
        memory_share_add(&shares[i], MEMORY_ADMITTED, (size_t)8 * MIB);
        memory_share_add(&shares[i], MEMORY_WINDOW, MIB);
    }
    for (size_t i = 0; i < 23; i++) {
        assert_false(memory_share_must_close(&shares[i]));
        assert_false(memory_share_may_run_ahead(&shares[i]));
    }
    assert_int_equal(held_memory_bytes(&memory), 23 * 9 * MIB);
}

static void the_largest_window_is_closed_when_memory_is_short(void **state)
{
    (void)state;
    struct held_memory memory = { 0 };
    struct memory_share small, large, other;
    memory_share_join(&small, &memory);
    memory_share_join(&large, &memory);
    memory_share_join(&other, &memory);
    memory_share_add(&small, MEMORY_WINDOW, (size_t)2 * MIB);
    memory_share_add(&large, MEMORY_WINDOW, (size_t)12 * MIB);
    memory_share_add(&other, MEMORY_ANSWER, (size_t)33 * MIB);
    assert_false(memory_share_must_close(&large));
    memory_share_add(&other, MEMORY_ANSWER, MIB);
    assert_true(memory_share_must_close(&large));
    assert_false(memory_share_must_close(&small));
    assert_false(memory_share_must_close(&other));
    /* It is released: the next one's turn, if it is still short. */
    memory_share_remove(&large, MEMORY_WINDOW, (size_t)12 * MIB);
    assert_false(memory_share_must_close(&small));
    memory_share_add(&other, MEMORY_ANSWER, (size_t)12 * MIB);
    assert_true(memory_share_must_close(&small));
}

/* Three whose proofs never come, beside many that could be proven. */
static void windows_that_cannot_be_closed_do_not_make_the_others_grow(void **state)
{
    (void)state;
    struct held_memory memory = { 0 };
    struct memory_share shares[30];
    for (size_t i = 0; i < 30; i++) {
        memory_share_join(&shares[i], &memory);
        memory_share_add(&shares[i], MEMORY_WINDOW, i < 3 ? 16 * MIB : MIB);
    }
    assert_false(memory_share_must_close(&shares[29]));
    memory_share_add(&shares[29], MEMORY_WINDOW, MIB);
    assert_true(memory_share_must_close(&shares[29]));
    assert_false(memory_share_must_close(&shares[28]));
}

static void few_ask_for_what_is_larger_than_anything_honest(void **state)
{
    (void)state;
    struct held_memory memory = { 0 };
    struct memory_share shares[HELD_MEMORY_LARGE_MAX + 1];
    for (size_t i = 0; i <= HELD_MEMORY_LARGE_MAX; i++)
        memory_share_join(&shares[i], &memory);
    for (size_t i = 0; i < HELD_MEMORY_LARGE_MAX; i++)
        memory_share_begin_large(&shares[i]);
    assert_false(memory_share_may_be_large(&shares[HELD_MEMORY_LARGE_MAX]));
    assert_true(memory_share_may_be_large(&shares[0]));
    memory_share_end_large(&shares[0]);
    memory_share_end_large(&shares[0]);
    assert_true(memory_share_may_be_large(&shares[HELD_MEMORY_LARGE_MAX]));
    assert_int_equal(memory.large_count, HELD_MEMORY_LARGE_MAX - 1);
}

static void no_log_takes_it_all(void **state)
{
    (void)state;
    struct held_memory memory = { 0 };
    struct memory_share greedy, modest;
    memory_share_join(&greedy, &memory);
    memory_share_join(&modest, &memory);
    memory_share_add(&greedy, MEMORY_WINDOW, HELD_MEMORY_LOG_MAX);
    assert_false(memory_share_may_run_ahead(&greedy));
    assert_true(memory_share_may_run_ahead(&modest));
    assert_true(memory_share_must_close(&greedy));
}

static void who_leaves_is_no_longer_asked(void **state)
{
    (void)state;
    struct held_memory memory = { 0 };
    struct memory_share first, second, third;
    memory_share_join(&first, &memory);
    memory_share_join(&second, &memory);
    memory_share_join(&third, &memory);
    memory_share_leave(&second);
    memory_share_leave(&first);
    memory_share_leave(&third);
    assert_null(memory.first);
}

/* Two logs whose answers never end ask again and again; the third has its turn all the same. */
static void who_waits_comes_before_who_had_one(void **state)
{
    (void)state;
    struct held_memory memory = { 0 };
    struct memory_share slow[HELD_MEMORY_LARGE_MAX], honest;
    for (unsigned i = 0; i < HELD_MEMORY_LARGE_MAX; i++) {
        memory_share_join(&slow[i], &memory);
        assert_true(memory_share_may_be_large(&slow[i]));
        memory_share_begin_large(&slow[i]);
    }
    memory_share_join(&honest, &memory);
    assert_false(memory_share_may_be_large(&honest));
    memory_share_end_large(&slow[0]);
    assert_false(memory_share_may_be_large(&slow[0]));
    memory_share_withdraw_large(&honest);
    assert_true(memory_share_may_be_large(&honest));
    memory_share_begin_large(&honest);
    assert_false(memory_share_may_be_large(&slow[0]));
    memory_share_end_large(&slow[1]);
    assert_true(memory_share_may_be_large(&slow[0]));
}

/* Who no longer wants one keeps nobody waiting. */
static void who_withdraws_is_not_waited_for(void **state)
{
    (void)state;
    struct held_memory memory = { 0 };
    struct memory_share shares[HELD_MEMORY_LARGE_MAX + 1];
    for (unsigned i = 0; i <= HELD_MEMORY_LARGE_MAX; i++)
        memory_share_join(&shares[i], &memory);
    for (unsigned i = 0; i < HELD_MEMORY_LARGE_MAX; i++)
        memory_share_begin_large(&shares[i]);
    assert_false(memory_share_may_be_large(&shares[HELD_MEMORY_LARGE_MAX]));
    memory_share_withdraw_large(&shares[HELD_MEMORY_LARGE_MAX]);
    memory_share_end_large(&shares[0]);
    assert_true(memory_share_may_be_large(&shares[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_only_on_its_way_closes_no_window),
        cmocka_unit_test(the_largest_window_is_closed_when_memory_is_short),
        cmocka_unit_test(windows_that_cannot_be_closed_do_not_make_the_others_grow),
        cmocka_unit_test(few_ask_for_what_is_larger_than_anything_honest),
        cmocka_unit_test(who_waits_comes_before_who_had_one),
        cmocka_unit_test(who_withdraws_is_not_waited_for),
        cmocka_unit_test(no_log_takes_it_all),
        cmocka_unit_test(who_leaves_is_no_longer_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
