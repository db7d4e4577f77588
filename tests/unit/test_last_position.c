#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/follow/last_position.h"

static struct log_position at(uint64_t next)
{
    return (struct log_position){ .next = next, .epoch = 1, .has_frontier = true };
}

static void what_may_be_lost_begins_where_it_first_stood(void **state)
{
    (void)state;
    struct last_position last = { 0 };
    const struct log_position first = at(10), second = at(20), rolled_back = at(5);
    last_position_keep(&last, &first);
    last_position_keep(&last, &second);
    assert_true(last.is_known);
    assert_int_equal(last.from, 10);
    assert_int_equal(last.position.next, 20);
    last_position_keep(&last, &rolled_back);
    assert_int_equal(last.from, 5);
    last_position_on_said(&last);
    assert_int_equal(last.from, 5);
}

static void what_is_heard_counts_and_has_no_frontier(void **state)
{
    (void)state;
    struct last_position last = { 0 };
    const struct log_position first = at(10);
    last_position_hear(&last, 0, 0);
    assert_false(last.is_known);
    last_position_hear(&last, 7, 1);
    assert_int_equal(last.position.next, 7);
    assert_false(last.position.has_frontier);
    last_position_keep(&last, &first);
    last_position_hear(&last, 10, 1);
    assert_true(last.position.has_frontier);
    last_position_hear(&last, 10, 2);
    assert_int_equal(last.position.epoch, 2);
    assert_false(last.position.has_frontier);
    last_position_hear(&last, 30, 2);
    assert_int_equal(last.position.next, 30);
    assert_int_equal(last.from, 7);
    last_position_on_said(&last);
    assert_int_equal(last.from, 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_may_be_lost_begins_where_it_first_stood),
        cmocka_unit_test(what_is_heard_counts_and_has_no_frontier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
