/* Bytes that no good client sends, and some that only few send: the streamer ends such connections
 * as RFC 6455 and RFC 9112 ask for, keeps nothing of them, and nobody else notices. */
#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/base/memory.h"
#include "tests/e2e/stream_feed.h"
#include "tests/e2e/streamer_stage.h"
#include "tests/support/harness.h"
#include "tests/support/raw_socket.h"
#include "tests/support/websocket_client.h"

enum {
    WAIT_MS = 60000,
    FRAMES_MAX = 1 << 20,
    FINAL = 0x80,
    RSV1 = 0x40,
    RSV2 = 0x20,
    RSV3 = 0x10,
    /* The longest message from a client that is listened to. */
    MESSAGE_MAX = 64 << 10,
    ROUNDS = 12,
    LEAK_KIB = 1024,
    PINGS = 20000,
};

/* Frames as a client makes them; `first` is the whole first byte. */
static void add_frame(struct buffer *frames, unsigned first, struct bytes payload)
{
    static const uint8_t mask[4] = { 0x12, 0x34, 0x56, 0x78 };
    buffer_append_byte(frames, (uint8_t)first);
    if (payload.size < 126) {
        buffer_append_byte(frames, (uint8_t)(0x80 | payload.size));
    } else if (payload.size <= UINT16_MAX) {
        buffer_append_byte(frames, 0x80 | 126);
        buffer_append_byte(frames, (uint8_t)(payload.size >> 8));
        buffer_append_byte(frames, (uint8_t)payload.size);
    } else {
        buffer_append_byte(frames, 0x80 | 127);
        for (int shift = 56; shift >= 0; shift -= 8)
            buffer_append_byte(frames, (uint8_t)((uint64_t)payload.size >> shift));
    }
    buffer_append(frames, mask, sizeof mask);
    for (size_t i = 0; i < payload.size; i++)
        buffer_append_byte(frames, payload.data[i] ^ mask[i % 4]);
}

static void add_text(struct buffer *frames, unsigned first, const char *payload)
{
    add_frame(frames, first, bytes_of_string(payload));
}

static void add_run(struct buffer *frames, unsigned first, size_t size)
{
    uint8_t *payload = memory_allocate(size);
    memset(payload, 'a', size);
    add_frame(frames, first, bytes_of(payload, size));
    free(payload);
}

static void add_close(struct buffer *frames, unsigned code, const char *reason)
{
    uint8_t payload[64] = { (uint8_t)(code >> 8), (uint8_t)code };
    size_t size = 2;
    for (; *reason && size < sizeof payload; size++)
        payload[size] = (uint8_t)*reason++;
    add_frame(frames, FINAL | WEBSOCKET_CLOSE, bytes_of(payload, size));
}

/* How a connection ended. */
struct end {
    unsigned code;     /* of the close frame; 0: there was none, or an empty one */
    bool has_frame;    /* a close frame came */
    bool code_is_half; /* a close frame of one byte */
};

static struct end read_end(struct websocket_client *client)
{
    struct end end = { 0 };
    struct websocket_frame frame = { 0 };
    enum websocket_result result;
    do
        result = websocket_client_read(client, &frame, WAIT_MS);
    while (result == WEBSOCKET_FRAME && frame.opcode != WEBSOCKET_CLOSE);
    if (result == WEBSOCKET_ENDED)
        return end;
    if (result != WEBSOCKET_FRAME)
        fail_msg("the connection did not end");
    end.has_frame = true;
    end.code_is_half = frame.payload.size == 1;
    if (frame.payload.size >= 2)
        end.code = (unsigned)frame.payload.data[0] << 8 | frame.payload.data[1];
    return end;
}

static struct websocket_client *connect_client(const struct streamer_stage *stage)
{
    return websocket_client_connect(streamer_stage_port(stage), "/domains-only");
}

static void expect_pong(struct websocket_client *client, struct bytes payload)
{
    struct websocket_frame frame;
    do {
        if (websocket_client_read(client, &frame, WAIT_MS) != WEBSOCKET_FRAME)
            fail_msg("no pong");
        if (frame.opcode == WEBSOCKET_CLOSE)
            fail_msg("closed with %u",
                     (unsigned)frame.payload.data[0] << 8 | frame.payload.data[1]);
    } while (frame.opcode != WEBSOCKET_PONG);
    assert_true(bytes_equal(frame.payload, payload));
}

/* Frames that are right. After them a ping is answered. */
static void add_split_character(struct buffer *frames)
{
    add_text(frames, WEBSOCKET_TEXT, "\xe2");
    add_text(frames, FINAL | WEBSOCKET_PING, "between");
    add_text(frames, WEBSOCKET_CONTINUATION, "\x82");
    add_text(frames, FINAL | WEBSOCKET_CONTINUATION, "\xac and more");
}

static void add_fragments(struct buffer *frames)
{
    add_text(frames, WEBSOCKET_BINARY, "");
    for (int i = 0; i < 300; i++)
        add_text(frames, WEBSOCKET_CONTINUATION, i % 2 ? "\xff" : "");
    add_text(frames, FINAL | WEBSOCKET_PONG, "nobody asked");
    add_text(frames, FINAL | WEBSOCKET_CONTINUATION, "");
}

static void add_empty(struct buffer *frames)
{
    add_text(frames, FINAL | WEBSOCKET_TEXT, "");
    add_text(frames, FINAL | WEBSOCKET_BINARY, "");
    add_text(frames, FINAL | WEBSOCKET_PONG, "");
}

static void add_sizes(struct buffer *frames)
{
    static const size_t sizes[] = { 1, 125, 126, 127, 255, 256, 257, 4095, 4096, 4097, 65535 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        add_run(frames, FINAL | (i % 2 ? WEBSOCKET_TEXT : WEBSOCKET_BINARY), sizes[i]);
    add_run(frames, FINAL | WEBSOCKET_TEXT, MESSAGE_MAX);
}

static void add_every_plane(struct buffer *frames)
{
    add_text(frames, FINAL | WEBSOCKET_TEXT,
             "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\xa2 \xf4\x8f\xbf\xbf");
}

/* Sent in pieces of `step` bytes, at most `limit` bytes in all. */
static void play_good_frames(const struct streamer_stage *stage, void (*add)(struct buffer *),
                             size_t step, size_t limit)
{
    struct buffer frames;
    buffer_init(&frames, FRAMES_MAX);
    add(&frames);
    struct websocket_client *client = connect_client(stage);
    size_t size = frames.size < limit ? frames.size : limit;
    for (size_t at = 0; at < size; at += step)
        websocket_client_send_raw(client,
                                  bytes_of(frames.data + at, step < size - at ? step : size - at));
    if (size == frames.size && add == add_split_character)
        expect_pong(client, bytes_of_string("between"));
    if (size == frames.size) {
        websocket_client_send(client, WEBSOCKET_PING, bytes_of_string("still there?"));
        expect_pong(client, bytes_of_string("still there?"));
    }
    websocket_client_destroy(client);
    buffer_free(&frames);
}

static void good_frames_in_odd_pieces_are_fine(void **state)
{
    static void (*const cases[])(struct buffer *) = { add_split_character, add_fragments, add_empty,
                                                      add_sizes, add_every_plane };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        play_good_frames(*state, cases[i], FRAMES_MAX, FRAMES_MAX);
        play_good_frames(*state, cases[i], 1, 8192);
    }
}

static void pings_of_every_size_are_answered(void **state)
{
    struct streamer_stage *stage = *state;
    struct websocket_client *client = connect_client(stage);
    uint8_t payload[125];
    for (size_t size = 0; size <= sizeof payload; size++) {
        memset(payload, (int)size, sizeof payload);
        websocket_client_send(client, WEBSOCKET_PING, bytes_of(payload, size));
        expect_pong(client, bytes_of(payload, size));
    }
    websocket_client_destroy(client);
}

struct wrong {
    const char *name;
    unsigned first;
    const char *payload;
    unsigned code;
};

/* Each alone ends the connection, with that code. */
static const struct wrong wrong_frames[] = {
    { "RSV1 that nothing was agreed on for", FINAL | RSV1 | WEBSOCKET_TEXT, "x", 1002 },
    { "RSV2", FINAL | RSV2 | WEBSOCKET_TEXT, "x", 1002 },
    { "RSV3", FINAL | RSV3 | WEBSOCKET_BINARY, "x", 1002 },
    { "RSV of a ping", FINAL | RSV2 | WEBSOCKET_PING, "x", 1002 },
    { "opcode 3", FINAL | 3, "x", 1002 },
    { "opcode 4", FINAL | 4, "", 1002 },
    { "opcode 5", 5, "x", 1002 },
    { "opcode 6", FINAL | 6, "x", 1002 },
    { "opcode 7", FINAL | 7, "x", 1002 },
    { "opcode 11", FINAL | 11, "x", 1002 },
    { "opcode 12", FINAL | 12, "", 1002 },
    { "opcode 15", FINAL | 15, "x", 1002 },
    { "a fragment of a ping", WEBSOCKET_PING, "x", 1002 },
    { "a fragment of a close", WEBSOCKET_CLOSE, "\x03\xe8", 1002 },
    { "a continuation of nothing", FINAL | WEBSOCKET_CONTINUATION, "x", 1002 },
    { "an open continuation of nothing", WEBSOCKET_CONTINUATION, "x", 1002 },
    { "a byte that is never UTF-8", FINAL | WEBSOCKET_TEXT, "a\xff", 1007 },
    { "an overlong form", FINAL | WEBSOCKET_TEXT, "\xc0\xaf", 1007 },
    { "half a surrogate", FINAL | WEBSOCKET_TEXT, "\xed\xa0\x80", 1007 },
    { "beyond Unicode", FINAL | WEBSOCKET_TEXT, "\xf4\x90\x80\x80", 1007 },
    { "a character cut off", FINAL | WEBSOCKET_TEXT, "\xe2\x82", 1007 },
    { "wrong in the first of several", WEBSOCKET_TEXT, "\xff", 1007 },
    { "a close of one byte", FINAL | WEBSOCKET_CLOSE, "\x03", 1002 },
    { "a close with a reason that is no text", FINAL | WEBSOCKET_CLOSE, "\x03\xe8\xff", 1007 },
};

static void play_wrong_frame(const struct streamer_stage *stage, const struct wrong *wrong)
{
    struct buffer frames;
    buffer_init(&frames, FRAMES_MAX);
    add_text(&frames, wrong->first, wrong->payload);
    struct websocket_client *client = connect_client(stage);
    websocket_client_send_raw(client, buffer_bytes(&frames));
    struct end end = read_end(client);
    if (!end.has_frame || end.code != wrong->code)
        fail_msg("%s: %s %u, not %u", wrong->name,
                 end.has_frame ? "closed with" : "no close frame,", end.code, wrong->code);
    websocket_client_destroy(client);
    buffer_free(&frames);
}

static void wrong_frames_end_a_connection_with_the_right_code(void **state)
{
    for (size_t i = 0; i < sizeof wrong_frames / sizeof *wrong_frames; i++)
        play_wrong_frame(*state, &wrong_frames[i]);
}

static void a_message_within_a_message_is_wrong(void **state)
{
    struct streamer_stage *stage = *state;
    static const unsigned firsts[] = { FINAL | WEBSOCKET_TEXT, WEBSOCKET_BINARY };
    for (size_t i = 0; i < 2; i++) {
        struct buffer frames;
        buffer_init(&frames, FRAMES_MAX);
        add_text(&frames, WEBSOCKET_TEXT, "begun");
        add_text(&frames, firsts[i], "another");
        struct websocket_client *client = connect_client(stage);
        websocket_client_send_raw(client, buffer_bytes(&frames));
        assert_int_equal(read_end(client).code, 1002);
        websocket_client_destroy(client);
        buffer_free(&frames);
    }
}

/* Frame headers with nothing behind them: by their size alone. */
static void sizes_that_cannot_be_end_a_connection(void **state)
{
    struct streamer_stage *stage = *state;
    static const uint8_t ping_of_126[] = { FINAL | WEBSOCKET_PING, 0x80 | 126, 0, 126, 0, 0, 0, 0 };
    static const uint8_t no_size[] = {
        FINAL | WEBSOCKET_TEXT, 0x80 | 127, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0
    };
    const struct bytes cases[] = { bytes_of(ping_of_126, sizeof ping_of_126),
                                   bytes_of(no_size, sizeof no_size) };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct websocket_client *client = connect_client(stage);
        websocket_client_send_raw(client, cases[i]);
        assert_int_equal(read_end(client).code, 1002);
        websocket_client_destroy(client);
    }
}

static void messages_that_are_too_long_end_a_connection(void **state)
{
    struct streamer_stage *stage = *state;
    struct buffer frames[3];
    for (size_t i = 0; i < 3; i++)
        buffer_init(&frames[i], FRAMES_MAX);
    add_run(&frames[0], FINAL | WEBSOCKET_TEXT, MESSAGE_MAX + 1);
    for (int i = 0; i < 5; i++)
        add_run(&frames[1], i ? WEBSOCKET_CONTINUATION : WEBSOCKET_BINARY, MESSAGE_MAX / 4);
    /* Of 4 EiB, says its header. */
    buffer_append(&frames[2], "\x82\xff\x40\0\0\0\0\0\0\0\1\2\3\4", 14);
    for (int i = 0; i < 2 * MESSAGE_MAX; i++)
        buffer_append_byte(&frames[2], 'x');
    for (size_t i = 0; i < 3; i++) {
        struct websocket_client *client = connect_client(stage);
        websocket_client_send_raw(client, buffer_bytes(&frames[i]));
        assert_int_equal(read_end(client).code, 1009);
        websocket_client_destroy(client);
        buffer_free(&frames[i]);
    }
}

static void a_close_is_answered(void **state)
{
    struct streamer_stage *stage = *state;
    static const struct {
        unsigned code, answer;
    } rows[] = {
        { 1000, 1000 }, { 1001, 1001 },  { 1003, 1003 }, { 1007, 1007 }, { 1011, 1011 },
        { 3000, 3000 }, { 4999, 4999 },  { 0, 1002 },    { 999, 1002 },  { 1004, 1002 },
        { 1005, 1002 }, { 1006, 1002 },  { 1015, 1002 }, { 1016, 1002 }, { 2999, 1002 },
        { 5000, 1002 }, { 65535, 1002 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buffer frames;
        buffer_init(&frames, FRAMES_MAX);
        add_close(&frames, rows[i].code, "because");
        /* Whatever comes after a close is not listened to. */
        add_text(&frames, FINAL | WEBSOCKET_TEXT, "\xff");
        struct websocket_client *client = connect_client(stage);
        websocket_client_send_raw(client, buffer_bytes(&frames));
        struct end end = read_end(client);
        if (!end.has_frame || end.code != rows[i].answer)
            fail_msg("%u: %u, not %u", rows[i].code, end.code, rows[i].answer);
        websocket_client_destroy(client);
        buffer_free(&frames);
    }
    struct websocket_client *client = connect_client(stage);
    websocket_client_send(client, WEBSOCKET_CLOSE, bytes_of("", 0));
    struct end end = read_end(client);
    assert_true(end.has_frame && !end.code_is_half);
    assert_true(end.code == 0 || end.code == 1000);
    websocket_client_destroy(client);
}

/* RFC 6455 section 5.1. */
static void a_frame_without_a_mask_is_wrong(void **state)
{
    struct streamer_stage *stage = *state;
    struct websocket_client *client = connect_client(stage);
    static const uint8_t text[] = { FINAL | WEBSOCKET_TEXT, 1, 'a' };
    websocket_client_send_raw(client, bytes_of(text, sizeof text));
    assert_int_equal(read_end(client).code, 1002);
    websocket_client_destroy(client);
}

static void a_flood_of_pings_hurts_nobody_else(void **state)
{
    struct streamer_stage *stage = *state;
    struct websocket_client *witness = connect_client(stage);
    struct websocket_client *flooder = connect_client(stage);
    struct buffer frames;
    buffer_init(&frames, 64 << 20);
    for (int i = 0; i < PINGS; i++)
        add_run(&frames, FINAL | WEBSOCKET_PING, 125);
    /* It reads nothing of what it is answered. */
    websocket_client_send_raw(flooder, bytes_of(frames.data, frames.size / 2));
    stream_feed_add(stage->redis, 0, 1, 0);
    (void)websocket_client_expect(witness, "0.example", WAIT_MS);
    websocket_client_destroy(flooder);
    websocket_client_destroy(witness);
    buffer_free(&frames);
}

struct exchange {
    const char *request;
    int status; /* 0: the connection is closed without an answer */
};

#define HOST       "Host: x\r\n"
#define UPGRADE    "Upgrade: websocket\r\n"
#define CONNECTION "Connection: Upgrade\r\n"
#define VERSION    "Sec-WebSocket-Version: 13\r\n"
#define KEY        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static const struct exchange handshakes[] = {
    { "GET / HTTP/1.1\r\n" HOST UPGRADE CONNECTION VERSION KEY "\r\n", 101 },
    { "GET / HTTP/1.1\r\nhost:x\r\nupgrade:WebSocket\r\nconnection:keep-alive,UPGRADE\r\n"
      "sec-websocket-version:13\r\nsec-websocket-key:dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      101 },
    { "GET /full-stream/ HTTP/1.1\r\n" HOST UPGRADE CONNECTION VERSION KEY "\r\n", 101 },
    { "GET / HTTP/1.1\r\n" HOST UPGRADE CONNECTION VERSION KEY
      "Sec-WebSocket-Protocol: chat, superchat\r\n\r\n",
      101 },
    { "GET / HTTP/1.1\r\n" HOST UPGRADE CONNECTION VERSION KEY
      "Sec-WebSocket-Extensions: nonsense; x=\"y\", permessage-deflate\r\n\r\n",
      101 },
    { "GET / HTTP/1.1\r\n" UPGRADE CONNECTION VERSION KEY "\r\n", 400 },
    { "GET / HTTP/1.1\r\n" HOST UPGRADE VERSION KEY "\r\n", 400 },
    { "GET / HTTP/1.1\r\n" HOST UPGRADE "Connection: close\r\n" VERSION KEY "\r\n", 400 },
    { "GET / HTTP/1.1\r\n" HOST UPGRADE CONNECTION KEY "\r\n", 426 },
    { "GET / HTTP/1.1\r\n" HOST UPGRADE CONNECTION "Sec-WebSocket-Version: 8\r\n" KEY "\r\n", 426 },
    { "GET / HTTP/1.1\r\n" HOST UPGRADE CONNECTION VERSION "\r\n", 400 },
    { "GET / HTTP/1.1\r\n" HOST UPGRADE CONNECTION VERSION "Sec-WebSocket-Key: short\r\n\r\n",
      400 },
    { "GET / HTTP/1.1\r\n" HOST UPGRADE CONNECTION VERSION KEY KEY "\r\n", 400 },
    { "GET / HTTP/1.1\r\n" HOST UPGRADE CONNECTION VERSION KEY
      "Sec-WebSocket-Protocol: a b\r\n\r\n",
      400 },
    { "GET /latest.json HTTP/1.1\r\n" HOST UPGRADE CONNECTION VERSION KEY "\r\n", 404 },
    { "GET /nothing HTTP/1.1\r\n" HOST UPGRADE CONNECTION VERSION KEY "\r\n", 404 },
    { "POST / HTTP/1.1\r\n" HOST UPGRADE CONNECTION VERSION KEY "\r\n", 405 },
    { "HEAD / HTTP/1.1\r\n" HOST UPGRADE CONNECTION VERSION KEY "\r\n", 405 },
    { "GET /stats HTTP/1.1\r\n" HOST "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"
      "Connection: Upgrade, HTTP2-Settings\r\n\r\n",
      200 },
    /* An upgrade that we do not know is none (RFC 9110 section 7.8). */
    { "GET /stats HTTP/1.1\r\n" HOST "Upgrade: irc\r\n" CONNECTION "\r\n", 200 },
    /* Nothing comes behind a request that begins a stream, and none has a body. */
    { "GET / HTTP/1.1\r\n" HOST UPGRADE CONNECTION VERSION KEY "\r\nGET", 400 },
    { "GET /sse HTTP/1.1\r\n" HOST "\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\n" HOST UPGRADE CONNECTION VERSION KEY "Content-Length: 1\r\n\r\nx", 413 },
    { "GET http://x/ HTTP/1.1\r\n" HOST UPGRADE CONNECTION VERSION KEY "\r\n", 101 },
};

static const struct exchange requests[] = {
    { "GET /stats HTTP/1.1\r\n" HOST "\r\n", 200 },
    { "GET /stats/ HTTP/1.1\r\n" HOST "\r\n", 200 },
    { "GET //stats HTTP/1.1\r\n" HOST "\r\n", 200 },
    { "GET /./stats HTTP/1.1\r\n" HOST "\r\n", 200 },
    { "GET /a/../stats HTTP/1.1\r\n" HOST "\r\n", 200 },
    { "GET /../../../etc/passwd HTTP/1.1\r\n" HOST "\r\n", 404 },
    { "GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n" HOST "\r\n", 404 },
    { "GET /%73tats HTTP/1.1\r\n" HOST "\r\n", 200 },
    { "GET /%53TATS HTTP/1.1\r\n" HOST "\r\n", 404 },
    { "GET /stats%20 HTTP/1.1\r\n" HOST "\r\n", 404 },
    { "GET /stats%0d%0aX:%20y HTTP/1.1\r\n" HOST "\r\n", 400 },
    { "GET /stats%00 HTTP/1.1\r\n" HOST "\r\n", 400 },
    { "GET http://x/stats HTTP/1.1\r\n" HOST "\r\n", 200 },
    { "GET https://other.example:4000/stats?x HTTP/1.1\r\n" HOST "\r\n", 200 },
    { "GET http://x HTTP/1.1\r\n" HOST "\r\n", 200 },
    { "GET ftp://x/stats HTTP/1.1\r\n" HOST "\r\n", 400 },
    { "GET stats HTTP/1.1\r\n" HOST "\r\n", 400 },
    { "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 204 },
    { "OPTIONS /stats HTTP/1.1\r\n" HOST "Origin: https://x\r\n\r\n", 204 },
    { "GET /stats%3fx HTTP/1.1\r\n" HOST "\r\n", 404 },
    { "GET /stats?x=%ff%7f%20 HTTP/1.1\r\n" HOST "\r\n", 200 },
    { "GET /stats? HTTP/1.1\r\n" HOST "\r\n", 200 },
    { "GET /stats?&&&;;== HTTP/1.1\r\n" HOST "\r\n", 200 },
    { "GET /%zz HTTP/1.1\r\n" HOST "\r\n", 400 },
    { "GET /%4 HTTP/1.1\r\n" HOST "\r\n", 400 },
    { "HEAD /stats HTTP/1.1\r\n" HOST "\r\n", 200 },
    { "HEAD /nothing HTTP/1.1\r\n" HOST "\r\n", 404 },
    { "POST /stats HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 405 },
    { "PUT /stats HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 405 },
    { "DELETE /stats HTTP/1.1\r\n" HOST "\r\n", 405 },
    { "PATCH /stats HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 405 },
    { "GET /full-stream HTTP/1.1\r\n" HOST "\r\n", 426 },
    { "BREW /stats HTTP/1.1\r\n" HOST "\r\n", 501 },
    { "get /stats HTTP/1.1\r\n" HOST "\r\n", 501 },
    { "G(T /stats HTTP/1.1\r\n" HOST "\r\n", 400 },
    { "CONNECT x:443 HTTP/1.1\r\n" HOST "\r\n", 405 },
    { "GET /stats HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 200 },
    { "GET /stats HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", 413 },
    { "GET /stats HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", 400 },
    { "GET /stats HTTP/1.1\r\n" HOST "Content-Length: 0\r\nContent-Length: 0\r\n\r\n", 400 },
    { "GET /stats HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
    { "GET /stats HTTP/1.1\r\n" HOST HOST "\r\n", 400 },
    { "GET /stats HTTP/1.1\r\n\r\n", 400 },
    { "GET /stats HTTP/1.1\r\nHost: a/b\r\n\r\n", 400 },
    { "GET /stats HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n", 400 },
    { "GET /stats HTTP/1.1\r\n" HOST "A : b\r\n\r\n", 400 },
    { "GET /stats HTTP/1.1\r\n" HOST "nothing\r\n\r\n", 400 },
    { "GET /stats HTTP/2.0\r\n" HOST "\r\n", 505 },
    { "GET /stats http/1.1\r\n" HOST "\r\n", 400 },
    { "GET /stats\r\n\r\n", 400 },
    { "GET  /stats HTTP/1.1\r\n" HOST "\r\n", 400 },
    { "GET /stats HTTP/1.1 \r\n" HOST "\r\n", 400 },
    { "\r\n\r\nGET /stats HTTP/1.1\r\n" HOST "\r\n", 200 },
    { "GET /stats HTTP/1.0\r\n\r\n", 200 },
    { "GET /stats HTTP/1.1\n"
      "Host: x\n\n",
      200 },
};

static int play(const struct streamer_stage *stage, const char *request)
{
    struct raw_socket raw = raw_socket_connect(streamer_stage_port(stage));
    raw_socket_send_text(&raw, request);
    (void)raw_socket_await(&raw, "\r\n\r\n", WAIT_MS);
    int status = raw_socket_status(&raw);
    raw_socket_close(&raw);
    return status;
}

static void play_all(const struct streamer_stage *stage, const struct exchange *exchanges,
                     size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int status = play(stage, exchanges[i].request);
        if (status != exchanges[i].status)
            fail_msg("%.60s… was answered with %d, not %d", exchanges[i].request, status,
                     exchanges[i].status);
    }
}

static void handshakes_are_taken_or_refused_with_a_reason(void **state)
{
    play_all(*state, handshakes, sizeof handshakes / sizeof *handshakes);
}

static void odd_requests_get_plain_answers(void **state)
{
    play_all(*state, requests, sizeof requests / sizeof *requests);
}

static void the_answer_names_the_first_subprotocol(void **state)
{
    struct streamer_stage *stage = *state;
    static const char *const names[] = { "chat", "graphql-ws", "certstream", "v1.stream.example" };
    for (size_t i = 0; i < 2 * sizeof names / sizeof *names; i++) {
        const char *name = names[i % 4];
        char headers[128];
        char line[128];
        (void)snprintf(headers, sizeof headers, "Sec-WebSocket-Protocol: %s, other\r\n", name);
        (void)snprintf(line, sizeof line, "Sec-WebSocket-Protocol: %s\r\n", name);
        struct websocket_client *client = websocket_client_open(&(struct websocket_options){
            .port = streamer_stage_port(stage), .path = "/", .headers = headers });
        assert_int_equal(websocket_client_status(client), 101);
        assert_non_null(strcasestr(websocket_client_headers(client), line));
        websocket_client_destroy(client);
    }
    struct websocket_client *client = connect_client(stage);
    assert_null(strcasestr(websocket_client_headers(client), "Sec-WebSocket-Protocol"));
    websocket_client_destroy(client);
}

/* A request with a header line of `size` bytes, or with `count` lines. */
static int play_headers(const struct streamer_stage *stage, size_t size, size_t count)
{
    struct buffer request;
    buffer_init(&request, FRAMES_MAX);
    buffer_append_string(&request, "GET /stats HTTP/1.1\r\n" HOST);
    for (size_t line = 0; line < count; line++) {
        buffer_append_format(&request, "X-Filler-%zu: ", line);
        for (size_t i = 0; i < size; i++)
            buffer_append_byte(&request, 'x');
        buffer_append_string(&request, "\r\n");
    }
    buffer_append_string(&request, "\r\n");
    buffer_append_byte(&request, '\0');
    int status = play(stage, (const char *)request.data);
    buffer_free(&request);
    return status;
}

static void headers_have_a_limit(void **state)
{
    struct streamer_stage *stage = *state;
    assert_int_equal(play_headers(stage, 1, 60), 200);
    assert_int_equal(play_headers(stage, 4000, 1), 200);
    assert_int_equal(play_headers(stage, 7900, 1), 200);
    assert_int_equal(play_headers(stage, 8300, 1), 431);
    assert_int_equal(play_headers(stage, 100000, 1), 431);
    assert_int_equal(play_headers(stage, 100, 200), 431);
    assert_int_equal(play_headers(stage, 1, 200), 431);
    assert_int_equal(play_headers(stage, 0, 1), 200);
}

static void expect_order(const char *text, const char *const *parts, size_t count)
{
    const char *at = text;
    for (size_t i = 0; at && i < count; i++) {
        at = strstr(at, parts[i]);
        if (!at)
            fail_msg("%s is missing in %s", parts[i], text);
    }
}

static void requests_in_one_piece_are_answered_in_order(void **state)
{
    struct streamer_stage *stage = *state;
    struct raw_socket raw = raw_socket_connect(streamer_stage_port(stage));
    raw_socket_send_text(&raw, "GET /healthz HTTP/1.1\r\n" HOST "\r\n"
                               "HEAD /stats HTTP/1.1\r\n" HOST "\r\n"
                               "GET /nothing HTTP/1.1\r\n" HOST "\r\n"
                               "GET /stats HTTP/1.1\r\n" HOST "\r\n");
    assert_true(raw_socket_await(&raw, "\"workers\"", WAIT_MS));
    static const char *const order[] = { "HTTP/1.1 200", "{\"alive\":true}", "HTTP/1.1 200",
                                         "HTTP/1.1 404", "not found",        "HTTP/1.1 200",
                                         "\"workers\"" };
    expect_order(raw_socket_text(&raw), order, sizeof order / sizeof *order);
    raw_socket_close(&raw);
}

/* Bytes that are no HTTP at all, and requests that break off. */
static void play_noise(const struct streamer_stage *stage, uint64_t round)
{
    static const char *const broken[] = {
        "",       "G",        "GET",
        "GET ",   "GET / HT", "\r\n",
        "\n\n",   ":",        "GET / HTTP/1.1\r\nHost",
        "GET /?", "GET /%",   "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct raw_socket raw = raw_socket_connect(streamer_stage_port(stage));
        raw_socket_send_text(&raw, broken[i]);
        raw_socket_close(&raw);
    }
    uint8_t noise[2000];
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)harness_random(stage->harness, 256);
    struct raw_socket raw = raw_socket_connect(streamer_stage_port(stage));
    raw_socket_send(&raw, bytes_of(noise, sizeof noise));
    raw_socket_close(&raw);
    /* Behind a good handshake. */
    struct websocket_client *client = connect_client(stage);
    websocket_client_send_raw(client, bytes_of(noise, 1 + (size_t)round * 100 % sizeof noise));
    websocket_client_destroy(client);
}

static size_t count_descriptors(const struct streamer_stage *stage)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)program_pid(stage->streamer));
    DIR *folder = opendir(path);
    assert_non_null(folder);
    size_t count = 0;
    while (readdir(folder))
        count++;
    (void)closedir(folder);
    return count;
}

static uint64_t resident_kib(const struct streamer_stage *stage)
{
    char path[64];
    char line[256];
    uint64_t kib = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)program_pid(stage->streamer));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, "VmRSS:", strlen("VmRSS:")) == 0)
            kib = strtoull(line + strlen("VmRSS:"), NULL, 10);
    (void)fclose(file);
    assert_true(kib > 0);
    return kib;
}

static void nothing_is_kept_of_all_that(void **state)
{
    struct streamer_stage *stage = *state;
    struct websocket_client *witness = connect_client(stage);
    size_t descriptors = count_descriptors(stage);
    uint64_t before = 0;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < sizeof wrong_frames / sizeof *wrong_frames; i++)
            play_wrong_frame(stage, &wrong_frames[i]);
        play_all(stage, handshakes, sizeof handshakes / sizeof *handshakes);
        play_all(stage, requests, sizeof requests / sizeof *requests);
        (void)play_headers(stage, 8300, 1);
        play_noise(stage, round);
        if (round == ROUNDS / 3)
            before = resident_kib(stage);
    }
    struct deadline deadline = deadline_after(WAIT_MS, "all connections but one to be gone");
    while (count_descriptors(stage) > descriptors)
        deadline_wait(&deadline);
    uint64_t after = resident_kib(stage);
    print_message("%" PRIu64 " KiB, then %" PRIu64 " KiB\n", before, after);
    if (harness_figures_are_the_daemons())
        assert_true(after < before + LEAK_KIB);
    stream_feed_add(stage->redis, 0, 1, 0);
    (void)websocket_client_expect(witness, "0.example", WAIT_MS);
    websocket_client_destroy(witness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STREAMER_STAGE(good_frames_in_odd_pieces_are_fine),
        ON_STREAMER_STAGE(pings_of_every_size_are_answered),
        ON_STREAMER_STAGE(wrong_frames_end_a_connection_with_the_right_code),
        ON_STREAMER_STAGE(a_message_within_a_message_is_wrong),
        ON_STREAMER_STAGE(sizes_that_cannot_be_end_a_connection),
        ON_STREAMER_STAGE(messages_that_are_too_long_end_a_connection),
        ON_STREAMER_STAGE(a_close_is_answered),
        ON_STREAMER_STAGE(a_frame_without_a_mask_is_wrong),
        ON_STREAMER_STAGE(a_flood_of_pings_hurts_nobody_else),
        ON_STREAMER_STAGE(handshakes_are_taken_or_refused_with_a_reason),
        ON_STREAMER_STAGE(odd_requests_get_plain_answers),
        ON_STREAMER_STAGE(the_answer_names_the_first_subprotocol),
        ON_STREAMER_STAGE(headers_have_a_limit),
        ON_STREAMER_STAGE(requests_in_one_piece_are_answered_in_order),
        ON_STREAMER_STAGE(nothing_is_kept_of_all_that),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
