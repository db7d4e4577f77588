/*
 * Whatever is killed, and whenever: afterwards every entry of every log is in the stream once, in
 * order. CERTSTREAM_ENTRIES sets how many entries each of the two logs has (10,000),
 * CERTSTREAM_KILLS how often something is killed (6).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shared/redis/contract.h"
#include "tests/e2e/daemons.h"
#include "tests/e2e/ingest_stage.h"
#include "tests/e2e/stream_check.h"
#include "tests/support/harness.h"
#include "tests/support/redis_server.h"

enum {
    LOGS = 2,
    GROWTH = 300,
    INGESTS_MAX = 2,
    PROGRESS_MS = 60000,
    /* Long enough for others to notice that a part is away, short enough for many kills. */
    AWAY_MAX_MS = 400,
    /* Some hundred entries. */
    LOST_BYTES = 1024 * 1024,
};

struct parts {
    struct ingest_stage stage;
    struct program *ingest[INGESTS_MAX];
    size_t ingest_count;
    struct program *streamer;
    uint64_t entries; /* of each log */
    struct stream_check check;
    struct stream_check_mark marks[STREAM_CHECK_MARKS];
};

static int setup(void **state)
{
    struct parts *parts = ingest_stage_create(sizeof *parts, NULL);
    *state = parts;
    parts->check.marks = parts->marks;
    parts->entries = harness_setting("CERTSTREAM_ENTRIES", 10000);
    char size[32];
    (void)snprintf(size, sizeof size, "%llu", (unsigned long long)parts->entries);
    const char *const ct_log[] = { "--size", size, "--seed", "exactly once", NULL };
    ingest_stage_start_ct_log(&parts->stage, ct_log);
    /* Slow enough that a drain of this size has a middle to be killed in. */
    daemon_control_ct_log(parts->stage.ct_log, "route=any&fault=delay&ms=20");
    parts->streamer =
        daemon_start_streamer(parts->stage.harness, "streamer", parts->stage.redis, NULL);
    return 0;
}

static void start_ingest(struct parts *parts)
{
    static const char *const names[INGESTS_MAX] = { "ingest-a", "ingest-b" };
    static const char *const arguments[] = { "--start", "0", "--retain-entries", "0", NULL };
    size_t number = parts->ingest_count++;
    parts->ingest[number] = daemon_start_ingest(parts->stage.harness, names[number],
                                                parts->stage.redis, parts->stage.ct_log, arguments);
}

static void wait_for_length(struct parts *parts, uint64_t length)
{
    struct deadline deadline = deadline_after(PROGRESS_MS, "the stream to grow");
    while ((uint64_t)redis_server_integer(parts->stage.redis, "XLEN " CONTRACT_PREFIX ":stream") <
           length)
        deadline_wait(&deadline);
}

/* Kills any of the parts, one or several at once, and starts them again a little later. */
static void kill_some(struct parts *parts)
{
    uint64_t victims = 1 + harness_random(parts->stage.harness, 7);
    struct program *ingest =
        parts->ingest[harness_random(parts->stage.harness, parts->ingest_count)];
    print_message("killing%s%s%s\n", victims & 1 ? " ingest" : "", victims & 2 ? " redis" : "",
                  victims & 4 ? " streamer" : "");
    if (victims & 1)
        program_kill(ingest);
    if (victims & 2)
        redis_server_kill(parts->stage.redis);
    if (victims & 4)
        program_kill(parts->streamer);
    harness_pause(harness_random(parts->stage.harness, AWAY_MAX_MS));
    if (victims & 1)
        program_restart(ingest);
    if (victims & 2)
        redis_server_restart(parts->stage.redis);
    if (victims & 4)
        program_restart(parts->streamer);
}

/* Kills at random moments of the drain, then sees that all is there, and that it goes on when the
 * logs grow. */
static void drain_under_fire(struct parts *parts)
{
    uint64_t kills = harness_setting("CERTSTREAM_KILLS", 6);
    for (uint64_t i = 0; i < kills; i++) {
        uint64_t step = LOGS * parts->entries / (kills + 1);
        wait_for_length(parts, i * step + harness_random(parts->stage.harness, step));
        harness_pause(harness_random(parts->stage.harness, 30));
        kill_some(parts);
    }
    stream_check_expect(&parts->check, parts->stage.redis, LOGS, 0, parts->entries);

    char query[64];
    uint64_t grown = parts->entries + GROWTH;
    (void)snprintf(query, sizeof query, "size=%llu", (unsigned long long)grown);
    daemon_control_ct_log(parts->stage.ct_log, query);
    stream_check_expect(&parts->check, parts->stage.redis, LOGS, 0, grown);
    assert_int_equal(parts->check.entries, LOGS * grown);
    assert_int_equal(redis_server_integer(parts->stage.redis, "XLEN " CONTRACT_PREFIX ":stream"),
                     LOGS * grown);
}

static void each_entry_once_whatever_is_killed(void **state)
{
    start_ingest(*state);
    drain_under_fire(*state);
}

static void each_entry_once_with_two_ingest_processes(void **state)
{
    start_ingest(*state);
    start_ingest(*state);
    drain_under_fire(*state);
}

/* A reader has seen what Redis then loses: it is in the stream once all the same, under new ids. */
static void what_was_read_and_then_lost_comes_again(void **state)
{
    struct parts *parts = *state;
    struct redis_server *redis = parts->stage.redis;
    start_ingest(parts);
    stream_check_expect(&parts->check, redis, LOGS, 0, parts->entries);
    redis_server_kill(redis);
    redis_server_lose_end(redis, LOST_BYTES);
    redis_server_restart(redis);
    uint64_t lost = stream_check_step_back(&parts->check, redis);
    assert_true(lost > 0);
    print_message("%llu entries are read again\n", (unsigned long long)lost);
    stream_check_expect(&parts->check, redis, LOGS, 0, parts->entries);
    stream_check_expect_all_read(&parts->check, redis);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_INGEST_STAGE(each_entry_once_whatever_is_killed, setup),
        ON_INGEST_STAGE(each_entry_once_with_two_ingest_processes, setup),
        ON_INGEST_STAGE(what_was_read_and_then_lost_comes_again, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
