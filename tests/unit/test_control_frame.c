/* The bytes of what is sent besides messages, over each transport; and of events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "streamer/lanes/control_frame.h"
#include "streamer/lanes/sse.h"

static const struct gap slow = {
    .from = { 5, 1 }, .to = { 9, 0 }, .is_counted = true, .missed = 7, .reason = GAP_SLOW
};
static const struct gap trimmed = { .from = { 5, 0 }, .to = { 9, 0 }, .reason = GAP_TRIMMED };

static int setup(void **state)
{
    static struct buffer out;
    buffer_init(&out, CONTROL_FRAME_MAX);
    *state = &out;
    return 0;
}

static int teardown(void **state)
{
    buffer_free(*state);
    return 0;
}

static void expect_bytes(struct buffer *out, const char *expected, size_t size)
{
    assert_int_equal(out->size, size);
    assert_memory_equal(out->data, expected, size);
    buffer_clear(out);
}

static void expect_text(struct buffer *out, const char *expected)
{
    expect_bytes(out, expected, strlen(expected));
}

static void over_websocket_each_is_a_frame_of_its_own(void **state)
{
    struct buffer *out = *state;
    control_frame_heartbeat(out, FRAMING_WEBSOCKET, 1500);
    expect_text(out, "\x81\x2e{\"message_type\":\"heartbeat\",\"timestamp\":1.500}");
    control_frame_ping(out, FRAMING_WEBSOCKET_DEFLATED);
    expect_text(out, "\x89\x0a"
                     "certstream");
    control_frame_gap(out, FRAMING_WEBSOCKET_DEFLATED, &slow, true, 1500);
    expect_text(out, "\x81\x52{\"message_type\":\"gap\",\"data\":{\"from\":\"5-1\",\"to\":\"9-0\","
                     "\"missed\":7,\"reason\":\"slow\"}}");
    control_frame_close(out, FRAMING_WEBSOCKET, 1001, "going away");
    expect_bytes(out, "\x88\x0c\x03\xe9going away", 14);
}

static void over_sse_each_is_an_event_or_a_comment(void **state)
{
    struct buffer *out = *state;
    control_frame_heartbeat(out, FRAMING_SSE, 1500);
    expect_text(out, ": heartbeat\n\n");
    control_frame_ping(out, FRAMING_SSE);
    expect_text(out, "");
    control_frame_gap(out, FRAMING_SSE, &trimmed, true, 1500);
    expect_text(out, "id: 9-0\nevent: gap\ndata: {\"message_type\":\"gap\",\"data\":{\"from\":"
                     "\"5-0\",\"to\":\"9-0\",\"missed\":null,\"reason\":\"trimmed\"}}\n\n");
    control_frame_close(out, FRAMING_SSE, 1001, "going away");
    expect_text(out, "event: close\ndata: {\"code\":1001,\"reason\":\"going away\"}\n\n");
}

/* Clients that know four kinds of message read `data.seen` of a fifth. */
static void who_never_heard_of_gaps_gets_a_heartbeat(void **state)
{
    struct buffer *out = *state;
    control_frame_gap(out, FRAMING_WEBSOCKET, &slow, false, 1500);
    expect_text(out,
                "\x81\x69{\"message_type\":\"heartbeat\",\"timestamp\":1.500,\"gap\":{\"from\":"
                "\"5-1\",\"to\":\"9-0\",\"missed\":7,\"reason\":\"slow\"}}");
    control_frame_gap(out, FRAMING_SSE, &trimmed, false, 1500);
    expect_text(out,
                "id: 9-0\nevent: gap\ndata: {\"message_type\":\"heartbeat\",\"timestamp\":1.500,"
                "\"gap\":{\"from\":\"5-0\",\"to\":\"9-0\",\"missed\":null,\"reason\":\"trimmed\"}}"
                "\n\n");
}

static void events_have_a_line_for_each_line_of_data(void **state)
{
    struct buffer *out = *state;
    sse_write_event(out, bytes_of_string("7-1"), NULL, bytes_of_string("{}"));
    expect_text(out, "id: 7-1\ndata: {}\n\n");
    sse_write_event(out, bytes_of_string("7-1"), NULL, bytes_of_string("{}\n"));
    expect_text(out, "id: 7-1\ndata: {}\n\n");
    sse_write_event(out, (struct bytes){ 0 }, "x", bytes_of_string("a\nb\n\nc"));
    expect_text(out, "event: x\ndata: a\ndata: b\ndata: \ndata: c\n\n");
    sse_write_event(out, (struct bytes){ 0 }, NULL, (struct bytes){ 0 });
    expect_text(out, "data: \n\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(over_websocket_each_is_a_frame_of_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(over_sse_each_is_an_event_or_a_comment, setup, teardown),
        cmocka_unit_test_setup_teardown(who_never_heard_of_gaps_gets_a_heartbeat, setup, teardown),
        cmocka_unit_test_setup_teardown(events_have_a_line_for_each_line_of_data, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
