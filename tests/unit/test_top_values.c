#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shared/base/memory.h"
#include "streamer/http/top_values.h"

static const struct top_value *find(const struct top_values *values, const char *text)
{
    for (size_t i = 0; i < values->count; i++)
        if (bytes_equal_string(bytes_of(values->items[i].text, values->items[i].size), text))
            return &values->items[i];
    return NULL;
}

static void counts_few_exactly(void **state)
{
    (void)state;
    struct top_values *values = memory_allocate_zeroed(1, sizeof *values);
    top_values_add(values, bytes_of_string("a"), 1);
    top_values_add(values, bytes_of_string("b"), 1);
    top_values_add(values, bytes_of_string("b"), 3);
    assert_int_equal(values->count, 2);
    assert_memory_equal(values->items[0].text, "b", 1);
    assert_int_equal(values->items[0].count, 4);
    assert_int_equal(values->items[0].error, 0);
    assert_int_equal(values->items[1].count, 1);
    free(values);
}

/* One in ten, among strangers of whom none comes twice. */
static void finds_the_frequent_among_strangers(void **state)
{
    (void)state;
    enum {
        ALL = 100000
    };
    struct top_values *values = memory_allocate_zeroed(1, sizeof *values);
    char name[32];
    for (int i = 0; i < ALL; i++) {
        (void)snprintf(name, sizeof name, i % 10 ? "stranger %d" : "friend", i);
        top_values_add(values, bytes_of_string(name), 1);
    }
    assert_int_equal(values->count, TOP_VALUES_MAX);
    const struct top_value *friend = find(values, "friend");
    assert_ptr_equal(friend, &values->items[0]);
    assert_in_range(friend->count, ALL / 10, ALL / 10 + ALL / TOP_VALUES_MAX);
    assert_true(friend->count - friend->error <= ALL / 10);
    for (size_t i = 1; i < values->count; i++) {
        assert_true(values->items[i].count <= values->items[i - 1].count);
        assert_true(values->items[i].count - values->items[i].error <= 1);
    }
    free(values);
}

static void passes_over_what_is_too_long(void **state)
{
    (void)state;
    uint8_t text[TOP_VALUE_SIZE + 1] = { 0 };
    struct top_values *values = memory_allocate_zeroed(1, sizeof *values);
    top_values_add(values, bytes_of(text, sizeof text), 1);
    assert_int_equal(values->count, 0);
    top_values_add(values, bytes_of(text, TOP_VALUE_SIZE), 1);
    assert_int_equal(values->count, 1);
    free(values);
}

static void merges_counts_and_errors(void **state)
{
    (void)state;
    struct top_values *a = memory_allocate_zeroed(2, sizeof *a);
    struct top_values *b = a + 1;
    char name[8];
    for (int i = 0; i <= TOP_VALUES_MAX; i++) {
        (void)snprintf(name, sizeof name, "%d", i);
        top_values_add(a, bytes_of_string(name), 2);
    }
    top_values_add(b, bytes_of_string("0"), 5);
    top_values_merge(b, a);
    const struct top_value *first = find(b, "0");
    assert_non_null(first);
    assert_int_equal(first->count, 7);
    (void)snprintf(name, sizeof name, "%d", TOP_VALUES_MAX);
    assert_int_equal(find(b, name)->count, 4);
    assert_int_equal(find(b, name)->error, 2);
    free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_few_exactly),
        cmocka_unit_test(finds_the_frequent_among_strangers),
        cmocka_unit_test(passes_over_what_is_too_long),
        cmocka_unit_test(merges_counts_and_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
