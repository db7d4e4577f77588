#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/process/terminal.h"

struct text_case {
    const char *text, *shown;
    size_t width, written;
};

static void check_text(const struct text_case *expected)
{
    struct buffer out;
    buffer_init(&out, SIZE_MAX);
    size_t written = terminal_append_text(&out, bytes_of_string(expected->text), expected->width);
    assert_int_equal(out.size, strlen(expected->shown));
    assert_memory_equal(out.data, expected->shown, out.size);
    assert_int_equal(written, expected->written);
    buffer_free(&out);
}

static void check_texts(const struct text_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_text(&cases[i]);
}

#define CHECK_TEXTS(cases) check_texts(cases, sizeof(cases) / sizeof *(cases))

static void harmless_text_stays(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        { "", "", 10, 0 },
        { "a.example", "a.example", 10, 9 },
        { "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x94\x92", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x94\x92",
          10, 8 },
        { "\\u001b is no escape", "\\u001b is no escape", 80, 19 },
    };
    CHECK_TEXTS(cases);
}

static void what_controls_a_terminal_is_escaped(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        { "\x1b[2J", "\\u001b[2J", 80, 9 },
        { "a\nb", "a\\u000ab", 80, 8 },
        { "\x7f", "\\u007f", 80, 6 },
        { "\xc2\x9b"
          "2J",
          "\\u009b2J", 80, 8 },
        { "\xd8\x9c", "\\u061c", 80, 6 },
        { "\xe2\x80\xae"
          "moc\xe2\x80\xac",
          "\\u202emoc\\u202c", 80, 15 },
        { "\xe2\x81\xa6\xe2\x81\xa9", "\\u2066\\u2069", 80, 12 },
        { "\xe2\x80\xa8", "\\u2028", 80, 6 },
    };
    CHECK_TEXTS(cases);
}

static void what_is_no_text_is_replaced(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        { "\xff", "\xef\xbf\xbd", 80, 1 },
        { "a\xc3", "a\xef\xbf\xbd", 80, 2 },
        /* Longer than needed: ESC in two bytes. */
        { "\xc0\x9b", "\xef\xbf\xbd\xef\xbf\xbd", 80, 2 },
    };
    CHECK_TEXTS(cases);
}

static void what_is_too_wide_ends_with_an_ellipsis(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        { "abcde", "abcde", 5, 5 },
        { "abcdef", "abcd\xe2\x80\xa6", 5, 5 },
        { "\xc3\xa9\xc3\xa9\xc3\xa9", "\xc3\xa9\xe2\x80\xa6", 2, 2 },
        /* An escape is never cut through. */
        { "ab\x1b", "ab\xe2\x80\xa6", 5, 3 },
        { "ab\x1b", "ab\\u001b", 8, 8 },
    };
    CHECK_TEXTS(cases);
}

static void json_stays_what_it_is(void **state)
{
    (void)state;
    static const char json[] = "{\n\t\"a\": \"\xc2\x9b\\n\"}";
    static const char shown[] = "{  \"a\": \"\\u009b\\n\"}";
    struct buffer out;
    buffer_init(&out, SIZE_MAX);
    terminal_append_json(&out, bytes_of_string(json));
    assert_int_equal(out.size, strlen(shown));
    assert_memory_equal(out.data, shown, out.size);
    buffer_free(&out);
}

static void only_a_terminal_with_colours_has_colours(void **state)
{
    (void)state;
    const struct terminal colourful = { .has_colours = true }, plain = { .is_one = true };
    assert_string_equal(terminal_colour(&colourful, TERMINAL_RED), "\x1b[31m");
    assert_string_equal(terminal_colour(&colourful, TERMINAL_PLAIN), "\x1b[0m");
    assert_string_equal(terminal_colour(&plain, TERMINAL_RED), "");
}

static void a_file_is_no_terminal(void **state)
{
    (void)state;
    FILE *file = fopen("/dev/null", "w");
    assert_non_null(file);
    struct terminal terminal = terminal_of(file);
    assert_false(terminal.is_one);
    assert_false(terminal.has_colours);
    assert_int_equal(terminal.width, 80);
    (void)fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(harmless_text_stays),
        cmocka_unit_test(what_controls_a_terminal_is_escaped),
        cmocka_unit_test(what_is_no_text_is_replaced),
        cmocka_unit_test(what_is_too_wide_ends_with_an_ellipsis),
        cmocka_unit_test(json_stays_what_it_is),
        cmocka_unit_test(only_a_terminal_with_colours_has_colours),
        cmocka_unit_test(a_file_is_no_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
