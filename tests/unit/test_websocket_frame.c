#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/base/bytes.h"
#include "streamer/lanes/websocket_frame.h"

/* The examples of RFC 6455 section 5.7, and the sizes at which the form of the length changes. */
static void the_length_takes_the_shortest_form(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        uint8_t header[WEBSOCKET_FRAME_HEADER_MAX];
        size_t header_size;
    } cases[] = {
        { 0, { 0x81, 0 }, 2 },
        { 5, { 0x81, 5 }, 2 },
        { 125, { 0x81, 125 }, 2 },
        { 126, { 0x81, 126, 0, 126 }, 4 },
        { 256, { 0x81, 126, 1, 0 }, 4 },
        { 65535, { 0x81, 126, 0xff, 0xff }, 4 },
        { 65536, { 0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0 }, 10 },
        { 0x123456789a, { 0x81, 127, 0, 0, 0, 0x12, 0x34, 0x56, 0x78, 0x9a }, 10 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t header[WEBSOCKET_FRAME_HEADER_MAX];
        size_t size = websocket_frame_header(header, WEBSOCKET_FRAME_TEXT, cases[i].size);
        assert_int_equal(size, cases[i].header_size);
        assert_memory_equal(header, cases[i].header, size);
    }
}

static void control_frames_carry_their_opcode(void **state)
{
    (void)state;
    uint8_t header[WEBSOCKET_FRAME_HEADER_MAX];
    assert_int_equal(websocket_frame_header(header, WEBSOCKET_FRAME_PING, 4), 2);
    assert_int_equal(header[0], 0x89);
    assert_int_equal(websocket_frame_header(header, WEBSOCKET_FRAME_CLOSE, 2), 2);
    assert_int_equal(header[0], 0x88);
}

static void a_control_frame_is_never_long(void **state)
{
    (void)state;
    uint8_t header[WEBSOCKET_FRAME_HEADER_MAX];
    assert_int_equal(websocket_frame_header(header, WEBSOCKET_FRAME_PING, WEBSOCKET_CONTROL_MAX),
                     2);
    assert_int_equal(header[1], WEBSOCKET_CONTROL_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_length_takes_the_shortest_form),
        cmocka_unit_test(control_frames_carry_their_opcode),
        cmocka_unit_test(a_control_frame_is_never_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
