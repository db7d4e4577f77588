#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "streamer/stream/since.h"

#define NOW_MS 1700000000500

static void each_form_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        struct since since;
    } cases[] = {
        { NULL, { .kind = SINCE_NOW } },
        { "0", { .kind = SINCE_BEGINNING } },
        { "1700000000000-3", { .kind = SINCE_ID, .after = { 1700000000000, 3 } } },
        { "0-0", { .kind = SINCE_ID } },
        { "300s", { .kind = SINCE_ID, .after = { NOW_MS - 300001, UINT64_MAX } } },
        { "0s", { .kind = SINCE_ID, .after = { NOW_MS - 1, UINT64_MAX } } },
        { "1700000000s", { .kind = SINCE_BEGINNING } },
        { "9999999999999999999s", { .kind = SINCE_BEGINNING } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct since since;
        struct bytes text = cases[i].text ? bytes_of_string(cases[i].text) : (struct bytes){ 0 };
        assert_true(since_read(&since, text));
        since = since_at(&since, NOW_MS);
        assert_int_equal(since.kind, cases[i].since.kind);
        assert_int_equal(stream_id_compare(since.after, cases[i].since.after), 0);
    }
}

static void anything_else_is_none(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",   "1",     "s",   "-1s",  "5 s",           "5m",        "1-",
        "-1", "1-2-3", "a-b", "0x5s", "1700000000000", "yesterday", "99999999999999999999-0",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct since since;
        if (since_read(&since, bytes_of_string(cases[i])))
            fail_msg("taken: %s", cases[i]);
    }
}

static void an_id_of_tomorrow_is_yet_to_come(void **state)
{
    (void)state;
    static const struct {
        struct since since;
        bool is_to_come;
    } cases[] = {
        { { .kind = SINCE_ID, .after = { NOW_MS, 0 } }, false },
        { { .kind = SINCE_ID, .after = { NOW_MS + 60000, 0 } }, false },
        { { .kind = SINCE_ID, .after = { NOW_MS + 86400000, 0 } }, true },
        { { .kind = SINCE_NOW }, false },
        { { .kind = SINCE_SECONDS, .seconds = 5 }, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(since_is_to_come(&cases[i].since, NOW_MS), cases[i].is_to_come);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_is_read),
        cmocka_unit_test(anything_else_is_none),
        cmocka_unit_test(an_id_of_tomorrow_is_yet_to_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
