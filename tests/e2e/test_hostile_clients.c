/* What single clients, or a crowd that does nothing, could once do to all others: end the process,
 * hang it, have it inflate what they sent, or keep it busy for as long as they like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <zlib.h>

#include <cmocka.h>

#include "shared/base/memory.h"
#include "tests/e2e/streamer_stage.h"
#include "tests/support/harness.h"
#include "tests/support/raw_socket.h"
#include "tests/support/websocket_client.h"

enum {
    WAIT_MS = 30000,
    SIZE_MAX_TRIED = 70000,
    SIZES = 70,
    BOMB_SIZE = 20 << 20,
    DEFLATED_MAX = 1 << 20,
    OF_EACH_KIND = 500,
    KINDS = 4,
    MESSAGE_MAX = 64 << 10,
    LOOK_S = 5,
};

#define HOST "Host: x\r\n"
#define HANDSHAKE                                                                \
    "GET /domains-only HTTP/1.1\r\n" HOST                                        \
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define OFFER "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"

/* As RFC 7692 section 7.2.1 has it. */
static struct buffer deflate_run(uint8_t byte, size_t size)
{
    struct buffer out;
    buffer_init(&out, DEFLATED_MAX);
    uint8_t *run = memory_allocate(size + 1);
    memset(run, byte, size);
    z_stream stream = { .next_in = run, .avail_in = (uInt)size };
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_out = buffer_reserve(&out, DEFLATED_MAX);
    stream.avail_out = DEFLATED_MAX;
    assert_int_equal(deflate(&stream, Z_SYNC_FLUSH), Z_OK);
    out.size = stream.total_out - 4;
    (void)deflateEnd(&stream);
    free(run);
    return out;
}

/* A mask of zeros: the payload is what it says. */
static void add_frame(struct buffer *frames, uint8_t first, struct bytes payload)
{
    buffer_append_byte(frames, first);
    if (payload.size < 126) {
        buffer_append_byte(frames, (uint8_t)(0x80 | payload.size));
    } else {
        buffer_append_byte(frames, 0x80 | 126);
        buffer_append_byte(frames, (uint8_t)(payload.size >> 8));
        buffer_append_byte(frames, (uint8_t)payload.size);
    }
    buffer_append(frames, "\0\0\0\0", 4);
    buffer_append_bytes(frames, payload);
}

static void add_message(struct buffer *frames, unsigned opcode, struct bytes payload,
                        size_t fragment)
{
    bool is_first = true;
    do {
        size_t size = payload.size < fragment ? payload.size : fragment;
        bool is_last = size == payload.size;
        add_frame(frames, (uint8_t)((is_last ? 0x80 : 0) | (is_first ? 0x40 | opcode : 0)),
                  bytes_of(payload.data, size));
        payload = bytes_of(payload.data + size, payload.size - size);
        is_first = false;
    } while (payload.size);
}

/* The ping behind it gets its pong, whatever the message would have become. */
static void compressed_messages_of_every_size_are_skipped(void **state)
{
    struct streamer_stage *stage = *state;
    struct websocket_client *client = websocket_client_open(&(struct websocket_options){
        .port = streamer_stage_port(stage), .path = "/domains-only", .headers = OFFER });
    assert_int_equal(websocket_client_status(client), 101);
    for (size_t i = 0; i <= SIZES; i++) {
        /* 8,244 and 30,000 are the ones that ended the process. */
        size_t size = i == 0 ? 30000 : i == 1 ? 8244 : i * SIZE_MAX_TRIED / SIZES;
        struct buffer payload = deflate_run('0', size);
        struct buffer frames;
        buffer_init(&frames, DEFLATED_MAX);
        add_message(&frames, 1 + i % 2, buffer_bytes(&payload), i % 3 ? SIZE_MAX : 7);
        add_frame(&frames, 0x89, bytes_of_string("behind it"));
        websocket_client_send_raw(client, buffer_bytes(&frames));
        struct websocket_frame frame;
        do {
            assert_int_equal(websocket_client_read(client, &frame, WAIT_MS), WEBSOCKET_FRAME);
        } while (frame.opcode != WEBSOCKET_PONG);
        buffer_free(&frames);
        buffer_free(&payload);
    }
    websocket_client_destroy(client);
}

/* 20 MB in 20 KB on the wire. */
static void a_bomb_costs_nothing(void **state)
{
    struct streamer_stage *stage = *state;
    struct buffer payload = deflate_run('a', BOMB_SIZE);
    struct buffer frames;
    buffer_init(&frames, DEFLATED_MAX);
    add_message(&frames, 1, buffer_bytes(&payload), MESSAGE_MAX - 1);
    add_frame(&frames, 0x89, bytes_of_string("behind it"));
    struct websocket_client *client = websocket_client_open(&(struct websocket_options){
        .port = streamer_stage_port(stage), .path = "/domains-only", .headers = OFFER });
    double before = program_cpu_seconds(stage->streamer);
    websocket_client_send_raw(client, buffer_bytes(&frames));
    struct websocket_frame frame;
    do {
        assert_int_equal(websocket_client_read(client, &frame, WAIT_MS), WEBSOCKET_FRAME);
    } while (frame.opcode != WEBSOCKET_PONG && frame.opcode != WEBSOCKET_CLOSE);
    double cost = program_cpu_seconds(stage->streamer) - before;
    print_message("%.1f ms of CPU\n", cost * 1000);
    assert_true(cost < 0.05 * harness_slowdown());
    websocket_client_destroy(client);
    buffer_free(&frames);
    buffer_free(&payload);
}

static void expect_health(const struct streamer_stage *stage)
{
    struct http_answer answer = streamer_stage_get(stage, "/healthz");
    assert_int_equal(answer.status, 200);
    http_answer_free(&answer);
}

/* What hung the process, and what would be smuggled through a proxy that reuses connections. */
static void bodies_are_refused_and_hang_nobody(void **state)
{
    struct streamer_stage *stage = *state;
    static const char *const requests[][2] = {
        { "GET /healthz HTTP/1.1\r\n" HOST "\r\nGET /healthz HTTP/1.1\r\n" HOST
          "Content-Length: 3\r\n\r\nabc",
          "HTTP/1.1 413" },
        { "HEAD /healthz HTTP/1.1\r\n" HOST "\r\nPOST /healthz HTTP/1.1\r\n" HOST
          "Content-Length: 3\r\n\r\nabc",
          "HTTP/1.1 405" },
        { "GET /healthz HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
          "26\r\nGET /stats HTTP/1.1\r\nHost: x\r\n\r\n\r\n0\r\n\r\n",
          "HTTP/1.1 400" },
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        struct raw_socket raw = raw_socket_connect(streamer_stage_port(stage));
        raw_socket_send_text(&raw, requests[i][0]);
        assert_true(raw_socket_await_end(&raw, WAIT_MS));
        assert_non_null(strstr(raw_socket_text(&raw), requests[i][1]));
        assert_null(strstr(raw_socket_text(&raw), "processed_certificates"));
        raw_socket_close(&raw);
        expect_health(stage);
    }
}

/* Who half-closes gets what he asked for; a stream ends. */
static void who_half_closes_gets_the_answer(void **state)
{
    struct streamer_stage *stage = *state;
    static const char *const requests[][2] = {
        { "GET /latest.json HTTP/1.1\r\n" HOST "\r\n", "{\"messages\":[" },
        { "GET /healthz HTTP/1.1\r\n" HOST "\r\nGET /stats HTTP/1.0\r\n\r\n", "\"workers\"" },
        { "GET /sse HTTP/1.1\r\n" HOST "\r\n", "text/event-stream" },
        { HANDSHAKE "\r\n", "HTTP/1.1 101" },
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        struct raw_socket raw = raw_socket_connect(streamer_stage_port(stage));
        raw_socket_send_text(&raw, requests[i][0]);
        (void)shutdown(raw.descriptor, SHUT_WR);
        assert_true(raw_socket_await_end(&raw, WAIT_MS));
        assert_non_null(strstr(raw_socket_text(&raw), requests[i][1]));
        raw_socket_close(&raw);
    }
}

/* Streams of both framings, events, and answers that are never read; every other one
 * half-closed. */
static void a_crowd_that_does_nothing_costs_nothing(void **state)
{
    struct streamer_stage *stage = *state;
    static const char *const requests[KINDS] = {
        HANDSHAKE "\r\n",
        HANDSHAKE OFFER "\r\n",
        "GET /sse HTTP/1.1\r\n" HOST "\r\n",
        "GET / HTTP/1.1\r\n" HOST "\r\n",
    };
    streamer_stage_start(stage, (const char *const[]){ "--heartbeat", "1h", "--ping", "1h",
                                                       "--ping-timeout", "1h", NULL });
    static struct raw_socket crowd[KINDS * OF_EACH_KIND];
    for (size_t i = 0; i < (size_t)KINDS * OF_EACH_KIND; i++) {
        const char *request = requests[i % KINDS];
        crowd[i] = raw_socket_connect(streamer_stage_port(stage));
        raw_socket_send_text(&crowd[i], request);
        for (int more = 0; i % KINDS == KINDS - 1 && more < 20; more++)
            (void)!send(crowd[i].descriptor, request, strlen(request), MSG_DONTWAIT);
        if (i / KINDS % 2)
            (void)shutdown(crowd[i].descriptor, SHUT_WR);
    }
    expect_health(stage);
    /* First heartbeats, and the ends of those who have to go, may take a while; who spins never
     * stops. */
    double share = 1;
    for (int looks = 0; looks < 12 && share >= 0.01; looks++) {
        double before = program_cpu_seconds(stage->streamer);
        harness_pause((uint64_t)LOOK_S * 1000);
        share = (program_cpu_seconds(stage->streamer) - before) / LOOK_S;
    }
    print_message("%.2f %% of a core\n", share * 100);
    assert_true(share < 0.01 * harness_slowdown());
    for (size_t i = 0; i < (size_t)KINDS * OF_EACH_KIND; i++)
        raw_socket_close(&crowd[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STREAMER_STAGE(compressed_messages_of_every_size_are_skipped),
        ON_STREAMER_STAGE(a_bomb_costs_nothing),
        ON_STREAMER_STAGE(bodies_are_refused_and_hang_nobody),
        ON_STREAMER_STAGE(who_half_closes_gets_the_answer),
        ON_STREAMER_STAGE_REDIS(a_crowd_that_does_nothing_costs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
