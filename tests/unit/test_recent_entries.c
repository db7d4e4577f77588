#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "streamer/stream/recent_entries.h"

#define LOG_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LOG_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static int setup(void **state)
{
    *state = recent_entries_create();
    return 0;
}

static int teardown(void **state)
{
    recent_entries_destroy(*state);
    return 0;
}

static bool add(struct recent_entries *recent, const char *log, uint64_t index, uint64_t ms)
{
    return recent_entries_add(recent, bytes_of_string(log), index, (struct stream_id){ ms, 0 }) ==
           RECENT_REPEAT;
}

static void what_comes_again_under_another_id_is_a_repeat(void **state)
{
    struct recent_entries *recent = *state;
    struct stream_id original;
    for (uint64_t i = 0; i < 10; i++) {
        assert_false(add(recent, LOG_A, i, 100 + i));
        assert_false(add(recent, LOG_B, i, 200 + i));
    }
    assert_true(add(recent, LOG_A, 7, 300));
    assert_true(recent_entries_original(recent, (struct stream_id){ 300, 0 }, &original));
    assert_int_equal(original.ms, 107);
    assert_false(recent_entries_original(recent, (struct stream_id){ 107, 0 }, &original));
    assert_false(add(recent, LOG_A, 10, 301));
    /* And once more: it was read first when it was read first. */
    assert_true(add(recent, LOG_A, 7, 400));
    assert_true(recent_entries_original(recent, (struct stream_id){ 400, 0 }, &original));
    assert_int_equal(original.ms, 107);
}

static void what_is_read_again_under_its_own_id_is_known(void **state)
{
    struct recent_entries *recent = *state;
    struct stream_id id;
    struct bytes log = bytes_of_string(LOG_A);
    assert_false(recent_entries_has(recent, log, 5, (struct stream_id){ 7, 0 }));
    assert_int_equal(recent_entries_add(recent, log, 5, (struct stream_id){ 7, 0 }), RECENT_NEW);
    assert_int_equal(recent_entries_add(recent, log, 5, (struct stream_id){ 7, 0 }), RECENT_KNOWN);
    assert_true(recent_entries_has(recent, log, 5, (struct stream_id){ 7, 0 }));
    assert_false(recent_entries_has(recent, log, 5, (struct stream_id){ 7, 1 }));
    assert_int_equal(recent_entries_add(recent, log, 6, (struct stream_id){ 6, 0 }), RECENT_NEW);
    assert_false(recent_entries_begin(recent, &id));
    for (uint64_t i = 0; i < RECENT_ENTRIES_MAX; i++)
        assert_false(add(recent, LOG_B, i, 100 + i));
    assert_true(recent_entries_begin(recent, &id));
    assert_int_equal(id.ms, 100);
}

static void whoever_was_in_a_history_that_is_gone_goes_on_at_its_fork(void **state)
{
    struct recent_entries *recent = *state;
    static const struct {
        uint64_t id, place;
    } cases[] = { { 90, 90 }, { 91, 90 }, { 100, 90 }, { 101, 101 }, { 205, 200 }, { 210, 200 } };
    assert_int_equal(recent_entries_place(recent, (struct stream_id){ 91, 0 }).ms, 91);
    recent_entries_note_fork(recent, (struct stream_id){ 90, 0 }, (struct stream_id){ 100, 0 });
    recent_entries_note_fork(recent, (struct stream_id){ 200, 0 }, (struct stream_id){ 210, 0 });
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(recent_entries_place(recent, (struct stream_id){ cases[i].id, 0 }).ms,
                         cases[i].place);
}

static void expect_lost(const struct recent_entries *recent, uint64_t after, uint64_t from,
                        uint64_t to, uint64_t missed)
{
    struct gap gap;
    assert_true(recent_entries_find_lost(recent, (struct stream_id){ after, 0 }, &gap));
    assert_int_equal(gap.from.ms, from);
    assert_int_equal(gap.to.ms, to);
    assert_int_equal(gap.is_counted, missed > 0);
    assert_int_equal(gap.missed, missed);
}

static bool has_lost(const struct recent_entries *recent, uint64_t after)
{
    struct gap gap;
    return recent_entries_find_lost(recent, (struct stream_id){ after, 0 }, &gap);
}

/* Entries 0 to 19 had the ids 100 to 119; Redis comes back with those up to 109. */
static void what_was_lost_and_has_not_come_again_is_counted(void **state)
{
    struct recent_entries *recent = *state;
    assert_false(has_lost(recent, 50));
    for (uint64_t i = 0; i < 20; i++)
        assert_false(add(recent, LOG_A, i, 100 + i));
    recent_entries_note_loss(recent, (struct stream_id){ 104, 0 });
    for (uint64_t i = 5; i < 10; i++)
        assert_false(add(recent, LOG_A, i, 100 + i));
    assert_false(add(recent, LOG_B, 1, 112));
    recent_entries_note_fork(recent, (struct stream_id){ 109, 0 }, (struct stream_id){ 119, 0 });
    expect_lost(recent, 50, 109, 119, 10);
    expect_lost(recent, 109, 109, 119, 10);
    expect_lost(recent, 115, 115, 119, 4);
    /* Who has had all of them may have missed what nobody read. */
    expect_lost(recent, 119, 119, 119, 0);
    assert_false(has_lost(recent, 120));
    for (uint64_t i = 10; i < 19; i++)
        assert_true(add(recent, LOG_A, i, 200 + i));
    expect_lost(recent, 50, 109, 119, 1);
    expect_lost(recent, 115, 115, 119, 1);
    assert_true(add(recent, LOG_A, 19, 300));
    /* Then nothing is lost. */
    assert_false(has_lost(recent, 109));
    assert_false(has_lost(recent, 115));
    assert_false(has_lost(recent, 119));
    /* Of a loss before the latest it is known whether it was made good. */
    recent_entries_note_loss(recent, (struct stream_id){ 299, 0 });
    recent_entries_note_fork(recent, (struct stream_id){ 299, 0 }, (struct stream_id){ 300, 0 });
    expect_lost(recent, 299, 299, 300, 1);
    recent_entries_note_loss(recent, (struct stream_id){ 399, 0 });
    recent_entries_note_fork(recent, (struct stream_id){ 399, 0 }, (struct stream_id){ 400, 0 });
    assert_false(has_lost(recent, 115));
    expect_lost(recent, 300, 300, 300, 0);
}

/* What the window holds no more cannot be counted. */
static void a_loss_beyond_the_window_has_no_number(void **state)
{
    struct recent_entries *recent = *state;
    for (uint64_t i = 0; i < RECENT_ENTRIES_MAX + 100; i++)
        assert_false(add(recent, LOG_A, i, 1000 + i));
    uint64_t last = 1000 + RECENT_ENTRIES_MAX + 99;
    recent_entries_note_loss(recent, (struct stream_id){ 0, 0 });
    recent_entries_note_fork(recent, (struct stream_id){ 0, 0 }, (struct stream_id){ last, 0 });
    expect_lost(recent, 1050, 1050, last, 0);
    expect_lost(recent, 1100, 1100, last, RECENT_ENTRIES_MAX - 1);
}

/* As many as a Redis that was set back by a quarter of a minute brings; the ring goes round twice.
 */
static void repeats_are_found_however_many_there_are(void **state)
{
    struct recent_entries *recent = *state;
    struct stream_id original;
    for (uint64_t i = 0; i < RECENT_ENTRIES_MAX; i++)
        assert_false(add(recent, LOG_A, i, 1000000 + i));
    for (uint64_t i = 0; i < RECENT_ENTRIES_MAX; i++)
        assert_true(add(recent, LOG_A, i, 2000000 + i));
    for (uint64_t i = 0; i < RECENT_ENTRIES_MAX; i++) {
        bool is_held = i >= RECENT_ENTRIES_MAX - RECENT_REPEATS_MAX;
        struct stream_id id = { 2000000 + i, 0 };
        assert_int_equal(recent_entries_original(recent, id, &original), is_held);
        assert_true(!is_held || original.ms == 1000000 + i);
    }
}

static void what_an_operator_wants_again_is_none(void **state)
{
    struct recent_entries *recent = *state;
    assert_false(add(recent, LOG_A, 5, 1));
    assert_false(add(recent, LOG_B, 5, 2));
    recent_entries_forget_log(recent, bytes_of_string(LOG_A));
    recent_entries_forget_log(recent, bytes_of_string("no log"));
    assert_false(add(recent, LOG_A, 5, 3));
    assert_true(add(recent, LOG_A, 5, 4));
    assert_true(add(recent, LOG_B, 5, 5));
}

static void the_window_has_an_end(void **state)
{
    struct recent_entries *recent = *state;
    for (uint64_t i = 0; i < RECENT_ENTRIES_MAX + 10; i++)
        assert_false(add(recent, LOG_A, i, i + 1));
    assert_false(add(recent, LOG_A, 3, 500000));
    assert_true(add(recent, LOG_A, 20, 500001));
    assert_true(add(recent, LOG_A, RECENT_ENTRIES_MAX, 500002));
}

static void logs_beyond_the_bound_have_no_repeats(void **state)
{
    struct recent_entries *recent = *state;
    size_t repeats = 0;
    for (uint64_t turn = 0; turn < 2; turn++)
        for (uint64_t i = 0; i < RECENT_LOGS_MAX; i++) {
            char log[] = LOG_A;
            for (int digit = 0; digit < 8; digit++)
                log[digit] = "0123456789abcdef"[i >> 4 * digit & 15];
            repeats += add(recent, log, 1, 1 + turn);
        }
    assert_int_equal(repeats, RECENT_LOGS_MAX * 3 / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_read_again_under_its_own_id_is_known, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(whoever_was_in_a_history_that_is_gone_goes_on_at_its_fork,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_lost_and_has_not_come_again_is_counted, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_loss_beyond_the_window_has_no_number, setup, teardown),
        cmocka_unit_test_setup_teardown(repeats_are_found_however_many_there_are, setup, teardown),
        cmocka_unit_test_setup_teardown(what_comes_again_under_another_id_is_a_repeat, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_an_operator_wants_again_is_none, setup, teardown),
        cmocka_unit_test_setup_teardown(the_window_has_an_end, setup, teardown),
        cmocka_unit_test_setup_teardown(logs_beyond_the_bound_have_no_repeats, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
