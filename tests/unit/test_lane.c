#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "streamer/lanes/lane.h"
#include "streamer/lanes/ring_file.h"
#include "tests/support/seeded_random.h"

enum {
    RING_SIZE = 64 * 1024,
    READERS = 7,
    /* As many reads as appends. */
    CHOICES = 2 * READERS,
    STEPS = 60000,
    LONGEST_FRAME = 3000,
    TWO_FRAMES = 2 * LONGEST_FRAME,
};

#define BEFORE_ALL ((struct stream_id){ 0, 0 })

static struct ring_file *rings;

static size_t ring_size(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (RING_SIZE + page - 1) / page * page;
}

static struct stream_position position_of(uint64_t ms, uint64_t sequence)
{
    return (struct stream_position){ { ms, sequence }, ms + 1000 };
}

static bool append_text(struct lane *lane, uint64_t number, const char *text)
{
    return lane_append(lane, position_of(number, 1), bytes_of_string(text));
}

static void a_new_lane_is_empty(void **state)
{
    (void)state;
    struct lane *lane = lane_create(rings, RING_SIZE, BEFORE_ALL);
    struct lane_slice slice;
    assert_int_equal(lane_first(lane), lane_next(lane));
    assert_false(lane_read(lane, lane_next(lane), SIZE_MAX, &slice));
    lane_destroy(lane);
}

static void a_slice_is_as_many_whole_messages_as_fit(void **state)
{
    (void)state;
    struct lane *lane = lane_create(rings, RING_SIZE, BEFORE_ALL);
    struct lane_slice slice;
    static const char *const texts[] = { "aaa", "bb", "cccc", "d" };
    for (uint64_t i = 0; i < 4; i++)
        assert_true(append_text(lane, i, texts[i]));
    static const struct {
        uint64_t from;
        size_t limit;
        const char *slice;
    } cases[] = {
        { 0, SIZE_MAX, "aaabbccccd" },
        { 0, 10, "aaabbccccd" },
        { 0, 9, "aaabbcccc" },
        { 0, 8, "aaabb" },
        { 0, 5, "aaabb" },
        { 0, 4, "aaa" },
        { 0, 1, "aaa" },
        { 0, 0, "aaa" },
        { 1, 6, "bbcccc" },
        { 3, 100, "d" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(lane_read(lane, cases[i].from, cases[i].limit, &slice));
        assert_true(bytes_equal_string(bytes_of(slice.data, slice.size), cases[i].slice));
        assert_int_equal(slice.last.id.ms, slice.next - 1);
    }
    lane_destroy(lane);
}

static void a_frame_that_does_not_fit_overtakes_every_reader(void **state)
{
    (void)state;
    struct lane *lane = lane_create(rings, RING_SIZE, BEFORE_ALL);
    struct lane_slice slice;
    uint8_t *frame = memory_allocate_zeroed(1, ring_size() + 1);
    assert_true(append_text(lane, 0, "small"));
    assert_true(lane_append(lane, position_of(1, 0), bytes_of(frame, ring_size())));
    assert_int_equal(lane_first(lane), 1);
    assert_true(lane_read(lane, 1, 0, &slice));
    assert_int_equal(slice.size, ring_size());
    assert_false(lane_append(lane, position_of(2, 0), bytes_of(frame, ring_size() + 1)));
    assert_int_equal(lane_first(lane), 3);
    assert_int_equal(lane_next(lane), 3);
    assert_false(lane_read(lane, 3, SIZE_MAX, &slice));
    assert_true(append_text(lane, 3, "next"));
    assert_true(lane_read(lane, 3, SIZE_MAX, &slice));
    assert_true(bytes_equal_string(bytes_of(slice.data, slice.size), "next"));
    free(frame);
    lane_destroy(lane);
}

static void expect_place(const struct lane *lane, uint64_t ms, uint64_t number)
{
    uint64_t found = UINT64_MAX;
    assert_true(lane_find(lane, (struct stream_id){ ms, 5 }, &found));
    assert_int_equal(found, number);
}

static void a_place_is_found_from_where_the_lane_began(void **state)
{
    (void)state;
    struct lane *lane = lane_create(rings, RING_SIZE, (struct stream_id){ 10, 5 });
    uint64_t number;
    assert_false(lane_find(lane, (struct stream_id){ 10, 4 }, &number));
    expect_place(lane, 10, 0);
    expect_place(lane, 99, 0);
    assert_true(append_text(lane, 20, "a"));
    assert_true(append_text(lane, 30, "b"));
    assert_false(lane_find(lane, (struct stream_id){ 10, 4 }, &number));
    expect_place(lane, 10, 0);
    expect_place(lane, 15, 0);
    expect_place(lane, 20, 1);
    expect_place(lane, 30, 2);
    expect_place(lane, 99, 2);
    lane_destroy(lane);
}

static void after_a_message_that_did_not_fit_there_is_no_place_before_it(void **state)
{
    (void)state;
    struct lane *lane = lane_create(rings, RING_SIZE, BEFORE_ALL);
    uint8_t *frame = memory_allocate_zeroed(1, ring_size() + 1);
    uint64_t number;
    assert_true(append_text(lane, 20, "a"));
    assert_false(lane_append(lane, position_of(30, 0), bytes_of(frame, ring_size() + 1)));
    assert_false(lane_find(lane, (struct stream_id){ 20, 1 }, &number));
    expect_place(lane, 30, 2);
    free(frame);
    lane_destroy(lane);
}

static void when_ids_go_back_only_what_came_since_has_places(void **state)
{
    (void)state;
    struct lane *lane = lane_create(rings, RING_SIZE, BEFORE_ALL);
    uint64_t number;
    assert_true(append_text(lane, 20, "a"));
    assert_true(append_text(lane, 30, "b"));
    assert_true(append_text(lane, 25, "c"));
    assert_false(lane_find(lane, (struct stream_id){ 20, 0 }, &number));
    assert_false(lane_find(lane, (struct stream_id){ 24, 0 }, &number));
    expect_place(lane, 25, 3);
    expect_place(lane, 30, 3);
    assert_int_equal(lane_first(lane), 0);
    lane_destroy(lane);
}

/* The index has a bound of its own: without it, these would overwrite the records of messages still
 * held. */
/* Ids 5 and 6 were lost; 9 follows 4, though it is higher. */
static void behind_a_fork_there_are_no_places_of_what_was_lost(void **state)
{
    (void)state;
    struct lane *lane = lane_create(rings, 4096, (struct stream_id){ 3, 0 });
    const struct bytes frame = bytes_of_string("frame");
    uint64_t number;
    for (uint64_t ms = 4; ms < 7; ms++)
        assert_true(lane_append(lane, (struct stream_position){ { ms, 0 }, 0 }, frame));
    lane_branch(lane, (struct stream_id){ 4, 0 });
    assert_int_equal(lane_first(lane), 0);
    assert_true(lane_append(lane, (struct stream_position){ { 9, 0 }, 0 }, frame));
    assert_false(lane_find(lane, (struct stream_id){ 3, 0 }, &number));
    assert_true(lane_find(lane, (struct stream_id){ 4, 0 }, &number));
    assert_int_equal(number, 3);
    lane_destroy(lane);
}

static void tiny_messages_are_dropped_before_their_records_are_overwritten(void **state)
{
    (void)state;
    struct lane *lane = lane_create(rings, RING_SIZE, BEFORE_ALL);
    for (uint64_t i = 0; i < RING_SIZE; i++)
        assert_true(append_text(lane, i, "x"));
    struct lane_slice slice;
    assert_true(lane_next(lane) - lane_first(lane) < RING_SIZE);
    assert_true(lane_read(lane, lane_first(lane), SIZE_MAX, &slice));
    assert_int_equal(slice.size, lane_next(lane) - lane_first(lane));
    assert_int_equal(slice.last.id.ms, RING_SIZE - 1);
    lane_destroy(lane);
}

/* The model: every message ever appended, in one run of bytes. */
struct model {
    struct lane *lane;
    uint8_t *bytes;
    uint64_t *starts; /* starts[count] is the end */
    uint64_t count;
    uint64_t readers[READERS];
};

static void append_random(struct model *model, struct seeded_random *random)
{
    /* Many short ones, some long, so that the ring wraps within frames and between them. */
    size_t size =
        1 + seeded_random_next(random) % (seeded_random_next(random) % 8 ? 200 : LONGEST_FRAME);
    uint64_t start = model->starts[model->count];
    for (size_t i = 0; i < size; i++)
        model->bytes[start + i] = (uint8_t)seeded_random_next(random);
    assert_true(lane_append(model->lane, position_of(model->count + 1, start),
                            bytes_of(model->bytes + start, size)));
    model->starts[++model->count] = start + size;
}

static void read_random(struct model *model, uint64_t *reader, struct seeded_random *random)
{
    struct lane_slice slice;
    size_t limit = seeded_random_next(random) % TWO_FRAMES;
    if (*reader < lane_first(model->lane))
        *reader = lane_first(model->lane);
    if (!lane_read(model->lane, *reader, limit, &slice)) {
        assert_int_equal(*reader, model->count);
        return;
    }
    assert_memory_equal(slice.data, model->bytes + model->starts[*reader], slice.size);
    assert_int_equal(slice.size, model->starts[slice.next] - model->starts[*reader]);
    assert_true(slice.size <= limit || slice.next == *reader + 1);
    /* The next message would not have fitted. */
    assert_true(slice.next == model->count ||
                model->starts[slice.next + 1] - model->starts[*reader] > limit);
    assert_int_equal(slice.last.id.ms, slice.next);
    assert_int_equal(slice.last.ordinal, slice.next + 1000);
    assert_int_equal(slice.last.id.sequence, model->starts[slice.next - 1]);
    *reader = slice.next;
}

/* Who has had all up to a message goes on with the next, if that is held. */
static void find_random(const struct model *model, struct seeded_random *random)
{
    uint64_t had = seeded_random_next(random) % (model->count + 1);
    struct stream_id id = { had, had ? model->starts[had - 1] : 0 };
    uint64_t number = 0;
    bool found = lane_find(model->lane, id, &number);
    assert_int_equal(found, had >= lane_first(model->lane));
    if (found)
        assert_int_equal(number, had);
}

/* What fits is kept: the oldest message held is the oldest that the ring has room for. */
static void check_held(const struct model *model)
{
    uint64_t first = lane_first(model->lane);
    uint64_t end = model->starts[model->count];
    assert_int_equal(lane_next(model->lane), model->count);
    assert_true(end - model->starts[first] <= ring_size());
    assert_int_equal(lane_bytes_after(model->lane, first), end - model->starts[first]);
    /* 100 bytes a message on average are fewer records than the index has. */
    if (first > 0 && end - model->starts[first - 1] <= ring_size())
        assert_true(model->count - first >= ring_size() / 128);
}

static void behaves_as_a_list_of_all_messages_would(void **state)
{
    (void)state;
    struct seeded_random random = seeded_random_of_run();
    struct model model = {
        .lane = lane_create(rings, RING_SIZE, BEFORE_ALL),
        .bytes = memory_allocate((size_t)STEPS * LONGEST_FRAME),
        .starts = memory_allocate_zeroed(STEPS + 1, sizeof *model.starts),
    };
    for (size_t step = 0; step < STEPS; step++) {
        size_t choice = seeded_random_next(&random) % CHOICES;
        if (choice < READERS)
            read_random(&model, &model.readers[choice], &random);
        else
            append_random(&model, &random);
        check_held(&model);
        find_random(&model, &random);
    }
    assert_true(lane_first(model.lane) > 0);
    free(model.bytes);
    free(model.starts);
    lane_destroy(model.lane);
}

static void a_lane_needs_no_descriptor(void **state)
{
    (void)state;
    struct rlimit before, none;
    struct lane_slice slice;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct lane *first = lane_create(rings, RING_SIZE, BEFORE_ALL);
    struct lane *second = lane_create(rings, RING_SIZE, BEFORE_ALL);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(append_text(first, 1, "one"));
    assert_true(append_text(second, 1, "two"));
    assert_true(lane_read(first, 0, SIZE_MAX, &slice));
    assert_memory_equal(slice.data, "one", slice.size);
    lane_destroy(first);
    assert_true(lane_read(second, 0, SIZE_MAX, &slice));
    assert_memory_equal(slice.data, "two", slice.size);
    lane_destroy(second);
}

static void what_a_lane_held_goes_back(void **state)
{
    (void)state;
    struct lane *lane = lane_create(rings, RING_SIZE, BEFORE_ALL);
    for (uint64_t i = 0; i < RING_SIZE; i++)
        assert_true(append_text(lane, i, "xx"));
    size_t held = ring_file_bytes(rings);
    lane_destroy(lane);
    assert_int_equal(held, ring_size());
    assert_int_equal(ring_file_bytes(rings), 0);
}

int main(void)
{
    rings = ring_file_create();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_lane_is_empty),
        cmocka_unit_test(a_slice_is_as_many_whole_messages_as_fit),
        cmocka_unit_test(a_frame_that_does_not_fit_overtakes_every_reader),
        cmocka_unit_test(a_place_is_found_from_where_the_lane_began),
        cmocka_unit_test(after_a_message_that_did_not_fit_there_is_no_place_before_it),
        cmocka_unit_test(when_ids_go_back_only_what_came_since_has_places),
        cmocka_unit_test(behind_a_fork_there_are_no_places_of_what_was_lost),
        cmocka_unit_test(tiny_messages_are_dropped_before_their_records_are_overwritten),
        cmocka_unit_test(behaves_as_a_list_of_all_messages_would),
        cmocka_unit_test(a_lane_needs_no_descriptor),
        cmocka_unit_test(what_a_lane_held_goes_back),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ring_file_destroy(rings);
    return failed;
}
