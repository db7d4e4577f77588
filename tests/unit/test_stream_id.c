#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/redis/stream_id.h"

static void reads_what_it_writes(void **state)
{
    (void)state;
    static const struct stream_id ids[] = {
        { 0, 0 },
        { 1, 0 },
        { 1700000000000, 12 },
        { 9999999999999999999u, 9999999999999999999u },
    };
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        char text[STREAM_ID_TEXT_SIZE];
        struct stream_id read;
        assert_true(stream_id_parse(&read, stream_id_format(text, ids[i])));
        assert_int_equal(stream_id_compare(read, ids[i]), 0);
    }
}

static void refuses_what_is_no_id(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "-",
        "1",
        "1-",
        "-1",
        "1-2-3",
        "1--2",
        "a-1",
        "1-a",
        " 1-1",
        "1-1 ",
        "+1-1",
        "99999999999999999999-1",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct stream_id id;
        assert_false(stream_id_parse(&id, bytes_of_string(wrong[i])));
    }
}

static void orders_by_time_then_by_number(void **state)
{
    (void)state;
    static const struct stream_id rising[] = { { 0, 9 }, { 1, 0 }, { 1, 2 }, { 1, 10 }, { 10, 0 } };
    size_t count = sizeof rising / sizeof *rising;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++)
            assert_int_equal(stream_id_compare(rising[i], rising[k]), (i > k) - (i < k));
}

static void expect_neighbours(struct stream_id id, struct stream_id next)
{
    struct stream_id after = stream_id_after(id), before = stream_id_before(next);
    assert_int_equal(stream_id_compare(after, next), 0);
    assert_int_equal(stream_id_compare(before, id), 0);
}

static void knows_its_neighbours(void **state)
{
    (void)state;
    const struct stream_id last = { UINT64_MAX, UINT64_MAX };
    expect_neighbours((struct stream_id){ 0, 0 }, (struct stream_id){ 0, 1 });
    expect_neighbours((struct stream_id){ 5, 7 }, (struct stream_id){ 5, 8 });
    expect_neighbours((struct stream_id){ 5, UINT64_MAX }, (struct stream_id){ 6, 0 });
    assert_int_equal(stream_id_compare(stream_id_after(last), last), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_writes),
        cmocka_unit_test(knows_its_neighbours),
        cmocka_unit_test(refuses_what_is_no_id),
        cmocka_unit_test(orders_by_time_then_by_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
