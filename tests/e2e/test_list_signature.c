/*
 * A log list that must be signed, as Chrome's is: only the pinned key counts, a wrong signature
 * changes nothing and is made good by the next one, an unchanged list is not sent again, and the
 * copy in Redis is checked as the list itself is.
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
#include "tests/support/http_get.h"
#include "tests/support/redis_server.h"

static void only_the_pinned_key_counts(void **state)
{
    struct list_stage *stage = *state;
    static const char other[] = "f1d8b68e50210d8e73d9a3e97f571773c52d7f28c0b1a71beee81d8562e6fd85";
    struct program *ingest = list_stage_start_ingest(stage, "wrong", other, NULL);
    program_wait_for_errors(ingest, "the key is not the pinned one");
    list_stage_wait_for_counter(stage, "list_failures", 2);
    assert_int_equal(list_stage_counter(stage, "logs"), 0);
    assert_int_equal(redis_server_integer(stage->redis, "EXISTS {certstream}:stream"), 0);
    assert_int_equal(program_stop(ingest), 0);

    struct stream_check check = { 0 };
    (void)list_stage_start_ingest(stage, "right", NULL, NULL);
    stream_check_expect(&check, stage->redis, LIST_STAGE_LOGS, 0, LIST_STAGE_SIZE);
}

/* A key file of the user's own is trusted whatever its hash is. */
static void a_key_file_takes_the_place_of_the_pin(void **state)
{
    struct list_stage *stage = *state;
    char path[HARNESS_PATH_SIZE];
    struct http_answer answer = http_get_local(program_port(stage->ct_log), "/log_list_pubkey.pem");
    harness_path(stage->harness, path, "key.pem");
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(http_answer_text(&answer), file) >= 0);
    assert_int_equal(fclose(file), 0);
    http_answer_free(&answer);
    static const char other[] = "f1d8b68e50210d8e73d9a3e97f571773c52d7f28c0b1a71beee81d8562e6fd85";
    const char *const arguments[] = { "--log-list-key", path, NULL };
    struct stream_check check = { 0 };
    (void)list_stage_start_ingest(stage, "ingest", other, arguments);
    stream_check_expect(&check, stage->redis, LIST_STAGE_LOGS, 0, LIST_STAGE_SIZE);
}

static void a_bad_signature_changes_nothing_and_a_good_one_follows(void **state)
{
    struct list_stage *stage = *state;
    daemon_control_ct_log(stage->ct_log, "route=list-signature&fault=bad-signature");
    struct program *ingest = list_stage_start_ingest(stage, "ingest", NULL, NULL);
    program_wait_for_errors(ingest, "its signature is not of this list");
    list_stage_wait_for_counter(stage, "list_bad_signatures", 2);
    assert_int_equal(list_stage_counter(stage, "logs"), 0);

    struct stream_check check = { 0 };
    daemon_control_ct_log(stage->ct_log, "clear=1");
    stream_check_expect(&check, stage->redis, LIST_STAGE_LOGS, 0, LIST_STAGE_SIZE);
    program_wait_for_errors(ingest, "log list is read again");

    /* A newer list whose signature is not there yet: the old one stays, and so do its logs. */
    daemon_control_ct_log(stage->ct_log, "list-extra=1&route=list-signature&fault=bad-signature");
    long long bad = list_stage_counter(stage, "list_bad_signatures");
    list_stage_wait_for_counter(stage, "list_bad_signatures", bad + 2);
    assert_int_equal(list_stage_counter(stage, "logs"), LIST_STAGE_LOGS);
    daemon_control_ct_log(stage->ct_log, "size=150");
    stream_check_expect(&check, stage->redis, LIST_STAGE_LOGS, 0, 150);
    daemon_control_ct_log(stage->ct_log, "clear=1");
    list_stage_wait_for_counter(stage, "logs", LIST_STAGE_LOGS + 1);
}

static void an_unchanged_list_is_not_sent_again(void **state)
{
    struct list_stage *stage = *state;
    struct stream_check check = { 0 };
    (void)list_stage_start_ingest(stage, "ingest", NULL, NULL);
    stream_check_expect(&check, stage->redis, LIST_STAGE_LOGS, 0, LIST_STAGE_SIZE);
    list_stage_wait_for_counter(stage, "list_unchanged", 3);
    assert_int_equal(list_stage_counter(stage, "list_reads"), 1);
    assert_int_equal(list_stage_counter(stage, "list_failures"), 0);
    /* What has changed is sent. */
    daemon_control_ct_log(stage->ct_log, "list-extra=2");
    list_stage_wait_for_counter(stage, "logs", LIST_STAGE_LOGS + 2);
    assert_int_equal(list_stage_counter(stage, "list_reads"), 2);
}

static void start_without_the_list(struct list_stage *stage, const char *name, const char *expected)
{
    struct program *ingest = list_stage_start_ingest(stage, name, NULL, NULL);
    program_wait_for_errors(ingest, expected);
    list_stage_wait_for_counter(stage, "list_failures", 3);
    assert_int_equal(list_stage_counter(stage, "list_reads"), 0);
    char *errors = program_errors(ingest);
    bool is_taken = strstr(errors, "log list taken from Redis") != NULL;
    assert_int_equal(is_taken, strcmp(expected, "log list taken from Redis") == 0);
    free(errors);
    assert_int_equal(program_stop(ingest), 0);
}

static void the_copy_in_redis_is_checked_as_well(void **state)
{
    struct list_stage *stage = *state;
    struct stream_check check = { 0 };
    struct program *ingest = list_stage_start_ingest(stage, "first", NULL, NULL);
    stream_check_expect(&check, stage->redis, LIST_STAGE_LOGS, 0, LIST_STAGE_SIZE);
    assert_int_equal(program_stop(ingest), 0);
    assert_int_equal(redis_server_integer(stage->redis, "HLEN {certstream}:lists"), 3);

    daemon_control_ct_log(stage->ct_log, "route=list&fault=status&code=503");
    start_without_the_list(stage, "second", "log list taken from Redis");
    (void)redis_server_integer(stage->redis, "HSET {certstream}:lists %s %s", stage->address,
                               "{\"operators\":[]}");
    start_without_the_list(stage, "third", "log list cannot be read");

    /* The logs are followed on all the same. */
    (void)list_stage_start_ingest(stage, "fourth", NULL, NULL);
    daemon_control_ct_log(stage->ct_log, "size=150");
    stream_check_expect(&check, stage->redis, LIST_STAGE_LOGS, 0, 150);
}

/* A list that its publisher signs anew every day, and this one is not: frozen, or served to those
 * who are not known. */
static void an_old_list_is_said_to_be_old(void **state)
{
    struct list_stage *stage = *state;
    struct program *ingest = list_stage_start_ingest(stage, "ingest", NULL, NULL);
    list_stage_wait_for_counter(stage, "list_unchanged", 1);
    assert_true(list_stage_counter(stage, "list_timestamp_age_s") < 86400);
    daemon_control_ct_log(stage->ct_log, "list-age=691200");
    program_wait_for_errors(ingest, "a log list is old");
    list_stage_wait_for_counter(stage, "list_timestamp_age_s", 691200);
    daemon_control_ct_log(stage->ct_log, "list-age=0");
    program_wait_for_errors(ingest, "a log list is fresh again");
    assert_int_equal(list_stage_counter(stage, "logs"), LIST_STAGE_LOGS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_the_pinned_key_counts, list_stage_setup,
                                        list_stage_teardown),
        cmocka_unit_test_setup_teardown(a_key_file_takes_the_place_of_the_pin, list_stage_setup,
                                        list_stage_teardown),
        cmocka_unit_test_setup_teardown(a_bad_signature_changes_nothing_and_a_good_one_follows,
                                        list_stage_setup, list_stage_teardown),
        cmocka_unit_test_setup_teardown(an_unchanged_list_is_not_sent_again, list_stage_setup,
                                        list_stage_teardown),
        cmocka_unit_test_setup_teardown(the_copy_in_redis_is_checked_as_well, list_stage_setup,
                                        list_stage_teardown),
        cmocka_unit_test_setup_teardown(an_old_list_is_said_to_be_old, list_stage_setup,
                                        list_stage_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
