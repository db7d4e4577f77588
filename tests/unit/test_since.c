#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "streamer/past/since.h"

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
        { "1700000000000-3", { .kind = SINCE_ID, .after = { { 1700000000000, 3 }, 0 } } },
        { "0-0", { .kind = SINCE_ID } },
        { "300s", { .kind = SINCE_ID, .after = { { NOW_MS - 300001, UINT64_MAX }, 0 } } },
        { "0s", { .kind = SINCE_ID, .after = { { NOW_MS - 1, UINT64_MAX }, 0 } } },
        { "1700000000s", { .kind = SINCE_BEGINNING } },
        { "9999999999999999999s", { .kind = SINCE_BEGINNING } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes text = cases[i].text ? bytes_of_string(cases[i].text) : (struct bytes){ 0 };
        struct since since = since_read(text);
        since = since_at(&since, NOW_MS);
        assert_int_equal(since.kind, cases[i].since.kind);
        assert_int_equal(stream_id_compare(since.after.id, cases[i].since.after.id), 0);
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
        if (since_read(bytes_of_string(cases[i])).kind != SINCE_UNKNOWN)
            fail_msg("taken: %s", cases[i]);
    }
}

/* Whoever has it, got it from somewhere: clocks of Redis may be ahead of ours. */
static void an_id_of_tomorrow_is_an_id(void **state)
{
    (void)state;
    struct since since = since_read(bytes_of_string("9999999999999-18446744073709551615"));
    since = since_at(&since, NOW_MS);
    assert_int_equal(since.kind, SINCE_ID);
    assert_int_equal(since.after.id.ms, 9999999999999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_is_read),
        cmocka_unit_test(anything_else_is_none),
        cmocka_unit_test(an_id_of_tomorrow_is_an_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
