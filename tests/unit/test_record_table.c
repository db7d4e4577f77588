/* The table of a generation's certificates, against what was put into it, while it grows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ingest/history/record_table.h"
#include "tests/support/seeded_random.h"

enum {
    COUNT = 50000
};

static struct known_record record_of(uint32_t number)
{
    struct known_record record = { .block = number / 7, .record = number };
    struct seeded_random random = seeded_random_of("record table", "der", number);
    seeded_random_fill(&random, record.der, sizeof record.der);
    return record;
}

static void expect_found(const struct record_table *table, uint32_t number)
{
    struct known_record record = record_of(number);
    const struct known_record *found = record_table_find(table, record.der);
    assert_non_null(found);
    assert_int_equal(found->record, number);
    assert_int_equal(found->block, number / 7);
}

static void finds_what_it_was_given(void **state)
{
    (void)state;
    struct record_table *table = record_table_create();
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < COUNT; i++) {
            struct known_record record = record_of(i);
            assert_null(record_table_find(table, record.der));
            record_table_add(table, &record);
            expect_found(table, i);
            expect_found(table, i / 2);
            expect_found(table, (uint32_t)((uint64_t)i * 7919 % (i + 1)));
        }
        assert_int_equal(record_table_count(table), COUNT);
        for (uint32_t i = 0; i < COUNT; i++)
            expect_found(table, i);
        record_table_clear(table);
        assert_int_equal(record_table_count(table), 0);
    }
    record_table_destroy(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_it_was_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
