#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/process/progress.h"

static const struct terminal none = { .is_one = false, .width = 80 };
static const struct terminal wide = { .is_one = true, .width = 80 };
static const struct terminal narrow = { .is_one = true, .width = 75 };

struct moment {
    struct terminal terminal;
    uint64_t first, total, done, after_ms;
    const char *line;
};

static void check(const struct moment *moment)
{
    const struct progress progress = {
        .terminal = moment->terminal,
        .first = moment->first,
        .total = moment->total,
        .begun_ms = 1000,
    };
    struct buffer line;
    buffer_init(&line, SIZE_MAX);
    progress_append_line(&line, &progress, moment->done, 1000 + moment->after_ms);
    buffer_append_byte(&line, '\0');
    assert_string_equal((const char *)line.data, moment->line);
    buffer_free(&line);
}

static void a_line_has_share_rate_and_time_left(void **state)
{
    (void)state;
    const struct moment moments[] = {
        /* Only what was done in this run has a rate. */
        { none, 0, 1000, 250, 1000, " 25 %  250 of 1000  250/s  0:03 left" },
        { none, 500, 1000, 750, 1000, " 75 %  750 of 1000  250/s  0:01 left" },
        { none, 0, 100000, 100, 1000, "  0 %  100 of 100000  100/s  16:39 left" },
        { none, 0, 1000000, 100, 1000, "  0 %  100 of 1000000  100/s  2:46:39 left" },
    };
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++)
        check(&moments[i]);
}

static void what_nobody_knows_yet_is_not_said(void **state)
{
    (void)state;
    const struct moment moments[] = {
        { none, 0, 1000, 100, 499, " 10 %  100 of 1000  0/s  -:-- left" },
        { none, 100, 1000, 100, 5000, " 10 %  100 of 1000  0/s  -:-- left" },
    };
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++)
        check(&moments[i]);
}

static void no_more_than_all_is_done(void **state)
{
    (void)state;
    const struct moment moments[] = {
        { none, 0, 0, 0, 0, "100 %  0 of 0  0/s  -:-- left" },
        { none, 0, 10, 12, 1000, "100 %  10 of 10  10/s  0:00 left" },
    };
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++)
        check(&moments[i]);
}

static void a_wide_terminal_has_a_bar(void **state)
{
    (void)state;
    const struct moment moments[] = {
        { wide, 0, 100, 0, 1000,
          "[..............................]   0 %  0 of 100  0/s  -:-- left" },
        { wide, 0, 100, 50, 1000,
          "[###############...............]  50 %  50 of 100  50/s  0:01 left" },
        { wide, 0, 100, 100, 1000,
          "[##############################] 100 %  100 of 100  100/s  0:00 left" },
        { narrow, 0, 100, 50, 1000, " 50 %  50 of 100  50/s  0:01 left" },
    };
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++)
        check(&moments[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_share_rate_and_time_left),
        cmocka_unit_test(what_nobody_knows_yet_is_not_said),
        cmocka_unit_test(no_more_than_all_is_done),
        cmocka_unit_test(a_wide_terminal_has_a_bar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
