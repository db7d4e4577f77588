/* What becomes of clients that are slow, silent, chatty, or too many; and that nobody else
 * notices. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "tests/e2e/stream_feed.h"
#include "tests/e2e/streamer_stage.h"
#include "tests/support/harness.h"
#include "tests/support/http_get.h"
#include "tests/support/websocket_client.h"

enum {
    WAIT_MS = 60000,
    /* In all, more than the kernel buffers between two sockets of one machine and a small ring
     * hold. */
    FLOOD = 6000,
    FLOOD_PADDING = 8000,
    PINGED = 2000,
    PINGED_AT_ONCE = 20,
    STUCK = 40,
    /* A stuck client may cost the rest of one slice, and the memory that holds it. */
    STUCK_KIB = 200,
    STUCK_KIB_ALL = STUCK * STUCK_KIB,
    /* Below and above the 64 KiB that a message from a client may have. */
    GOOD_SIZE = 60 << 10,
    BAD_SIZE = 70 << 10,
};

static struct websocket_client *connect_client(const struct streamer_stage *stage, const char *path)
{
    struct websocket_client *client = websocket_client_connect(program_port(stage->streamer), path);
    (void)websocket_client_expect(client, "heartbeat", WAIT_MS);
    return client;
}

static void ping(struct websocket_client *client, uint64_t number)
{
    websocket_client_send(client, WEBSOCKET_PING, bytes_of(&number, sizeof number));
}

/* Of pings that come faster than they are answered libwebsockets drops some, but never their
 * order. */
static void take_pong(const struct websocket_frame *frame, uint64_t sent, uint64_t *answered)
{
    uint64_t number;
    assert_int_equal(frame->payload.size, sizeof number);
    memcpy(&number, frame->payload.data, sizeof number);
    assert_true(number > *answered && number <= sent);
    *answered = number;
}

static void take_message(const struct websocket_frame *frame, uint64_t *next)
{
    assert_int_equal(frame->opcode, WEBSOCKET_TEXT);
    char *text = memory_copy_text((const char *)frame->payload.data, frame->payload.size);
    if (!strstr(text, "heartbeat"))
        assert_int_equal(harness_number_after(text, "\"cert_index\":"), (*next)++);
    free(text);
}

/* A pong that fell into a frame would break the stream of frames: the client here takes none for
 * another. */
static void pings_at_full_speed_are_answered_between_messages(void **state)
{
    struct streamer_stage *stage = *state;
    streamer_stage_start(stage, NULL);
    struct websocket_client *client = connect_client(stage, "/");
    uint64_t fed = 0;
    uint64_t next = 0;
    uint64_t sent = 0;
    uint64_t answered = 0;
    uint64_t pongs = 0;
    while (next < PINGED) {
        if (next == fed) {
            fed += PINGED_AT_ONCE;
            stream_feed_add(stage->redis, next, fed, FLOOD_PADDING);
        }
        ping(client, ++sent);
        struct websocket_frame frame;
        assert_int_equal(websocket_client_read(client, &frame, WAIT_MS), WEBSOCKET_FRAME);
        assert_true(frame.is_final);
        if (frame.opcode != WEBSOCKET_PONG) {
            take_message(&frame, &next);
            continue;
        }
        take_pong(&frame, sent, &answered);
        pongs++;
    }
    print_message("%" PRIu64 " pings, %" PRIu64 " pongs\n", sent, pongs);
    assert_true(pongs > PINGED / PINGED_AT_ONCE);
    websocket_client_destroy(client);
}

static void stuck_clients_cost_little_memory_and_nobody_else_anything(void **state)
{
    struct streamer_stage *stage = *state;
    static const char used[] = "certstream_memory_used_bytes";
    streamer_stage_start(stage, (const char *const[]){ "--ring-bytes", "1m", NULL });
    int port = program_port(stage->streamer);
    struct websocket_client *stuck[STUCK];
    struct websocket_client *good = connect_client(stage, "/domains-only");
    /* The lane. */
    struct websocket_client *first = connect_client(stage, "/");
    stream_feed_add(stage->redis, 0, FLOOD / 2, FLOOD_PADDING);
    for (uint64_t index = 0; index < FLOOD / 2; index++)
        (void)websocket_client_expect(good, ".example", WAIT_MS);
    uint64_t before = http_get_metric(port, used) >> 10;
    for (size_t i = 0; i < STUCK; i++)
        stuck[i] = connect_client(stage, "/");
    stream_feed_add(stage->redis, FLOOD / 2, FLOOD, FLOOD_PADDING);
    for (uint64_t index = FLOOD / 2; index < FLOOD; index++) {
        char name[64];
        (void)snprintf(name, sizeof name, "[\"%" PRIu64 ".example\"]", index);
        assert_non_null(strstr(websocket_client_expect(good, ".example", WAIT_MS), name));
    }
    /* Pages of the past, which a client may keep for seconds, have a bound of their own. */
    struct deadline deadline = deadline_after(WAIT_MS, "stuck clients to cost little memory");
    uint64_t after = http_get_metric(port, used) >> 10;
    for (; after >= before + STUCK_KIB_ALL; after = http_get_metric(port, used) >> 10)
        deadline_wait(&deadline);
    print_message("%" PRId64 " KiB more for %d stuck clients\n", (int64_t)(after - before), STUCK);
    for (size_t i = 0; i < STUCK; i++)
        websocket_client_destroy(stuck[i]);
    websocket_client_destroy(first);
    websocket_client_destroy(good);
}

/* Reads until the server closes; answers the close frame's code, or 0 if there was none. */
static unsigned read_to_the_end(struct websocket_client *client)
{
    unsigned code = 0;
    struct websocket_frame frame;
    for (;;) {
        enum websocket_result result = websocket_client_read(client, &frame, WAIT_MS);
        if (result == WEBSOCKET_ENDED)
            return code;
        assert_int_equal(result, WEBSOCKET_FRAME);
        if (frame.opcode != WEBSOCKET_CLOSE)
            continue;
        assert_true(frame.payload.size >= 2);
        code = (unsigned)frame.payload.data[0] << 8 | frame.payload.data[1];
        websocket_client_send(client, WEBSOCKET_CLOSE, bytes_of(frame.payload.data, 2));
    }
}

static void wait_for_users(const struct streamer_stage *stage, const char *users)
{
    struct deadline deadline = deadline_after(WAIT_MS, users);
    for (bool there = false; !there;) {
        struct http_answer answer = http_get_local(program_port(stage->streamer), "/stats");
        there = strstr(http_answer_text(&answer), users) != NULL;
        http_answer_free(&answer);
        if (!there)
            deadline_wait(&deadline);
    }
}

static void a_client_that_takes_nothing_is_closed(void **state)
{
    struct streamer_stage *stage = *state;
    streamer_stage_start(
        stage, (const char *const[]){ "--ring-bytes", "1m", "--slow-timeout", "2s", NULL });
    struct websocket_client *stuck = connect_client(stage, "/");
    stream_feed_add(stage->redis, 0, FLOOD, FLOOD_PADDING);
    wait_for_users(stage, "\"lite\":0,");
    websocket_client_destroy(stuck);
}

static void a_client_that_answers_no_ping_is_closed_and_others_are_not(void **state)
{
    struct streamer_stage *stage = *state;
    streamer_stage_start(stage,
                         (const char *const[]){ "--ping", "1s", "--ping-timeout", "3s", NULL });
    struct websocket_client *silent = connect_client(stage, "/");
    struct websocket_client *alive = connect_client(stage, "/full-stream");
    struct websocket_frame frame;
    for (int pings = 0; pings < 5;) {
        assert_int_equal(websocket_client_read(alive, &frame, WAIT_MS), WEBSOCKET_FRAME);
        assert_int_not_equal(frame.opcode, WEBSOCKET_CLOSE);
        if (frame.opcode != WEBSOCKET_PING)
            continue;
        pings++;
        websocket_client_send(alive, WEBSOCKET_PONG, frame.payload);
    }
    assert_int_equal(read_to_the_end(silent), 1008);
    wait_for_users(stage, "{\"lite\":0,\"full\":1,");
    websocket_client_destroy(silent);
    websocket_client_destroy(alive);
}

static void a_quiet_connection_gets_heartbeats(void **state)
{
    struct streamer_stage *stage = *state;
    streamer_stage_start(stage, (const char *const[]){ "--heartbeat", "1s", NULL });
    struct websocket_client *client = connect_client(stage, "/");
    for (int i = 0; i < 3; i++)
        (void)websocket_client_expect(client, "\"message_type\":\"heartbeat\"", WAIT_MS);
    websocket_client_destroy(client);
}

/* Known clients wait 15 s for a text frame, and their own pings and our pongs do not count. So a
 * conversation of pings moves no heartbeat. */
static void heartbeats_come_whatever_pings_there_are(void **state)
{
    struct streamer_stage *stage = *state;
    enum {
        HEARTBEAT_MS = 1000,
        PING_EVERY_MS = 100,
        TURNS = 60
    };
    streamer_stage_start(stage, (const char *const[]){ "--heartbeat", "1s", "--ping", "1s", NULL });
    struct websocket_client *client = connect_client(stage, "/");
    uint64_t heard_ms = clock_monotonic_ms();
    size_t pongs = 0, heartbeats = 0;
    for (uint64_t turn = 0; turn < TURNS; turn++) {
        struct websocket_frame frame;
        ping(client, turn);
        uint64_t end_ms = clock_monotonic_ms() + PING_EVERY_MS;
        for (uint64_t now_ms; (now_ms = clock_monotonic_ms()) < end_ms;) {
            if (websocket_client_read(client, &frame, (int)(end_ms - now_ms)) != WEBSOCKET_FRAME)
                continue;
            pongs += frame.opcode == WEBSOCKET_PONG;
            if (frame.opcode != WEBSOCKET_TEXT)
                continue;
            heartbeats++;
            heard_ms = clock_monotonic_ms();
        }
        /* A tick of a second, and as much for a busy machine. */
        uint64_t patience_ms = (HEARTBEAT_MS + UINT64_C(2000)) * harness_slowdown();
        assert_true(clock_monotonic_ms() - heard_ms < patience_ms);
    }
    assert_true(pongs > TURNS / 2);
    assert_true(heartbeats >= 2);
    websocket_client_destroy(client);
}

static void what_clients_say_is_dropped_up_to_a_limit(void **state)
{
    struct streamer_stage *stage = *state;
    streamer_stage_start(stage, NULL);
    static uint8_t text[BAD_SIZE];
    memset(text, 'a', sizeof text);
    struct websocket_client *client = connect_client(stage, "/");
    for (int i = 0; i < 20; i++)
        websocket_client_send(client, WEBSOCKET_TEXT, bytes_of(text, GOOD_SIZE));
    stream_feed_add(stage->redis, 0, 1, 0);
    (void)websocket_client_expect(client, "\"cert_index\":0,", WAIT_MS);
    websocket_client_send(client, WEBSOCKET_TEXT, bytes_of(text, sizeof text));
    assert_int_equal(read_to_the_end(client), 1009);
    websocket_client_destroy(client);
}

static void upgrades_that_lead_nowhere_are_refused_with_a_reason(void **state)
{
    struct streamer_stage *stage = *state;
    streamer_stage_start(stage, NULL);
    static const struct {
        const char *path, *headers;
        int status;
    } cases[] = {
        { "/nothing", NULL, 404 },
        { "/latest.json", NULL, 404 },
        { "/", "Sec-WebSocket-Protocol: chat\r\n", 101 },
        { "/full-stream", NULL, 101 },
        { "/", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n", 101 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct websocket_client *client = websocket_client_open(
            &(struct websocket_options){ .port = program_port(stage->streamer),
                                         .path = cases[i].path,
                                         .headers = cases[i].headers });
        assert_int_equal(websocket_client_status(client), cases[i].status);
        websocket_client_destroy(client);
    }
}

static void too_many_connections_are_told_so(void **state)
{
    struct streamer_stage *stage = *state;
    streamer_stage_start(stage, (const char *const[]){ "--max-clients", "2", NULL });
    struct websocket_client *first = connect_client(stage, "/");
    struct deadline deadline =
        deadline_after(WAIT_MS, "the connection of streamer_stage_start to be gone");
    struct websocket_options options = { .port = program_port(stage->streamer), .path = "/" };
    struct websocket_client *second = websocket_client_open(&options);
    while (websocket_client_status(second) != 101) {
        websocket_client_destroy(second);
        deadline_wait(&deadline);
        second = websocket_client_open(&options);
    }
    struct websocket_client *third = websocket_client_open(&options);
    assert_int_equal(websocket_client_status(third), 503);
    websocket_client_destroy(third);
    websocket_client_destroy(first);
    websocket_client_destroy(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STREAMER_STAGE_REDIS(pings_at_full_speed_are_answered_between_messages),
        ON_STREAMER_STAGE_REDIS(stuck_clients_cost_little_memory_and_nobody_else_anything),
        ON_STREAMER_STAGE_REDIS(a_client_that_takes_nothing_is_closed),
        ON_STREAMER_STAGE_REDIS(a_client_that_answers_no_ping_is_closed_and_others_are_not),
        ON_STREAMER_STAGE_REDIS(a_quiet_connection_gets_heartbeats),
        ON_STREAMER_STAGE_REDIS(heartbeats_come_whatever_pings_there_are),
        ON_STREAMER_STAGE_REDIS(what_clients_say_is_dropped_up_to_a_limit),
        ON_STREAMER_STAGE_REDIS(upgrades_that_lead_nowhere_are_refused_with_a_reason),
        ON_STREAMER_STAGE_REDIS(too_many_connections_are_told_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
