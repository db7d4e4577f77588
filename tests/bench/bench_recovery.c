/*
 * How soon after trouble a backlog is read as fast as before. For each kind: a log whose answers
 * take a tenth of a second and an ingest that reads it from its start; ten seconds of trouble in
 * the middle; then the time from its end until nine tenths of the speed before are reached, over
 * two seconds. And how many requests the log had each second of the trouble.
 *
 * BENCH_TROUBLE_SECONDS (10); BENCH_TROUBLES: only the first so many kinds.
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

#include "shared/base/clock.h"
#include "tests/e2e/daemons.h"
#include "tests/e2e/ingest_stage.h"
#include "tests/support/harness.h"
#include "tests/support/http_get.h"
#include "tests/support/redis_server.h"

enum {
    PAGE = 64,
    SAMPLE_MS = 250,
    WINDOW = 8, /* samples of which a speed is made: two seconds */
    WARM_UP_MS = 6000,
    RECOVERY_MAX_MS = 120 * 1000,
};

static const char slow_answers[] = "route=get-entries&fault=delay&ms=100";

struct trouble {
    const char *name;
    const char *fault;       /* of the log, or NULL */
    const char *redis_begin; /* a command, or NULL */
    const char *redis_end;
    int signal; /* to Redis, which SIGCONT undoes; 0: none */
    unsigned goal_s;
};

static const struct trouble troubles[] = {
    { "500 to everything", "route=any&fault=status&code=500", NULL, NULL, 0, 10 },
    { "503 in HTML", "route=any&fault=status&code=503&body=html", NULL, NULL, 0, 10 },
    { "429", "route=any&fault=status&code=429", NULL, NULL, 0, 10 },
    { "429, Retry-After: 5", "route=any&fault=status&code=429&retry-after=5", NULL, NULL, 0, 30 },
    { "403 in HTML", "route=any&fault=status&code=403&body=html", NULL, NULL, 0, 10 },
    { "answers 10 s late", "route=any&fault=delay&ms=10000", NULL, NULL, 0, 10 },
    { "answers that break off", "route=any&fault=truncate", NULL, NULL, 0, 10 },
    { "connections closed", "route=any&fault=close", NULL, NULL, 0, 10 },
    { "heads of long ago", "route=get-sth&fault=stale&n=100000", NULL, NULL, 0, 10 },
    { "Redis full", NULL, "CONFIG SET maxmemory 1mb", "CONFIG SET maxmemory 0", 0, 10 },
    { "Redis hangs", NULL, NULL, NULL, SIGSTOP, 10 },
};

/* Entries that the log has given away, by its own count: what is proven gets to Redis in bursts. */
static double position(const struct ingest_stage *stage)
{
    struct http_answer answer = http_get_local(program_port(stage->ct_log), "/stats");
    cJSON *stats = cJSON_Parse(http_answer_text(&answer));
    const cJSON *requests = cJSON_GetObjectItemCaseSensitive(stats, "requests");
    const cJSON *pages = cJSON_GetObjectItemCaseSensitive(requests, "get-entries");
    const cJSON *good = cJSON_GetObjectItemCaseSensitive(pages, "200");
    double entries = good ? good->valuedouble * PAGE : 0;
    cJSON_Delete(stats);
    http_answer_free(&answer);
    return entries;
}

/* Entries per second over the last samples. */
struct speed {
    double next[WINDOW + 1];
    uint64_t at_ms[WINDOW + 1];
    unsigned count;
};

static double sample(struct speed *speed, const struct ingest_stage *stage)
{
    unsigned newest = speed->count % (WINDOW + 1), oldest = (speed->count + 1) % (WINDOW + 1);
    speed->next[newest] = position(stage);
    speed->at_ms[newest] = clock_monotonic_ms();
    if (speed->count++ < WINDOW)
        return 0;
    double elapsed_ms = (double)(speed->at_ms[newest] - speed->at_ms[oldest]);
    return (speed->next[newest] - speed->next[oldest]) * 1000 / elapsed_ms;
}

static double watch(const struct ingest_stage *stage, uint64_t milliseconds)
{
    struct speed speed = { 0 };
    double last = 0;
    for (uint64_t end_ms = clock_monotonic_ms() + milliseconds; clock_monotonic_ms() < end_ms;) {
        last = sample(&speed, stage);
        harness_pause(SAMPLE_MS);
    }
    return last;
}

static void begin(const struct ingest_stage *stage, const struct trouble *trouble)
{
    if (trouble->fault)
        daemon_control_ct_log(stage->ct_log, trouble->fault);
    if (trouble->redis_begin)
        freeReplyObject(redis_server_command(stage->redis, trouble->redis_begin));
    if (trouble->signal)
        program_signal(redis_server_program(stage->redis), trouble->signal);
}

static void end(const struct ingest_stage *stage, const struct trouble *trouble)
{
    daemon_control_ct_log(stage->ct_log, "clear=1");
    daemon_control_ct_log(stage->ct_log, slow_answers);
    if (trouble->signal)
        program_signal(redis_server_program(stage->redis), SIGCONT);
    if (trouble->redis_end)
        freeReplyObject(redis_server_command(stage->redis, trouble->redis_end));
}

static double seconds_to_recover(const struct ingest_stage *stage, double wanted)
{
    struct speed speed = { 0 };
    uint64_t start_ms = clock_monotonic_ms();
    while (clock_monotonic_ms() - start_ms < RECOVERY_MAX_MS) {
        if (sample(&speed, stage) >= wanted)
            /* The speed was reached when the window began. */
            return (double)(speed.at_ms[speed.count % (WINDOW + 1)] - start_ms) / 1000;
        harness_pause(SAMPLE_MS);
    }
    return RECOVERY_MAX_MS / 1000.0;
}

static int setup(void **state)
{
    struct ingest_stage *stage = ingest_stage_create(sizeof *stage, NULL);
    const char *const ct_log[] = { "--size",  "2000000", "--page",   "64", "--kinds",
                                   "rfc6962", "--seed",  "recovery", NULL };
    const char *const ingest[] = { "--start", "0", "--retain-entries", "5000", NULL };
    *state = stage;
    ingest_stage_start_ct_log(stage, ct_log);
    daemon_control_ct_log(stage->ct_log, slow_answers);
    ingest_stage_start(stage, ingest);
    harness_expect_work(stage->harness, "a backlog is being read");
    return 0;
}

static void nine_tenths_are_back(void **state)
{
    const struct ingest_stage *stage = *state;
    uint64_t trouble_s = harness_setting("BENCH_TROUBLE_SECONDS", 10);
    uint64_t kinds = harness_setting("BENCH_TROUBLES", sizeof troubles / sizeof *troubles);
    print_message("%-24s %9s %9s %6s %12s\n", "trouble", "before/s", "back in", "goal",
                  "requests/s");
    for (size_t i = 0; i < kinds && i < sizeof troubles / sizeof *troubles; i++) {
        const struct trouble *trouble = &troubles[i];
        double before = watch(stage, WARM_UP_MS);
        assert_true(before > 0);
        unsigned long long requests = daemon_count_requests(stage->ct_log);
        begin(stage, trouble);
        harness_pause(trouble_s * 1000);
        requests = daemon_count_requests(stage->ct_log) - requests;
        end(stage, trouble);
        double seconds = seconds_to_recover(stage, 0.9 * before);
        print_message("%-24s %9.0f %7.1f s %4u s %12.1f\n", trouble->name, before, seconds,
                      trouble->goal_s, (double)requests / (double)trouble_s);
        assert_true(seconds < RECOVERY_MAX_MS / 1000.0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_INGEST_STAGE(nine_tenths_are_back, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
