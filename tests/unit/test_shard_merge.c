#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/base/memory.h"
#include "streamer/stream/shard_merge.h"
#include "tests/support/seeded_random.h"

enum {
    SHARDS = 5,
    ENTRIES = 400,
    READ_MAX = 7,
    ROUNDS = 300,
};

static void nothing_goes_out_that_could_be_overtaken(void **state)
{
    (void)state;
    static const struct stream_id first[] = { { 5, 0 }, { 9, 0 } }, second[] = { { 5, 0 } };
    struct shard_range ranges[] = {
        { .ids = first, .count = 2, .horizon = { 10, 0 } },
        { .ids = second, .count = 1, .horizon = { 6, 0 } },
    };
    unsigned shard;
    assert_true(shard_merge_next(ranges, 2, &shard));
    assert_int_equal(shard, 0);
    ranges[0].next++;
    assert_true(shard_merge_next(ranges, 2, &shard));
    assert_int_equal(shard, 1);
    ranges[1].next++;
    /* The second one may still bring a 6-0. */
    assert_false(shard_merge_next(ranges, 2, &shard));
    ranges[1].horizon.ms = 9;
    /* And now a 9-0, which comes behind that of the first. */
    assert_true(shard_merge_next(ranges, 2, &shard));
    assert_int_equal(shard, 0);
}

static void one_that_is_away_is_not_waited_for(void **state)
{
    (void)state;
    static const struct stream_id first[] = { { 5, 0 } };
    struct shard_range ranges[] = {
        { .ids = first, .count = 1, .horizon = { 10, 0 } },
        { .horizon = { 2, 0 } },
    };
    unsigned shard;
    assert_false(shard_merge_next(ranges, 2, &shard));
    ranges[1].is_away = true;
    assert_true(shard_merge_next(ranges, 2, &shard));
    assert_int_equal(shard, 0);
}

static void one_shard_is_never_waited_for(void **state)
{
    (void)state;
    static const struct stream_id ids[] = { { 5, 0 }, { 5, 1 } };
    struct shard_range range = { .ids = ids, .count = 2, .horizon = { 5, 2 } };
    unsigned shard;
    for (; range.next < range.count; range.next++)
        assert_true(shard_merge_next(&range, 1, &shard));
    assert_false(shard_merge_next(&range, 1, &shard));
}

/* Streams that grow, each read by another amount at a time. */
struct model {
    struct stream_id ids[SHARDS][ENTRIES];
    size_t read[SHARDS];
    struct shard_range ranges[SHARDS];
};

static void make_streams(struct model *model, struct seeded_random *random)
{
    memset(model, 0, sizeof *model);
    for (unsigned shard = 0; shard < SHARDS; shard++) {
        struct stream_id id = { 1, 0 };
        for (size_t i = 0; i < ENTRIES; i++) {
            uint64_t step = seeded_random_below(random, 3);
            id = step ? (struct stream_id){ id.ms + step, 0 }
                      : (struct stream_id){ id.ms, id.sequence + 1 };
            model->ids[shard][i] = id;
        }
    }
}

static void read_more(struct model *model, struct seeded_random *random)
{
    unsigned shard = (unsigned)seeded_random_below(random, SHARDS);
    struct shard_range *range = &model->ranges[shard];
    size_t left = ENTRIES - model->read[shard];
    size_t more = (size_t)seeded_random_below(random, READ_MAX);
    model->read[shard] += more < left ? more : left;
    range->ids = model->ids[shard];
    range->count = model->read[shard];
    bool is_end = model->read[shard] == ENTRIES;
    range->horizon = is_end         ? (struct stream_id){ UINT64_MAX, 0 }
                     : range->count ? stream_id_after(range->ids[range->count - 1])
                                    : (struct stream_id){ 0, 0 };
}

/* All that may go out; each comes behind `last`. Answers how many. */
static size_t take_out(struct model *model, struct stream_id *last)
{
    size_t out = 0;
    unsigned shard;
    for (; shard_merge_next(model->ranges, SHARDS, &shard); out++) {
        struct stream_id merged;
        struct shard_range *range = &model->ranges[shard];
        assert_true(shard_id_merge(&merged, shard, range->ids[range->next++]));
        assert_true(stream_id_compare(merged, *last) > 0);
        *last = merged;
    }
    return out;
}

static void all_comes_in_one_order_whatever_is_read_when(void **state)
{
    (void)state;
    struct seeded_random random = seeded_random_of_run();
    struct model *model = memory_allocate(sizeof *model);
    for (int round = 0; round < ROUNDS; round++) {
        struct stream_id last = { 0, 0 };
        size_t left = (size_t)SHARDS * ENTRIES;
        make_streams(model, &random);
        while (left > 0) {
            read_more(model, &random);
            left -= take_out(model, &last);
        }
    }
    free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_goes_out_that_could_be_overtaken),
        cmocka_unit_test(one_that_is_away_is_not_waited_for),
        cmocka_unit_test(one_shard_is_never_waited_for),
        cmocka_unit_test(all_comes_in_one_order_whatever_is_read_when),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
