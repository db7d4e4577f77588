/*
 * How long an entry takes from the tree head that first covers it to a WebSocket client: the local
 * CT log grows steadily and publishes a head about every second, ingest polls both its views every
 * second. The time of a head is the one it is signed with.
 *
 * Variables: BENCH_RATE (300 entries per second), BENCH_SECONDS (30).
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

#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "tests/e2e/daemons.h"
#include "tests/support/harness.h"
#include "tests/support/http_get.h"
#include "tests/support/redis_server.h"
#include "tests/support/websocket_client.h"

enum {
    HEADS_MAX = 10000,
    ASK_EVERY_MS = 50,
    FIRST_MS = 30000,
    MS_PER_S = 1000,
};

struct head {
    uint64_t size;
    uint64_t timestamp_ms;
};

struct measurement {
    struct head heads[HEADS_MAX];
    size_t head_count;
    uint64_t *latencies_ms;
    size_t count;
    size_t capacity;
    const char *type; /* of the log whose entries count, as messages have it */
};

static uint64_t number_after(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at ? strtoull(at + strlen(name), NULL, 10) : UINT64_MAX;
}

/* The checkpoint of the tiled log has no time; both views of the log publish at the same. */
static void note_head(struct measurement *measurement, const struct program *log)
{
    struct http_answer answer = http_get_local(program_port(log), "/rfc6962/ct/v1/get-sth");
    const char *text = http_answer_text(&answer);
    struct head head = { number_after(text, "\"tree_size\":"),
                         number_after(text, "\"timestamp\":") };
    http_answer_free(&answer);
    const struct head *last =
        measurement->head_count ? &measurement->heads[measurement->head_count - 1] : NULL;
    if (head.size == UINT64_MAX || (last && last->size == head.size) ||
        measurement->head_count == HEADS_MAX)
        return;
    measurement->heads[measurement->head_count++] = head;
}

static void note_entry(struct measurement *measurement, uint64_t index, uint64_t now_ms)
{
    for (size_t i = 1; i < measurement->head_count; i++) {
        const struct head *head = &measurement->heads[i];
        if (index >= head->size || index < measurement->heads[i - 1].size)
            continue;
        if (measurement->count < measurement->capacity)
            measurement->latencies_ms[measurement->count++] =
                now_ms > head->timestamp_ms ? now_ms - head->timestamp_ms : 0;
        return;
    }
}

static void take_frames(struct measurement *measurement, struct websocket_client *client,
                        const struct program *log)
{
    struct websocket_frame frame;
    uint64_t now_ms = clock_realtime_ms();
    bool is_noted = false;
    while (websocket_client_next(client, &frame) == WEBSOCKET_FRAME) {
        if (frame.opcode == WEBSOCKET_PING)
            websocket_client_send(client, WEBSOCKET_PONG, frame.payload);
        const char name[] = "\"cert_index\":";
        const char *at = frame.opcode == WEBSOCKET_TEXT
                             ? memmem(frame.payload.data, frame.payload.size, name, sizeof name - 1)
                             : NULL;
        if (!at || !memmem(frame.payload.data, frame.payload.size, measurement->type,
                           strlen(measurement->type)))
            continue;
        if (!is_noted)
            note_head(measurement, log);
        is_noted = true;
        note_entry(measurement, number_after(at, name), now_ms);
    }
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void print_line(const char *kind, const struct measurement *measurement, uint64_t rate)
{
    const uint64_t *sorted = measurement->latencies_ms;
    size_t count = measurement->count;
    assert_true(count > 0);
    print_message("%-8s %" PRIu64 " entries/s, poll 1 s: %zu entries, p50 %" PRIu64
                  " ms, p95 %" PRIu64 " ms, p99 %" PRIu64 " ms, most %" PRIu64 " ms\n",
                  kind, rate, count, sorted[count / 2], sorted[count * 95 / 100],
                  sorted[count * 99 / 100], sorted[count - 1]);
}

static void measure(const char *kind)
{
    uint64_t rate = harness_setting("BENCH_RATE", 300);
    uint64_t seconds = harness_setting("BENCH_SECONDS", 30);
    struct measurement *measurement = memory_allocate_zeroed(1, sizeof *measurement);
    measurement->type = strcmp(kind, "tiled") == 0 ? "\"type\":\"tiled\"" : "\"type\":\"rfc6962\"";
    measurement->capacity = (size_t)(2 * rate * seconds);
    measurement->latencies_ms = memory_allocate_zeroed(measurement->capacity, sizeof(uint64_t));
    struct harness *harness = harness_create();
    struct redis_server *redis = redis_server_start(harness, "redis", NULL);
    char text[24];
    /* Both views of the log are followed, and each has all entries. */
    (void)snprintf(text, sizeof text, "%" PRIu64, rate / 2);
    /* Heads come not quite as often as polls, so that over time they meet at every phase. */
    const char *const arguments[] = { "--size", "1000", "--rate", text, "--publish-interval",
                                      "970",    NULL };
    struct program *log = daemon_start_ct_log(harness, "log", arguments);
    struct program *streamer = daemon_start_streamer(harness, "streamer", redis, NULL);
    struct websocket_client *client = websocket_client_connect(program_port(streamer), "/");
    (void)daemon_start_ingest(harness, "ingest", redis, log, NULL);
    (void)websocket_client_expect(client, "\"cert_index\":", FIRST_MS);
    uint64_t end_ms = clock_monotonic_ms() + seconds * MS_PER_S;
    uint64_t ask_ms = 0;
    while (clock_monotonic_ms() < end_ms) {
        struct pollfd wanted = { .fd = websocket_client_descriptor(client), .events = POLLIN };
        (void)poll(&wanted, 1, ASK_EVERY_MS / 2);
        assert_true(websocket_client_receive(client));
        take_frames(measurement, client, log);
        if (clock_monotonic_ms() < ask_ms)
            continue;
        note_head(measurement, log);
        ask_ms = clock_monotonic_ms() + ASK_EVERY_MS;
    }
    qsort(measurement->latencies_ms, measurement->count, sizeof(uint64_t), compare);
    print_line(kind, measurement, rate);
    websocket_client_destroy(client);
    redis_server_destroy(redis);
    assert_int_equal(harness_destroy(harness), 0);
    free(measurement->latencies_ms);
    free(measurement);
}

static void from_an_rfc6962_log(void **state)
{
    (void)state;
    measure("rfc6962");
}

static void from_a_tiled_log(void **state)
{
    (void)state;
    measure("tiled");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_an_rfc6962_log),
        cmocka_unit_test(from_a_tiled_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
