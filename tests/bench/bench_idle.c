/*
 * Many clients on one streamer, and next to nothing to say: memory per client, CPU at rest, and how
 * long one message takes to reach all. Variables: BENCH_CLIENTS (10000), BENCH_IDLE_SECONDS (10).
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "shared/process/clock.h"
#include "tests/bench/receivers.h"
#include "tests/e2e/daemons.h"
#include "tests/e2e/stream_feed.h"
#include "tests/support/harness.h"
#include "tests/support/http_get.h"
#include "tests/support/redis_server.h"

enum {
    QUIET_MS = 30000,
    READY_MS = 30000,
    PADDING = 2000,
    SKIP = 200,
};

static uint64_t resident_kib(const struct program *program)
{
    char path[64], line[256];
    uint64_t kib = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)program_pid(program));
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, "VmRSS:", strlen("VmRSS:")) == 0)
            kib = strtoull(line + strlen("VmRSS:"), NULL, 10);
    (void)fclose(file);
    return kib;
}

static void wait_until_ready(const struct program *streamer)
{
    struct deadline deadline = deadline_after(READY_MS, "the streamer to be ready");
    for (long status = 0; status != 200;) {
        struct http_answer answer = http_get_local(program_port(streamer), "/readyz");
        status = answer.status;
        http_answer_free(&answer);
        if (status != 200)
            deadline_wait(&deadline);
    }
}

static void turn_for(struct receivers *receivers, uint64_t milliseconds)
{
    uint64_t end_ms = clock_monotonic_ms() + milliseconds;
    while (clock_monotonic_ms() < end_ms)
        receivers_turn(receivers, 100);
}

static void measure(bool deflates)
{
    size_t clients = (size_t)harness_setting("BENCH_CLIENTS", 10000);
    uint64_t idle_s = harness_setting("BENCH_IDLE_SECONDS", 10);
    struct harness *harness = harness_create();
    struct redis_server *redis = redis_server_start(harness, "redis", NULL);
    const char *const arguments[] = { "--max-clients", "20000", "--ping-timeout", "1h", NULL };
    struct program *streamer = daemon_start_streamer(harness, "streamer", redis, arguments);
    wait_until_ready(streamer);
    struct receivers *one =
        receivers_connect(program_port(streamer), "/", deflates, 1, SKIP, false);
    turn_for(one, 500);
    uint64_t before_kib = resident_kib(streamer);
    struct receivers *receivers = receivers_connect(program_port(streamer), "/", deflates, clients,
                                                    deflates ? 60 : SKIP, false);
    turn_for(receivers, 2000);
    uint64_t after_kib = resident_kib(streamer);
    double cpu = program_cpu_seconds(streamer);
    turn_for(receivers, idle_s * 1000);
    cpu = program_cpu_seconds(streamer) - cpu;
    uint64_t sent_ms = clock_monotonic_ms();
    stream_feed_add(redis, 0, 1, PADDING);
    receivers_wait(receivers, 1, QUIET_MS);
    struct receivers_totals totals = receivers_totals(receivers);
    print_message("%zu idle clients%s: %.2f KB each, %.1f %% of a CPU at rest, a message reached "
                  "%" PRIu64 " of them, the last after %" PRIu64 " ms\n",
                  clients, deflates ? " (deflated)" : "",
                  (double)(after_kib - before_kib) / (double)clients, cpu * 100 / (double)idle_s,
                  totals.messages, totals.last_ms - sent_ms);
    assert_int_equal(totals.messages, clients);
    receivers_destroy(receivers);
    receivers_destroy(one);
    redis_server_destroy(redis);
    assert_int_equal(harness_destroy(harness), 0);
}

static void idle_clients(void **state)
{
    (void)state;
    measure(false);
}

static void idle_clients_that_inflate(void **state)
{
    (void)state;
    measure(true);
}

static int setup(void **state)
{
    (void)state;
    struct rlimit limit;
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_clients),
        cmocka_unit_test(idle_clients_that_inflate),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
