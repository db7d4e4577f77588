/* The same messages over each transport: plain WebSocket frames, compressed ones, and Server-Sent
 * Events. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "tests/e2e/stream_feed.h"
#include "tests/e2e/streamer_stage.h"
#include "tests/support/harness.h"
#include "tests/support/raw_socket.h"
#include "tests/support/sse_client.h"
#include "tests/support/websocket_client.h"

enum {
    WAIT_MS = 60000,
    ENTRIES = 300,
    PADDING = 500,
    INFLATED_MAX = 1 << 20,
    WINDOW_BITS = 12,
};

#define OFFER "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"

struct parts {
    struct streamer_stage stage;
    char text[INFLATED_MAX]; /* of the last compressed message */
};

static int setup(void **state)
{
    struct parts *parts = streamer_stage_create(sizeof *parts);
    *state = parts;
    stream_feed_put_issuer(parts->stage.redis);
    return 0;
}

static struct websocket_client *open_client(const struct parts *parts, const char *path,
                                            const char *headers)
{
    struct websocket_client *client = websocket_client_open(&(struct websocket_options){
        .port = program_port(parts->stage.streamer), .path = path, .headers = headers });
    assert_int_equal(websocket_client_status(client), 101);
    (void)websocket_client_expect(client, "heartbeat", WAIT_MS);
    return client;
}

/* As a client would that keeps nothing from one message to the next, with the window that was
 * agreed on. */
static const char *inflate_text(struct parts *parts, struct bytes payload)
{
    static const uint8_t tail[] = { 0, 0, 0xff, 0xff };
    z_stream stream = { .next_out = (Bytef *)parts->text, .avail_out = INFLATED_MAX - 1 };
    assert_int_equal(inflateInit2(&stream, -WINDOW_BITS), Z_OK);
    const struct bytes inputs[] = { payload, bytes_of(tail, sizeof tail) };
    for (size_t i = 0; i < 2; i++) {
        /* NOLINTNEXTLINE(performance-no-int-to-ptr): takes the const away */
        stream.next_in = (Bytef *)(uintptr_t)inputs[i].data;
        stream.avail_in = (uInt)inputs[i].size;
        assert_true(inflate(&stream, Z_SYNC_FLUSH) >= Z_OK || stream.avail_in == 0);
    }
    parts->text[stream.total_out] = '\0';
    assert_int_equal(inflateEnd(&stream), Z_OK);
    return parts->text;
}

static struct websocket_frame next_text(struct websocket_client *client)
{
    struct websocket_frame frame;
    do {
        assert_int_equal(websocket_client_read(client, &frame, WAIT_MS), WEBSOCKET_FRAME);
    } while (frame.opcode != WEBSOCKET_TEXT ||
             memmem(frame.payload.data, frame.payload.size, "heartbeat", 9));
    return frame;
}

/* The page as a client that takes these encodings gets it, on a connection of its own. */
static struct raw_socket ask_for_page(struct parts *parts, const char *method, const char *field)
{
    struct raw_socket client = raw_socket_connect(program_port(parts->stage.streamer));
    raw_socket_send_text(&client, method);
    raw_socket_send_text(&client, " / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    raw_socket_send_text(&client, field);
    raw_socket_send_text(&client, "\r\n");
    assert_true(raw_socket_await_end(&client, WAIT_MS));
    assert_int_equal(raw_socket_status(&client), 200);
    assert_non_null(strstr(raw_socket_text(&client), "\r\nvary: accept-encoding\r\n"));
    return client;
}

static unsigned long content_length(const struct raw_socket *client)
{
    const char *field = strstr(raw_socket_text(client), "\r\ncontent-length: ");
    assert_non_null(field);
    return strtoul(field + strlen("\r\ncontent-length: "), NULL, 10);
}

static void answers_are_compressed_for_who_takes_that(void **state)
{
    struct parts *parts = *state;
    streamer_stage_start(&parts->stage, NULL);
    struct raw_socket plain = ask_for_page(parts, "GET", "");
    struct raw_socket refusing = ask_for_page(parts, "GET", "Accept-Encoding: gzip;q=0\r\n");
    struct raw_socket gzip = ask_for_page(parts, "GET", "Accept-Encoding: br, gzip\r\n");
    struct raw_socket head = ask_for_page(parts, "HEAD", "Accept-Encoding: br, gzip\r\n");
    assert_null(strstr(raw_socket_text(&plain), "\r\ncontent-encoding:"));
    assert_int_equal(content_length(&refusing), content_length(&plain));
    assert_non_null(strstr(raw_socket_text(&gzip), "\r\ncontent-encoding: gzip\r\n"));
    /* The tag is of the page that was compressed. */
    assert_non_null(strstr(raw_socket_text(&gzip), "\r\netag: W/\""));
    assert_true(content_length(&gzip) < content_length(&plain) / 2);
    assert_int_equal(content_length(&head), content_length(&gzip));
    raw_socket_close(&plain);
    raw_socket_close(&refusing);
    raw_socket_close(&gzip);
    raw_socket_close(&head);
}

static void compressed_messages_are_those_of_the_plain_stream(void **state)
{
    struct parts *parts = *state;
    static const char *const paths[] = { "/", "/full-stream", "/domains-only" };
    streamer_stage_start(&parts->stage, NULL);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct websocket_client *plain = open_client(parts, paths[i], NULL);
        struct websocket_client *deflated = open_client(parts, paths[i], OFFER);
        assert_non_null(strstr(websocket_client_headers(deflated),
                               "\r\nSec-WebSocket-Extensions: permessage-deflate; "
                               "server_no_context_takeover; client_no_context_takeover\r\n"));
        stream_feed_add(parts->stage.redis, 0, ENTRIES, PADDING);
        size_t compressed = 0;
        for (int n = 0; n < ENTRIES; n++) {
            struct websocket_frame frame = next_text(deflated);
            compressed += frame.is_compressed;
            const char *text = frame.is_compressed ? inflate_text(parts, frame.payload) : NULL;
            size_t size = text ? strlen(text) : frame.payload.size;
            struct websocket_frame expected = next_text(plain);
            assert_false(expected.is_compressed);
            assert_int_equal(size, expected.payload.size);
            assert_memory_equal(text ? (const uint8_t *)text : frame.payload.data,
                                expected.payload.data, size);
        }
        /* A message that would not become shorter goes as it is. */
        bool is_short = strcmp(paths[i], "/domains-only") == 0;
        assert_true(is_short ? compressed < ENTRIES : compressed == ENTRIES);
        websocket_client_destroy(plain);
        websocket_client_destroy(deflated);
    }
}

static void only_what_we_can_keep_is_agreed_on(void **state)
{
    struct parts *parts = *state;
    static const struct {
        const char *offer;
        const char *answer; /* NULL: none */
    } cases[] = {
        { "permessage-deflate",
          "permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n" },
        { "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
          "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
          "server_max_window_bits=12\r\n" },
        { "permessage-deflate; server_max_window_bits=10, permessage-deflate",
          "permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n" },
        { "permessage-deflate; server_max_window_bits=9", NULL },
        { "permessage-deflate; nonsense=1", NULL },
        { "permessage-deflate, permessage-deflate",
          "permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n" },
        { "x-other, permessage-deflate",
          "permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n" },
        { "x-other", NULL },
    };
    streamer_stage_start(&parts->stage, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char header[256];
        (void)snprintf(header, sizeof header, "Sec-WebSocket-Extensions: %s\r\n", cases[i].offer);
        struct websocket_client *client = open_client(parts, "/", header);
        const char *answer = strstr(websocket_client_headers(client), "Sec-WebSocket-Extensions: ");
        assert_int_equal(answer != NULL, cases[i].answer != NULL);
        if (cases[i].answer)
            assert_memory_equal(answer + strlen("Sec-WebSocket-Extensions: "), cases[i].answer,
                                strlen(cases[i].answer));
        stream_feed_add(parts->stage.redis, i, i + 1, PADDING);
        assert_int_equal(next_text(client).is_compressed, cases[i].answer != NULL);
        websocket_client_destroy(client);
    }
}

static void compression_can_be_turned_off(void **state)
{
    struct parts *parts = *state;
    streamer_stage_start(&parts->stage, (const char *const[]){ "--no-deflate", NULL });
    struct websocket_client *client = open_client(parts, "/", OFFER);
    assert_null(strstr(websocket_client_headers(client), "Sec-WebSocket-Extensions"));
    stream_feed_add(parts->stage.redis, 0, 1, PADDING);
    assert_false(next_text(client).is_compressed);
    websocket_client_destroy(client);
}

/* A final frame with RSV1 and a mask of zeros, so that its payload is what it says. */
static void send_compressed(struct websocket_client *client, struct bytes payload)
{
    uint8_t frame[6 + 125] = { 0xc1, (uint8_t)(0x80 | payload.size) };
    assert_true(payload.size <= 125);
    memcpy(frame + 6, payload.data, payload.size);
    websocket_client_send_raw(client, bytes_of(frame, 6 + payload.size));
}

static unsigned read_to_the_end(struct websocket_client *client)
{
    unsigned code = 0;
    struct websocket_frame frame;
    while (websocket_client_read(client, &frame, WAIT_MS) == WEBSOCKET_FRAME) {
        if (frame.opcode != WEBSOCKET_CLOSE)
            continue;
        code = (unsigned)frame.payload.data[0] << 8 | frame.payload.data[1];
        websocket_client_send(client, WEBSOCKET_CLOSE, bytes_of(frame.payload.data, 2));
    }
    return code;
}

static void what_clients_compress_is_skipped(void **state)
{
    struct parts *parts = *state;
    /* "Hello" of RFC 7692 section 7.2.3.1. */
    static const uint8_t hello[] = { 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00 };
    static const uint8_t broken[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    streamer_stage_start(&parts->stage, NULL);
    struct websocket_client *client = open_client(parts, "/", OFFER);
    for (int i = 0; i < 1000; i++)
        send_compressed(client, bytes_of(hello, sizeof hello));
    websocket_client_send(client, WEBSOCKET_TEXT, bytes_of_string("plain"));
    websocket_client_send(client, WEBSOCKET_PING, bytes_of_string("are you there"));
    struct websocket_frame frame;
    do {
        assert_int_equal(websocket_client_read(client, &frame, WAIT_MS), WEBSOCKET_FRAME);
    } while (frame.opcode != WEBSOCKET_PONG);
    assert_true(bytes_equal_string(frame.payload, "are you there"));
    stream_feed_add(parts->stage.redis, 0, 1, PADDING);
    assert_true(next_text(client).is_compressed);
    /* Nobody looks what is in it. */
    send_compressed(client, bytes_of(broken, sizeof broken));
    websocket_client_send(client, WEBSOCKET_PING, bytes_of_string("and now"));
    do {
        assert_int_equal(websocket_client_read(client, &frame, WAIT_MS), WEBSOCKET_FRAME);
    } while (frame.opcode != WEBSOCKET_PONG);
    assert_true(bytes_equal_string(frame.payload, "and now"));
    websocket_client_destroy(client);
    struct websocket_client *without = open_client(parts, "/", NULL);
    send_compressed(without, bytes_of(hello, sizeof hello));
    assert_int_equal(read_to_the_end(without), 1002);
    websocket_client_destroy(without);
}

static void a_long_offer_is_read_to_its_end(void **state)
{
    struct parts *parts = *state;
    char header[600] = "Sec-WebSocket-Extensions: ";
    while (strlen(header) < 400)
        (void)strncat(header, "x-nobody-knows; it=1, ", sizeof header - strlen(header) - 1);
    (void)strncat(header, "permessage-deflate\r\n", sizeof header - strlen(header) - 1);
    streamer_stage_start(&parts->stage, NULL);
    struct websocket_client *client = websocket_client_open(&(struct websocket_options){
        .port = program_port(parts->stage.streamer), .path = "/", .headers = header });
    assert_int_equal(websocket_client_status(client), 101);
    assert_non_null(strstr(websocket_client_headers(client), "permessage-deflate; server_no"));
    websocket_client_destroy(client);
}

static void events_are_the_messages_with_their_ids(void **state)
{
    struct parts *parts = *state;
    static const struct {
        const char *events, *websocket;
    } cases[] = {
        { "/sse", "/" },
        { "/sse?stream=lite", "/" },
        { "/sse/?stream=full", "/full-stream" },
        { "/sse?stream=domains", "/domains-only" },
    };
    streamer_stage_start(&parts->stage, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sse_client *events =
            sse_client_open(program_port(parts->stage.streamer), cases[i].events, NULL);
        assert_int_equal(sse_client_status(events), 200);
        assert_non_null(strstr(sse_client_headers(events), "text/event-stream"));
        assert_non_null(strstr(sse_client_headers(events), "no-store"));
        assert_null(strstr(sse_client_headers(events), "content-length"));
        struct sse_event event;
        assert_int_equal(sse_client_read(events, &event, WAIT_MS), SSE_EVENT);
        assert_string_equal(event.comment, "heartbeat");
        struct websocket_client *websocket = open_client(parts, cases[i].websocket, NULL);
        stream_feed_add(parts->stage.redis, 0, ENTRIES, PADDING);
        for (int n = 0; n < ENTRIES; n++) {
            struct websocket_frame frame = next_text(websocket);
            assert_int_equal(sse_client_read(events, &event, WAIT_MS), SSE_EVENT);
            size_t size = strlen(event.data);
            assert_int_equal(frame.payload.size, size);
            assert_memory_equal(event.data, frame.payload.data, size);
            assert_non_null(strchr(event.id, '-'));
            assert_string_equal(event.event, "");
        }
        sse_client_destroy(events);
        websocket_client_destroy(websocket);
    }
}

static void quiet_events_get_comments(void **state)
{
    struct parts *parts = *state;
    streamer_stage_start(&parts->stage, (const char *const[]){ "--heartbeat", "1s", "--ping", "1s",
                                                               "--ping-timeout", "2s", NULL });
    struct sse_client *events = sse_client_open(program_port(parts->stage.streamer), "/sse", NULL);
    struct sse_event event;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(sse_client_read(events, &event, WAIT_MS), SSE_EVENT);
        assert_string_equal(event.comment, "heartbeat");
    }
    sse_client_destroy(events);
}

static void wrong_requests_for_events_are_told_what_is_wrong(void **state)
{
    struct parts *parts = *state;
    static const char *const wrong[] = { "/sse?stream=all", "/sse?dialect=perl" };
    streamer_stage_start(&parts->stage, NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct sse_client *events =
            sse_client_open(program_port(parts->stage.streamer), wrong[i], NULL);
        assert_int_equal(sse_client_status(events), 400);
        sse_client_destroy(events);
    }
}

static void everybody_is_told_when_the_streamer_stops(void **state)
{
    struct parts *parts = *state;
    streamer_stage_start(&parts->stage, NULL);
    struct sse_client *events = sse_client_open(program_port(parts->stage.streamer), "/sse", NULL);
    struct websocket_client *plain = open_client(parts, "/", NULL);
    struct websocket_client *deflated = open_client(parts, "/", OFFER);
    stream_feed_add(parts->stage.redis, 0, 1, PADDING);
    (void)sse_client_expect(events, "\"cert_index\":0,", WAIT_MS);
    program_signal(parts->stage.streamer, SIGTERM);
    assert_int_equal(read_to_the_end(plain), 1001);
    assert_int_equal(read_to_the_end(deflated), 1001);
    struct sse_event event = sse_client_expect(events, "1001", WAIT_MS);
    assert_string_equal(event.event, "close");
    assert_int_equal(sse_client_read(events, &event, WAIT_MS), SSE_ENDED);
    assert_int_equal(program_wait(parts->stage.streamer, WAIT_MS), 0);
    sse_client_destroy(events);
    websocket_client_destroy(plain);
    websocket_client_destroy(deflated);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_are_compressed_for_who_takes_that, setup,
                                        streamer_stage_teardown),
        cmocka_unit_test_setup_teardown(compressed_messages_are_those_of_the_plain_stream, setup,
                                        streamer_stage_teardown),
        cmocka_unit_test_setup_teardown(only_what_we_can_keep_is_agreed_on, setup,
                                        streamer_stage_teardown),
        cmocka_unit_test_setup_teardown(compression_can_be_turned_off, setup,
                                        streamer_stage_teardown),
        cmocka_unit_test_setup_teardown(what_clients_compress_is_skipped, setup,
                                        streamer_stage_teardown),
        cmocka_unit_test_setup_teardown(a_long_offer_is_read_to_its_end, setup,
                                        streamer_stage_teardown),
        cmocka_unit_test_setup_teardown(events_are_the_messages_with_their_ids, setup,
                                        streamer_stage_teardown),
        cmocka_unit_test_setup_teardown(quiet_events_get_comments, setup, streamer_stage_teardown),
        cmocka_unit_test_setup_teardown(wrong_requests_for_events_are_told_what_is_wrong, setup,
                                        streamer_stage_teardown),
        cmocka_unit_test_setup_teardown(everybody_is_told_when_the_streamer_stops, setup,
                                        streamer_stage_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
