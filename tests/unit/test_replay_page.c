#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shared/base/memory.h"
#include "streamer/lanes/replay_page.h"

static const struct lane_key key = { { MESSAGE_LITE, CERTIFICATE_DIALECT_CERTSTREAM },
                                     FRAMING_WEBSOCKET,
                                     NULL };

static const struct stream_id fresh = { 0 };

static struct stream_position place(uint64_t ms)
{
    return (struct stream_position){ { ms, 0 }, ms / 10 };
}

/* The frames of 20, 40 and 50; it ends with 60, which did not pass. */
static struct replay_page *make_page(void)
{
    struct replay_page *page = replay_page_create(&key, (struct stream_id){ 10, 0 });
    assert_true(replay_page_append(page, place(20), fresh, bytes_of_string("aaa")));
    assert_true(replay_page_append(page, place(40), fresh, bytes_of_string("bb")));
    assert_true(replay_page_append(page, place(50), fresh, bytes_of_string("cccc")));
    page->end = place(60);
    return page;
}

static void covers_from_its_begin_to_before_its_end(void **state)
{
    (void)state;
    struct replay_page *page = make_page();
    static const struct {
        uint64_t ms;
        bool covered;
        size_t number;
    } cases[] = { { 9, false, 0 }, { 10, true, 0 }, { 15, true, 0 }, { 20, true, 1 },
                  { 45, true, 2 }, { 50, true, 3 }, { 59, true, 3 }, { 60, false, 0 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stream_id id = { cases[i].ms, 0 };
        assert_int_equal(replay_page_covers(page, id), cases[i].covered);
        if (cases[i].covered)
            assert_int_equal(replay_page_find(page, id), cases[i].number);
    }
    replay_page_destroy(page);
}

static void is_read_in_slices_of_whole_frames(void **state)
{
    (void)state;
    struct replay_page *page = make_page();
    static const struct {
        size_t from, limit;
        const char *slice;
        uint64_t last_ms;
    } cases[] = { { 0, 100, "aaabbcccc", 50 },
                  { 0, 8, "aaabb", 40 },
                  { 0, 1, "aaa", 20 },
                  { 1, 6, "bbcccc", 50 },
                  { 2, 0, "cccc", 50 } };
    struct lane_slice slice;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t number = cases[i].from;
        assert_true(replay_page_read(page, &number, fresh, cases[i].limit, &slice));
        assert_true(bytes_equal_string(bytes_of(slice.data, slice.size), cases[i].slice));
        assert_int_equal(slice.last.id.ms, cases[i].last_ms);
        assert_int_equal(slice.last.ordinal, cases[i].last_ms / 10);
    }
    assert_int_equal(slice.next, 3);
    size_t number = 3;
    assert_false(replay_page_read(page, &number, fresh, 100, &slice));
    replay_page_destroy(page);
}

static void is_full_at_a_bound_of_bytes_or_of_frames(void **state)
{
    (void)state;
    uint8_t *bytes = memory_allocate_zeroed(1, REPLAY_PAGE_BYTES_MAX);
    struct replay_page *page = replay_page_create(&key, (struct stream_id){ 10, 0 });
    assert_true(
        replay_page_append(page, place(20), fresh, bytes_of(bytes, REPLAY_PAGE_BYTES_MAX - 1)));
    assert_false(
        replay_page_append(page, place(30), fresh, bytes_of(bytes, REPLAY_PAGE_BYTES_MAX)));
    replay_page_destroy(page);
    page = replay_page_create(&key, (struct stream_id){ 10, 0 });
    for (uint64_t i = 1; i < REPLAY_PAGE_ENTRIES_MAX; i++)
        assert_true(replay_page_append(page, place(10 + i), fresh, bytes_of_string("x")));
    assert_false(replay_page_append(page, place(500), fresh, bytes_of_string("x")));
    replay_page_destroy(page);
    free(bytes);
}

static void what_came_again_is_left_out_for_those_who_had_it(void **state)
{
    (void)state;
    struct replay_page *page = replay_page_create(&key, (struct stream_id){ 10, 0 });
    assert_true(replay_page_append(page, place(20), fresh, bytes_of_string("aaa")));
    assert_true(
        replay_page_append(page, place(30), (struct stream_id){ 7, 0 }, bytes_of_string("bb")));
    assert_true(
        replay_page_append(page, place(40), (struct stream_id){ 9, 0 }, bytes_of_string("cc")));
    assert_true(replay_page_append(page, place(50), fresh, bytes_of_string("d")));
    static const struct {
        uint64_t seen_ms;
        const char *text;
    } cases[] = { { 0, "aaabbccd" }, { 6, "aaabbccd" }, { 7, "aaaccd" },
                  { 8, "aaaccd" },   { 9, "aaad" },     { 99, "aaad" } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lane_slice slice;
        size_t number = 0;
        char text[16] = "";
        while (replay_page_read(page, &number, (struct stream_id){ cases[i].seen_ms, 0 }, 100,
                                &slice)) {
            (void)strncat(text, (const char *)slice.data, slice.size);
            number = (size_t)slice.next;
        }
        assert_string_equal(text, cases[i].text);
    }
    replay_page_destroy(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(covers_from_its_begin_to_before_its_end),
        cmocka_unit_test(is_read_in_slices_of_whole_frames),
        cmocka_unit_test(what_came_again_is_left_out_for_those_who_had_it),
        cmocka_unit_test(is_full_at_a_bound_of_bytes_or_of_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
