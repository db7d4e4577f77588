/*
 * A log list that changes while its logs are followed: logs move, are to be drained, come back,
 * end, leave all at once. No entry is lost or doubled by any of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "tests/e2e/daemons.h"
#include "tests/e2e/list_stage.h"
#include "tests/e2e/stream_check.h"
#include "tests/support/harness.h"

enum {
    EXTRA = 8
};

static void logs_move_while_they_are_followed(void **state)
{
    struct list_stage *stage = *state;
    struct stream_check check = { 0 };
    struct program *ingest = list_stage_start_ingest(stage, "ingest", NULL, NULL);
    stream_check_expect(&check, stage->redis, LIST_STAGE_LOGS, 0, LIST_STAGE_SIZE);
    /* Nothing is left at the old addresses. */
    daemon_control_ct_log(stage->ct_log, "move=elsewhere&size=1500");
    stream_check_expect(&check, stage->redis, LIST_STAGE_LOGS, 0, 1500);
    program_wait_for_errors(ingest, "log has moved");
    daemon_control_ct_log(stage->ct_log, "move=&rate=500");
    harness_pause(2500);
    daemon_control_ct_log(stage->ct_log, "move=there");
    harness_pause(2500);
    daemon_control_ct_log(stage->ct_log, "rate=0&size=6000");
    stream_check_expect(&check, stage->redis, LIST_STAGE_LOGS, 0, 6000);
    char url[160];
    (void)snprintf(url, sizeof url, "%.100s/there/tiled/", program_ready_text(stage->ct_log));
    list_stage_wait_for_logs(stage, "url", url, 1);
}

static void what_the_lists_drop_is_drained(void **state)
{
    struct list_stage *stage = *state;
    struct stream_check check = { 0 };
    struct program *ingest = list_stage_start_ingest(stage, "first", NULL, NULL);
    stream_check_expect(&check, stage->redis, LIST_STAGE_LOGS, 0, LIST_STAGE_SIZE);
    list_stage_wait_for_logs(stage, "following", "yes", 2);
    daemon_control_ct_log(stage->ct_log, "list-state=rejected");
    list_stage_wait_for_logs(stage, "following", "draining", 2);
    list_stage_wait_for_logs(stage, "list_state", "rejected", 2);
    daemon_control_ct_log(stage->ct_log, "size=150");
    stream_check_expect(&check, stage->redis, LIST_STAGE_LOGS, 0, 150);
    list_stage_wait_for_counter(stage, "logs_drained", 2);

    /* One vanishes while ingest is down: it is remembered, and still read to its end. */
    assert_int_equal(program_stop(ingest), 0);
    daemon_control_ct_log(stage->ct_log, "list-state=gone&list-log=tiled&list-extra=1&size=200");
    (void)list_stage_start_ingest(stage, "second", NULL, NULL);
    stream_check_expect(&check, stage->redis, LIST_STAGE_LOGS, 0, 200);
    list_stage_wait_for_counter(stage, "list_reads", 1);
    assert_int_equal(list_stage_count_logs(stage, "following", "draining"), 2);

    daemon_control_ct_log(stage->ct_log, "list-state=usable");
    list_stage_wait_for_logs(stage, "following", "draining", 0);
    list_stage_wait_for_logs(stage, "list_state", "usable", 3);
    daemon_control_ct_log(stage->ct_log, "size=250");
    stream_check_expect(&check, stage->redis, LIST_STAGE_LOGS, 0, 250);
}

static void a_read_only_log_is_read_to_its_final_head(void **state)
{
    struct list_stage *stage = *state;
    struct stream_check check = { 0 };
    (void)list_stage_start_ingest(stage, "ingest", NULL, NULL);
    stream_check_expect(&check, stage->redis, LIST_STAGE_LOGS, 0, LIST_STAGE_SIZE);
    daemon_control_ct_log(stage->ct_log, "size=700");
    daemon_control_ct_log(stage->ct_log, "list-state=readonly");
    stream_check_expect(&check, stage->redis, LIST_STAGE_LOGS, 0, 700);
    list_stage_wait_for_logs(stage, "state", "finished", LIST_STAGE_LOGS);
    list_stage_wait_for_logs(stage, "final_size", "700", LIST_STAGE_LOGS);
}

static void a_list_that_would_stop_many_logs_is_held(void **state)
{
    struct list_stage *stage = *state;
    struct stream_check check = { 0 };
    daemon_control_ct_log(stage->ct_log, "list-extra=8");
    struct program *ingest = list_stage_start_ingest(stage, "first", NULL, NULL);
    stream_check_expect(&check, stage->redis, LIST_STAGE_LOGS, 0, LIST_STAGE_SIZE);
    list_stage_wait_for_logs(stage, "following", "yes", LIST_STAGE_LOGS + EXTRA);

    daemon_control_ct_log(stage->ct_log, "list-extra=0");
    program_wait_for_errors(ingest, "it would stop 8 of 10 logs");
    list_stage_wait_for_counter(stage, "list_held", 2);
    assert_int_equal(list_stage_counter(stage, "logs_followed"), LIST_STAGE_LOGS + EXTRA);
    assert_int_equal(list_stage_counter(stage, "logs_drained"), 0);
    assert_int_equal(program_stop(ingest), 0);

    /* A restart makes the list no more credible. */
    ingest = list_stage_start_ingest(stage, "second", NULL, NULL);
    program_wait_for_errors(ingest, "it would stop 8 of 10 logs");
    program_wait_for_errors(ingest, "log list taken from Redis");
    list_stage_wait_for_counter(stage, "logs_followed", LIST_STAGE_LOGS + EXTRA);
    daemon_control_ct_log(stage->ct_log, "size=150");
    stream_check_expect(&check, stage->redis, LIST_STAGE_LOGS, 0, 150);
    assert_int_equal(list_stage_count_logs(stage, "following", "draining"), 0);
    assert_int_equal(program_stop(ingest), 0);

    /* The administrator says that it is right. */
    const char *const arguments[] = { "--list-brake", "100", NULL };
    (void)list_stage_start_ingest(stage, "third", NULL, arguments);
    list_stage_wait_for_counter(stage, "logs_drained", EXTRA);
    assert_int_equal(list_stage_counter(stage, "logs_followed"), LIST_STAGE_LOGS);
    daemon_control_ct_log(stage->ct_log, "size=200");
    stream_check_expect(&check, stage->redis, LIST_STAGE_LOGS, 0, 200);
}

static void an_ignored_log_is_left_alone(void **state)
{
    struct list_stage *stage = *state;
    struct stream_check check = { 0 };
    struct program *ingest = list_stage_start_ingest(stage, "first", NULL, NULL);
    stream_check_expect(&check, stage->redis, LIST_STAGE_LOGS, 0, LIST_STAGE_SIZE);
    assert_int_equal(program_stop(ingest), 0);
    const char *const arguments[] = { "--ignore-log", check.logs[0].id, NULL };
    (void)list_stage_start_ingest(stage, "second", NULL, arguments);
    daemon_control_ct_log(stage->ct_log, "size=200");
    list_stage_wait_for_logs(stage, "next", "200", 1);
    list_stage_wait_for_counter(stage, "logs", 1);
    assert_int_equal(list_stage_counter(stage, "logs"), 1);
    assert_int_equal(list_stage_count_logs(stage, "next", "100"), 1);
}

/* One log in both forms has one follower, on the tiled one if the list has it; the other takes over
 * where that one was. */
static void a_log_changes_its_kind_while_it_is_followed(void **state)
{
    struct list_stage *stage = *state;
    struct stream_check check = { 0 };
    struct program *ingest = list_stage_start_ingest(stage, "ingest", NULL, NULL);
    stream_check_expect(&check, stage->redis, 1, 0, LIST_STAGE_SIZE);
    list_stage_wait_for_logs(stage, "type", "tiled", 1);
    daemon_control_ct_log(stage->ct_log, "list-state=retired&list-log=tiled&size=700");
    list_stage_wait_for_logs(stage, "type", "rfc6962", 1);
    stream_check_expect(&check, stage->redis, 1, 0, 700);
    daemon_control_ct_log(stage->ct_log, "rate=300");
    daemon_control_ct_log(stage->ct_log, "list-state=usable&list-log=tiled");
    list_stage_wait_for_logs(stage, "type", "tiled", 1);
    daemon_control_ct_log(stage->ct_log, "list-state=gone&list-log=tiled");
    list_stage_wait_for_logs(stage, "type", "rfc6962", 1);
    daemon_control_ct_log(stage->ct_log, "rate=0&size=9000");
    stream_check_expect(&check, stage->redis, 1, 0, 9000);
    program_wait_for_errors(ingest, "log has moved");
    assert_int_equal(list_stage_counter(stage, "logs"), 1);
    list_stage_wait_for_logs(stage, "verified_size", "9000", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(logs_move_while_they_are_followed, list_stage_setup,
                                        list_stage_teardown),
        cmocka_unit_test_setup_teardown(what_the_lists_drop_is_drained, list_stage_setup,
                                        list_stage_teardown),
        cmocka_unit_test_setup_teardown(a_read_only_log_is_read_to_its_final_head, list_stage_setup,
                                        list_stage_teardown),
        cmocka_unit_test_setup_teardown(a_list_that_would_stop_many_logs_is_held, list_stage_setup,
                                        list_stage_teardown),
        cmocka_unit_test_setup_teardown(a_log_changes_its_kind_while_it_is_followed,
                                        list_stage_setup_one_key, list_stage_teardown),
        cmocka_unit_test_setup_teardown(an_ignored_log_is_left_alone, list_stage_setup,
                                        list_stage_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
