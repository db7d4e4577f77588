#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/base/buffer.h"

static void grows_as_needed_and_keeps_its_contents(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 1 << 20);
    for (unsigned i = 0; i < 10000; i++)
        buffer_append_byte(&buffer, (uint8_t)i);
    assert_int_equal(buffer.size, 10000);
    for (unsigned i = 0; i < 10000; i++)
        assert_int_equal(buffer.data[i], (uint8_t)i);
    buffer_free(&buffer);
}

static void refuses_to_pass_its_limit_and_stays_failed(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 10);
    buffer_append_string(&buffer, "1234567890");
    assert_false(buffer.failed);
    buffer_append_byte(&buffer, 'x');
    assert_true(buffer.failed);
    assert_int_equal(buffer.size, 10);
    assert_memory_equal(buffer.data, "1234567890", 10);
    assert_null(buffer_reserve(&buffer, SIZE_MAX));
    buffer_clear(&buffer);
    assert_false(buffer.failed);
    buffer_append_string(&buffer, "again");
    assert_int_equal(buffer.size, 5);
    assert_memory_equal(buffer.data, "again", 5);
    buffer_free(&buffer);
}

static void writes_numbers_and_formats(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 100);
    buffer_append_unsigned(&buffer, 0);
    buffer_append_byte(&buffer, ' ');
    buffer_append_unsigned(&buffer, UINT64_MAX);
    buffer_append_format(&buffer, " %s=%d", "x", -7);
    assert_true(bytes_equal_string(buffer_bytes(&buffer), "0 18446744073709551615 x=-7"));
    buffer_free(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_as_needed_and_keeps_its_contents),
        cmocka_unit_test(refuses_to_pass_its_limit_and_stays_failed),
        cmocka_unit_test(writes_numbers_and_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
