#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "streamer/http/metric_writer.h"

static struct buffer out;

static int setup(void **state)
{
    (void)state;
    buffer_init(&out, 4096);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buffer_free(&out);
    return 0;
}

static void expect(const char *text)
{
    buffer_append_byte(&out, '\0');
    assert_string_equal((const char *)out.data, text);
    buffer_clear(&out);
}

static const struct metric_labels none = { 0 };

static void a_metric_is_a_family_and_its_samples(void **state)
{
    (void)state;
    const struct metric_label labels[] = { { "a", bytes_of_string("1") },
                                           { "b", bytes_of_string("") } };
    metric_family(&out, "name_total", "counter", "What it is.");
    metric_unsigned(&out, "name_total", none, UINT64_MAX);
    metric_unsigned(&out, "name_total", (struct metric_labels){ labels, 1 }, 0);
    metric_milliseconds(&out, "name_total", (struct metric_labels){ labels, 2 }, 61007);
    expect("# HELP name_total What it is.\n# TYPE name_total counter\n"
           "name_total 18446744073709551615\nname_total{a=\"1\"} 0\n"
           "name_total{a=\"1\",b=\"\"} 61.007\n");
}

static void values_of_labels_cannot_break_out(void **state)
{
    (void)state;
    const struct metric_label label = { "a", bytes_of("q\"b\\n\nr\r\x00\x7f\xff\xc3\xbc", 13) };
    metric_unsigned(&out, "m", (struct metric_labels){ &label, 1 }, 1);
    expect("m{a=\"q\\\"b\\\\n\\nr\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xc3\xbc\"} 1\n");
}

static void what_is_no_number_is_not_written(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "", ".", "1.", ".5", "1.2.3", "-1", "1e3", "NaN", "01.5", "1 ", "99999999999999999999"
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        metric_decimal(&out, "m", none, bytes_of_string(wrong[i]));
    metric_decimal(&out, "m", none, bytes_of_string("12"));
    metric_decimal(&out, "m", none, bytes_of_string("0.25"));
    expect("m 12\nm 0.25\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_metric_is_a_family_and_its_samples, setup, teardown),
        cmocka_unit_test_setup_teardown(values_of_labels_cannot_break_out, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_number_is_not_written, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
