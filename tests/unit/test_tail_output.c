#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "streamer/tail/tail_output.h"

/* A pipe whose writing end is the output. */
struct pipe_end {
    struct tail_output output;
    int reader, writer;
};

static int setup(void **state)
{
    struct pipe_end *end = calloc(1, sizeof *end);
    int ends[2];
    assert_non_null(end);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    end->reader = ends[0];
    end->writer = ends[1];
    tail_output_init(&end->output, end->writer);
    *state = end;
    return 0;
}

static int teardown(void **state)
{
    struct pipe_end *end = *state;
    tail_output_clear(&end->output);
    if (end->reader >= 0)
        (void)close(end->reader);
    (void)close(end->writer);
    free(end);
    return 0;
}

static size_t read_all(const struct pipe_end *end, char *text, size_t size)
{
    ssize_t got = read(end->reader, text, size);
    return got < 0 ? 0 : (size_t)got;
}

static void a_pipe_gets_blocks(void **state)
{
    enum {
        ROW = 1024,
        ROWS = 64
    };
    struct pipe_end *end = *state;
    static char row[ROW], text[ROW * ROWS + 1];
    for (size_t i = 0; i < ROWS; i++) {
        assert_int_equal(read_all(end, text, sizeof text), 0);
        buffer_append(&end->output.rows, row, ROW);
        assert_int_equal(tail_output_add(&end->output), TAIL_OUTPUT_GOOD);
    }
    /* As much as a pipe of Linux takes: nobody reads meanwhile. */
    assert_int_equal(read_all(end, text, sizeof text), ROW * ROWS);
    assert_int_equal(end->output.rows.size, 0);
    assert_false(end->output.is_terminal);
}

static void what_is_kept_back_can_be_had(void **state)
{
    struct pipe_end *end = *state;
    char text[16];
    buffer_append_string(&end->output.rows, "one\ntwo\n");
    assert_int_equal(tail_output_add(&end->output), TAIL_OUTPUT_GOOD);
    assert_int_equal(read_all(end, text, sizeof text), 0);
    assert_int_equal(tail_output_flush(&end->output), TAIL_OUTPUT_GOOD);
    assert_int_equal(end->output.rows.size, 0);
    assert_int_equal(read_all(end, text, sizeof text), 8);
    assert_memory_equal(text, "one\ntwo\n", 8);
}

static void a_terminal_gets_each_row(void **state)
{
    struct pipe_end *end = *state;
    char text[16];
    end->output.is_terminal = true;
    buffer_append_string(&end->output.rows, "one\n");
    assert_int_equal(tail_output_add(&end->output), TAIL_OUTPUT_GOOD);
    assert_int_equal(read_all(end, text, sizeof text), 4);
}

static void who_has_left_is_no_failure(void **state)
{
    struct pipe_end *end = *state;
    assert_int_equal(tail_output_look(&end->output), TAIL_OUTPUT_GOOD);
    (void)close(end->reader);
    end->reader = -1;
    assert_int_equal(tail_output_look(&end->output), TAIL_OUTPUT_LEFT);
    buffer_append_string(&end->output.rows, "one\n");
    assert_int_equal(tail_output_flush(&end->output), TAIL_OUTPUT_LEFT);
}

static void a_full_disk_is_one(void **state)
{
    (void)state;
    struct tail_output full;
    int descriptor = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(descriptor >= 0);
    tail_output_init(&full, descriptor);
    buffer_append_string(&full.rows, "one\n");
    assert_int_equal(tail_output_flush(&full), TAIL_OUTPUT_FAILED);
    tail_output_clear(&full);
    (void)close(descriptor);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_pipe_gets_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_kept_back_can_be_had, setup, teardown),
        cmocka_unit_test_setup_teardown(a_terminal_gets_each_row, setup, teardown),
        cmocka_unit_test_setup_teardown(who_has_left_is_no_failure, setup, teardown),
        cmocka_unit_test(a_full_disk_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
