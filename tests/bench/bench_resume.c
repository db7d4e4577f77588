/*
 * Clients with a filter each who come back together, and want all of the last minutes while the
 * stream goes on: how long until all of them are at its head, and how often Redis was read for it.
 * Fails if that is not in three minutes, or if an entry was read more than twice.
 *
 * Variables: BENCH_SECONDS (600) of the past, BENCH_RATE (2000 entries per second), BENCH_CLIENTS
 * (100). The whole takes 4.5 GB of memory in Redis.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/process/clock.h"
#include "shared/redis/contract.h"
#include "tests/bench/captured_entries.h"
#include "tests/bench/receivers.h"
#include "tests/e2e/daemons.h"
#include "tests/e2e/streamer_stage.h"
#include "tests/support/harness.h"
#include "tests/support/http_get.h"
#include "tests/support/redis_server.h"

enum {
    SECONDS = 600,
    RATE = 2000,
    CLIENTS = 100,
    CLIENTS_MAX = 100,
    CAPTURED = 2000,
    LIMIT_MS = 180 * 1000,
    CHECK_MS = 2000,
    /* The feed goes on for so long at least. */
    FEED_SECONDS = 200,
    /* Messages of names are longer than that, heartbeats are not. */
    SKIP_SIZE = 60,
    MS_PER_S = 1000,
};

/* Two letters each, so that each lets some of the names through, and no two the same. */
static struct receivers *connect_client(const struct program *streamer, size_t number)
{
    static const char letters[] = "aeioulnrst";
    char path[64];
    (void)snprintf(path, sizeof path, "/domains-only?since=0&match=%c%c", letters[number / 10 % 10],
                   letters[number % 10]);
    return receivers_connect(program_port(streamer), path, false, 1, SKIP_SIZE, false);
}

static void take_all(struct receivers *const *clients, size_t count)
{
    for (size_t i = 0; i < count; i++)
        receivers_turn(clients[i], i == 0 ? 5 : 0);
}

static uint64_t resume(const struct program *streamer, struct receivers *const *clients,
                       size_t count)
{
    uint64_t start_ms = clock_monotonic_ms();
    uint64_t check_ms = start_ms + CHECK_MS;
    for (;;) {
        take_all(clients, count);
        uint64_t now_ms = clock_monotonic_ms();
        if (now_ms < check_ms)
            continue;
        check_ms = now_ms + CHECK_MS;
        uint64_t behind = http_get_metric(program_port(streamer), "certstream_clients_behind");
        print_message("%.1f s: %" PRIu64 " behind, %" PRIu64 " overtaken, %" PRIu64
                      " caught up, %" PRIu64 " read\n",
                      (double)(now_ms - start_ms) / MS_PER_S, behind,
                      http_get_metric(program_port(streamer), "certstream_clients_overtaken_total"),
                      http_get_metric(program_port(streamer), "certstream_clients_caught_up_total"),
                      http_get_metric(program_port(streamer), "certstream_past_entries_total"));
        if (behind == 0 || now_ms - start_ms > LIMIT_MS)
            return now_ms - start_ms;
    }
}

struct parts {
    struct streamer_stage stage;
    struct captured_entries *captured;
};

static int setup(void **state)
{
    struct captured_entries *captured = captured_entries_create(CAPTURED);
    struct parts *parts = streamer_stage_create(sizeof *parts);
    parts->captured = captured;
    *state = parts;
    return 0;
}

static int teardown(void **state)
{
    struct parts *parts = *state;
    captured_entries_destroy(parts->captured);
    return streamer_stage_teardown(state);
}

static void all_who_come_back_share_what_is_read(void **state)
{
    struct parts *parts = *state;
    struct streamer_stage *stage = &parts->stage;
    struct captured_entries *captured = parts->captured;
    uint64_t rate = harness_setting("BENCH_RATE", RATE);
    uint64_t past = rate * harness_setting("BENCH_SECONDS", SECONDS);
    size_t count = (size_t)harness_setting("BENCH_CLIENTS", CLIENTS);
    struct receivers *clients[CLIENTS_MAX];
    assert_true(count > 0 && count <= CLIENTS_MAX);
    captured_entries_retain(captured, past + rate * FEED_SECONDS);
    freeReplyObject(redis_server_command(stage->redis, "CONFIG SET maxmemory 0"));
    harness_expect_work(stage->harness, "entries come until the end");
    (void)waitpid(captured_entries_feed(captured, stage->redis, past, 0), NULL, 0);
    /* The captured certificates come again and again: of more there would be no end. */
    streamer_stage_start(
        stage, (const char *const[]){ "--ring-bytes", "4m", "--unique-window", "1000", NULL });
    uint64_t read_before =
        http_get_metric(program_port(stage->streamer), "certstream_past_entries_total");
    pid_t feed = captured_entries_feed(captured, stage->redis, rate * FEED_SECONDS, rate);
    for (size_t i = 0; i < count; i++)
        clients[i] = connect_client(stage->streamer, i);
    uint64_t took_ms = resume(stage->streamer, clients, count);
    uint64_t read =
        http_get_metric(program_port(stage->streamer), "certstream_past_entries_total") -
        read_before;
    uint64_t there =
        (uint64_t)redis_server_integer(stage->redis, "XLEN " CONTRACT_PREFIX ":stream");
    uint64_t messages = 0;
    for (size_t i = 0; i < count; i++) {
        messages += receivers_totals(clients[i]).messages;
        receivers_destroy(clients[i]);
    }
    print_message("%zu clients, %" PRIu64 " entries of the past, %" PRIu64
                  " entries/s more: at the head after %.1f s, %" PRIu64 " messages, each entry "
                  "read %.2f times, streamer %.1f s of CPU, Redis %.1f s\n",
                  count, past, rate, (double)took_ms / MS_PER_S, messages,
                  (double)read / (double)there, program_cpu_seconds(stage->streamer),
                  program_cpu_seconds(redis_server_program(stage->redis)));
    (void)kill(feed, SIGKILL);
    (void)waitpid(feed, NULL, 0);
    assert_true(took_ms <= (uint64_t)LIMIT_MS * harness_slowdown());
    assert_true(read <= 2 * there);
    assert_true(messages > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_who_come_back_share_what_is_read, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
