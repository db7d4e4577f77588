/*
 * What an entry costs where nothing is behind: a log that grows steadily, an ingest that follows
 * it, a Redis as it is shipped whose stream has reached its limit, and 0 to 8 streamers that read
 * it, without clients. CPU per entry of Redis, of ingest and of a streamer, kernel included.
 *
 * CERTSTREAM_BEFORE names the build folder of another version, which is measured beside this one,
 * each number of streamers in turn. Variables: BENCH_RATE (2000 entries/s), BENCH_SECONDS (20, of
 * each line), BENCH_STREAMERS (8: the most). --smoke: a moment each of none and one.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/process/clock.h"
#include "shared/redis/contract.h"
#include "tests/e2e/daemons.h"
#include "tests/support/harness.h"
#include "tests/support/redis_server.h"

enum {
    RATE = 2000,
    SECONDS = 20,
    STREAMERS = 8,
    LOG_SIZE = 300,
    /* The stream holds so many seconds, and is full after them. */
    STREAM_SECONDS = 4,
    WAIT_MS = 120 * 1000,
    PATH_SIZE = 512,
};

/* One of the versions that are compared. */
struct version {
    const char *name;
    char ingest[PATH_SIZE];
    char streamer[PATH_SIZE];
};

struct stage {
    struct harness *harness;
    struct redis_server *redis;
    struct program *ct_log, *ingest;
    struct program *streamers[STREAMERS];
    size_t streamer_count;
};

struct reading {
    uint64_t entries; /* ever added to the stream */
    uint64_t at_ms;
    double redis, ingest, streamers; /* seconds of CPU */
};

static uint64_t count_entries(struct redis_server *redis)
{
    uint64_t count = 0;
    if (redis_server_integer(redis, "EXISTS " CONTRACT_PREFIX ":stream") == 0)
        return 0;
    redisReply *info = redis_server_command(redis, "XINFO STREAM " CONTRACT_PREFIX ":stream");
    for (size_t i = 0; i + 1 < info->elements; i += 2)
        if (strcmp(info->element[i]->str, "entries-added") == 0)
            count = (uint64_t)info->element[i + 1]->integer;
    freeReplyObject(info);
    return count;
}

static struct program *start_ct_log(struct harness *harness, uint64_t rate)
{
    char size[24], entries_per_second[24];
    (void)snprintf(size, sizeof size, "%d", LOG_SIZE);
    (void)snprintf(entries_per_second, sizeof entries_per_second, "%" PRIu64, rate);
    const char *const arguments[] = { "--size",           size,      "--rate",
                                      entries_per_second, "--kinds", "rfc6962",
                                      "--seed",           "bench",   NULL };
    return daemon_start_ct_log(harness, "log", arguments);
}

static void start_streamer(struct stage *stage, const struct version *version)
{
    char name[32];
    (void)snprintf(name, sizeof name, "streamer-%zu", stage->streamer_count);
    const char *const words[] = { version->streamer,
                                  "--redis",
                                  redis_server_url(stage->redis),
                                  "--listen",
                                  "127.0.0.1",
                                  "--port",
                                  "0",
                                  NULL };
    const struct program_options options = {
        .name = name, .arguments = words, .ready = "listening on ", .is_daemon = true
    };
    stage->streamers[stage->streamer_count++] = program_start(stage->harness, &options);
}

static void start_ingest(struct stage *stage, const struct version *version, uint64_t rate)
{
    char list[DAEMON_URL_SIZE], entries[24];
    (void)snprintf(list, sizeof list, "%s/log_list.json", program_ready_text(stage->ct_log));
    (void)snprintf(entries, sizeof entries, "%" PRIu64, rate * STREAM_SECONDS);
    const char *const words[] = { version->ingest,
                                  "--redis",
                                  redis_server_url(stage->redis),
                                  "--log-list",
                                  list,
                                  "--poll",
                                  "1",
                                  "--instance",
                                  "ingest",
                                  "--start",
                                  "0",
                                  "--retain-entries",
                                  entries,
                                  NULL };
    const struct program_options options = {
        .name = "ingest", .arguments = words, .ready = "certstream-ingest ready", .is_daemon = true
    };
    stage->ingest = program_start(stage->harness, &options);
}

static struct stage start(const struct version *version, size_t streamer_count, uint64_t rate)
{
    struct stage stage = { .harness = harness_create() };
    stage.redis = redis_server_start(stage.harness, "redis", NULL);
    stage.ct_log = start_ct_log(stage.harness, rate);
    while (stage.streamer_count < streamer_count)
        start_streamer(&stage, version);
    start_ingest(&stage, version, rate);
    return stage;
}

static void end(struct stage *stage)
{
    harness_expect_work(stage->harness, "the log grows");
    redis_server_destroy(stage->redis);
    assert_int_equal(harness_destroy(stage->harness), 0);
}

static struct reading read_stage(const struct stage *stage)
{
    struct reading reading = {
        .entries = count_entries(stage->redis),
        .at_ms = clock_monotonic_ms(),
        .redis = program_cpu_seconds(redis_server_program(stage->redis)),
        .ingest = program_cpu_seconds(stage->ingest),
    };
    for (size_t i = 0; i < stage->streamer_count; i++)
        reading.streamers += program_cpu_seconds(stage->streamers[i]);
    return reading;
}

static void print_reading(const struct version *version, size_t streamer_count,
                          const struct reading *from, const struct reading *to)
{
    double entries = (double)(to->entries - from->entries);
    double us = 1e6 / entries;
    print_message("%-6s %zu streamers: Redis %5.1f us, ingest %5.1f us, a streamer %5.1f us of CPU "
                  "per entry; %.0f entries/s\n",
                  version->name, streamer_count, (to->redis - from->redis) * us,
                  (to->ingest - from->ingest) * us,
                  streamer_count ? (to->streamers - from->streamers) * us / (double)streamer_count
                                 : 0,
                  entries * 1000 / (double)(to->at_ms - from->at_ms));
}

static void measure(const struct version *version, size_t streamer_count)
{
    uint64_t rate = harness_setting("BENCH_RATE", RATE);
    uint64_t seconds = harness_setting("BENCH_SECONDS", SECONDS);
    struct stage stage = start(version, streamer_count, rate);
    /* Of a moment's measure nobody asks how full the stream was. */
    uint64_t first = seconds > 1 ? rate * (STREAM_SECONDS + 1) : 1;
    struct deadline deadline = deadline_after(WAIT_MS, "the stream to be full");
    while (count_entries(stage.redis) < first)
        deadline_wait(&deadline);
    struct reading from = read_stage(&stage);
    harness_pause(seconds * 1000);
    /* A second may lie between two tree heads. */
    deadline = deadline_after(WAIT_MS, "the stream to grow");
    while (count_entries(stage.redis) == from.entries)
        deadline_wait(&deadline);
    struct reading to = read_stage(&stage);
    print_reading(version, streamer_count, &from, &to);
    end(&stage);
}

static void costs_of_the_steady_state(void **state)
{
    (void)state;
    struct version after = { "now", CERTSTREAM_INGEST, CERTSTREAM_STREAMER };
    struct version before = { .name = "before" };
    const char *folder = getenv("CERTSTREAM_BEFORE");
    if (folder) {
        (void)snprintf(before.ingest, PATH_SIZE, "%s/ingest/certstream-ingest", folder);
        (void)snprintf(before.streamer, PATH_SIZE, "%s/streamer/certstream-streamer", folder);
    }
    uint64_t most = harness_setting("BENCH_STREAMERS", STREAMERS);
    for (size_t count = 0; count <= most && count <= STREAMERS; count = count ? 2 * count : 1) {
        if (folder)
            measure(&before, count);
        measure(&after, count);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(costs_of_the_steady_state) };
    if (argc > 1 && strcmp(argv[1], "--smoke") == 0) {
        (void)setenv("BENCH_SECONDS", "1", 1);
        (void)setenv("BENCH_STREAMERS", "1", 1);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
