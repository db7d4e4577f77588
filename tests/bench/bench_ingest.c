/*
 * What ingest alone costs: a verified drain of one local log of each kind into Redis, with CPU per
 * entry by stage and peak memory; and a hundred followers with nothing to do.
 *
 * The stages are measured in this process on answers of the same log; what the daemon spends beyond
 * them is curl (HTTP, inflate), hiredis and the loop. Variables: BENCH_ENTRIES (200000),
 * BENCH_IDLE_SECONDS (30), BENCH_LOGS (50: local logs, of both kinds each).
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "ingest/ct/rfc6962.h"
#include "ingest/make/pipeline.h"
#include "shared/base/memory.h"
#include "shared/base/reader.h"
#include "shared/message/tile_path.h"
#include "shared/process/clock.h"
#include "shared/redis/contract.h"
#include "tests/e2e/daemons.h"
#include "tests/support/harness.h"
#include "tests/support/http_get.h"
#include "tests/support/redis_server.h"

enum {
    ENTRIES = 200000,
    LOGS = 50,
    IDLE_SECONDS = 30,
    DRAIN_MS = 600 * 1000,
    ROUNDS = 40,
    LIST_SIZE = 128,
};

/* The peak of what the process had in memory, in megabytes. */
static double peak_megabytes(const struct program *program)
{
    char path[64], line[256];
    unsigned long kilobytes = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)program_pid(program));
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, "VmHWM:", 6) == 0)
            kilobytes = strtoul(line + 6, NULL, 10);
    assert_int_equal(fclose(file), 0);
    return (double)kilobytes / 1024;
}

/* `kinds` as local-ct-log has it. */
static struct program *start_log(struct harness *harness, const char *kinds, uint64_t entries)
{
    char size[32];
    (void)snprintf(size, sizeof size, "%" PRIu64, entries);
    const char *const arguments[] = { "--size", size, "--kinds", kinds, "--seed", "bench", NULL };
    return daemon_start_ct_log(harness, "log", arguments);
}

/* The id of the one log that is followed, "" before it has begun. */
static void read_position(struct redis_server *redis, const char *kind, uint64_t *next,
                          uint64_t *verified)
{
    *next = *verified = 0;
    redisReply *ids = redis_server_command(redis, "SMEMBERS " CONTRACT_PREFIX ":logs");
    for (size_t i = 0; i < ids->elements; i++) {
        redisReply *fields =
            redis_server_command(redis, "HMGET " CONTRACT_PREFIX ":log:%s type next verified_size",
                                 ids->element[i]->str);
        bool is_it = fields->element[0]->str && strcmp(fields->element[0]->str, kind) == 0;
        if (is_it && fields->element[1]->str && fields->element[2]->str) {
            *next = strtoull(fields->element[1]->str, NULL, 10);
            *verified = strtoull(fields->element[2]->str, NULL, 10);
        }
        freeReplyObject(fields);
    }
    freeReplyObject(ids);
}

static void drain(const char *kind, const char *version, const char *program)
{
    uint64_t entries = harness_setting("BENCH_ENTRIES", ENTRIES);
    struct harness *harness = harness_create();
    struct redis_server *redis = redis_server_start(harness, "redis", NULL);
    struct program *log = start_log(harness, kind, entries);
    const char *const arguments[] = { "--start", "0", "--retain-entries", "50000", NULL };
    uint64_t start_ms = clock_monotonic_ms();
    struct program *ingest = daemon_start_ingest_program(harness, program, redis, log, arguments);
    struct deadline deadline = deadline_after(DRAIN_MS, "the drain");
    uint64_t next = 0, verified = 0;
    while (next < entries) {
        read_position(redis, kind, &next, &verified);
        deadline_wait(&deadline);
    }
    uint64_t elapsed_ms = clock_monotonic_ms() - start_ms;
    assert_int_equal(verified, entries);
    double cpu = program_cpu_seconds(ingest);
    double redis_cpu = program_cpu_seconds(redis_server_program(redis));
    print_message(
        "%-8s %-6s %" PRIu64 " entries, verified: %.0f/s; ingest %.1f us, Redis %.1f us of CPU per "
        "entry; ingest's peak memory %.0f MB\n",
        kind, version, entries, (double)entries * 1000 / (double)elapsed_ms,
        cpu * 1e6 / (double)entries, redis_cpu * 1e6 / (double)entries, peak_megabytes(ingest));
    redis_server_destroy(redis);
    assert_int_equal(harness_destroy(harness), 0);
}

static void drain_in_turn(const char *kind)
{
    const char *folder = getenv("CERTSTREAM_BEFORE");
    char before[512];
    (void)snprintf(before, sizeof before, "%s/ingest/certstream-ingest", folder ? folder : "");
    for (uint64_t rounds = harness_setting("BENCH_ROUNDS", 1); rounds > 0; rounds--) {
        if (folder)
            drain(kind, "before", before);
        drain(kind, "now", CERTSTREAM_INGEST);
    }
}

static void drains_an_rfc6962_log(void **state)
{
    (void)state;
    drain_in_turn("rfc6962");
}

static void drains_a_tiled_log(void **state)
{
    (void)state;
    drain_in_turn("tiled");
}

static double cpu_now_us(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

/* How each entry is visited: `visit` with the entry, or only read when NULL. */
struct stage {
    struct pipeline *pipeline;
    const struct message_source *source;
    struct merkle_frontier frontier;
    struct batch *batch;
    uint64_t entries;
};

typedef void (*stage_visit)(struct stage *stage, const struct entry *entry);

static void read_page(struct stage *stage, struct bytes body, stage_visit visit)
{
    struct rfc6962_text text;
    struct rfc6962_page page;
    struct entry entry;
    rfc6962_text_init(&text, RFC6962_BODY_MAX);
    rfc6962_text_add(&text, body);
    assert_true(rfc6962_page_open(&page, &text));
    for (; rfc6962_page_next(&page, &entry); stage->entries++)
        if (visit)
            visit(stage, &entry);
    rfc6962_page_clear(&page);
    rfc6962_text_free(&text);
}

static void read_tile(struct stage *stage, struct bytes body, stage_visit visit)
{
    struct reader tile = reader_of(body);
    struct entry entry;
    for (; tile.remaining && entry_read_tile_leaf(&entry, &tile); stage->entries++)
        if (visit)
            visit(stage, &entry);
    assert_true(reader_finished(&tile));
}

static void hash(struct stage *stage, const struct entry *entry)
{
    struct merkle_hash leaf;
    merkle_hash_leaf(pipeline_sha256(stage->pipeline), &leaf, entry->leaf_pieces, 2);
    merkle_frontier_add(pipeline_sha256(stage->pipeline), &stage->frontier, 0, &leaf);
}

/* All that is done to an entry, leaf hash included. */
static void publish(struct stage *stage, const struct entry *entry)
{
    if (batch_is_full(stage->batch)) {
        struct log_position position = stage->batch->position;
        size_t size = stage->batch->arena.size;
        batch_destroy(stage->batch);
        stage->batch = batch_create(&position, size);
        stage->batch->log_id_hex = stage->batch->stream = "";
    }
    pipeline_add_entry(stage->pipeline, stage->batch, stage->source, entry, 1700000000000);
}

typedef void (*stage_read)(struct stage *stage, struct bytes body, stage_visit visit);

/* Microseconds of CPU per entry. */
static double measure(stage_read read, struct bytes body, stage_visit visit, bool is_tiled)
{
    static const struct message_source source = { "Log", "https://log.test/", "Operator",
                                                  "id==", false };
    const struct log_position position = { .has_frontier = true };
    struct message_source copy = source;
    copy.is_tiled = is_tiled;
    struct stage stage = { .pipeline = pipeline_create(), .source = &copy };
    stage.batch = batch_create(&position, 0);
    stage.batch->log_id_hex = stage.batch->stream = "";
    read(&stage, body, visit);
    stage.entries = 0;
    double start_us = cpu_now_us();
    for (unsigned round = 0; round < ROUNDS; round++)
        read(&stage, body, visit);
    double elapsed_us = cpu_now_us() - start_us;
    batch_destroy(stage.batch);
    pipeline_destroy(stage.pipeline);
    return elapsed_us / (double)stage.entries;
}

static void print_stages(struct program *log, const char *path, stage_read read, bool is_tiled)
{
    struct http_answer answer = http_get_local(program_port(log), path);
    assert_int_equal(answer.status, 200);
    struct bytes body = buffer_bytes(&answer.body);
    double reading = measure(read, body, NULL, is_tiled);
    double hashing = measure(read, body, hash, is_tiled) - reading;
    double all = measure(read, body, publish, is_tiled);
    print_message(
        "%-8s reading the answer %.2f us, leaf hash and frontier %.2f, certificate to message "
        "%.2f, all %.2f\n",
        is_tiled ? "tiled" : "rfc6962", reading, hashing, all - reading - hashing, all);
    http_answer_free(&answer);
}

static void costs_of_the_stages(void **state)
{
    (void)state;
    struct harness *harness = harness_create();
    struct program *log = start_log(harness, "rfc6962,tiled", 2048);
    print_stages(log, "/rfc6962/ct/v1/get-entries?start=256&end=511", read_page, false);
    print_stages(log, "/tiled/tile/data/001", read_tile, true);
    assert_int_equal(harness_destroy(harness), 0);
}

/* Every log has been started at its head, and waits. */
static void wait_until_idle(struct redis_server *redis, size_t logs)
{
    struct deadline deadline = deadline_after(DRAIN_MS, "all logs to wait");
    for (size_t waiting = 0; waiting < logs;) {
        redisReply *ids = redis_server_command(redis, "SMEMBERS " CONTRACT_PREFIX ":logs");
        waiting = 0;
        for (size_t i = 0; i < ids->elements; i++) {
            redisReply *state = redis_server_command(redis, "HGET " CONTRACT_PREFIX ":log:%s state",
                                                     ids->element[i]->str);
            waiting += state->str && strcmp(state->str, "waiting") == 0;
            freeReplyObject(state);
        }
        freeReplyObject(ids);
        deadline_wait(&deadline);
    }
}

static void followers_with_nothing_to_do(void **state)
{
    (void)state;
    size_t logs = (size_t)harness_setting("BENCH_LOGS", LOGS);
    uint64_t seconds = harness_setting("BENCH_IDLE_SECONDS", IDLE_SECONDS);
    struct harness *harness = harness_create();
    struct redis_server *redis = redis_server_start(harness, "redis", NULL);
    /* The polls of the defaults: every 5 s and 10 s, idle logs less often. */
    struct buffer lists;
    buffer_init(&lists, LIST_SIZE * (logs + 1));
    buffer_append_string(&lists, "CERTSTREAM_LOG_LIST=");
    for (size_t i = 0; i < logs; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "log-%zu", i);
        const char *const arguments[] = { "--size", "300", "--seed", name, NULL };
        struct program *log = daemon_start_ct_log(harness, name, arguments);
        buffer_append_format(&lists, "%s/log_list.json ", program_ready_text(log));
    }
    buffer_append_byte(&lists, '\0');
    assert_false(lists.failed);
    const char *const words[] = { CERTSTREAM_INGEST, "--redis", redis_server_url(redis), NULL };
    const char *const environment[] = { (const char *)lists.data, NULL };
    struct program *ingest = program_start(
        harness,
        &(struct program_options){ "ingest", .arguments = words, .ready = "certstream-ingest ready",
                                   .environment = environment, .is_daemon = true });
    wait_until_idle(redis, 2 * logs);
    double before = program_cpu_seconds(ingest);
    harness_pause(seconds * 1000);
    double spent = program_cpu_seconds(ingest) - before;
    print_message("%zu followers with nothing to do: %.2f %% of a core, peak memory %.0f MB\n",
                  2 * logs, spent * 100 / (double)seconds, peak_megabytes(ingest));
    redis_server_destroy(redis);
    assert_int_equal(harness_destroy(harness), 0);
    buffer_free(&lists);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drains_an_rfc6962_log),
        cmocka_unit_test(drains_a_tiled_log),
        cmocka_unit_test(costs_of_the_stages),
        cmocka_unit_test(followers_with_nothing_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
