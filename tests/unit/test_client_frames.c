#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "streamer/ws/client_frames.h"

/* A mask of zeros: the payload is what it says. */
#define MASK "\0\0\0\0"

struct row {
    const char *name;
    const char *bytes;
    size_t size;
    bool has_deflate;
    enum client_says says;
    unsigned code;
};

#define ROW(name, bytes, ...)                       \
    {                                               \
        name, bytes, sizeof(bytes) - 1, __VA_ARGS__ \
    }

static const struct row rows[] = {
    ROW("text", "\x81\x83" MASK "abc", false, CLIENT_SAYS_NOTHING, 0),
    ROW("empty text", "\x81\x80" MASK, false, CLIENT_SAYS_NOTHING, 0),
    ROW("no mask",
        "\x81\x03"
        "abc",
        false, CLIENT_IS_WRONG, 1002),
    ROW("RSV1 without deflate", "\xc1\x81" MASK "a", false, CLIENT_IS_WRONG, 1002),
    ROW("RSV1 with deflate", "\xc1\x81" MASK "\xff", true, CLIENT_SAYS_NOTHING, 0),
    ROW("RSV1 on a ping", "\xc9\x81" MASK "a", true, CLIENT_IS_WRONG, 1002),
    ROW("RSV1 on a continuation",
        "\x41\x81" MASK "a"
        "\xc0\x81" MASK "b",
        true, CLIENT_IS_WRONG, 1002),
    ROW("compressed in fragments",
        "\x41\x81" MASK "\xff"
        "\x80\x81" MASK "\xff",
        true, CLIENT_SAYS_NOTHING, 0),
    ROW("RSV2", "\xa1\x81" MASK "a", true, CLIENT_IS_WRONG, 1002),
    ROW("opcode 3", "\x83\x80", false, CLIENT_IS_WRONG, 1002),
    ROW("opcode 11", "\x8b\x80", false, CLIENT_IS_WRONG, 1002),
    ROW("not UTF-8", "\x81\x81" MASK "\xff", false, CLIENT_IS_WRONG, 1007),
    ROW("a character cut off", "\x81\x81" MASK "\xc3", false, CLIENT_IS_WRONG, 1007),
    ROW("a character in two frames",
        "\x01\x81" MASK "\xc3"
        "\x80\x81" MASK "\xa4",
        false, CLIENT_SAYS_NOTHING, 0),
    ROW("binary is no text", "\x82\x81" MASK "\xff", false, CLIENT_SAYS_NOTHING, 0),
    ROW("a continuation of nothing", "\x80\x80" MASK, false, CLIENT_IS_WRONG, 1002),
    ROW("a message in a message", "\x01\x80" MASK "\x81\x80" MASK, false, CLIENT_IS_WRONG, 1002),
    ROW("ping", "\x89\x82" MASK "hi", false, CLIENT_SAYS_PING, 0),
    ROW("ping in fragments", "\x09\x80" MASK, false, CLIENT_IS_WRONG, 1002),
    ROW("a long ping", "\x89\xfe", false, CLIENT_IS_WRONG, 1002),
    ROW("pong", "\x8a\x80" MASK, false, CLIENT_SAYS_NOTHING, 0),
    ROW("close", "\x88\x82" MASK "\x03\xe8", false, CLIENT_SAYS_CLOSE, 1000),
    ROW("empty close", "\x88\x80" MASK, false, CLIENT_SAYS_CLOSE, 0),
    ROW("a close of one byte", "\x88\x81" MASK "\x03", false, CLIENT_IS_WRONG, 1002),
    ROW("a code that is none", "\x88\x82" MASK "\x03\xed", false, CLIENT_IS_WRONG, 1002),
    ROW("a short length in 16 bits", "\x82\xfe\0\x7d", false, CLIENT_IS_WRONG, 1002),
    ROW("a short length in 64 bits", "\x82\xff\0\0\0\0\0\0\xff\xff", false, CLIENT_IS_WRONG, 1002),
    ROW("a length with a sign", "\x82\xff\x80\0\0\0\0\0\0\0", false, CLIENT_IS_WRONG, 1002),
    ROW("one byte too many", "\x82\xff\0\0\0\0\0\1\0\1", false, CLIENT_IS_WRONG, 1009),
    ROW("as long as may be", "\x82\xff\0\0\0\0\0\1\0\0", false, CLIENT_SAYS_NOTHING, 0),
};

/* In pieces of any size it is the same. */
static void each_frame_is_what_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t step = 1; step <= rows[i].size; step++) {
            struct client_frames frames;
            struct client_word word = { .says = CLIENT_SAYS_NOTHING };
            client_frames_init(&frames, rows[i].has_deflate);
            for (size_t at = 0; at < rows[i].size && word.says == CLIENT_SAYS_NOTHING; at += step) {
                size_t rest = rows[i].size - at;
                struct bytes piece = bytes_of(rows[i].bytes + at, rest < step ? rest : step);
                while (piece.size && word.says == CLIENT_SAYS_NOTHING)
                    word = client_frames_take(&frames, &piece);
            }
            if (word.says != rows[i].says || word.code != rows[i].code)
                fail_msg("%s: %d %u", rows[i].name, (int)word.says, word.code);
        }
}

static void a_ping_comes_back_unmasked(void **state)
{
    (void)state;
    struct client_frames frames;
    struct bytes input = bytes_of("\x89\x83\1\2\3\4\x62\x62\x62\x81\x80\0\0\0\0", 15);
    client_frames_init(&frames, false);
    struct client_word word = client_frames_take(&frames, &input);
    assert_int_equal(word.says, CLIENT_SAYS_PING);
    assert_true(bytes_equal_string(word.payload, "c`a"));
    assert_int_equal(input.size, 6);
}

static void fragments_are_counted_together(void **state)
{
    (void)state;
    static uint8_t payload[CLIENT_MESSAGE_MAX / 4];
    struct client_frames frames;
    client_frames_init(&frames, false);
    for (int i = 0; i < 5; i++) {
        uint8_t header[] = { i ? 0x00 : 0x02, 0xfe, sizeof payload >> 8, 0, 0, 0, 0, 0 };
        struct bytes input = bytes_of(header, sizeof header);
        struct client_word word = client_frames_take(&frames, &input);
        assert_int_equal(word.says, i < 4 ? CLIENT_SAYS_NOTHING : CLIENT_IS_WRONG);
        assert_int_equal(word.code, i < 4 ? 0 : 1009);
        input = bytes_of(payload, sizeof payload);
        word = client_frames_take(&frames, &input);
        assert_int_equal(word.says, CLIENT_SAYS_NOTHING);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_frame_is_what_it_is),
        cmocka_unit_test(a_ping_comes_back_unmasked),
        cmocka_unit_test(fragments_are_counted_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
