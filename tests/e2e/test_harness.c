/*
 * The harness itself: what it promises the other tests must hold, or they show nothing.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "tests/support/harness.h"
#include "tests/support/program.h"
#include "tests/support/redis_server.h"

enum {
    /* Until a script of one line has ended. */
    END_MS = 60000,
};

static int setup(void **state)
{
    *state = harness_create();
    return 0;
}

static int teardown(void **state)
{
    return harness_destroy(*state);
}

static struct program *start_shell(struct harness *harness, const char *script, const char *ready)
{
    const char *const arguments[] = { "sh", "-c", script, NULL };
    return program_start(harness, &(struct program_options){
                                      .name = "shell", .arguments = arguments, .ready = ready });
}

static void waits_for_the_first_line(void **state)
{
    struct program *program = start_shell(
        *state, "echo listening on http://127.0.0.1:4711; exec sleep 60", "listening on ");
    assert_string_equal(program_ready_text(program), "http://127.0.0.1:4711");
    assert_int_equal(program_port(program), 4711);
    assert_true(program_is_running(program));
}

static void tells_how_a_program_ended(void **state)
{
    struct program *program = start_shell(*state, "echo up; echo why >&2; exit 3", "up");
    assert_int_equal(program_wait(program, END_MS), 3);
    assert_false(program_is_running(program));
    char *errors = program_errors(program);
    assert_string_equal(errors, "why\n");
    free(errors);

    program_restart(program);
    (void)program_wait(program, END_MS);
    char *output = program_output(program);
    assert_string_equal(output, "up\nup\n");
    free(output);
}

static void kills_and_reaps(void **state)
{
    struct program *program = start_shell(*state, "echo up; exec sleep 60", "up");
    pid_t pid = program_pid(program);
    program_kill(program);
    assert_int_equal(kill(pid, 0), -1);
    program_restart(program);
    assert_int_equal(program_stop(program), 128 + SIGTERM);
}

static int destroy_with(const char *script, bool is_daemon)
{
    struct harness *harness = harness_create();
    const char *const arguments[] = { "sh", "-c", script, NULL };
    (void)program_start(harness, &(struct program_options){ .name = "shell",
                                                            .arguments = arguments,
                                                            .ready = "up",
                                                            .is_daemon = is_daemon });
    char folder[HARNESS_FOLDER_SIZE];
    (void)snprintf(folder, sizeof folder, "%s", harness->folder);
    int result = harness_destroy(harness);
    if (result != 0)
        harness_remove_folder(folder);
    return result;
}

static void teardown_notices_what_went_wrong(void **state)
{
    (void)state;
    assert_int_equal(destroy_with("echo up; exec sleep 60", false), 0);
    assert_int_equal(destroy_with("echo 'x.c:1:2: runtime error: y' >&2; echo up", false), -1);
    assert_int_equal(destroy_with("sleep 60 & trap 'exit 0' TERM; echo up; wait", false), -1);
    assert_int_equal(destroy_with("trap 'exit 0' TERM; echo up; while :; do sleep .1; done", true),
                     0);
    assert_int_equal(destroy_with("trap 'exit 9' TERM; echo up; while :; do sleep .1; done", true),
                     -1);
}

static void redis_keeps_its_data_over_a_kill(void **state)
{
    struct redis_server *server = redis_server_start(*state, "redis", NULL);
    freeReplyObject(redis_server_command(server, "SET greeting %s", "hello"));
    redis_server_kill(server);
    redis_server_restart(server);
    redisReply *reply = redis_server_command(server, "GET greeting");
    assert_string_equal(reply->str, "hello");
    freeReplyObject(reply);
    assert_int_equal(redis_server_integer(server, "DBSIZE"), 1);
    redis_server_destroy(server);
}

static void the_same_seed_gives_the_same_numbers(void **state)
{
    struct harness *harness = *state;
    struct seeded_random before = harness->random;
    uint64_t first[8];
    for (size_t i = 0; i < 8; i++)
        first[i] = harness_random(harness, 1000);
    harness->random = before;
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(harness_random(harness, 1000), first[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(waits_for_the_first_line, setup, teardown),
        cmocka_unit_test_setup_teardown(tells_how_a_program_ended, setup, teardown),
        cmocka_unit_test_setup_teardown(kills_and_reaps, setup, teardown),
        cmocka_unit_test(teardown_notices_what_went_wrong),
        cmocka_unit_test_setup_teardown(redis_keeps_its_data_over_a_kill, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_seed_gives_the_same_numbers, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
