#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "streamer/lanes/cursor.h"
#include "streamer/lanes/ring_file.h"

static const struct cursor_timing timing = {
    .heartbeat_ms = 10000,
    .ping_ms = 30000,
    .silence_ms = 90000,
    .stall_ms = 60000,
};

enum {
    NOW = 1000000,
    RING_SIZE = 4096,
};

struct fixture {
    struct ring_file *rings;
    struct lane *lane;
    struct cursor cursor;
};

static int setup(void **state)
{
    static struct fixture fixture;
    fixture.rings = ring_file_create();
    fixture.lane = lane_create(fixture.rings, RING_SIZE, (struct stream_id){ 0 });
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    lane_destroy(fixture->lane);
    ring_file_destroy(fixture->rings);
    return 0;
}

static const struct since now = { .kind = SINCE_NOW };

static struct stream_position place(uint64_t ms, uint64_t ordinal)
{
    return (struct stream_position){ { ms, 0 }, ordinal };
}

static void append(struct fixture *fixture, uint64_t id, size_t size)
{
    static const uint8_t zeros[RING_SIZE];
    assert_true(lane_append(fixture->lane, (struct stream_position){ { id, 0 }, 0 },
                            bytes_of(zeros, size)));
}

static void is_sent_what_comes_after_it_joined(void **state)
{
    struct fixture *fixture = *state;
    struct lane_slice slice;
    append(fixture, 1, 10);
    cursor_join(&fixture->cursor, fixture->lane, &now, place(1, 1), NOW);
    assert_int_equal(cursor_next(&fixture->cursor, fixture->lane, 100, &slice),
                     CURSOR_NEXT_NOTHING);
    append(fixture, 2, 20);
    append(fixture, 3, 30);
    assert_int_equal(cursor_next(&fixture->cursor, fixture->lane, 100, &slice), CURSOR_NEXT_SLICE);
    assert_int_equal(slice.size, 50);
    cursor_advance(&fixture->cursor, &slice, NOW);
    assert_int_equal(cursor_next(&fixture->cursor, fixture->lane, 100, &slice),
                     CURSOR_NEXT_NOTHING);
    assert_int_equal(fixture->cursor.last.id.ms, 3);
}

static void is_behind_when_it_was_overtaken_until_the_lane_holds_what_it_lacks(void **state)
{
    struct fixture *fixture = *state;
    struct cursor *cursor = &fixture->cursor;
    struct lane_slice slice;
    cursor_join(cursor, fixture->lane, &now, place(7, 70), NOW);
    for (uint64_t id = 8; id < 18; id++)
        append(fixture, id, RING_SIZE / 8);
    assert_int_equal(cursor_next(cursor, fixture->lane, 100, &slice), CURSOR_NEXT_PAGE);
    assert_true(cursor->is_behind);
    assert_int_equal(cursor->last.id.ms, 7);
    assert_int_equal(cursor->last.ordinal, 70);
    assert_false(cursor_catch_up(cursor, fixture->lane));
    cursor_advance_to(cursor, place(8, 71));
    assert_false(cursor_catch_up(cursor, fixture->lane));
    /* The lane holds eight: 10 to 17. */
    cursor_advance_to(cursor, place(9, 72));
    assert_true(cursor_catch_up(cursor, fixture->lane));
    assert_int_equal(cursor_next(cursor, fixture->lane, 1, &slice), CURSOR_NEXT_SLICE);
    assert_int_equal(slice.last.id.ms, 10);
}

static void one_that_comes_for_what_was_before_is_behind_at_first(void **state)
{
    struct fixture *fixture = *state;
    struct cursor *cursor = &fixture->cursor;
    struct lane_slice slice;
    struct since since = { .kind = SINCE_ID, .after = { { 5, 0 }, 0 } };
    cursor_join(cursor, fixture->lane, &since, place(9, 90), NOW);
    assert_int_equal(cursor_next(cursor, fixture->lane, 100, &slice), CURSOR_NEXT_PAGE);
    assert_int_equal(cursor->last.id.ms, 5);
    assert_int_equal(cursor->last.ordinal, 0);
    assert_false(cursor->wants_all);
    since = (struct since){ .kind = SINCE_BEGINNING };
    cursor_join(cursor, fixture->lane, &since, place(9, 90), NOW);
    assert_true(cursor->wants_all);
    /* Even where the lane holds all there ever was: what is there has to be looked for in Redis
     * first. */
    assert_false(cursor_catch_up(cursor, fixture->lane));
    cursor_advance_to(cursor, place(9, 90));
    assert_false(cursor->wants_all);
    assert_true(cursor_catch_up(cursor, fixture->lane));
}

static void one_that_is_ahead_of_its_lane_gets_nothing_twice(void **state)
{
    struct fixture *fixture = *state;
    struct cursor *cursor = &fixture->cursor;
    struct lane_slice slice;
    struct since since = { .kind = SINCE_ID, .after = { { 5, 0 }, 0 } };
    append(fixture, 4, 10);
    cursor_join(cursor, fixture->lane, &since, place(4, 40), NOW);
    assert_true(cursor_catch_up(cursor, fixture->lane));
    assert_int_equal(cursor_next(cursor, fixture->lane, 100, &slice), CURSOR_NEXT_NOTHING);
    append(fixture, 5, 10);
    assert_int_equal(cursor_next(cursor, fixture->lane, 100, &slice), CURSOR_NEXT_NOTHING);
    append(fixture, 6, 10);
    append(fixture, 7, 10);
    assert_int_equal(cursor_next(cursor, fixture->lane, 100, &slice), CURSOR_NEXT_SLICE);
    assert_int_equal(slice.size, 20);
    cursor_advance(cursor, &slice, NOW);
    /* From here on an id that goes back is a new entry of a Redis that was set back. */
    append(fixture, 3, 10);
    assert_int_equal(cursor_next(cursor, fixture->lane, 100, &slice), CURSOR_NEXT_SLICE);
}

static void behind_a_gap_it_goes_on_and_counts_on(void **state)
{
    struct fixture *fixture = *state;
    struct cursor *cursor = &fixture->cursor;
    struct gap gap = { .from = { 5, 0 }, .to = { 8, 0 }, .is_counted = true, .missed = 30 };
    cursor_join(cursor, fixture->lane, &now, place(5, 50), NOW);
    cursor_skip(cursor, &gap);
    assert_int_equal(cursor->last.id.ms, 8);
    assert_int_equal(cursor->last.ordinal, 80);
    gap.is_counted = false;
    cursor_skip(cursor, &gap);
    assert_int_equal(cursor->last.ordinal, 0);
}

static void one_that_joined_before_the_streams_end_was_known_learns_it(void **state)
{
    struct fixture *fixture = *state;
    struct cursor *cursor = &fixture->cursor;
    cursor_join(cursor, fixture->lane, &now, place(0, 0), NOW);
    cursor_learn_newest(cursor, place(9, 90));
    assert_int_equal(cursor->last.id.ms, 9);
    cursor_learn_newest(cursor, place(11, 110));
    assert_int_equal(cursor->last.id.ms, 9);
    cursor_join(cursor, fixture->lane, &now, place(0, 1), NOW);
    cursor_learn_newest(cursor, place(9, 90));
    assert_int_equal(cursor->last.id.ms, 0);
    struct since beginning = { .kind = SINCE_BEGINNING };
    cursor_join(cursor, fixture->lane, &beginning, place(0, 0), NOW);
    cursor_learn_newest(cursor, place(9, 90));
    assert_int_equal(cursor->last.id.ms, 0);
}

static void expect_gap(struct fixture *fixture, uint64_t from, uint64_t to)
{
    struct lane_slice slice;
    struct cursor *cursor = &fixture->cursor;
    assert_int_equal(cursor_next(cursor, fixture->lane, 100, &slice), CURSOR_NEXT_GAP);
    assert_int_equal(cursor->gap.from.ms, from);
    assert_int_equal(cursor->gap.to.ms, to);
    assert_false(cursor->gap.is_counted);
    cursor_told(cursor);
}

static void expect_counted_gap(struct fixture *fixture, uint64_t from, uint64_t to, uint64_t missed)
{
    assert_true(fixture->cursor.gap.is_counted);
    assert_int_equal(fixture->cursor.gap.missed, missed);
    fixture->cursor.gap.is_counted = false;
    expect_gap(fixture, from, to);
}

static void one_that_comes_from_another_server_is_told_and_goes_on_from_the_end(void **state)
{
    struct fixture *fixture = *state;
    struct lane_slice slice;
    struct since since = { .kind = SINCE_UNKNOWN };
    cursor_join(&fixture->cursor, fixture->lane, &since, place(9, 90), NOW);
    expect_gap(fixture, 0, 9);
    append(fixture, 10, 10);
    assert_int_equal(cursor_next(&fixture->cursor, fixture->lane, 100, &slice), CURSOR_NEXT_SLICE);
    /* Where the end is not known yet, it is learnt. */
    cursor_join(&fixture->cursor, fixture->lane, &since, place(0, 0), NOW);
    cursor_learn_newest(&fixture->cursor, place(11, 110));
    expect_gap(fixture, 0, 11);
}

static void one_whose_place_was_lost_is_told_and_fed_from_there(void **state)
{
    struct fixture *fixture = *state;
    struct lane_slice slice;
    struct since since = {
        .kind = SINCE_LOST,
        .after = { { 5, 0 }, 0 },
        .lost = { .from = { 5, 0 }, .to = { 6, 0 }, .is_counted = true, .missed = 3 },
    };
    cursor_join(&fixture->cursor, fixture->lane, &since, place(9, 90), NOW);
    expect_counted_gap(fixture, 5, 6, 3);
    assert_int_equal(cursor_next(&fixture->cursor, fixture->lane, 100, &slice), CURSOR_NEXT_PAGE);
    assert_int_equal(fixture->cursor.last.id.ms, 5);
}

static void one_that_waits_for_another_stream_gives_up(void **state)
{
    struct fixture *fixture = *state;
    struct cursor *cursor = &fixture->cursor;
    struct lane_slice slice;
    struct since since = { .kind = SINCE_ID, .after = { { 50, 0 }, 0 } };
    append(fixture, 4, 10);
    cursor_join(cursor, fixture->lane, &since, place(4, 40), NOW);
    assert_false(cursor_give_up_waiting(cursor, fixture->lane, place(0, 0), NOW));
    assert_int_equal(cursor->ahead_since_ms, 0);
    assert_true(cursor_catch_up(cursor, fixture->lane));
    assert_false(cursor_give_up_waiting(cursor, fixture->lane, place(4, 40), NOW));
    append(fixture, 5, 10);
    assert_int_equal(cursor_next(cursor, fixture->lane, 100, &slice), CURSOR_NEXT_NOTHING);
    assert_false(
        cursor_give_up_waiting(cursor, fixture->lane, place(5, 41), NOW + CURSOR_AHEAD_MAX_MS - 1));
    assert_true(
        cursor_give_up_waiting(cursor, fixture->lane, place(5, 41), NOW + CURSOR_AHEAD_MAX_MS));
    expect_gap(fixture, 50, 5);
    append(fixture, 6, 10);
    assert_int_equal(cursor_next(cursor, fixture->lane, 100, &slice), CURSOR_NEXT_SLICE);
    assert_int_equal(slice.size, 10);
    cursor_advance(cursor, &slice, NOW);
    assert_int_equal(cursor->last.id.ms, 6);
    assert_false(cursor_give_up_waiting(cursor, fixture->lane, place(6, 42), (uint64_t)NOW * 2));
}

static void one_that_the_stream_catches_up_with_is_told_of_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct cursor *cursor = &fixture->cursor;
    struct since since = { .kind = SINCE_ID, .after = { { 50, 0 }, 0 } };
    cursor_join(cursor, fixture->lane, &since, place(4, 40), NOW);
    assert_false(cursor_give_up_waiting(cursor, fixture->lane, place(4, 40), NOW));
    assert_false(cursor_give_up_waiting(cursor, fixture->lane, place(50, 41), NOW + 9000));
    assert_false(cursor_give_up_waiting(cursor, fixture->lane, place(51, 41), NOW + 20000));
    assert_false(cursor->owes_gap);
}

/* A live one that had caught up stands at 9; Redis comes back with 5 and lower ids than before. */
static void after_a_loss_lower_ids_are_new(void **state)
{
    struct fixture *fixture = *state;
    struct cursor *cursor = &fixture->cursor;
    struct lane_slice slice;
    struct since since = { .kind = SINCE_ID, .after = { { 9, 0 }, 0 } };
    append(fixture, 9, 10);
    cursor_join(cursor, fixture->lane, &since, place(9, 90), NOW);
    assert_true(cursor_catch_up(cursor, fixture->lane));
    assert_int_equal(cursor_next(cursor, fixture->lane, 100, &slice), CURSOR_NEXT_NOTHING);
    cursor_note_loss(cursor, fixture->lane, (struct stream_id){ 5, 0 });
    append(fixture, 6, 10);
    expect_gap(fixture, 9, 5);
    assert_int_equal(cursor_next(cursor, fixture->lane, 100, &slice), CURSOR_NEXT_SLICE);
    assert_int_equal(slice.last.id.ms, 6);
    assert_int_equal(cursor->seen.ms, 9);
    cursor_advance(cursor, &slice, NOW);
    assert_false(cursor_give_up_waiting(cursor, fixture->lane, place(6, 60), (uint64_t)NOW * 2));
}

/* One that is behind may stand where the histories differ, and must not go on by ids alone. */
static void after_a_loss_one_that_is_behind_goes_on_at_the_fork(void **state)
{
    struct fixture *fixture = *state;
    struct cursor *cursor = &fixture->cursor;
    struct lane_slice slice;
    struct since since = { .kind = SINCE_ID, .after = { { 9, 0 }, 0 } };
    append(fixture, 9, 10);
    cursor_join(cursor, fixture->lane, &since, place(9, 90), NOW);
    cursor_note_loss(cursor, fixture->lane, (struct stream_id){ 12, 0 });
    append(fixture, 6, 10);
    append(fixture, 12, 10);
    assert_int_equal(cursor_next(cursor, fixture->lane, 100, &slice), CURSOR_NEXT_NOTHING);
    cursor_note_fork(cursor, (struct stream_id){ 5, 0 }, (struct stream_id){ 9, 0 }, NULL);
    assert_false(cursor->gap.is_counted);
    expect_gap(fixture, 9, 12);
    assert_int_equal(cursor_next(cursor, fixture->lane, 100, &slice), CURSOR_NEXT_PAGE);
    assert_int_equal(cursor->last.id.ms, 5);
    assert_int_equal(cursor->seen.ms, 9);
    cursor_advance_to(cursor, place(6, 60));
    assert_true(cursor_catch_up(cursor, fixture->lane));
    assert_int_equal(cursor_next(cursor, fixture->lane, 100, &slice), CURSOR_NEXT_SLICE);
    assert_int_equal(slice.last.id.ms, 12);
}

/* Of what it was still to get, it is known how much there was. */
static void after_a_loss_one_that_is_behind_is_told_how_much(void **state)
{
    struct fixture *fixture = *state;
    struct cursor *cursor = &fixture->cursor;
    struct lane_slice slice;
    struct since since = { .kind = SINCE_ID, .after = { { 4, 0 }, 0 } };
    struct gap gap = { .from = { 5, 0 }, .to = { 9, 0 }, .is_counted = true, .missed = 4 };
    cursor_join(cursor, fixture->lane, &since, place(9, 90), NOW);
    cursor_note_loss(cursor, fixture->lane, (struct stream_id){ 12, 0 });
    cursor_note_fork(cursor, gap.from, gap.to, &gap);
    expect_counted_gap(fixture, 5, 9, 4);
    assert_int_equal(cursor_next(cursor, fixture->lane, 100, &slice), CURSOR_NEXT_PAGE);
    assert_int_equal(cursor->last.id.ms, 4);
    /* One that is live had all that was read; of what was not nobody knows. */
    cursor_join(cursor, fixture->lane, &now, place(9, 90), NOW);
    cursor_note_loss(cursor, fixture->lane, (struct stream_id){ 12, 0 });
    cursor_note_fork(cursor, gap.from, gap.to, &gap);
    assert_false(cursor->gap.is_counted);
    /* And of two losses at once. */
    cursor->is_held = true;
    cursor_note_fork(cursor, gap.from, gap.to, &gap);
    cursor_note_loss(cursor, fixture->lane, (struct stream_id){ 13, 0 });
    assert_false(cursor->gap.is_counted);
}

/* Live when Redis lost what it had, and overtaken before it got anything else. */
static void one_that_is_overtaken_behind_a_loss_goes_on_at_the_fork(void **state)
{
    struct fixture *fixture = *state;
    struct cursor *cursor = &fixture->cursor;
    cursor_join(cursor, fixture->lane, &now, place(9, 90), NOW);
    cursor_note_loss(cursor, fixture->lane, (struct stream_id){ 7, 0 });
    cursor_move(cursor, cursor->last.id);
    assert_int_equal(cursor->last.id.ms, 7);
    cursor_move(cursor, (struct stream_id){ 5, 0 });
    assert_int_equal(cursor->last.id.ms, 5);
    assert_int_equal(cursor->last.ordinal, 0);
    assert_int_equal(cursor->seen.ms, 9);
}

static void a_loss_is_told_behind_what_came_before_it(void **state)
{
    struct fixture *fixture = *state;
    struct cursor *cursor = &fixture->cursor;
    struct lane_slice slice;
    cursor_join(cursor, fixture->lane, &now, place(3, 30), NOW);
    append(fixture, 4, 10);
    cursor_note_loss(cursor, fixture->lane, (struct stream_id){ 2, 0 });
    assert_int_equal(cursor_next(cursor, fixture->lane, 100, &slice), CURSOR_NEXT_SLICE);
    assert_int_equal(slice.last.id.ms, 4);
    cursor_advance(cursor, &slice, NOW);
    expect_gap(fixture, 3, 2);
}

static void time_asks_for_the_most_urgent(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        uint64_t sent, heard, pinged, waiting;
        enum cursor_due due;
    } cases[] = {
        { NOW - 9999, NOW, NOW, 0, CURSOR_DUE_NOTHING },
        { 0, NOW, NOW, 0, CURSOR_DUE_HEARTBEAT },
        { NOW - 10000, NOW, NOW, 0, CURSOR_DUE_HEARTBEAT },
        { NOW, NOW, NOW - 30000, 0, CURSOR_DUE_PING },
        { NOW - 10000, NOW, NOW - 30000, 0, CURSOR_DUE_PING },
        { NOW, NOW - 89999, NOW, 0, CURSOR_DUE_NOTHING },
        { NOW, NOW - 90000, NOW, 0, CURSOR_DUE_CLOSE_SILENT },
        { NOW, NOW, NOW, NOW - 59999, CURSOR_DUE_NOTHING },
        { NOW, NOW, NOW, NOW - 60000, CURSOR_DUE_CLOSE_SLOW },
        { NOW, NOW - 90000, NOW, NOW - 60000, CURSOR_DUE_CLOSE_SLOW },
    };
    cursor_join(&fixture->cursor, fixture->lane, &now, place(0, 0), NOW);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture->cursor.sent_at_ms = cases[i].sent;
        fixture->cursor.heard_at_ms = cases[i].heard;
        fixture->cursor.pinged_at_ms = cases[i].pinged;
        fixture->cursor.waiting_since_ms = cases[i].waiting;
        assert_int_equal(cursor_due(&fixture->cursor, &timing, NOW), cases[i].due);
    }
}

static void greets_a_new_client_at_once(void **state)
{
    struct fixture *fixture = *state;
    cursor_join(&fixture->cursor, fixture->lane, &now, place(0, 0), NOW);
    assert_int_equal(cursor_due(&fixture->cursor, &timing, NOW), CURSOR_DUE_HEARTBEAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(is_sent_what_comes_after_it_joined, setup, teardown),
        cmocka_unit_test_setup_teardown(
            is_behind_when_it_was_overtaken_until_the_lane_holds_what_it_lacks, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_comes_for_what_was_before_is_behind_at_first,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_is_ahead_of_its_lane_gets_nothing_twice, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(behind_a_gap_it_goes_on_and_counts_on, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_joined_before_the_streams_end_was_known_learns_it,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            one_that_comes_from_another_server_is_told_and_goes_on_from_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(one_whose_place_was_lost_is_told_and_fed_from_there, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_that_waits_for_another_stream_gives_up, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_that_the_stream_catches_up_with_is_told_of_nothing,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(after_a_loss_lower_ids_are_new, setup, teardown),
        cmocka_unit_test_setup_teardown(after_a_loss_one_that_is_behind_goes_on_at_the_fork, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(after_a_loss_one_that_is_behind_is_told_how_much, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_that_is_overtaken_behind_a_loss_goes_on_at_the_fork,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_loss_is_told_behind_what_came_before_it, setup, teardown),
        cmocka_unit_test_setup_teardown(time_asks_for_the_most_urgent, setup, teardown),
        cmocka_unit_test_setup_teardown(greets_a_new_client_at_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
