/*
 * Logs that fail for one question and not for another, for as long as the test lasts: everything
 * that can be had of them is had, proven, and what is waited for is said.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/process/clock.h"
#include "shared/redis/contract.h"
#include "tests/e2e/daemons.h"
#include "tests/e2e/ingest_stage.h"
#include "tests/e2e/stream_check.h"
#include "tests/support/harness.h"
#include "tests/support/http_get.h"
#include "tests/support/redis_server.h"

enum {
    SIZE = 3000,
    UNHAD = 1900, /* the entry that cannot be had */
    /* Some seconds are enough; a machine may be busy. */
    PATIENCE_MS = 60000,
    WATCH_MS = 4000,
};

static int setup(void **state)
{
    *state = ingest_stage_create(sizeof(struct ingest_stage), NULL);
    return 0;
}

static void start_log(struct ingest_stage *stage, const char *kinds)
{
    const char *const ct_log[] = { "--size", "3000",   "--page",   "1024",      "--kinds",
                                   kinds,    "--seed", "stubborn", "--no-gzip", NULL };
    ingest_stage_start_ct_log(stage, ct_log);
}

static void start_ingest(struct ingest_stage *stage, const char *hook)
{
    const char *const ingest[] = { "--start",
                                   "0",
                                   "--retain-entries",
                                   "0",
                                   "--poll",
                                   "1",
                                   "--quarantine-recheck",
                                   "2",
                                   "--stuck-age",
                                   "2",
                                   hook ? "--on-quarantine" : NULL,
                                   hook,
                                   NULL };
    ingest_stage_start(stage, ingest);
}

/* Waits until a field of the only log's hash begins with `text`. */
static void wait_for_field(const struct ingest_stage *stage, const char *field, const char *text)
{
    struct deadline deadline = deadline_after(PATIENCE_MS, text);
    for (bool is_so = false; !is_so; deadline_wait(&deadline)) {
        redisReply *ids = redis_server_command(stage->redis, "SMEMBERS " CONTRACT_PREFIX ":logs");
        if (ids->elements == 1) {
            redisReply *value = redis_server_command(
                stage->redis, "HGET " CONTRACT_PREFIX ":log:%s %s", ids->element[0]->str, field);
            is_so =
                value->type == REDIS_REPLY_STRING && strncmp(value->str, text, strlen(text)) == 0;
            freeReplyObject(value);
        }
        freeReplyObject(ids);
    }
}

struct stubbornness {
    const char *name;
    const char *faults[3];
};

/* Every failure that depends on how much is asked for. */
static const struct stubbornness widths[] = {
    { "answers that break off", { "route=get-entries&fault=truncate&above=100" } },
    { "answers cut short by a cache", { "route=get-entries&fault=clip&above=100" } },
    { "500", { "route=get-entries&fault=status&code=500&above=100" } },
    { "503", { "route=get-entries&fault=status&code=503&above=100" } },
    { "400", { "route=get-entries&fault=status&code=400&above=100" } },
    { "404", { "route=get-entries&fault=status&code=404&above=100" } },
    { "413", { "route=get-entries&fault=status&code=413&above=100" } },
    { "403", { "route=get-entries&fault=status&code=403&above=600" } },
    { "429", { "route=get-entries&fault=status&code=429&above=600" } },
    { "closed", { "route=get-entries&fault=close&above=100" } },
    { "a cache that kept half an answer", { "route=get-entries&fault=clip&cached=1" } },
};

static void what_is_asked_for_gets_smaller_until_it_comes(void **state)
{
    struct ingest_stage *stage = *state;
    start_log(stage, "rfc6962");
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        struct stream_check check = { 0 };
        uint64_t start_ms = clock_monotonic_ms();
        daemon_control_ct_log(stage->ct_log, "clear=1");
        for (const char *const *fault = widths[i].faults; *fault; fault++)
            daemon_control_ct_log(stage->ct_log, *fault);
        unsigned long long before = i ? daemon_count_requests(stage->ct_log) : 0;
        if (stage->ingest)
            program_restart(stage->ingest);
        else
            start_ingest(stage, NULL);
        stream_check_expect(&check, stage->redis, 1, 0, SIZE);
        print_message("%s: %.1f s, %llu requests\n", widths[i].name,
                      (double)(clock_monotonic_ms() - start_ms) / 1000,
                      daemon_count_requests(stage->ct_log) - before);
        program_kill(stage->ingest);
        freeReplyObject(redis_server_command(stage->redis, "FLUSHALL"));
    }
    program_restart(stage->ingest);
}

static void what_lies_before_a_range_that_never_comes_is_published(void **state)
{
    struct ingest_stage *stage = *state;
    struct stream_check check = { 0 };
    start_log(stage, "rfc6962");
    daemon_control_ct_log(stage->ct_log, "route=get-entries&fault=status&code=500&covers=1900");
    /* The proof that comes to mind first does not come either. */
    daemon_control_ct_log(stage->ct_log, "route=get-sth-consistency&fault=status&code=503");
    start_ingest(stage, NULL);
    stream_check_expect(&check, stage->redis, 1, 0, UNHAD);
    wait_for_field(stage, "waits_for", "entries 1900-1900");
    wait_for_field(stage, "stuck", "1");
    program_wait_for_errors(stage->ingest, "log is stuck");
    /* And it is not asked for all the time. */
    unsigned long long requests = daemon_count_requests(stage->ct_log);
    harness_pause(WATCH_MS);
    requests = daemon_count_requests(stage->ct_log) - requests;
    print_message("%llu requests in %d s\n", requests, WATCH_MS / 1000);
    assert_true(requests <= 5 * WATCH_MS / 1000);
    daemon_control_ct_log(stage->ct_log, "clear=1");
    stream_check_expect(&check, stage->redis, 1, 0, SIZE);
    wait_for_field(stage, "stuck", "0");
}

static void tiles_before_one_that_never_comes_are_published(void **state)
{
    struct ingest_stage *stage = *state;
    struct stream_check check = { 0 };
    start_log(stage, "tiled");
    daemon_control_ct_log(stage->ct_log, "route=data&fault=status&code=500&covers=1900");
    start_ingest(stage, NULL);
    stream_check_expect(&check, stage->redis, 1, 0, (uint64_t)UNHAD / 256 * 256);
    wait_for_field(stage, "waits_for", "entries 1792-2047");
    daemon_control_ct_log(stage->ct_log, "clear=1");
    stream_check_expect(&check, stage->redis, 1, 0, SIZE);
}

static void a_tile_that_stays_unreadable_is_evidence(void **state)
{
    struct ingest_stage *stage = *state;
    struct stream_check check = { 0 };
    start_log(stage, "tiled");
    daemon_control_ct_log(stage->ct_log, "route=data&fault=clip&covers=1900");
    start_ingest(stage, "/bin/echo");
    wait_for_field(stage, "quarantine", "entries");
    assert_true(redis_server_integer(stage->redis, "XLEN " CONTRACT_PREFIX ":evidence") > 0);
    /* The program is told. */
    struct deadline deadline = deadline_after(PATIENCE_MS, "the program to be started");
    for (bool is_told = false; !is_told; deadline_wait(&deadline)) {
        char *output = program_output(stage->ingest);
        is_told = strstr(output, " entries ") != NULL;
        free(output);
    }
    daemon_control_ct_log(stage->ct_log, "clear=1");
    stream_check_expect(&check, stage->redis, 1, 0, SIZE);
}

static void an_entry_that_says_another_index_is_published_if_the_root_has_it(void **state)
{
    struct ingest_stage *stage = *state;
    struct stream_check check = { 0 };
    const char *const ct_log[] = { "--size",    "600",           "--kinds", "tiled", "--seed",
                                   "misplaced", "--wrong-index", "300",     NULL };
    ingest_stage_start_ct_log(stage, ct_log);
    start_ingest(stage, NULL);
    stream_check_expect(&check, stage->redis, 1, 0, 600);
    redisReply *entries =
        redis_server_command(stage->redis, "XRANGE " CONTRACT_PREFIX ":stream - + COUNT 301");
    const redisReply *fields = entries->element[300]->element[1];
    assert_non_null(strstr(fields->element[1]->str, "its leaf says another index"));
    freeReplyObject(entries);
}

static void dozens_of_cosignatures_are_no_error(void **state)
{
    struct ingest_stage *stage = *state;
    struct stream_check check = { 0 };
    const char *const ct_log[] = { "--size", "600",    "--kinds", "tiled", "--cosignatures",
                                   "40",     "--seed", "witness", NULL };
    ingest_stage_start_ct_log(stage, ct_log);
    start_ingest(stage, NULL);
    stream_check_expect(&check, stage->redis, 1, 0, 600);
}

static void an_operator_that_refuses_everything_costs_no_processor_time(void **state)
{
    struct ingest_stage *stage = *state;
    static const char *const refusals[] = {
        "route=any&fault=status&code=429",
        "clear=1&route=any&fault=status&code=429&retry-after=30",
    };
    start_log(stage, "rfc6962,tiled");
    start_ingest(stage, NULL);
    harness_expect_work(stage->harness, "a Retry-After is waited for");
    for (size_t i = 0; i < 2; i++) {
        daemon_control_ct_log(stage->ct_log, refusals[i]);
        harness_pause(1000);
        double before = program_cpu_seconds(stage->ingest);
        harness_pause(WATCH_MS);
        double used = program_cpu_seconds(stage->ingest) - before;
        print_message("%s: %.2f s of %d s\n", refusals[i], used, WATCH_MS / 1000);
        assert_true(used < 0.1 * WATCH_MS / 1000 * harness_slowdown());
    }
}

static void a_hangup_has_the_lists_read(void **state)
{
    struct ingest_stage *stage = *state;
    struct stream_check check = { 0 };
    start_log(stage, "tiled");
    start_ingest(stage, NULL);
    stream_check_expect(&check, stage->redis, 1, 0, SIZE);
    unsigned long long requests = daemon_count_requests(stage->ct_log);
    program_signal(stage->ingest, SIGHUP);
    program_wait_for_errors(stage->ingest, "the log lists are read anew");
    struct deadline deadline = deadline_after(PATIENCE_MS, "the list to be asked for");
    while (daemon_count_requests(stage->ct_log) == requests)
        deadline_wait(&deadline);
    assert_true(program_is_running(stage->ingest));
}

/* Requests of a route that were answered with 200. */
static double answered(const struct ingest_stage *stage, const char *route)
{
    struct http_answer answer = http_get_local(program_port(stage->ct_log), "/stats");
    cJSON *stats = cJSON_Parse(http_answer_text(&answer));
    const cJSON *requests = cJSON_GetObjectItemCaseSensitive(stats, "requests");
    const cJSON *statuses = cJSON_GetObjectItemCaseSensitive(requests, route);
    const cJSON *good = cJSON_GetObjectItemCaseSensitive(statuses, "200");
    double count = good ? good->valuedouble : 0;
    cJSON_Delete(stats);
    http_answer_free(&answer);
    return count;
}

static void start_hybrid(struct ingest_stage *stage)
{
    const char *const ct_log[] = { "--size",  "30000",  "--page", "64",       "--kinds",
                                   "rfc6962", "--seed", "hybrid", "--hybrid", NULL };
    ingest_stage_start_ct_log(stage, ct_log);
    daemon_control_ct_log(stage->ct_log, "route=get-entries&fault=delay&ms=50");
}

static void a_log_that_has_tiles_beside_is_read_by_them(void **state)
{
    struct ingest_stage *stage = *state;
    struct stream_check check = { 0 };
    start_hybrid(stage);
    start_ingest(stage, NULL);
    stream_check_expect(&check, stage->redis, 1, 0, 30000);
    print_message("%.0f tiles, %.0f pages\n", answered(stage, "hybrid-data"),
                  answered(stage, "get-entries"));
    assert_true(answered(stage, "hybrid-data") > 90);
    wait_for_field(stage, "tiles", "as they are");
    /* It is remembered. */
    program_kill(stage->ingest);
    daemon_control_ct_log(stage->ct_log, "size=31000");
    program_restart(stage->ingest);
    stream_check_expect(&check, stage->redis, 1, 0, 31000);
    program_wait_for_errors(stage->ingest, "log resumes");
    assert_true(answered(stage, "hybrid-data") > 93);
}

static void tiles_that_are_wrong_are_given_up(void **state)
{
    struct ingest_stage *stage = *state;
    struct stream_check check = { 0 };
    start_hybrid(stage);
    daemon_control_ct_log(stage->ct_log, "route=data&fault=bad-leaf&index=20000");
    start_ingest(stage, NULL);
    stream_check_expect(&check, stage->redis, 1, 0, 30000);
    program_wait_for_errors(stage->ingest, "log's tiles are not read any more");
    wait_for_field(stage, "quarantine", "");
    assert_int_equal(redis_server_integer(stage->redis, "XLEN " CONTRACT_PREFIX ":evidence"), 0);
}

static void tiles_that_fail_are_given_up(void **state)
{
    struct ingest_stage *stage = *state;
    struct stream_check check = { 0 };
    start_hybrid(stage);
    daemon_control_ct_log(stage->ct_log, "route=data&fault=status&code=500&covers=20000");
    start_ingest(stage, NULL);
    stream_check_expect(&check, stage->redis, 1, 0, 30000);
    program_wait_for_errors(stage->ingest, "log's tiles are not read any more");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_INGEST_STAGE(what_is_asked_for_gets_smaller_until_it_comes, setup),
        ON_INGEST_STAGE(what_lies_before_a_range_that_never_comes_is_published, setup),
        ON_INGEST_STAGE(tiles_before_one_that_never_comes_are_published, setup),
        ON_INGEST_STAGE(a_tile_that_stays_unreadable_is_evidence, setup),
        ON_INGEST_STAGE(an_entry_that_says_another_index_is_published_if_the_root_has_it, setup),
        ON_INGEST_STAGE(dozens_of_cosignatures_are_no_error, setup),
        ON_INGEST_STAGE(an_operator_that_refuses_everything_costs_no_processor_time, setup),
        ON_INGEST_STAGE(a_log_that_has_tiles_beside_is_read_by_them, setup),
        ON_INGEST_STAGE(tiles_that_are_wrong_are_given_up, setup),
        ON_INGEST_STAGE(tiles_that_fail_are_given_up, setup),
        ON_INGEST_STAGE(a_hangup_has_the_lists_read, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
