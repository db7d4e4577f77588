#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "streamer/filter/text_pattern.h"

static void asterisks_at_the_ends_stand_for_anything(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool matches;
    } cases[] = {
        { "abc", "abc", true },       { "abc", "abcd", false },   { "abc", "xabc", false },
        { "abc", "ab", false },       { "abc*", "abc", true },    { "abc*", "abcd", true },
        { "abc*", "xabc", false },    { "*abc", "xabc", true },   { "*abc", "abc", true },
        { "*abc", "abcx", false },    { "*abc*", "xabcx", true }, { "*abc*", "abc", true },
        { "*abc*", "xabxcx", false }, { "*", "", true },          { "*", "x", true },
        { "**", "x", true },          { "", "", true },           { "", "x", false },
        { "a*c", "a*c", true },       { "a*c", "abc", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct text_pattern pattern = text_pattern_of(bytes_of_string(cases[i].pattern));
        if (text_pattern_matches(&pattern, bytes_of_string(cases[i].text)) != cases[i].matches)
            fail_msg("%s on %s", cases[i].pattern, cases[i].text);
    }
}

static void only_letters_of_ascii_become_small(void **state)
{
    (void)state;
    uint8_t text[] = "AZaz@[`{09\xc3\x9c";
    text_pattern_lower(text, bytes_of(text, sizeof text));
    assert_string_equal((const char *)text, "azaz@[`{09\xc3\x9c");
}

static void a_part_is_found_where_it_first_stands(void **state)
{
    (void)state;
    struct bytes whole = bytes_of_string("abcabc");
    assert_ptr_equal(text_pattern_find(whole, bytes_of_string("bc")), whole.data + 1);
    assert_ptr_equal(text_pattern_find(whole, bytes_of_string("")), whole.data);
    assert_null(text_pattern_find(whole, bytes_of_string("cb")));
    assert_null(text_pattern_find(whole, bytes_of_string("abcabcd")));
    assert_null(text_pattern_find((struct bytes){ 0 }, bytes_of_string("a")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asterisks_at_the_ends_stand_for_anything),
        cmocka_unit_test(only_letters_of_ascii_become_small),
        cmocka_unit_test(a_part_is_found_where_it_first_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
