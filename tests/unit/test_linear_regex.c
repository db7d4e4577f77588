#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "streamer/filter/linear_regex.h"

static bool matches(const char *expression, const char *text)
{
    const char *reason;
    struct linear_regex *regex = linear_regex_create(bytes_of_string(expression), &reason);
    if (!regex)
        fail_msg("%s: %s", expression, reason);
    bool answer = linear_regex_matches(regex, bytes_of_string(text));
    linear_regex_destroy(regex);
    return answer;
}

static void matches_what_it_says(void **state)
{
    (void)state;
    static const struct {
        const char *expression, *text;
        bool matches;
    } cases[] = {
        { "shop", "www.shop.example", true },
        { "SHOP", "www.shop.example", true },
        { "shop", "www.sho.example", false },
        { "^shop", "shop.example", true },
        { "^shop", "a.shop.example", false },
        { "example$", "shop.example", true },
        { "example$", "example.org", false },
        { "^a$", "a", true },
        { "^a$", "ab", false },
        { "^$", "", true },
        { "^$", "a", false },
        { "a|b", "xbx", true },
        { "^(a|b)c$", "bc", true },
        { "^(a|b|)c$", "c", true },
        { "^a|b$", "axx", true },
        { "^a|b$", "xxb", true },
        { "^a|b$", "xax", false },
        { "^pay[a-z]*[0-9]", "paypal7.example", true },
        { "^pay[a-z]*[0-9]", "pay-7.example", false },
        { "^[^.]+\\.example$", "a.example", true },
        { "^[^.]+\\.example$", "a.b.example", false },
        { "[^a]", "aaaa", false },
        { "[^A]", "aaaa", false },
        { "[A-Z]", "a", true },
        { "[]a]", "]", true },
        { "[a-]", "-", true },
        { "[\\]]", "]", true },
        { "[\\d.]{3}", "1.2", true },
        { "^\\w+$", "a_9", true },
        { "^\\w+$", "a-9", false },
        { "\\W", "abc", false },
        { "\\W", "a-c", true },
        { "\\D", "12", false },
        { "\\s", "a b", true },
        { "\\S", " ", false },
        { "^a{3}$", "aaa", true },
        { "^a{3}$", "aa", false },
        { "^a{3}$", "aaaa", false },
        { "^a{2,}$", "a", false },
        { "^a{2,}$", "aaaaa", true },
        { "^a{0,2}$", "", true },
        { "^a{0,2}$", "aaa", false },
        { "^a{0,}$", "aaa", true },
        { "^a{1,3}b$", "aaab", true },
        { "^(ab){2}$", "abab", true },
        { "^(ab|c){2,3}$", "abcab", true },
        { "^(ab|c){2,3}$", "abcabc", false },
        { "^a{0}b$", "b", true },
        { "^a{0}b$", "ab", false },
        { "^(?:a|b)+?$", "abba", true },
        { "(a*)*b", "aaab", true },
        { "(a*)*b", "aaac", false },
        { "^.$", "x", true },
        { "^.\\.x$", "..x", true },
        { "b\xc3\xbc"
          "cher",
          "www.b\xc3\xbc"
          "cher.example",
          true },
        { "^\xc3\xbc+$", "\xc3\xbc\xc3\xbc", true },
        { "x*", "", true },
        { "", "anything", true },
        { "$", "anything", true },
        { "a$b", "a$b", false },
        { "a^b", "a^b", false },
        { "a\\^\\$\\{\\}", "a^${}", true },
        { "}", "}", true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (matches(cases[i].expression, cases[i].text) != cases[i].matches)
            fail_msg("%s on %s", cases[i].expression, cases[i].text);
}

static void says_why_an_expression_is_none(void **state)
{
    (void)state;
    static const struct {
        const char *expression, *part;
    } cases[] = {
        { "(a", "( without" },
        { "a)", ") without" },
        { "[a", "[ without" },
        { "[]", "[ without" },
        { "[b-a]", "range" },
        { "[[:alpha:]]", "named class" },
        { "[\xc3\xbc]", "not ASCII" },
        { "*a", "repeats nothing" },
        { "a**", "repeats nothing" },
        { "^*", "repeats nothing" },
        { "(|*)", "repeats nothing" },
        { "a{", "no repetition" },
        { "a{x}", "no repetition" },
        { "a{1", "no repetition" },
        { "a{,3}", "no repetition" },
        { "a{3,2}", "below its least" },
        { "a{257}", "too often" },
        { "a{99999999999999999999999}", "too often" },
        { "(a{200}){200}", "too large" },
        { "((a{16}){16}){16}", "too large" },
        { "(a{100}){3}", "too large" },
        { "(a)\\1", "back reference" },
        { "\\bword", "word boundary" },
        { "word\\B", "word boundary" },
        { "\\Aa", "use ^ and $" },
        { "a\\z", "use ^ and $" },
        { "\\x41", "by its number" },
        { "\\pL", "property" },
        { "\\u00e4", "by its number" },
        { "\\q", "escape" },
        { "(?=a)", "looks around" },
        { "(?!a)", "looks around" },
        { "(?<=a)", "looks around" },
        { "(?<!a)", "looks around" },
        { "(?P<n>a)", "named group" },
        { "(?<n>a)", "named group" },
        { "(?i)a", "flags" },
        { "(?-i)a", "flags" },
        { "(?>a)", "(? other" },
        { "a++", "repeated already" },
        { "a\\", "backslash" },
        { "\xff", "UTF-8" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *reason = "";
        assert_null(linear_regex_create(bytes_of_string(cases[i].expression), &reason));
        if (!strstr(reason, cases[i].part))
            fail_msg("%s: %s", cases[i].expression, reason);
    }
}

static void refuses_what_nests_too_deep(void **state)
{
    (void)state;
    char deep[512];
    const char *reason;
    memset(deep, '(', 256);
    memset(deep + 256, ')', 256);
    assert_null(linear_regex_create(bytes_of(deep, sizeof deep), &reason));
    assert_non_null(strstr(reason, "inside"));
}

static void takes_as_many_positions_as_there_may_be(void **state)
{
    (void)state;
    char text[257] = { 0 };
    memset(text, 'a', 256);
    assert_true(matches("^a{256}$", text));
    text[255] = 0;
    assert_false(matches("^a{256}$", text));
    assert_true(matches("^(a|b){128}$", text + 127));
}

/* What a backtracking engine needs more than the age of the universe for. */
static void is_linear_on_what_backtracking_is_not(void **state)
{
    (void)state;
    enum {
        SIZE = 200000
    };
    char *text = malloc(SIZE + 1);
    memset(text, 'a', SIZE);
    text[SIZE] = 0;
    assert_false(matches("^(a|aa)+$b", text));
    assert_false(matches("(a*)*(a*)*(a*)*c", text));
    assert_false(matches("(a?){60}a{60}c", text));
    free(text);
}

static unsigned random_below(unsigned limit)
{
    return (unsigned)rand() % limit; /* NOLINT: a test's */
}

/* A random expression that POSIX and we read alike. */
static void write_expression(char *out, size_t size)
{
    static const char *const pieces[] = { "a",      "b",      "c",       ".",    "[ab]",
                                          "[^a]",   "(a|b)",  "(ab|c)",  "a*",   "b+",
                                          "c?",     "(ab)*",  "(a|bc)+", "a{2}", "(a|b){1,3}",
                                          "b{0,2}", "(a*b)*", "|",       "^a",   "c$",
                                          "(^a|b)", "(c|a$)" };
    out[0] = 0;
    for (unsigned count = 1 + random_below(5); count > 0; count--)
        (void)strncat(out, pieces[random_below(sizeof pieces / sizeof *pieces)],
                      size - strlen(out) - 1);
}

/* Random texts on both; answers how many. */
static unsigned compare(const char *expression, const struct linear_regex *regex,
                        const regex_t *oracle)
{
    enum {
        TEXTS = 20
    };
    for (unsigned turn = 0; turn < TEXTS; turn++) {
        char text[16] = { 0 };
        for (size_t i = random_below(10); i > 0; i--)
            text[i - 1] = "abc"[random_below(3)];
        bool expected = regexec(oracle, text, 0, NULL, 0) == 0;
        if (linear_regex_matches(regex, bytes_of_string(text)) != expected)
            fail_msg("%s on %s: %d expected", expression, text, expected);
    }
    return TEXTS;
}

static void agrees_with_the_c_library(void **state)
{
    (void)state;
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed); /* NOLINT: a test's */
    unsigned compared = 0;
    for (unsigned round = 0; round < 3000; round++) {
        char expression[128];
        const char *reason;
        regex_t oracle;
        write_expression(expression, sizeof expression);
        struct linear_regex *regex = linear_regex_create(bytes_of_string(expression), &reason);
        assert_non_null(regex);
        if (regcomp(&oracle, expression, REG_EXTENDED | REG_NOSUB) == 0) {
            compared += compare(expression, regex, &oracle);
            regfree(&oracle);
        }
        linear_regex_destroy(regex);
    }
    assert_true(compared > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_what_it_says),
        cmocka_unit_test(says_why_an_expression_is_none),
        cmocka_unit_test(refuses_what_nests_too_deep),
        cmocka_unit_test(takes_as_many_positions_as_there_may_be),
        cmocka_unit_test(is_linear_on_what_backtracking_is_not),
        cmocka_unit_test(agrees_with_the_c_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
