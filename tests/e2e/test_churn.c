/*
 * Exactness under churn: clients that disconnect at random and come back to one of three streamers,
 * which are killed, stopped and restarted themselves. Each client gets each message once, in order,
 * and is never told of a gap. CERTSTREAM_MESSAGES (5000), CERTSTREAM_CLIENTS (30) and
 * CERTSTREAM_KILLS (6) set the size.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "shared/base/memory.h"
#include "tests/e2e/daemons.h"
#include "tests/e2e/stream_feed.h"
#include "tests/e2e/streamer_stage.h"
#include "tests/support/harness.h"
#include "tests/support/sse_client.h"
#include "tests/support/websocket_client.h"

enum {
    STREAMERS = 3,
    FED_AT_ONCE = 25,
    PADDING = 1500,
    PROGRESS_MS = 120000,
    ID_SIZE = 64,
    INFLATED_MAX = 1 << 16,
    /* One client in so many leaves per round. */
    LEAVES = 40,
};

#define OFFER "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"

enum kind {
    KIND_LITE,
    KIND_DOMAINS,
    KIND_DEFLATED,
    KIND_EVENTS,
    KINDS,
};

struct churner {
    enum kind kind;
    struct websocket_client *websocket;
    struct sse_client *events;
    uint64_t next; /* the index that has to come next */
    char last_id[ID_SIZE];
};

struct parts {
    struct streamer_stage stage;
    struct program *streamers[STREAMERS];
    struct churner *churners;
    size_t churner_count;
    uint64_t messages;
    uint64_t fed;
    uint64_t connections;
    size_t stopping; /* the streamer that is about to go; STREAMERS: none */
    char text[INFLATED_MAX];
};

static int setup(void **state)
{
    struct parts *parts = streamer_stage_create(sizeof *parts);
    *state = parts;
    parts->stopping = STREAMERS;
    parts->messages = harness_setting("CERTSTREAM_MESSAGES", 5000);
    parts->churner_count = (size_t)harness_setting("CERTSTREAM_CLIENTS", 30);
    /* A small ring: some are overtaken as well. */
    static const char *const arguments[] = { "--ring-bytes", "512k", NULL };
    static const char *const names[STREAMERS] = { "streamer-a", "streamer-b", "streamer-c" };
    for (size_t i = 0; i < STREAMERS; i++)
        parts->streamers[i] =
            daemon_start_streamer(parts->stage.harness, names[i], parts->stage.redis, arguments);
    parts->churners = memory_allocate_zeroed(parts->churner_count, sizeof *parts->churners);
    return 0;
}

static void disconnect(struct churner *churner)
{
    websocket_client_destroy(churner->websocket);
    sse_client_destroy(churner->events);
    churner->websocket = NULL;
    churner->events = NULL;
}

static int teardown(void **state)
{
    struct parts *parts = *state;
    for (size_t i = 0; i < parts->churner_count; i++)
        disconnect(&parts->churners[i]);
    free(parts->churners);
    return streamer_stage_teardown(state);
}

static void connect_somewhere(struct parts *parts, struct churner *churner)
{
    static const char *const paths[KINDS] = {
        [KIND_LITE] = "/",
        [KIND_DOMAINS] = "/domains-only",
        [KIND_DEFLATED] = "/",
        [KIND_EVENTS] = "/sse?stream=lite",
    };
    char path[128];
    size_t number = (size_t)harness_random(parts->stage.harness, STREAMERS);
    if (number == parts->stopping)
        number = (number + 1) % STREAMERS;
    int port = program_port(parts->streamers[number]);
    (void)snprintf(path, sizeof path, "%s%csince=%s", paths[churner->kind],
                   churner->kind == KIND_EVENTS ? '&' : '?',
                   churner->last_id[0] ? churner->last_id : "0");
    parts->connections++;
    if (churner->kind == KIND_EVENTS) {
        churner->events = sse_client_open(port, path, NULL);
        assert_int_equal(sse_client_status(churner->events), 200);
        return;
    }
    churner->websocket = websocket_client_open(&(struct websocket_options){
        .port = port, .path = path, .headers = churner->kind == KIND_DEFLATED ? OFFER : NULL });
    assert_int_equal(websocket_client_status(churner->websocket), 101);
}

static const char *inflate_text(struct parts *parts, struct bytes payload)
{
    static const uint8_t tail[] = { 0, 0, 0xff, 0xff };
    z_stream stream = { .next_out = (Bytef *)parts->text, .avail_out = INFLATED_MAX - 1 };
    assert_int_equal(inflateInit2(&stream, -MAX_WBITS), Z_OK);
    const struct bytes inputs[] = { payload, bytes_of(tail, sizeof tail) };
    for (size_t i = 0; i < 2; i++) {
        /* NOLINTNEXTLINE(performance-no-int-to-ptr): takes the const away */
        stream.next_in = (Bytef *)(uintptr_t)inputs[i].data;
        stream.avail_in = (uInt)inputs[i].size;
        (void)inflate(&stream, Z_SYNC_FLUSH);
    }
    parts->text[stream.total_out] = '\0';
    assert_int_equal(inflateEnd(&stream), Z_OK);
    return parts->text;
}

static const char *copy_text(struct parts *parts, struct bytes payload)
{
    assert_true(payload.size < INFLATED_MAX);
    memcpy(parts->text, payload.data, payload.size);
    parts->text[payload.size] = '\0';
    return parts->text;
}

static void take_message(struct churner *churner, const char *text)
{
    if (strstr(text, "\"message_type\":\"heartbeat\""))
        return;
    char expected[64];
    (void)snprintf(expected, sizeof expected,
                   churner->kind == KIND_DOMAINS ? "\"data\":[\"%" PRIu64 ".example\"]"
                                                 : "\"cert_index\":%" PRIu64 ",",
                   churner->next);
    if (!strstr(text, expected))
        fail_msg("%s had to come, and there came %.300s", expected, text);
    const char *id = strstr(text, "\"id\":\"");
    assert_non_null(id);
    assert_int_equal(sscanf(id, "\"id\":\"%63[0-9-]", churner->last_id), 1);
    churner->next++;
}

/* False when the connection has ended. */
static bool read_frames(struct parts *parts, struct churner *churner)
{
    bool is_open = websocket_client_receive(churner->websocket);
    struct websocket_frame frame;
    while (websocket_client_next(churner->websocket, &frame) == WEBSOCKET_FRAME) {
        if (frame.opcode == WEBSOCKET_CLOSE)
            return false;
        if (frame.opcode == WEBSOCKET_PING)
            websocket_client_send(churner->websocket, WEBSOCKET_PONG, frame.payload);
        if (frame.opcode == WEBSOCKET_TEXT)
            take_message(churner, frame.is_compressed ? inflate_text(parts, frame.payload)
                                                      : copy_text(parts, frame.payload));
    }
    return is_open;
}

static bool read_events(struct churner *churner)
{
    struct sse_event event;
    enum sse_result result;
    while ((result = sse_client_read(churner->events, &event, 0)) == SSE_EVENT) {
        if (event.data[0] && strcmp(event.event, "close") != 0) {
            take_message(churner, event.data);
            assert_string_equal(event.id, churner->last_id);
        }
    }
    return result == SSE_NOTHING;
}

static void step(struct parts *parts, struct churner *churner)
{
    if (!churner->websocket && !churner->events)
        connect_somewhere(parts, churner);
    bool is_open = churner->events ? read_events(churner) : read_frames(parts, churner);
    if (!is_open || harness_random(parts->stage.harness, LEAVES) == 0)
        disconnect(churner);
}

/* Slow ones are left alone for a while now and then. */
static void step_all(struct parts *parts)
{
    for (size_t i = 0; i < parts->churner_count; i++)
        if (harness_random(parts->stage.harness, 4) != 0)
            step(parts, &parts->churners[i]);
}

static void kill_one(struct parts *parts)
{
    size_t number = (size_t)harness_random(parts->stage.harness, STREAMERS);
    struct program *streamer = parts->streamers[number];
    if (harness_random(parts->stage.harness, 2)) {
        program_kill(streamer);
    } else {
        /* It waits a little for its clients to say goodbye. */
        parts->stopping = number;
        program_signal(streamer, SIGTERM);
        step_all(parts);
        assert_int_equal(program_wait(streamer, PROGRESS_MS), 0);
    }
    program_restart(streamer);
    parts->stopping = STREAMERS;
}

static uint64_t slowest(const struct parts *parts)
{
    uint64_t next = UINT64_MAX;
    for (size_t i = 0; i < parts->churner_count; i++)
        if (parts->churners[i].next < next)
            next = parts->churners[i].next;
    return next;
}

static void feed(struct parts *parts)
{
    uint64_t to = parts->fed + FED_AT_ONCE;
    if (to > parts->messages)
        to = parts->messages;
    stream_feed_add(parts->stage.redis, parts->fed, to, PADDING);
    parts->fed = to;
}

static void each_client_gets_each_message_once(void **state)
{
    struct parts *parts = *state;
    uint64_t kills = harness_setting("CERTSTREAM_KILLS", 6);
    uint64_t killed = 0;
    for (size_t i = 0; i < parts->churner_count; i++)
        parts->churners[i].kind = (enum kind)(i % KINDS);
    while (parts->fed < parts->messages) {
        feed(parts);
        step_all(parts);
        if (killed < kills && parts->fed * (kills + 1) > parts->messages * (killed + 1)) {
            kill_one(parts);
            killed++;
        }
    }
    struct deadline deadline = deadline_after(PROGRESS_MS, "all clients to have all messages");
    while (slowest(parts) < parts->messages) {
        step_all(parts);
        if (deadline_has_passed(&deadline))
            fail_msg("a client has had %" PRIu64 " of %" PRIu64, slowest(parts), parts->messages);
    }
    print_message("%zu clients, %" PRIu64 " messages, %" PRIu64 " connections, %" PRIu64
                  " streamers killed\n",
                  parts->churner_count, parts->messages, parts->connections, killed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_client_gets_each_message_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
