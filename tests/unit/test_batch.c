/* Batches: what Redis gets is what hiredis would make of the same words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "ingest/store/batch.h"
#include "shared/redis/contract.h"
#include "tests/support/seeded_random.h"

enum {
    WORDS = 3 + 2 * BATCH_FIELDS,
    VALUE_MAX = 200 * 1000,
};

static const char *const names[BATCH_FIELDS] = {
    CONTRACT_FIELD_JSON, CONTRACT_FIELD_DOMAINS, CONTRACT_FIELD_DER, CONTRACT_FIELD_CHAIN,
    CONTRACT_FIELD_LOG,  CONTRACT_FIELD_INDEX,   CONTRACT_FIELD_TBS,
};

static struct batch *make_batch(size_t expected_bytes)
{
    const struct log_position empty = { 0 };
    struct batch *batch = batch_create(&empty, expected_bytes);
    batch->stream = "{certstream}:stream";
    return batch;
}

/* As many digits as can be: 0, 9, 10, 99, … and what lies between. */
static size_t random_size(struct seeded_random *random)
{
    static const size_t edges[] = {
        0, 1, 9, 10, 11, 99, 100, 999, 1000, 9999, 10000, 99999, 100000
    };
    return seeded_random_below(random, 2)
               ? edges[seeded_random_below(random, sizeof edges / sizeof *edges)]
               : seeded_random_below(random, VALUE_MAX / 100);
}

/* In the middle of a field the size is not known yet. */
static void add_in_pieces(struct batch *batch, enum batch_field field, struct bytes value)
{
    size_t half = value.size / 2;
    batch_begin_field(batch, field);
    buffer_append(&batch->arena, value.data, half);
    buffer_append(&batch->arena, value.data + half, value.size - half);
    batch_end_field(batch, field);
}

static void expect_command(const struct batch *batch, size_t entry, const struct bytes *values)
{
    const char *words[WORDS] = { "XADD", batch->stream, "*" };
    size_t sizes[WORDS] = { 4, strlen(batch->stream), 1 };
    for (size_t field = 0; field < BATCH_FIELDS; field++) {
        words[3 + 2 * field] = names[field];
        sizes[3 + 2 * field] = strlen(names[field]);
        words[4 + 2 * field] = (const char *)values[field].data;
        sizes[4 + 2 * field] = values[field].size;
        assert_true(bytes_equal(batch_field(batch, entry, (enum batch_field)field), values[field]));
    }
    char *expected;
    long long size = redisFormatCommandArgv(&expected, WORDS, words, sizes);
    assert_true(size > 0);
    assert_true(bytes_equal(batch_command(batch, entry), bytes_of(expected, (size_t)size)));
    redisFreeCommand(expected);
}

static void add_random_entry(struct seeded_random *random, struct batch *batch, const uint8_t *data,
                             struct bytes *values)
{
    batch_begin_entry(batch);
    for (size_t field = 0; field < BATCH_FIELDS; field++) {
        values[field] = bytes_of(data + field, random_size(random));
        if (seeded_random_below(random, 2))
            add_in_pieces(batch, (enum batch_field)field, values[field]);
        else
            batch_add_field(batch, (enum batch_field)field, values[field]);
    }
}

static void fill_and_compare(struct seeded_random *random, const uint8_t *data,
                             size_t expected_bytes)
{
    struct batch *batch = make_batch(expected_bytes);
    struct bytes values[BATCH_ENTRIES_MAX][BATCH_FIELDS];
    while (!batch_is_full(batch)) {
        add_random_entry(random, batch, data, values[batch->entry_count]);
        /* One in four is given up, and leaves no trace. */
        if (seeded_random_below(random, 4) == 0)
            batch_cancel_entry(batch);
    }
    for (size_t entry = 0; entry < batch->entry_count; entry++)
        expect_command(batch, entry, values[entry]);
    batch_destroy(batch);
}

static void commands_are_those_of_hiredis(void **state)
{
    (void)state;
    struct seeded_random random = seeded_random_of_run();
    uint8_t *data = malloc(VALUE_MAX);
    assert_non_null(data);
    seeded_random_fill(&random, data, VALUE_MAX);
    for (unsigned round = 0; round < 20; round++)
        fill_and_compare(&random, data, round % 2 ? 100000 : 0);
    free(data);
}

static void an_entry_that_is_too_large_is_cancelled(void **state)
{
    (void)state;
    struct batch *batch = make_batch(0);
    batch->arena.limit = 4096;
    struct bytes small[BATCH_FIELDS], values[BATCH_FIELDS];
    static const uint8_t data[8192];
    for (size_t field = 0; field < BATCH_FIELDS; field++)
        small[field] = bytes_of(data, field);
    /* In each field once, whole and in pieces. */
    for (size_t large = 0; large < 2 * (size_t)BATCH_FIELDS; large++) {
        memcpy(values, small, sizeof values);
        values[large / 2] = bytes_of(data, sizeof data);
        batch_begin_entry(batch);
        for (size_t field = 0; field < BATCH_FIELDS; field++)
            if (large % 2)
                add_in_pieces(batch, (enum batch_field)field, values[field]);
            else
                batch_add_field(batch, (enum batch_field)field, values[field]);
        assert_true(batch->arena.failed);
        batch_cancel_entry(batch);
        assert_false(batch->arena.failed);
        batch_begin_entry(batch);
        for (size_t field = 0; field < BATCH_FIELDS; field++)
            batch_add_field(batch, (enum batch_field)field, small[field]);
        expect_command(batch, 0, small);
        batch_cancel_entry(batch);
        assert_int_equal(batch->arena.size, 0);
    }
    batch_destroy(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_those_of_hiredis),
        cmocka_unit_test(an_entry_that_is_too_large_is_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
