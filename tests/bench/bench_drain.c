/*
 * How fast a backlog gets from a log to a WebSocket client, and what it costs: the local CT log
 * stands still with so many entries, one lite client counts what it gets, and the CPU time of each
 * process is read at the end. One line per kind of log; and one more each for certstream-server-go
 * on the same log, where CERTSTREAM_PEER names its program.
 *
 * Entries per second are counted from the first message at the client to the last. Variables:
 * BENCH_ENTRIES (100000).
 */
#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/process/clock.h"
#include "tests/bench/peer.h"
#include "tests/e2e/daemons.h"
#include "tests/support/harness.h"
#include "tests/support/redis_server.h"
#include "tests/support/websocket_client.h"

enum {
    ENTRIES = 100000,
    /* A client that has had no message for so long has had all that it will get. */
    QUIET_MS = 4000,
    /* The peer looks for new logs and heads in its own time. */
    FIRST_MS = 30000,
    /* CertStream's updates are longer than heartbeats, whichever server sends them. */
    UPDATE_SIZE_MIN = 400,
    /* Two numbers as long as printf makes them. */
    COST_SIZE = 2048,
};

struct drained {
    uint64_t messages;
    uint64_t bytes;
    uint64_t first_ms;
    uint64_t last_ms;
};

static void take_frames(struct websocket_client *client, struct drained *drained)
{
    struct websocket_frame frame;
    while (websocket_client_next(client, &frame) == WEBSOCKET_FRAME) {
        if (frame.opcode == WEBSOCKET_PING)
            websocket_client_send(client, WEBSOCKET_PONG, frame.payload);
        if (frame.opcode != WEBSOCKET_TEXT || frame.payload.size < UPDATE_SIZE_MIN)
            continue;
        drained->last_ms = clock_monotonic_ms();
        if (!drained->messages++)
            drained->first_ms = drained->last_ms;
        drained->bytes += frame.payload.size;
    }
}

static struct drained drain(struct websocket_client *client, uint64_t entries)
{
    struct drained drained = { 0 };
    struct pollfd socket = { .fd = websocket_client_descriptor(client), .events = POLLIN };
    uint64_t start_ms = clock_monotonic_ms();
    while (drained.messages < entries) {
        (void)poll(&socket, 1, 100);
        if (!websocket_client_receive(client))
            break;
        take_frames(client, &drained);
        uint64_t now_ms = clock_monotonic_ms();
        if (drained.messages ? now_ms - drained.last_ms > QUIET_MS : now_ms - start_ms > FIRST_MS)
            break;
    }
    return drained;
}

static void print_line(const char *who, const char *kind, const struct drained *drained,
                       uint64_t entries, const char *cost)
{
    uint64_t elapsed_ms = drained->last_ms - drained->first_ms;
    print_message("%-20s %-8s %8" PRIu64 " entries/s, client got %" PRIu64 " of %" PRIu64
                  " (%.1f MB); CPU seconds: %s\n",
                  who, kind, elapsed_ms ? drained->messages * 1000 / elapsed_ms : 0,
                  drained->messages, entries, (double)drained->bytes / 1e6, cost);
}

static struct program *start_log(struct harness *harness, const char *kind, uint64_t entries)
{
    char size[24];
    (void)snprintf(size, sizeof size, "%" PRIu64, entries);
    const char *const arguments[] = { "--size", size, "--kinds", kind, "--seed", "bench", NULL };
    return daemon_start_ct_log(harness, "log", arguments);
}

static void drain_ours(const char *kind)
{
    uint64_t entries = harness_setting("BENCH_ENTRIES", ENTRIES);
    struct harness *harness = harness_create();
    struct redis_server *redis = redis_server_start(harness, "redis", NULL);
    struct program *log = start_log(harness, kind, entries);
    struct program *streamer = daemon_start_streamer(harness, "streamer", redis, NULL);
    struct websocket_client *client = websocket_client_connect(program_port(streamer), "/");
    const char *const arguments[] = { "--start", "0", NULL };
    struct program *ingest = daemon_start_ingest(harness, "ingest", redis, log, arguments);
    struct drained drained = drain(client, entries);
    double ours = program_cpu_seconds(ingest),
           theirs = program_cpu_seconds(redis_server_program(redis)),
           last = program_cpu_seconds(streamer);
    char cost[COST_SIZE];
    (void)snprintf(cost, sizeof cost, "ingest %.2f redis %.2f streamer %.2f = %.1f us per entry",
                   ours, theirs, last, (ours + theirs + last) * 1e6 / (double)entries);
    print_line("certstream", kind, &drained, entries, cost);
    assert_int_equal(drained.messages, entries);
    websocket_client_destroy(client);
    redis_server_destroy(redis);
    assert_int_equal(harness_destroy(harness), 0);
}

static void drain_peer(const char *kind)
{
    if (!peer_is_there()) {
        skip();
        return;
    }
    uint64_t entries = harness_setting("BENCH_ENTRIES", ENTRIES);
    struct harness *harness = harness_create();
    struct program *log = start_log(harness, kind, entries);
    int port;
    struct program *peer = peer_start(harness, kind, log, false, &port);
    struct websocket_client *client = websocket_client_connect(port, "/");
    struct drained drained = drain(client, entries);
    char cost[COST_SIZE];
    double spent = program_cpu_seconds(peer);
    (void)snprintf(cost, sizeof cost, "%.2f = %.1f us per entry", spent,
                   spent * 1e6 / (double)entries);
    print_line("certstream-server-go", kind, &drained, entries, cost);
    websocket_client_destroy(client);
    program_kill(peer);
    assert_int_equal(harness_destroy(harness), 0);
}

static void drains_an_rfc6962_log(void **state)
{
    (void)state;
    drain_ours("rfc6962");
}

static void the_peer_drains_an_rfc6962_log(void **state)
{
    (void)state;
    drain_peer("rfc6962");
}

static void drains_a_tiled_log(void **state)
{
    (void)state;
    drain_ours("tiled");
}

static void the_peer_drains_a_tiled_log(void **state)
{
    (void)state;
    drain_peer("tiled");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drains_an_rfc6962_log),
        cmocka_unit_test(the_peer_drains_an_rfc6962_log),
        cmocka_unit_test(drains_a_tiled_log),
        cmocka_unit_test(the_peer_drains_a_tiled_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
