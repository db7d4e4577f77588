/*
 * An operator that allows so many requests per second and refuses the rest: ingest finds out, is
 * refused little, gets most of what is allowed, and misses nothing.
 */
#include <setjmp.h>
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
    LOGS = 2,
    /* 118 pages and as many tiles: 12 s of what is allowed. */
    SIZE = 30000,
    ALLOWED_PER_SECOND = 20,
    /* What the administrator allows. */
    SET_PER_SECOND = 4,
    SET_MS = 6000,
    SHARED_MS = 60000,
};

static int setup(void **state)
{
    struct ingest_stage *stage = ingest_stage_create(sizeof *stage, NULL);
    *state = stage;
    const char *const ct_log[] = { "--size", "30000", "--seed", "limit", NULL };
    ingest_stage_start_ct_log(stage, ct_log);
    return 0;
}

/* Answers with status 429. */
static unsigned count_refused(const struct ingest_stage *stage)
{
    unsigned count = 0;
    struct http_answer answer = http_get_local(program_port(stage->ct_log), "/stats");
    cJSON *stats = cJSON_Parse(http_answer_text(&answer));
    const cJSON *route;
    cJSON_ArrayForEach(route, cJSON_GetObjectItemCaseSensitive(stats, "requests"))
    {
        const cJSON *refused = cJSON_GetObjectItemCaseSensitive(route, "429");
        count += refused ? (unsigned)refused->valuedouble : 0;
    }
    cJSON_Delete(stats);
    http_answer_free(&answer);
    return count;
}

static void drain_under(struct ingest_stage *stage, const char *limit)
{
    struct stream_check check = { 0 };
    const char *const ingest[] = { "--start", "0", "--retain-entries", "0", NULL };
    uint64_t start_ms = clock_monotonic_ms();
    daemon_control_ct_log(stage->ct_log, limit);
    ingest_stage_start(stage, ingest);
    stream_check_expect(&check, stage->redis, LOGS, 0, SIZE);
    double seconds = (double)(clock_monotonic_ms() - start_ms) / 1000;
    double requests = (double)daemon_count_requests(stage->ct_log);
    double refused = count_refused(stage);
    print_message("%s: %.0f requests in %.1f s: %.1f/s of %d allowed; %.0f refused\n", limit,
                  requests, seconds, (requests - refused) / seconds, ALLOWED_PER_SECOND, refused);
    assert_true(refused >= 1);
    assert_true(refused < 20 + requests / 10);
}

static void a_limit_is_found_and_kept(void **state)
{
    drain_under(*state, "fault=limit&per-second=20&n=5");
}

static void a_limit_that_says_when_to_come_again_is_kept(void **state)
{
    drain_under(*state, "fault=limit&per-second=20&n=5&retry-after=1");
}

static void write_settings(const struct ingest_stage *stage, char *path)
{
    harness_path(stage->harness, path, "settings.json");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fprintf(file, "{\"operators\":{\"Local\":{\"requests_per_second\":%d}}}", SET_PER_SECOND);
    assert_int_equal(fclose(file), 0);
}

static void expect_rate(const struct ingest_stage *stage)
{
    unsigned long long before = daemon_count_requests(stage->ct_log);
    uint64_t start_ms = clock_monotonic_ms();
    harness_pause(SET_MS);
    double seconds = (double)(clock_monotonic_ms() - start_ms) / 1000;
    double rate = (double)(daemon_count_requests(stage->ct_log) - before) / seconds;
    print_message("%.1f requests/s of %d\n", rate, SET_PER_SECOND);
    assert_true(rate <= SET_PER_SECOND * 1.15);
    assert_true(rate >= SET_PER_SECOND * 0.5);
}

/* --log-settings counts, and not what the log would answer: for its logs together. */
static void what_the_administrator_allows_is_kept(void **state)
{
    struct ingest_stage *stage = *state;
    char path[HARNESS_PATH_SIZE];
    write_settings(stage, path);
    const char *const ingest[] = { "--start", "0", "--log-settings", path, NULL };
    ingest_stage_start(stage, ingest);
    ingest_stage_wait_for_length(stage, 1);
    expect_rate(stage);
}

/* How many logs an ingest process has. */
static long long count_leases(const struct ingest_stage *stage, const char *owner)
{
    long long count = 0;
    redisReply *keys =
        redis_server_command(stage->redis, "KEYS " CONTRACT_PREFIX ":lease:[0-9a-f]*");
    for (size_t i = 0; i < keys->elements; i++) {
        redisReply *name = redis_server_command(stage->redis, "GET %s", keys->element[i]->str);
        count += name->type == REDIS_REPLY_STRING && strcmp(name->str, owner) == 0;
        freeReplyObject(name);
    }
    freeReplyObject(keys);
    return count;
}

/* Of two processes, each with one of its logs, each takes half of what the operator allows. */
static void processes_share_what_is_allowed(void **state)
{
    struct ingest_stage *stage = *state;
    char path[HARNESS_PATH_SIZE];
    write_settings(stage, path);
    const char *const ingest[] = { "--start", "0", "--log-settings", path, NULL };
    ingest_stage_start(stage, ingest);
    (void)daemon_start_ingest(stage->harness, "second", stage->redis, stage->ct_log, ingest);
    struct deadline deadline = deadline_after(SHARED_MS, "each process to have one log");
    while (count_leases(stage, "ingest") != 1 || count_leases(stage, "second") != 1)
        deadline_wait(&deadline);
    expect_rate(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_INGEST_STAGE(a_limit_is_found_and_kept, setup),
        ON_INGEST_STAGE(a_limit_that_says_when_to_come_again_is_kept, setup),
        ON_INGEST_STAGE(what_the_administrator_allows_is_kept, setup),
        ON_INGEST_STAGE(processes_share_what_is_allowed, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
