/*
 * How soon after trouble a backlog is read as fast as before. For each kind: a log whose answers
 * take a tenth of a second and an ingest that reads it from its start; ten seconds of trouble in
 * the middle; then the time from its end until nine tenths of the speed before are reached, over
 * two seconds. And how many requests the log had each second of the trouble.
 *
 * BENCH_TROUBLE_SECONDS (10); BENCH_TROUBLES: only so many kinds, from BENCH_FIRST_TROUBLE (0) on.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/process/clock.h"
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
    /* libcurl remembers an address for a minute. */
    NAME_MS = 65 * 1000,
    TEXT_SIZE = 128,
};

static const char slow_answers[] = "route=get-entries&fault=delay&ms=100";

struct trouble {
    const char *name;
    const char *fault;       /* of the log, or NULL */
    const char *redis_begin; /* a command, or NULL */
    const char *redis_end;
    int signal;        /* to Redis, which SIGCONT undoes; 0: none */
    bool has_no_names; /* no name server answers */
    bool has_no_redis; /* killed, and started again */
    unsigned goal_s;
};

struct bench {
    struct ingest_stage stage;
    bool has_names; /* the log is reached by a name */
    char no_names[HARNESS_PATH_SIZE];
};

static const struct trouble troubles[] = {
    { "500 to everything", "route=any&fault=status&code=500", .goal_s = 10 },
    { "503 in HTML", "route=any&fault=status&code=503&body=html", .goal_s = 10 },
    { "429", "route=any&fault=status&code=429", .goal_s = 10 },
    { "429, Retry-After: 5", "route=any&fault=status&code=429&retry-after=5", .goal_s = 30 },
    { "403 in HTML", "route=any&fault=status&code=403&body=html", .goal_s = 10 },
    { "answers 10 s late", "route=any&fault=delay&ms=10000", .goal_s = 10 },
    { "answers that break off", "route=any&fault=truncate", .goal_s = 10 },
    { "connections closed", "route=any&fault=close", .goal_s = 10 },
    { "heads of long ago", "route=get-sth&fault=stale&n=100000", .goal_s = 10 },
    { "Redis full", .redis_begin = "CONFIG SET maxmemory 1mb",
      .redis_end = "CONFIG SET maxmemory 0", .goal_s = 10 },
    { "Redis hangs", .signal = SIGSTOP, .goal_s = 10 },
    { "Redis away", .has_no_redis = true, .goal_s = 10 },
    /* Names are asked for where connections end. */
    { "DNS gone", "route=any&fault=close", .has_no_names = true, .goal_s = 10 },
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

static void make_file(const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
}

static void begin(const struct bench *bench, const struct trouble *trouble)
{
    const struct ingest_stage *stage = &bench->stage;
    if (trouble->has_no_names)
        make_file(bench->no_names);
    if (trouble->has_no_redis)
        redis_server_kill(stage->redis);
    if (trouble->fault)
        daemon_control_ct_log(stage->ct_log, trouble->fault);
    if (trouble->redis_begin)
        freeReplyObject(redis_server_command(stage->redis, trouble->redis_begin));
    if (trouble->signal)
        program_signal(redis_server_program(stage->redis), trouble->signal);
}

static void end(const struct bench *bench, const struct trouble *trouble)
{
    const struct ingest_stage *stage = &bench->stage;
    if (trouble->has_no_names)
        assert_int_equal(unlink(bench->no_names), 0);
    if (trouble->has_no_redis)
        redis_server_restart(stage->redis);
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

/* The log's list, with a name in the place of its address. */
static void write_list(const struct bench *bench, const char *path)
{
    struct http_answer answer = http_get_local(program_port(bench->stage.ct_log), "/log_list.json");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    const char *at = http_answer_text(&answer);
    for (const char *found; (found = strstr(at, "//127.0.0.1:"));
         at = found + strlen("//127.0.0.1"))
        (void)fprintf(file, "%.*s//log.test", (int)(found - at), at);
    (void)fputs(at, file);
    assert_int_equal(fclose(file), 0);
    http_answer_free(&answer);
}

static void start_ingest_by_name(struct bench *bench)
{
    char list[HARNESS_PATH_SIZE], no_names[HARNESS_PATH_SIZE + TEXT_SIZE];
    harness_path(bench->stage.harness, list, "log_list.json");
    write_list(bench, list);
    (void)snprintf(no_names, sizeof no_names, "CERTSTREAM_NO_NAMES=%s", bench->no_names);
    const char *const environment[] = { "LD_PRELOAD=" MADE_NAMES, no_names, NULL };
    const char *const words[] = { CERTSTREAM_INGEST,
                                  "--redis",
                                  redis_server_url(bench->stage.redis),
                                  "--log-list",
                                  list,
                                  "--poll",
                                  "1",
                                  "--start",
                                  "0",
                                  "--retain-entries",
                                  "5000",
                                  NULL };
    bench->stage.ingest = program_start(
        bench->stage.harness, &(struct program_options){ .name = "ingest",
                                                         .arguments = words,
                                                         .ready = "certstream-ingest ready",
                                                         .environment = environment,
                                                         .is_daemon = true });
}

static int setup(void **state)
{
    struct bench *bench = ingest_stage_create(sizeof *bench, NULL);
    const char *const ct_log[] = { "--size",  "2000000", "--page",   "64", "--kinds",
                                   "rfc6962", "--seed",  "recovery", NULL };
    const char *const ingest[] = { "--start", "0", "--retain-entries", "5000", NULL };
    *state = bench;
    harness_path(bench->stage.harness, bench->no_names, "no-names");
    ingest_stage_start_ct_log(&bench->stage, ct_log);
    daemon_control_ct_log(bench->stage.ct_log, slow_answers);
    /* A sanitizer has to be loaded first. */
    bench->has_names = harness_figures_are_the_daemons();
    if (bench->has_names)
        start_ingest_by_name(bench);
    else
        ingest_stage_start(&bench->stage, ingest);
    harness_expect_work(bench->stage.harness, "a backlog is being read");
    return 0;
}

static void expect_recovery(const struct bench *bench, const struct trouble *trouble,
                            uint64_t trouble_s)
{
    const struct ingest_stage *stage = &bench->stage;
    double before = watch(stage, trouble->has_no_names ? NAME_MS : WARM_UP_MS);
    assert_true(before > 0);
    unsigned long long requests = daemon_count_requests(stage->ct_log);
    begin(bench, trouble);
    harness_pause(trouble_s * 1000);
    requests = daemon_count_requests(stage->ct_log) - requests;
    end(bench, trouble);
    double seconds = seconds_to_recover(stage, 0.9 * before);
    print_message("%-24s %9.0f %7.1f s %4u s %12.1f\n", trouble->name, before, seconds,
                  trouble->goal_s, (double)requests / (double)trouble_s);
    assert_true(seconds < RECOVERY_MAX_MS / 1000.0);
}

static void nine_tenths_are_back(void **state)
{
    const struct bench *bench = *state;
    uint64_t trouble_s = harness_setting("BENCH_TROUBLE_SECONDS", 10);
    uint64_t first = harness_setting("BENCH_FIRST_TROUBLE", 0);
    uint64_t kinds = harness_setting("BENCH_TROUBLES", sizeof troubles / sizeof *troubles);
    print_message("%-24s %9s %9s %6s %12s\n", "trouble", "before/s", "back in", "goal",
                  "requests/s");
    for (size_t i = first; i < first + kinds && i < sizeof troubles / sizeof *troubles; i++) {
        if (troubles[i].has_no_names && !bench->has_names)
            print_message("SKIPPED: %s: the log is not reached by a name\n", troubles[i].name);
        else
            expect_recovery(bench, &troubles[i], trouble_s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_INGEST_STAGE(nine_tenths_are_back, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
