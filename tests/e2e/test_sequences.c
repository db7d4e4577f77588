/*
 * A fuzzer of sequences: scripts of good, odd and hostile requests, upgrades, frames, pauses,
 * half-closes and resets on up to eight connections at once, in the clear and over TLS. Beside them
 * one WebSocket client and one of Server-Sent Events that only listen: they have to get every
 * entry, none twice, each within a second. CERTSTREAM_SCRIPTS says how many (tests/sequences.sh
 * plays many), CERTSTREAM_SEED which.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "tests/e2e/stream_feed.h"
#include "tests/e2e/streamer_stage.h"
#include "tests/support/harness.h"
#include "tests/support/raw_socket.h"
#include "tests/support/redis_server.h"
#include "tests/support/sse_client.h"
#include "tests/support/websocket_client.h"

enum {
    SCRIPTS = 300,
    SOCKETS = 8,
    STEPS = 24,
    PROMPT_MS = 1000,
    PIECE_MAX = 70000,
    TLS_SHARE = 4, /* one of so many; a handshake is what costs most */
};

#define HOST      "Host: x\r\n"
#define HANDSHAKE "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
#define KEY       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define DEFLATE   "Sec-WebSocket-Extensions: permessage-deflate\r\n"

static const char *const pieces[] = {
    "GET /healthz HTTP/1.1\r\n" HOST "\r\n",
    "GET /latest.json HTTP/1.1\r\n" HOST "\r\n",
    "GET /latest.json?regex=%5Ea HTTP/1.1\r\n" HOST "\r\n",
    "GET / HTTP/1.1\r\n" HOST "\r\n",
    "GET /metrics HTTP/1.0\r\n\r\n",
    "GET /api/logs HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "HEAD / HTTP/1.1\r\n" HOST "\r\n",
    "OPTIONS /latest.json HTTP/1.1\r\n" HOST "\r\n",
    "GET /full-stream/example.json HTTP/1.1\r\n" HOST "\r\n",
    "GET /api/cert/0123456789012345678901234567890123456789 HTTP/1.1\r\n" HOST "\r\n",
    "GET /healthz HTTP/1.1\r\n" HOST "\r\nGET /healthz HTTP/1.1\r\n" HOST
    "Content-Length: 3\r\n\r\nabc",
    "POST /healthz HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "GET / HTTP/1.1\r\n" HOST HANDSHAKE KEY "\r\n",
    "GET / HTTP/1.1\r\n" HOST HANDSHAKE KEY DEFLATE "\r\n",
    "GET /full-stream?since=0 HTTP/1.1\r\n" HOST HANDSHAKE KEY "\r\n",
    "GET /domains-only?domain=0.example HTTP/1.1\r\n" HOST HANDSHAKE KEY DEFLATE "\r\n",
    "GET / HTTP/1.1\r\n" HOST HANDSHAKE "\r\n",
    "GET /sse HTTP/1.1\r\n" HOST "\r\n",
    "GET /sse?stream=full&since=0 HTTP/1.1\r\n" HOST "\r\n",
    "GET /sse HTTP/1.1\r\n" HOST "Last-Event-ID: 42\r\n\r\n",
    "GET http://x/healthz HTTP/1.1\r\n" HOST "\r\n",
    "BREW / HTTP/1.1\r\n" HOST "\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "GET / HTTP/1.1\r\n" HOST "X: ",
    "\r\n",
    "\r\n\r\n",
    "\n",
    "GET ",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
};

struct stage {
    struct streamer_stage stage;
    int port; /* in the clear */
    struct websocket_client *websocket;
    struct sse_client *events;
    struct raw_socket sockets[SOCKETS];
    bool is_open[SOCKETS];
    uint64_t next; /* index of the next entry */
    uint8_t piece[PIECE_MAX + 16];
};

static int setup(void **state)
{
    struct stage *stage = streamer_stage_create(sizeof *stage);
    *state = stage;
    stage->port = streamer_stage_start_tls(&stage->stage, NULL);
    stage->websocket = websocket_client_connect(stage->port, "/");
    stage->events = sse_client_open(stage->port, "/sse", NULL);
    (void)websocket_client_expect(stage->websocket, "heartbeat", 30000);
    return 0;
}

static int teardown(void **state)
{
    struct stage *stage = *state;
    websocket_client_destroy(stage->websocket);
    sse_client_destroy(stage->events);
    return streamer_stage_teardown(state);
}

static uint64_t below(struct stage *stage, uint64_t limit)
{
    return harness_random(stage->stage.harness, limit);
}

static void close_socket(struct stage *stage, size_t i, bool with_reset)
{
    const struct linger at_once = { .l_onoff = 1 };
    if (!stage->is_open[i])
        return;
    if (with_reset)
        (void)setsockopt(stage->sockets[i].descriptor, SOL_SOCKET, SO_LINGER, &at_once,
                         sizeof at_once);
    raw_socket_close(&stage->sockets[i]);
    stage->is_open[i] = false;
}

/* What is not taken at once is lost. */
static void send_now(struct stage *stage, size_t i, const void *data, size_t size)
{
    raw_socket_offer(&stage->sockets[i], bytes_of(data, size));
}

static size_t write_frame_header(struct stage *stage, size_t size)
{
    uint8_t *out = stage->piece;
    static const uint8_t firsts[] = { 0x81, 0x82, 0x01, 0x00, 0x80, 0x89, 0x8a,
                                      0x88, 0xc1, 0x41, 0x91, 0x83, 0x09 };
    uint8_t mask = below(stage, 16) ? 0x80 : 0;
    out[0] = firsts[below(stage, sizeof firsts)];
    size_t at = 2;
    if (size < 126) {
        out[1] = (uint8_t)(mask | size);
    } else if (size <= UINT16_MAX) {
        out[1] = mask | 126;
        out[at++] = (uint8_t)(size >> 8);
        out[at++] = (uint8_t)size;
    } else {
        out[1] = mask | 127;
        for (int shift = 56; shift >= 0; shift -= 8)
            out[at++] = (uint8_t)((uint64_t)size >> shift);
    }
    for (int i = 0; i < 4; i++)
        out[at++] = (uint8_t)below(stage, 256);
    return at;
}

static void send_frame(struct stage *stage, size_t i)
{
    static const size_t sizes[] = { 0, 1, 2, 5, 125, 126, 4096, 8244, 65535, 65536, PIECE_MAX };
    size_t size = sizes[below(stage, sizeof sizes / sizeof *sizes)];
    size_t at = write_frame_header(stage, size);
    memset(stage->piece + at, (int)below(stage, 256), PIECE_MAX + 16 - at);
    send_now(stage, i, stage->piece, at + size <= PIECE_MAX + 16 ? at + size : PIECE_MAX + 16);
}

/* One of the pieces, whole, cut off, or with a byte changed. */
static void send_piece(struct stage *stage, size_t i)
{
    const char *piece = pieces[below(stage, sizeof pieces / sizeof *pieces)];
    size_t size = strlen(piece);
    memcpy(stage->piece, piece, size);
    if (below(stage, 8) == 0)
        size = below(stage, size + 1);
    if (below(stage, 12) == 0 && size)
        stage->piece[below(stage, size)] = (uint8_t)below(stage, 256);
    send_now(stage, i, stage->piece, size);
}

static void send_many(struct stage *stage, size_t i)
{
    for (uint64_t count = 1 + below(stage, 200); count; count--)
        send_now(stage, i, pieces[1], strlen(pieces[1]));
}

static void read_some(struct stage *stage, size_t i)
{
    raw_socket_skip(&stage->sockets[i], below(stage, 16384) + 1);
}

/* Some of those who come to where TLS is spoken do not speak it. */
static struct raw_socket open_socket(struct stage *stage)
{
    int tls_port = streamer_stage_port(&stage->stage);
    if (below(stage, TLS_SHARE))
        return raw_socket_connect(below(stage, TLS_SHARE) ? stage->port : tls_port);
    return raw_socket_connect_tls(tls_port);
}

static void play_step(struct stage *stage)
{
    size_t i = below(stage, SOCKETS);
    if (!stage->is_open[i]) {
        stage->sockets[i] = open_socket(stage);
        stage->is_open[i] = true;
    }
    switch (below(stage, 12)) {
    case 0: close_socket(stage, i, below(stage, 2)); break;
    case 1: raw_socket_end_sending(&stage->sockets[i]); break;
    case 2: harness_pause(below(stage, 3)); break;
    case 3:
    case 4: read_some(stage, i); break;
    case 5:
    case 6:
    case 7: send_frame(stage, i); break;
    case 8: send_many(stage, i); break;
    default: send_piece(stage, i); break;
    }
}

/* An entry comes to both who only listen, at once, and no other before it. */
static void expect_entry(struct stage *stage)
{
    char text[64];
    int prompt_ms = (int)(harness_setting("CERTSTREAM_PROMPT_MS", PROMPT_MS) * harness_slowdown());
    (void)snprintf(text, sizeof text, "\"cert_index\":%" PRIu64 ",", stage->next);
    uint64_t start_ms = clock_monotonic_ms();
    stream_feed_add_again(stage->stage.redis, stage->next, stage->next + 1, 0);
    const char *message =
        websocket_client_expect(stage->websocket, "\"cert_index\"", 10 * prompt_ms);
    if (!strstr(message, text))
        fail_msg("the WebSocket client: no %s in %.200s", text, message);
    struct sse_event event = sse_client_expect(stage->events, "\"cert_index\"", 10 * prompt_ms);
    if (!strstr(event.data, text))
        fail_msg("the event source: no %s in %.200s", text, event.data);
    uint64_t waited_ms = clock_monotonic_ms() - start_ms;
    if (waited_ms > (uint64_t)prompt_ms)
        fail_msg("entry %" PRIu64 " took %" PRIu64 " ms", stage->next, waited_ms);
    stage->next++;
}

static void who_only_listens_never_notices(void **state)
{
    struct stage *stage = *state;
    uint64_t scripts = harness_setting("CERTSTREAM_SCRIPTS", SCRIPTS);
    for (uint64_t script = 0; script < scripts; script++) {
        for (uint64_t steps = 1 + below(stage, STEPS); steps; steps--)
            play_step(stage);
        expect_entry(stage);
        /* A sign of life, as every client gives by its pongs. */
        if (script % 100 == 0)
            websocket_client_send(stage->websocket, WEBSOCKET_PONG, bytes_of("", 0));
        for (size_t i = 0; i < SOCKETS; i++)
            if (below(stage, 4) == 0)
                close_socket(stage, i, below(stage, 2));
    }
    for (size_t i = 0; i < SOCKETS; i++)
        close_socket(stage, i, false);
    expect_entry(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_only_listens_never_notices, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
