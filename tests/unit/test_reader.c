#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/base/reader.h"

static const uint8_t sample[] = { 0x01, 0x02, 0x03, 0x00, 0x02, 0xaa, 0xbb };

static void reads_big_endian_integers_and_vectors(void **state)
{
    (void)state;
    struct reader reader = reader_of(bytes_of(sample, sizeof sample));
    assert_int_equal(reader_integer(&reader, 1), 1);
    assert_int_equal(reader_integer(&reader, 2), 0x0203);
    struct bytes vector = reader_vector(&reader, 2);
    assert_true(bytes_equal(vector, bytes_of(sample + 5, 2)));
    assert_true(reader_finished(&reader));
}

static void fails_for_good_at_the_first_read_past_the_end(void **state)
{
    (void)state;
    struct reader reader = reader_of(bytes_of(sample, 3));
    assert_int_equal(reader_integer(&reader, 4), 0);
    assert_false(reader_ok(&reader));
    assert_int_equal(reader_integer(&reader, 1), 0);
    assert_false(reader_finished(&reader));
}

static void refuses_a_vector_longer_than_what_is_left(void **state)
{
    (void)state;
    static const uint8_t huge[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00 };
    struct reader reader = reader_of(bytes_of(huge, sizeof huge));
    assert_int_equal(reader_vector(&reader, 8).size, 0);
    assert_false(reader_ok(&reader));
}

static void an_empty_input_is_finished_at_once(void **state)
{
    (void)state;
    struct reader reader = reader_of((struct bytes){ 0 });
    assert_true(reader_finished(&reader));
    assert_int_equal(reader_take(&reader, 0).size, 0);
    assert_true(reader_finished(&reader));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_big_endian_integers_and_vectors),
        cmocka_unit_test(fails_for_good_at_the_first_read_past_the_end),
        cmocka_unit_test(refuses_a_vector_longer_than_what_is_left),
        cmocka_unit_test(an_empty_input_is_finished_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
