/* Over TLS all is as it is in the clear: requests that TLS has already taken from the socket,
 * clients that say no more, health checks of old, and half a handshake, which is nobody's business
 * but its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/e2e/stream_feed.h"
#include "tests/e2e/streamer_stage.h"
#include "tests/support/harness.h"
#include "tests/support/raw_socket.h"

enum {
    WAIT_MS = 30000,
    /* More than one record of 16 KiB. */
    REQUESTS = 600,
    DAWDLERS = 300,
};

#define HOST "Host: x\r\n"

static struct raw_socket ask(const struct streamer_stage *stage, const char *request)
{
    struct raw_socket raw = raw_socket_connect_tls(streamer_stage_port(stage));
    raw_socket_send_text(&raw, request);
    return raw;
}

static size_t count_answers(const struct raw_socket *raw, const char *status)
{
    size_t count = 0;
    for (const char *at = raw_socket_text(raw); (at = strstr(at, status)) != NULL; at++)
        count++;
    return count;
}

/* The last one is another one, so that its answer tells that all have come. */
static void requests_in_one_piece_are_answered_in_order(void **state)
{
    struct streamer_stage *stage = *state;
    (void)streamer_stage_start_tls(stage, NULL);
    struct buffer requests;
    buffer_init(&requests, 1 << 20);
    for (int i = 0; i < REQUESTS; i++)
        buffer_append_string(&requests, "GET /healthz HTTP/1.1\r\n" HOST "\r\n");
    buffer_append_string(&requests, "GET /nowhere HTTP/1.1\r\n" HOST "\r\n");
    struct raw_socket raw = raw_socket_connect_tls(streamer_stage_port(stage));
    raw_socket_send(&raw, buffer_bytes(&requests));
    assert_true(raw_socket_await(&raw, "HTTP/1.1 404 ", WAIT_MS));
    assert_int_equal(count_answers(&raw, "HTTP/1.1 200 "), REQUESTS);
    /* And goes on. */
    raw_socket_send_text(&raw, "GET /nowhere HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    assert_true(raw_socket_await_end(&raw, WAIT_MS));
    assert_int_equal(count_answers(&raw, "HTTP/1.1 404 "), 2);
    buffer_free(&requests);
    raw_socket_close(&raw);
}

/* Of answers that are larger than what the sockets hold none is lost. */
static void answers_that_are_not_read_wait(void **state)
{
    struct streamer_stage *stage = *state;
    enum {
        PAGES = 60
    };
    (void)streamer_stage_start_tls(stage, NULL);
    struct raw_socket raw = raw_socket_connect_tls(streamer_stage_port(stage));
    for (int i = 0; i < PAGES; i++)
        raw_socket_send_text(&raw, "GET / HTTP/1.1\r\n" HOST "\r\n");
    raw_socket_send_text(&raw, "GET /nowhere HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    assert_true(raw_socket_await_end(&raw, WAIT_MS));
    assert_int_equal(count_answers(&raw, "HTTP/1.1 200 "), PAGES);
    assert_int_equal(count_answers(&raw, "HTTP/1.1 404 "), 1);
    raw_socket_close(&raw);
}

static void who_says_no_more_gets_the_answer(void **state)
{
    struct streamer_stage *stage = *state;
    stream_feed_add(stage->redis, 0, 1, 0);
    (void)streamer_stage_start_tls(stage, NULL);
    static const char *const requests[] = {
        "GET /healthz HTTP/1.1\r\n" HOST "\r\n",
        "GET /latest.json HTTP/1.1\r\n" HOST "\r\n",
        "GET / HTTP/1.1\r\n" HOST "\r\nGET /healthz HTTP/1.1\r\n" HOST "\r\n",
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        struct raw_socket raw = ask(stage, requests[i]);
        raw_socket_end_sending(&raw);
        assert_true(raw_socket_await_end(&raw, WAIT_MS));
        assert_int_equal(count_answers(&raw, "HTTP/1.1 200 "), i == 2 ? 2 : 1);
        raw_socket_close(&raw);
    }
    /* A stream has no end to wait for. */
    struct raw_socket events = ask(stage, "GET /sse HTTP/1.1\r\n" HOST "\r\n");
    assert_true(raw_socket_await(&events, "text/event-stream", WAIT_MS));
    raw_socket_end_sending(&events);
    assert_true(raw_socket_await_end(&events, WAIT_MS));
    raw_socket_close(&events);
}

static void health_checks_of_old_are_answered(void **state)
{
    struct streamer_stage *stage = *state;
    (void)streamer_stage_start_tls(stage, NULL);
    static const char *const requests[] = {
        "GET /healthz HTTP/1.0\r\n\r\n",
        "HEAD /readyz HTTP/1.0\r\n\r\n",
        "GET /metrics HTTP/1.0\r\nUser-Agent: check\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        struct raw_socket raw = ask(stage, requests[i]);
        assert_true(raw_socket_await_end(&raw, WAIT_MS));
        assert_int_equal(raw_socket_status(&raw), 200);
        raw_socket_close(&raw);
    }
}

/* The beginning of a ClientHello, and then silence, something else, or nothing more. */
static void half_a_handshake_hurts_nobody(void **state)
{
    struct streamer_stage *stage = *state;
    static const char hello[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    struct raw_socket dawdlers[DAWDLERS];
    (void)streamer_stage_start_tls(stage,
                                   (const char *const[]){ "--handshake-timeout", "1s", NULL });
    for (size_t i = 0; i < DAWDLERS; i++) {
        dawdlers[i] = raw_socket_connect(streamer_stage_port(stage));
        raw_socket_send(&dawdlers[i], bytes_of(hello, 1 + i % (sizeof hello - 1)));
        if (i % 3 == 1)
            raw_socket_end_sending(&dawdlers[i]);
        if (i % 3 == 2)
            raw_socket_send_text(&dawdlers[i], "GET / HTTP/1.1\r\n" HOST "\r\n");
    }
    struct raw_socket honest = ask(stage, "GET /healthz HTTP/1.0\r\n\r\n");
    assert_true(raw_socket_await_end(&honest, WAIT_MS));
    assert_int_equal(raw_socket_status(&honest), 200);
    raw_socket_close(&honest);
    for (size_t i = 0; i < DAWDLERS; i++) {
        assert_true(raw_socket_await_end(&dawdlers[i], WAIT_MS));
        raw_socket_close(&dawdlers[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STREAMER_STAGE_REDIS(requests_in_one_piece_are_answered_in_order),
        ON_STREAMER_STAGE_REDIS(answers_that_are_not_read_wait),
        ON_STREAMER_STAGE_REDIS(who_says_no_more_gets_the_answer),
        ON_STREAMER_STAGE_REDIS(health_checks_of_old_are_answered),
        ON_STREAMER_STAGE_REDIS(half_a_handshake_hurts_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
