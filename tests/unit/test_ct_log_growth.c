#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/ct_log/growth.h"
#include "tests/support/ct_log/growth_file.h"

enum {
    START = 1000000000
};

static void stands_still_without_a_rate(void **state)
{
    struct growth growth;
    (void)state;
    growth_init(&growth, START, 50, 0);
    assert_int_equal(growth_size(&growth, START), 50);
    assert_int_equal(growth_size(&growth, START + 1000000), 50);
    growth_clear(&growth);
}

static void grows_in_steps_of_the_interval(void **state)
{
    static const struct {
        uint64_t after_ms, published_ms, size;
    } rows[] = {
        { 0, 0, 10 },       { 999, 0, 10 },       { 1000, 1000, 12 },
        { 1999, 1000, 12 }, { 10000, 10000, 35 }, { 100000, 100000, 200 },
    };
    struct growth growth;
    (void)state;
    growth_init(&growth, START, 10, 2.5);
    growth.publish_interval_ms = 1000;
    growth.max_size = 200;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t published_ms = growth_published_ms(&growth, START + rows[i].after_ms);
        assert_int_equal(published_ms, START + rows[i].published_ms);
        assert_int_equal(growth_size(&growth, published_ms), rows[i].size);
    }
    assert_int_equal(growth_next_publish_ms(&growth, START + 1999), START + 2000);
    growth_clear(&growth);
}

/* No entry may be younger than the first head that covers it, nor older than the one before it. */
static void check_timestamps(const struct growth *growth, uint64_t from_ms, uint64_t to_ms)
{
    uint64_t before = 0;
    for (uint64_t now = from_ms; now <= to_ms; now += 7) {
        uint64_t published_ms = growth_published_ms(growth, now);
        uint64_t size = growth_size(growth, published_ms);
        assert_true(size >= before);
        for (; before < size; before++) {
            uint64_t timestamp_ms = growth_timestamp(growth, before);
            assert_true(timestamp_ms <= published_ms);
            assert_true(before == 0 || growth_timestamp(growth, before - 1) <= timestamp_ms);
        }
    }
}

static void timestamps_fit_the_heads_through_all_changes(void **state)
{
    struct growth growth;
    (void)state;
    growth_init(&growth, START, 100, 30);
    growth.publish_interval_ms = 250;
    assert_true(growth_set_rate(&growth, START + 2010, 111.1));
    assert_true(growth_set_size(&growth, START + 3500, 1000));
    assert_true(growth_set_rate(&growth, START + 4000, 0));
    assert_true(growth_resume(&growth, START + 9000, 1066, 50));
    check_timestamps(&growth, START, START + 12000);
    assert_int_equal(growth_size(&growth, START + 3500), 1000);
    assert_int_equal(growth_size(&growth, START + 8999), 1055);
    assert_int_equal(growth_size(&growth, START + 9000), 1066);
    growth_clear(&growth);
}

static void a_smaller_size_changes_nothing(void **state)
{
    struct growth growth;
    (void)state;
    growth_init(&growth, START, 100, 0);
    assert_true(growth_set_size(&growth, START + 5, 99));
    assert_int_equal(growth_size(&growth, START + 5), 100);
    growth_clear(&growth);
}

static void refuses_more_changes_than_it_can_hold(void **state)
{
    struct growth growth;
    size_t done = 0;
    (void)state;
    growth_init(&growth, START, 100, 0);
    while (done < GROWTH_STEPS_MAX && growth_set_rate(&growth, START + done, (double)(done % 3)))
        done++;
    assert_int_equal(done, GROWTH_STEPS_MAX - 1);
    assert_false(growth_set_size(&growth, START + 100000, 100000000));
    assert_false(growth_resume(&growth, START + 100000, 100, 1));
    growth_clear(&growth);
}

static void assert_same(const struct growth *a, const struct growth *b)
{
    assert_int_equal(a->start_ms, b->start_ms);
    assert_int_equal(a->step_count, b->step_count);
    for (uint64_t i = 0; i < 300; i++)
        assert_int_equal(growth_timestamp(a, i), growth_timestamp(b, i));
}

static void the_file_gives_back_what_was_written(void **state)
{
    char path[] = "/tmp/ct_log_growth.XXXXXX";
    struct growth written, read;
    uint64_t reached = 0;
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
    growth_init(&written, START, 100, 0.1);
    assert_true(growth_set_rate(&written, START + 333, 12.7));
    assert_true(growth_set_size(&written, START + 444, 200));
    assert_true(growth_file_write(&written, 250, path, "a seed"));
    growth_init(&read, START + 9999, 5, 0);
    assert_int_equal(growth_file_read(&read, &reached, path, "another"), GROWTH_FILE_WRONG);
    assert_int_equal(growth_file_read(&read, &reached, path, "a seed"), GROWTH_FILE_READ);
    assert_int_equal(reached, 250);
    assert_same(&written, &read);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(growth_file_read(&read, &reached, path, "a seed"), GROWTH_FILE_ABSENT);
    growth_clear(&written);
    growth_clear(&read);
}

static void refuses_a_file_of_something_else(void **state)
{
    static const char *const texts[] = {
        "",
        "seed s\n",
        "seed s\nstart 5\nstep 1 2 3\n",
        "seed s\nstart 5 reached 6\n",
        "seed s\nstart 5 reached 6\nstep 1 two 3\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char path[] = "/tmp/ct_log_growth.XXXXXX";
        struct growth growth;
        uint64_t reached;
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        FILE *file = fdopen(fd, "w");
        assert_non_null(file);
        assert_true(fputs(texts[i], file) >= 0);
        assert_int_equal(fclose(file), 0);
        growth_init(&growth, START, 5, 0);
        assert_int_equal(growth_file_read(&growth, &reached, path, "s"), GROWTH_FILE_WRONG);
        growth_clear(&growth);
        assert_int_equal(unlink(path), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stands_still_without_a_rate),
        cmocka_unit_test(grows_in_steps_of_the_interval),
        cmocka_unit_test(timestamps_fit_the_heads_through_all_changes),
        cmocka_unit_test(a_smaller_size_changes_nothing),
        cmocka_unit_test(refuses_more_changes_than_it_can_hold),
        cmocka_unit_test(the_file_gives_back_what_was_written),
        cmocka_unit_test(refuses_a_file_of_something_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
