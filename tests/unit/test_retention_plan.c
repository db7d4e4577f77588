#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/store/retention_plan.h"

#define MB (UINT64_C(1) << 20)

struct plan_row {
    const char *what;
    struct retention_limits limits;
    struct retention_memory memory;
    uint64_t expected;
};

/* Of memory: used, maximum, stream bytes, stream entries, issuer bytes, history bytes. */
static const struct plan_row plan_rows[] = {
    { "nothing is limited", { 0, 0, 0, 0 }, { 900 * MB, 0, 800 * MB, 1000, 0, 0 }, UINT64_MAX },
    { "entries", { 500, 0, 0, 0 }, { 900 * MB, 0, 800 * MB, 1000, 0, 0 }, 500 },
    { "bytes, enough", { 0, 0, 900 * MB, 0 }, { 900 * MB, 0, 800 * MB, 1000, 0, 0 }, UINT64_MAX },
    { "bytes, twice too many", { 0, 0, 400 * MB, 0 }, { 900 * MB, 0, 800 * MB, 1000, 0, 0 }, 500 },
    { "bytes, of which issuers take some",
      { 0, 0, 500 * MB, 0 },
      { 900 * MB, 0, 800 * MB, 1000, 100 * MB, 0 },
      500 },
    { "the smaller of both", { 400, 0, 400 * MB, 0 }, { 900 * MB, 0, 800 * MB, 1000, 0, 0 }, 400 },
    { "bytes count where Redis has more",
      { 0, 0, 400 * MB, 0 },
      { 900 * MB, 9000 * MB, 800 * MB, 1000, 0, 0 },
      500 },
    { "four fifths of Redis' memory",
      { 0, 0, 0, 0 },
      { 80 * MB, 100 * MB, 60 * MB, 6000, 0, 0 },
      UINT64_MAX },
    { "more than that", { 0, 0, 0, 0 }, { 90 * MB, 100 * MB, 60 * MB, 6000, 0, 0 }, 5000 },
    { "a small one is half free", { 0, 0, 0, 0 }, { 9 * MB, 12 * MB, 6 * MB, 6000, 0, 0 }, 3000 },
    { "a full one", { 0, 0, 0, 0 }, { 12 * MB, 12 * MB, 8 * MB, 8000, 0, 0 }, 2000 },
    { "what is not ours fills it", { 0, 0, 0, 0 }, { 95 * MB, 100 * MB, 5 * MB, 6000, 0, 0 }, 256 },
    { "an empty stream", { 0, 0, 0, 0 }, { 95 * MB, 100 * MB, 0, 0, 0, 0 }, UINT64_MAX },
    { "of a Redis without a limit a GB is taken",
      { 0, 0, 0, 0 },
      { 3000 * MB, 0, 2048 * MB, 8000, 0, 0 },
      4000 },
    { "a quarter of which is a shard's", { 0, 0, 0, 4 }, { 0, 0, 1024 * MB, 6000, 0, 0 }, 1500 },
    { "an unknown size", { 70, 0, 0, 0 }, { 0, 0, 0, 0, 0, 0 }, 70 },
};

static void says_how_many_entries_may_stay(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof plan_rows / sizeof *plan_rows; i++) {
        const struct plan_row *row = &plan_rows[i];
        uint64_t entries = retention_entries(&row->limits, &row->memory);
        if (entries != row->expected)
            fail_msg("%s: %llu", row->what, (unsigned long long)entries);
    }
}

/* History is what goes first. */
static void says_what_is_too_much(void **state)
{
    static const struct plan_row rows[] = {
        { "it fits", { 0, 0, 0, 0 }, { 70 * MB, 100 * MB, 10 * MB, 9, MB, 50 * MB }, 0 },
        { "above four fifths",
          { 0, 0, 0, 0 },
          { 85 * MB, 100 * MB, 10 * MB, 9, MB, 50 * MB },
          5 * MB },
        { "bytes", { 0, 0, 50 * MB, 0 }, { 85 * MB, 100 * MB, 10 * MB, 9, MB, 50 * MB }, 11 * MB },
        { "no limit", { 0, 0, 0, 0 }, { 1500 * MB, 0, 100 * MB, 9, MB, 1000 * MB }, 77 * MB },
        { "entries are the limit",
          { 9, 0, 0, 0 },
          { 1500 * MB, 0, 100 * MB, 9, MB, 1000 * MB },
          0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (retention_excess(&rows[i].limits, &rows[i].memory) != rows[i].expected)
            fail_msg("%s", rows[i].what);
}

static void reads_what_redis_says_of_its_memory(void **state)
{
    (void)state;
    struct retention_memory memory = { .stream_bytes = 7 };
    const struct retention_limits all = { 0 }, third = { .shards = 3 };
    assert_true(retention_read_info(
        &memory,
        bytes_of_string("# Memory\r\nused_memory:1000\r\nused_memory_human:1K\r\n"
                        "mem_not_counted_for_evict:30\r\nmaxmemory:12582912\r\n"
                        "maxmemory_human:12M\r\nmem_clients_normal:200\r\n"),
        &all));
    assert_int_equal(memory.used, 770);
    assert_int_equal(memory.maximum, 12 * MB);
    assert_int_equal(memory.stream_bytes, 7);
    assert_true(retention_read_info(&memory, bytes_of_string("\nused_memory:5\n"), &all));
    assert_int_equal(memory.maximum, 0);
    assert_true(retention_read_info(
        &memory, bytes_of_string("\nused_memory:900\n\nmaxmemory:6000\n"), &third));
    assert_int_equal(memory.used, 300);
    assert_int_equal(memory.maximum, 2000);
    assert_false(retention_read_info(&memory, bytes_of_string("-NOPERM"), &all));
    assert_false(retention_read_info(&memory, (struct bytes){ 0 }, &all));
    assert_false(retention_read_info(&memory, bytes_of_string("\nused_memory:"), &all));
    assert_false(
        retention_read_info(&memory, bytes_of_string("\nused_memory:99999999999999999999"), &all));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_how_many_entries_may_stay),
        cmocka_unit_test(says_what_is_too_much),
        cmocka_unit_test(reads_what_redis_says_of_its_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
