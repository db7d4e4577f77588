#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "shared/x509/name_set.h"
#include "tests/support/seeded_random.h"

enum {
    NAMES = 5000,
    NAME_SIZE = 16
};

static void keeps_each_name_once_in_order(void **state)
{
    (void)state;
    static const char *const given[] = {
        "b", "a", "b", "", "a", "", "b\0", "longer than eight", "longer than eighT"
    };
    struct name_set set;
    name_set_init(&set, 1);
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        name_set_add(&set, bytes_of_string(given[i]));
    name_set_add(&set, bytes_of("b\0", 2));
    static const char *const expected[] = { "b", "a", "", "longer than eight",
                                            "longer than eighT" };
    assert_int_equal(set.count, 6);
    for (size_t i = 0; i < 5; i++)
        assert_true(bytes_equal_string(set.names[i], expected[i]));
    assert_int_equal(set.names[5].size, 2);
    name_set_clear(&set);
    assert_int_equal(set.count, 0);
    name_set_add(&set, bytes_of_string("a"));
    assert_int_equal(set.count, 1);
    name_set_free(&set);
}

/* Against the plainest way to do it, with random names of which many come again. */
static void agrees_with_a_search_one_by_one(void **state)
{
    (void)state;
    struct seeded_random random = seeded_random_of_run();
    static char names[NAMES][NAME_SIZE];
    static size_t expected[NAMES];
    struct name_set set;
    name_set_init(&set, seeded_random_next(&random));
    for (int round = 0; round < 3; round++) {
        size_t count = 0;
        name_set_clear(&set);
        for (size_t i = 0; i < NAMES; i++) {
            uint64_t number = seeded_random_next(&random) % (round == 0 ? 10 : NAMES);
            (void)snprintf(names[i], NAME_SIZE, "%" PRIu64, number);
            size_t at = 0;
            while (at < count && strcmp(names[expected[at]], names[i]) != 0)
                at++;
            if (at == count)
                expected[count++] = i;
            name_set_add(&set, bytes_of_string(names[i]));
        }
        assert_int_equal(set.count, count);
        for (size_t i = 0; i < count; i++)
            assert_ptr_equal(set.names[i].data, names[expected[i]]);
    }
    name_set_free(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_each_name_once_in_order),
        cmocka_unit_test(agrees_with_a_search_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
