/* Vectorscan decides as our own automaton does, which test_linear_regex compares with the C
 * library's. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "shared/base/memory.h"
#include "streamer/filter/linear_regex.h"
#include "streamer/filter/pattern_compiler.h"
#include "streamer/filter/pattern_set.h"

static void set_flag(size_t pattern, void *context)
{
    bool *found = context;
    assert_false(found[pattern]);
    found[pattern] = true;
}

static bool matches(const char *expression, struct bytes text, bool *expected)
{
    const char *reason;
    struct linear_regex *regex = linear_regex_create(bytes_of_string(expression), &reason);
    assert_non_null(regex);
    *expected = linear_regex_matches(regex, text);
    const char *plain = linear_regex_plain(regex);
    struct pattern_set *set = pattern_set_compile(&plain, 1);
    struct pattern_scratch *scratch = pattern_scratch_create();
    bool found = false;
    if (!set)
        fail_msg("%s: %s", expression, plain);
    pattern_scratch_fit(scratch, set);
    pattern_set_search(set, scratch, text, set_flag, &found);
    pattern_scratch_destroy(scratch);
    pattern_set_destroy(set);
    linear_regex_destroy(regex);
    return found;
}

#define TEXT(text)                                \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }

/* Where Perl's expressions mean something else than one would think. */
static void odd_texts_match_as_they_should(void **state)
{
    (void)state;
    static const struct {
        const char *expression;
        struct bytes text;
        bool matches;
    } cases[] = {
        { "example$", TEXT("a.example"), true },
        { "example$", TEXT("a.example\n"), false },
        { "^b", TEXT("a\nb"), false },
        { "a$", TEXT("a\nb"), false },
        { "a.b", TEXT("a\nb"), true },
        { "a.b", TEXT("a\0b"), true },
        { "^a.b$", TEXT("a\xc3\xbc\x62"), false },
        { "^a..b$", TEXT("a\xc3\xbc\x62"), true },
        { "[^x]", TEXT("\xff"), true },
        { "\xc3\xbc{2}", TEXT("\xc3\xbc\xc3\xbc"), true },
        { "\xc3\xbc{2}", TEXT("\xc3\xbc\xbc"), false },
        { "", TEXT("anything"), true },
        { "", TEXT(""), true },
        { "x*", TEXT(""), true },
        { "^$", TEXT(""), true },
        { "^$", TEXT("\n"), false },
        { "^", TEXT(""), true },
        { "$", TEXT("a"), true },
        { "^a{0,}$", TEXT("aaa"), true },
        { "^(a|b|)c$", TEXT("c"), true },
        { "(|a)b", TEXT("b"), true },
        { "[]a]", TEXT("]"), true },
        { "\\.", TEXT("a"), false },
        { "\\#x y", TEXT("#x y"), true },
        { "\\s", TEXT("\x0b"), true },
        { "\\w", TEXT("\xe4"), false },
        { "A", TEXT("a"), true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool expected;
        bool found = matches(cases[i].expression, cases[i].text, &expected);
        if (found != cases[i].matches || expected != cases[i].matches)
            fail_msg("%zu: %s: %d and %d", i, cases[i].expression, found, expected);
    }
}

static void what_is_beyond_it_is_no_set(void **state)
{
    (void)state;
    static const char *const expressions[] = { "a^", "a\\zb", "a{0,0}b", "[]", "(" };
    for (size_t i = 0; i < sizeof expressions / sizeof *expressions; i++)
        assert_null(pattern_set_compile(&expressions[i], 1));
}

static unsigned random_below(unsigned limit)
{
    return (unsigned)rand() % limit; /* NOLINT: a test's */
}

static void write_expression(char *out, size_t size)
{
    static const char *const pieces[] = {
        "a",       "b",        "c",
        ".",       "[ab]",     "[^a]",
        "(a|b)",   "(ab|c)",   "a*",
        "b+",      "c?",       "(ab)*",
        "(a|bc)+", "a{2}",     "(a|b){1,3}",
        "b{0,2}",  "(a*b)*",   "|",
        "^a",      "c$",       "(^a|b)",
        "(c|a$)",  "\\d",      "\\W",
        "[0-9a]",  "\xc3\xbc", "(\xc3\xbc|a){2}",
        "\\.",     "a{3,}",    "(a?b){2,4}",
    };
    out[0] = 0;
    for (unsigned count = 1 + random_below(6); count > 0; count--)
        (void)strncat(out, pieces[random_below(sizeof pieces / sizeof *pieces)],
                      size - strlen(out) - 1);
}

static struct bytes write_text(uint8_t *out)
{
    static const uint8_t alphabet[] = { 'a', 'b', 'c', 'a', 'b', '.', '1', '\n', 0, 0xc3, 0xbc };
    size_t size = random_below(14);
    for (size_t i = 0; i < size; i++)
        out[i] = alphabet[random_below(sizeof alphabet)];
    return bytes_of(out, size);
}

enum {
    PATTERNS = 40,
    TEXTS = 300,
    ROUNDS = 12,
};

/* How many of the patterns are in one text. */
static size_t compare_text(struct linear_regex *const *regexes, const char *const *plain,
                           const bool *found, size_t count, struct bytes text)
{
    size_t matched = 0;
    for (size_t i = 0; i < count; i++) {
        if (found[i] != linear_regex_matches(regexes[i], text))
            fail_msg("%s: %d", plain[i], found[i]);
        matched += found[i];
    }
    return matched;
}

static size_t compare_set(struct linear_regex *const *regexes, const char *const *plain,
                          size_t count)
{
    struct pattern_set *set = pattern_set_compile(plain, count);
    struct pattern_scratch *scratch = pattern_scratch_create();
    size_t matched = 0;
    assert_non_null(set);
    pattern_scratch_fit(scratch, set);
    for (size_t turn = 0; turn < TEXTS; turn++) {
        uint8_t room[16];
        bool found[PATTERNS] = { false };
        struct bytes text = write_text(room);
        pattern_set_search(set, scratch, text, set_flag, found);
        matched += compare_text(regexes, plain, found, count, text);
    }
    pattern_scratch_destroy(scratch);
    pattern_set_destroy(set);
    return matched;
}

static void decides_as_the_automaton(void **state)
{
    (void)state;
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed); /* NOLINT: a test's */
    size_t compared = 0, matched = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        struct linear_regex *regexes[PATTERNS];
        const char *plain[PATTERNS];
        size_t count = 0;
        for (size_t i = 0; i < PATTERNS; i++) {
            char expression[128];
            const char *reason;
            write_expression(expression, sizeof expression);
            regexes[count] = linear_regex_create(bytes_of_string(expression), &reason);
            assert_non_null(regexes[count]);
            plain[count] = linear_regex_plain(regexes[count]);
            struct pattern_set *alone = pattern_set_compile(&plain[count], 1);
            if (alone)
                count++;
            else
                linear_regex_destroy(regexes[count]);
            pattern_set_destroy(alone);
        }
        if (count > 0)
            matched += compare_set(regexes, plain, count);
        compared += count;
        while (count > 0)
            linear_regex_destroy(regexes[--count]);
    }
    assert_true(compared > PATTERNS * ROUNDS / 3 && matched > 1000);
}

static struct pattern_job *run(struct pattern_compiler *compiler, struct pattern_job *job)
{
    struct pollfd descriptor = { pattern_compiler_descriptor(compiler), POLLIN, 0 };
    assert_false(pattern_compiler_is_busy(compiler));
    assert_true(pattern_compiler_start(compiler, job));
    assert_true(pattern_compiler_is_busy(compiler));
    /* The thread that compiles stands behind everything else on the machine. */
    assert_int_equal(poll(&descriptor, 1, 300000), 1);
    struct pattern_job *done = pattern_compiler_take(compiler);
    assert_ptr_equal(done, job);
    assert_null(pattern_compiler_take(compiler));
    return done;
}

static struct pattern_job *make_job(const char *const *expressions, size_t count)
{
    struct pattern_job *job = pattern_job_create(count, count);
    for (size_t i = 0; i < count; i++) {
        job->expressions[i] = memory_copy_string(expressions[i]);
        job->groups[i].first = i;
        job->groups[i].count = 1;
    }
    return job;
}

/* The second is beyond the library, the third takes it more than there is patience for. */
static void only_good_patterns_are_compiled_together(void **state)
{
    (void)state;
    static const char *const expressions[] = { "shop", "a^", "(.a){120}", "^pay[a-z]*[0-9]" };
    struct pattern_compiler *compiler = pattern_compiler_create();
    for (size_t turn = 0; turn < 2; turn++) {
        struct pattern_job *job = run(compiler, make_job(expressions, 4));
        assert_non_null(job->set);
        assert_true(job->groups[0].is_good && !job->groups[1].is_good && !job->groups[2].is_good);
        assert_true(job->groups[3].is_good && job->in_set[3] == 1);
        pattern_job_destroy(job);
    }
    struct pattern_job *none = run(compiler, make_job(expressions + 1, 1));
    assert_null(none->set);
    pattern_job_destroy(none);
    pattern_compiler_destroy(compiler);
}

static void a_compiler_can_be_stopped_at_any_time(void **state)
{
    (void)state;
    static const char *const expressions[] = { "shop", "(.a){120}", "(.b){120}" };
    for (size_t turn = 0; turn < 3; turn++) {
        struct pattern_compiler *compiler = pattern_compiler_create();
        if (turn > 0)
            assert_true(pattern_compiler_start(compiler, make_job(expressions, turn)));
        pattern_compiler_destroy(compiler);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(odd_texts_match_as_they_should),
        cmocka_unit_test(what_is_beyond_it_is_no_set),
        cmocka_unit_test(decides_as_the_automaton),
        cmocka_unit_test(only_good_patterns_are_compiled_together),
        cmocka_unit_test(a_compiler_can_be_stopped_at_any_time),
    };
    if (!pattern_sets_are_possible()) {
        print_message("SKIPPED: this processor has no SSE4.2\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
