/* What single clients, or a crowd that does nothing, could once do to all others: end the process,
 * hang it, have it inflate what they sent, or keep it busy for as long as they like. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
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
    OF_EACH_KIND_TLS = 100,
    KINDS = 4,
    MESSAGE_MAX = 64 << 10,
    LOOK_S = 5,
    LOOKS = 36,
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

static const char *const idle_requests[KINDS] = {
    HANDSHAKE "\r\n",
    HANDSHAKE OFFER "\r\n",
    "GET /sse HTTP/1.1\r\n" HOST "\r\n",
    "GET / HTTP/1.1\r\n" HOST "\r\n",
};

/* The last kind asks for more than it will ever take; every other one says no more. */
static void begin_to_idle(struct raw_socket *raw, size_t number)
{
    struct bytes request = bytes_of_string(idle_requests[number % KINDS]);
    raw_socket_send(raw, request);
    for (int more = 0; number % KINDS == KINDS - 1 && more < 20; more++)
        raw_socket_offer(raw, request);
    if (number / KINDS % 2)
        raw_socket_end_sending(raw);
}

/* First heartbeats, the ends of those who have to go, and answers until the sockets of those who
 * never read are full may take a while on a busy machine; who spins never stops. */
static void expect_rest(const struct streamer_stage *stage)
{
    double share = 1;
    for (int looks = 0; looks < LOOKS && share >= 0.01; looks++) {
        double before = program_cpu_seconds(stage->streamer);
        harness_pause((uint64_t)LOOK_S * 1000);
        share = (program_cpu_seconds(stage->streamer) - before) / LOOK_S;
    }
    print_message("%.2f %% of a core\n", share * 100);
    assert_true(share < 0.01 * harness_slowdown());
}

/* Streams of both framings, events, and answers that are never read. CERTSTREAM_CROWD says how many
 * of each (tests/crowd.sh takes 1,000). */
static void keep_a_crowd(const struct streamer_stage *stage, int port, bool is_tls, size_t of_each)
{
    size_t size = KINDS * (size_t)harness_setting("CERTSTREAM_CROWD", of_each);
    struct raw_socket *crowd = memory_allocate_zeroed(size, sizeof *crowd);
    for (size_t i = 0; i < size; i++) {
        crowd[i] = is_tls ? raw_socket_connect_tls(port) : raw_socket_connect(port);
        begin_to_idle(&crowd[i], i);
    }
    print_message("%zu clients of each kind\n", size / KINDS);
    expect_rest(stage);
    for (size_t i = 0; i < size; i++)
        raw_socket_close(&crowd[i]);
    free(crowd);
}

static const char *const patient[] = {
    "--heartbeat", "1h", "--ping", "1h", "--ping-timeout", "1h", "--max-clients", "20000", NULL
};

static void a_crowd_that_does_nothing_costs_nothing(void **state)
{
    struct streamer_stage *stage = *state;
    streamer_stage_start(stage, patient);
    keep_a_crowd(stage, streamer_stage_port(stage), false, OF_EACH_KIND);
}

static void a_crowd_that_does_nothing_costs_nothing_over_tls(void **state)
{
    struct streamer_stage *stage = *state;
    (void)streamer_stage_start_tls(stage, patient);
    keep_a_crowd(stage, streamer_stage_port(stage), true, OF_EACH_KIND_TLS);
}

static size_t count_descriptors(const struct program *program)
{
    char path[64];
    size_t count = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)program_pid(program));
    DIR *folder = opendir(path);
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    (void)closedir(folder);
    return count - 2;
}

static void limit_descriptors(const struct program *program, rlim_t limit)
{
    struct rlimit limits;
    assert_int_equal(prlimit(program_pid(program), RLIMIT_NOFILE, NULL, &limits), 0);
    limits.rlim_cur = limit;
    assert_int_equal(prlimit(program_pid(program), RLIMIT_NOFILE, &limits, NULL), 0);
}

/* Those who wait in the kernel's queue meanwhile make the listener readable all the time. */
static void without_descriptors_it_waits_and_does_not_spin(void **state)
{
    struct streamer_stage *stage = *state;
    enum {
        LEFT = 5,
        WAITING = 40,
        PLENTY = 1000
    };
    struct raw_socket waiting[WAITING];
    /* Nobody's time is over meanwhile, which would let the next one in. */
    streamer_stage_start(stage, (const char *const[]){ "--handshake-timeout", "10m", NULL });
    limit_descriptors(stage->streamer, count_descriptors(stage->streamer) + LEFT);
    for (size_t i = 0; i < WAITING; i++)
        waiting[i] = raw_socket_connect(streamer_stage_port(stage));
    program_wait_for_errors(stage->streamer, "cannot accept connections");
    expect_rest(stage);
    limit_descriptors(stage->streamer, PLENTY);
    for (size_t i = 0; i < WAITING; i++) {
        raw_socket_send_text(&waiting[i], "GET /healthz HTTP/1.1\r\n" HOST "\r\n");
        assert_true(raw_socket_await(&waiting[i], "{\"alive\":true}", WAIT_MS));
    }
    program_wait_for_errors(stage->streamer, "connections are accepted again");
    char *errors = program_errors(stage->streamer);
    /* Ten times a second it tries; it is said when that changes, as when one of its own descriptors
     * becomes free. */
    size_t said = 0;
    for (const char *at = errors; (at = strstr(at, "cannot accept connections")) != NULL; at++)
        said++;
    assert_true(said > 0 && said <= 4);
    free(errors);
    for (size_t i = 0; i < WAITING; i++)
        raw_socket_close(&waiting[i]);
}

/* All descriptors are taken, and who has some of them asks for streams that are not there yet. */
static void without_descriptors_a_new_stream_begins(void **state)
{
    struct streamer_stage *stage = *state;
    enum {
        LEFT = 5,
        CROWD = 40,
        LISTENING = 2,
        PLENTY = 1000
    };
    struct raw_socket crowd[CROWD];
    streamer_stage_start(stage, (const char *const[]){ "--handshake-timeout", "10m", NULL });
    limit_descriptors(stage->streamer, count_descriptors(stage->streamer) + LEFT);
    for (size_t i = 0; i < CROWD; i++)
        crowd[i] = raw_socket_connect(streamer_stage_port(stage));
    program_wait_for_errors(stage->streamer, "cannot accept connections");
    for (size_t i = 0; i < LISTENING; i++) {
        char request[128];
        (void)snprintf(request, sizeof request, "GET /sse?match=new%zu HTTP/1.1\r\n" HOST "\r\n",
                       i);
        raw_socket_send_text(&crowd[i], request);
        assert_true(raw_socket_await(&crowd[i], "text/event-stream", WAIT_MS));
    }
    limit_descriptors(stage->streamer, PLENTY);
    raw_socket_send_text(&crowd[CROWD - 1], "GET /healthz HTTP/1.1\r\n" HOST "\r\n");
    assert_true(raw_socket_await(&crowd[CROWD - 1], "{\"alive\":true}", WAIT_MS));
    for (size_t i = 0; i < CROWD; i++)
        raw_socket_close(&crowd[i]);
}

int main(void)
{
    struct rlimit limit;
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    const struct CMUnitTest tests[] = {
        ON_STREAMER_STAGE(compressed_messages_of_every_size_are_skipped),
        ON_STREAMER_STAGE(a_bomb_costs_nothing),
        ON_STREAMER_STAGE(bodies_are_refused_and_hang_nobody),
        ON_STREAMER_STAGE(who_half_closes_gets_the_answer),
        ON_STREAMER_STAGE_REDIS(a_crowd_that_does_nothing_costs_nothing),
        ON_STREAMER_STAGE_REDIS(a_crowd_that_does_nothing_costs_nothing_over_tls),
        ON_STREAMER_STAGE_REDIS(without_descriptors_it_waits_and_does_not_spin),
        ON_STREAMER_STAGE_REDIS(without_descriptors_a_new_stream_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
