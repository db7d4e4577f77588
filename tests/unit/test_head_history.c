/* A log that signs two roots for one size is noticed, once for each root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/tree/head_history.h"

static struct signed_head make(uint64_t size, uint8_t root)
{
    return (struct signed_head){ .size = size, .root = { { root } } };
}

static void two_roots_for_one_size_contradict_each_other(void **state)
{
    (void)state;
    struct head_history history = { 0 };
    struct signed_head first = make(10, 1), second = make(10, 2), larger = make(11, 3), other;
    assert_false(head_history_add(&history, &first, &other));
    assert_false(head_history_add(&history, &first, &other));
    assert_false(head_history_add(&history, &larger, &other));
    assert_true(head_history_add(&history, &second, &other));
    assert_int_equal(other.root.bytes[0], 1);
    /* Both are known now. */
    assert_false(head_history_add(&history, &second, &other));
    assert_false(head_history_add(&history, &first, &other));
    assert_int_equal(history.count, 3);
}

static void old_heads_are_forgotten(void **state)
{
    (void)state;
    struct head_history history = { 0 };
    struct signed_head other;
    for (uint64_t size = 0; size <= HEAD_HISTORY_SIZE; size++) {
        struct signed_head head = make(size, 1);
        assert_false(head_history_add(&history, &head, &other));
    }
    struct signed_head forgotten = make(0, 2), known = make(1, 2);
    assert_true(head_history_add(&history, &known, &other));
    assert_false(head_history_add(&history, &forgotten, &other));
    assert_int_equal(history.count, HEAD_HISTORY_SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_roots_for_one_size_contradict_each_other),
        cmocka_unit_test(old_heads_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
