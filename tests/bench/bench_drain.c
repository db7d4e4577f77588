/*
 * How fast a backlog gets from a log to a WebSocket client, and what it costs: the local CT log stands still with so many
 * entries, one lite client counts what it gets, and the CPU time of each process is read at the end. One line per kind of
 * log; and one more each for certstream-server-go on the same log, where CERTSTREAM_PEER names its program.
 *
 * Entries per second are counted from the first message at the client to the last. Variables: BENCH_ENTRIES (100000).
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/clock.h"
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
    PORT_TRIES_MS = 20000,
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

static int free_port(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(descriptor >= 0 &&
                bind(descriptor, (struct sockaddr *)&address, sizeof address) == 0);
    assert_int_equal(getsockname(descriptor, (struct sockaddr *)&address, &size), 0);
    (void)close(descriptor);
    return ntohs(address.sin_port);
}

static void write_file(const struct harness *harness, char *path, const char *name,
                       const char *text)
{
    harness_path(harness, path, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* One log of the given kind, from its first entry on; no other, and nothing from outside this machine. */
static void write_peer_settings(const struct harness *harness, char *path, const char *kind,
                                const struct program *log, int port)
{
    char index_path[HARNESS_PATH_SIZE], text[4096];
    bool is_tiled = strcmp(kind, "tiled") == 0;
    write_file(harness, index_path, "peer_index.json", "{}");
    (void)snprintf(
        text, sizeof text,
        "webserver:\n  listen_addr: \"127.0.0.1\"\n  listen_port: %d\n  full_url: "
        "\"/full-stream\"\n"
        "  lite_url: \"/\"\n  domains_only_url: \"/domains-only\"\n"
        "prometheus:\n  enabled: false\n"
        "general:\n  disable_default_logs: true\n  drop_old_logs: false\n"
        "  %s:\n    - url: %s/%s/\n      operator: \"Local\"\n      description: \"Local log\"\n"
        "  buffer_sizes:\n    websocket: 300\n    ctlog: 1000\n    broadcastmanager: 10000\n"
        "  recovery:\n    enabled: true\n    ct_index_file: \"%s\"\n",
        port, is_tiled ? "additional_tiled_logs" : "additional_logs", program_ready_text(log), kind,
        index_path);
    write_file(harness, path, "peer.yaml", text);
}

/* The peer says nothing when it is ready. */
static void wait_for_port(int port)
{
    struct deadline deadline = deadline_after(PORT_TRIES_MS, "the peer's port");
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                         .sin_port = htons((uint16_t)port) };
    for (;;) {
        int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(descriptor >= 0);
        int result = connect(descriptor, (const struct sockaddr *)&address, sizeof address);
        (void)close(descriptor);
        if (result == 0)
            return;
        deadline_wait(&deadline);
    }
}

static void drain_peer(const char *kind)
{
    const char *program = getenv("CERTSTREAM_PEER");
    if (!program || !*program) {
        print_message(
            "certstream-server-go: left out, CERTSTREAM_PEER does not name its program\n");
        skip();
        return;
    }
    uint64_t entries = harness_setting("BENCH_ENTRIES", ENTRIES);
    struct harness *harness = harness_create();
    struct program *log = start_log(harness, kind, entries);
    char settings[HARNESS_PATH_SIZE];
    int port = free_port();
    write_peer_settings(harness, settings, kind, log, port);
    const char *const words[] = { program, "--config", settings, NULL };
    const char *const environment[] = { "HTTPS_PROXY=http://127.0.0.1:9", "NO_PROXY=127.0.0.1",
                                        NULL };
    struct program *peer =
        program_start(harness, &(struct program_options){ "peer", .arguments = words,
                                                          .environment = environment });
    wait_for_port(port);
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
