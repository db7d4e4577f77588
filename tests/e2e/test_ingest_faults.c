/*
 * Whatever a log answers: ingest does not hammer it, never skips an index, never takes what is wrong, and has everything
 * once the log behaves again. One row per fault of the local CT log.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shared/clock.h"
#include "shared/memory.h"
#include "tests/e2e/daemons.h"
#include "tests/e2e/stream_check.h"
#include "tests/support/harness.h"
#include "tests/support/redis_server.h"

enum {
    LOGS = 2,
    SIZE = 600,
    /* Published when the fault has begun. */
    GROWTH = 700,
    FAULT_MS = 2000,
};

/* While it lasts. */
enum effect {
    NOTHING_COMES,
    SOME_COMES,
    ALL_COMES
};

/* Per second, to both logs in all: polls every second, retries and their back-off; a request per seven entries. */
static const unsigned long long requests_max[] = {
    [NOTHING_COMES] = 12, [SOME_COMES] = 12, [ALL_COMES] = 100
};

struct fault {
    const char *name;
    const char *query;
    enum effect effect;
};

static const struct fault faults[] = {
    { "500", "route=any&fault=status&code=500", NOTHING_COMES },
    { "503 in HTML", "route=any&fault=status&code=503&body=html", NOTHING_COMES },
    { "400, as of a lagging replica", "route=any&fault=status&code=400", NOTHING_COMES },
    { "404", "route=any&fault=status&code=404", NOTHING_COMES },
    { "a body cut short", "route=any&fault=truncate", NOTHING_COMES },
    { "200 with garbage", "route=any&fault=garbage", NOTHING_COMES },
    { "200 with nothing in it", "route=any&fault=empty", NOTHING_COMES },
    { "no answer at all", "route=any&fault=close", NOTHING_COMES },
    { "a stale head", "route=any&fault=stale&n=500", SOME_COMES },
    { "a shrunken head", "route=any&fault=shrink&n=500", SOME_COMES },
    { "a head somebody else signed", "route=any&fault=bad-signature", NOTHING_COMES },
    { "no entries in good time", "route=get-entries&fault=status&code=503", SOME_COMES },
    { "no data tiles in good time", "route=data&fault=status&code=503", SOME_COMES },
    { "every other request fails", "route=any&fault=status&code=503&probability=0.5", ALL_COMES },
    { "few entries at a time", "route=any&fault=short&page=7", ALL_COMES },
    { "more entries than asked for", "route=any&fault=extra", ALL_COMES },
    { "slow answers", "route=any&fault=delay&ms=300", ALL_COMES },
    { "dripping bodies", "route=any&fault=drip&bytes=200000", ALL_COMES },
    /* Last: the operator is asked more gently for minutes after these. */
    { "429", "route=any&fault=status&code=429", NOTHING_COMES },
    { "429 with Retry-After", "route=any&fault=status&code=429&retry-after=1", NOTHING_COMES },
};

struct parts {
    struct harness *harness;
    struct redis_server *redis;
    struct program *ct_log;
};

static int setup(void **state)
{
    struct parts *parts = memory_allocate_zeroed(1, sizeof *parts);
    *state = parts;
    parts->harness = harness_create();
    parts->redis = redis_server_start(parts->harness, "redis", NULL);
    const char *const ct_log[] = { "--size", "600", "--seed", "faults", NULL };
    parts->ct_log = daemon_start_ct_log(parts->harness, "ct_log", ct_log);
    const char *const ingest[] = { "--start", "0", "--retain-entries", "0", NULL };
    (void)daemon_start_ingest(parts->harness, "ingest", parts->redis, parts->ct_log, ingest);
    return 0;
}

static int teardown(void **state)
{
    struct parts *parts = *state;
    int result = harness_destroy(parts->harness);
    redis_server_destroy(parts->redis);
    free(parts);
    return result;
}

static void publish(const struct parts *parts, uint64_t size)
{
    char query[64];
    (void)snprintf(query, sizeof query, "size=%llu", (unsigned long long)size);
    daemon_control_ct_log(parts->ct_log, query);
}

/* The fault lasts for FAULT_MS, in which requests are counted and the stream is watched. */
static void endure(struct parts *parts, struct stream_check *check, const struct fault *fault)
{
    uint64_t entries = check->entries;
    unsigned long long before = daemon_count_requests(parts->ct_log);
    uint64_t start_ms = clock_monotonic_ms();
    while (clock_monotonic_ms() - start_ms < FAULT_MS) {
        stream_check_read(check, parts->redis);
        harness_pause(100);
    }
    unsigned long long requests = daemon_count_requests(parts->ct_log) - before;
    print_message("%s: %.1f requests/s\n", fault->name, (double)requests * 1000 / FAULT_MS);
    assert_true(requests > 0);
    if (fault->effect == NOTHING_COMES)
        assert_int_equal(check->entries, entries);
    if (requests > requests_max[fault->effect] * FAULT_MS / 1000)
        fail_msg("%s: %llu requests in %d ms", fault->name, requests, FAULT_MS);
}

static void nothing_is_missing_after_any_fault(void **state)
{
    struct parts *parts = *state;
    struct stream_check check = { 0 };
    uint64_t size = SIZE;
    stream_check_expect(&check, parts->redis, LOGS, 0, size);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        daemon_control_ct_log(parts->ct_log, faults[i].query);
        size += GROWTH;
        publish(parts, size);
        endure(parts, &check, &faults[i]);
        daemon_control_ct_log(parts->ct_log, "clear=1");
        stream_check_expect(&check, parts->redis, LOGS, 0, size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_missing_after_any_fault, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
