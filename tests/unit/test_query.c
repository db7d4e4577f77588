#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "streamer/filter/query.h"

static void a_fragment_is_a_name_and_a_value(void **state)
{
    (void)state;
    static struct query query;
    query_init(&query);
    assert_true(query_add(&query, bytes_of_string("a=1")));
    assert_true(query_add(&query, bytes_of_string("b")));
    assert_true(query_add(&query, bytes_of_string("c=")));
    assert_true(query_add(&query, bytes_of_string("d==e=f")));
    assert_true(query_add(&query, bytes_of_string("=g")));
    assert_true(query_add(&query, bytes_of_string("")));
    assert_true(query_add(&query, bytes_of_string("a=2")));
    assert_int_equal(query.count, 6);
    assert_true(bytes_equal_string(query_find(&query, "a"), "1"));
    assert_true(bytes_equal_string(query_find(&query, "d"), "=e=f"));
    assert_true(bytes_equal_string(query_find(&query, ""), "g"));
    assert_non_null(query_find(&query, "b").data);
    assert_int_equal(query_find(&query, "b").size, 0);
    assert_int_equal(query_find(&query, "c").size, 0);
    assert_null(query_find(&query, "x").data);
    assert_true(bytes_equal_string(query.parameters[5].value, "2"));
}

static void there_are_limits(void **state)
{
    (void)state;
    static struct query query;
    static const uint8_t text[QUERY_TEXT_MAX + 1] = "n=";
    query_init(&query);
    for (size_t i = 0; i < QUERY_PARAMETERS_MAX; i++)
        assert_true(query_add(&query, bytes_of_string("x=y")));
    assert_false(query_add(&query, bytes_of_string("x=y")));
    assert_true(query_add(&query, bytes_of_string("")));
    assert_int_equal(query.count, QUERY_PARAMETERS_MAX);
    query_init(&query);
    assert_false(query_add(&query, bytes_of(text, QUERY_TEXT_MAX + 1)));
    assert_true(query_add(&query, bytes_of(text, QUERY_TEXT_MAX)));
    assert_false(query_add(&query, bytes_of_string("x")));
    assert_int_equal(query.count, 1);
    assert_int_equal(query_find(&query, "n").size, QUERY_TEXT_MAX - 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fragment_is_a_name_and_a_value),
        cmocka_unit_test(there_are_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
