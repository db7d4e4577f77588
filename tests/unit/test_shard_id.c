#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/redis/shard_id.h"
#include "tests/support/seeded_random.h"

static void expect_id(struct stream_id id, uint64_t ms, uint64_t sequence)
{
    assert_int_equal(id.ms, ms);
    assert_int_equal(id.sequence, sequence);
}

static void the_first_shard_has_the_ids_of_redis(void **state)
{
    (void)state;
    struct stream_id merged;
    assert_true(shard_id_merge(&merged, 0, (struct stream_id){ 1795417069289, 7 }));
    expect_id(merged, 1795417069289, 7);
}

static void ids_are_merged_and_split(void **state)
{
    (void)state;
    struct stream_id merged, id;
    unsigned shard;
    assert_true(shard_id_merge(&merged, 3, (struct stream_id){ 5, 1 }));
    expect_id(merged, 5, 3 * (UINT64_C(1) << 40) + 1);
    assert_true(shard_id_split(&shard, &id, merged));
    assert_int_equal(shard, 3);
    expect_id(id, 5, 1);
    assert_false(shard_id_merge(&merged, 0, (struct stream_id){ 5, UINT64_C(1) << 40 }));
    assert_false(shard_id_split(&shard, &id, (struct stream_id){ 5, UINT64_MAX }));
    assert_false(shard_id_split(&shard, &id, (struct stream_id){ 5, (uint64_t)SHARDS_MAX << 40 }));
}

/* Of every shard exactly what comes later in the line is read on from a place. */
static void a_place_is_between_what_was_had_and_what_was_not(void **state)
{
    (void)state;
    struct seeded_random random = seeded_random_of_run();
    for (int i = 0; i < 10000; i++) {
        struct stream_id had = { seeded_random_below(&random, 3),
                                 seeded_random_below(&random, 4) << SHARD_SEQUENCE_BITS |
                                     seeded_random_below(&random, 3) };
        unsigned shard = (unsigned)seeded_random_below(&random, 4);
        struct stream_id id = { seeded_random_below(&random, 3), seeded_random_below(&random, 3) };
        struct stream_id merged;
        /* Redis begins with 0-1. */
        if (id.ms == 0 && id.sequence == 0)
            continue;
        assert_true(shard_id_merge(&merged, shard, id));
        bool comes_later = stream_id_compare(merged, had) > 0;
        bool is_read = stream_id_compare(id, shard_id_place(shard, had)) > 0;
        assert_int_equal(comes_later, is_read);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_shard_has_the_ids_of_redis),
        cmocka_unit_test(ids_are_merged_and_split),
        cmocka_unit_test(a_place_is_between_what_was_had_and_what_was_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
