#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "shared/base/utf8.h"
#include "streamer/ws/close_frame.h"
#include "streamer/ws/utf8_check.h"

/* Whole, and cut at every place. */
static bool is_utf8(struct bytes text)
{
    struct utf8_check whole = { 0 };
    bool good = utf8_check_add(&whole, text) && utf8_check_is_complete(&whole);
    for (size_t cut = 0; cut <= text.size; cut++) {
        struct utf8_check check = { 0 };
        bool again = utf8_check_add(&check, bytes_of(text.data, cut)) &&
                     utf8_check_add(&check, bytes_of(text.data + cut, text.size - cut)) &&
                     utf8_check_is_complete(&check);
        assert_int_equal(again, good);
    }
    return good;
}

static void knows_utf8(void **state)
{
    (void)state;
    static const char *const good[] = { "",
                                        "plain",
                                        "\xc2\x80",
                                        "\xdf\xbf",
                                        "\xe0\xa0\x80",
                                        "\xed\x9f\xbf",
                                        "\xee\x80\x80",
                                        "\xf0\x90\x80\x80",
                                        "\xf4\x8f\xbf\xbf",
                                        "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5" };
    static const char *const wrong[] = { "\x80",
                                         "\xff",
                                         "\xc0\x80",
                                         "\xc1\xbf",
                                         "\xc2",
                                         "\xc2\x41",
                                         "\xe0\x9f\xbf",
                                         "\xed\xa0\x80",
                                         "\xe1\x80",
                                         "\xf0\x8f\xbf\xbf",
                                         "\xf4\x90\x80\x80",
                                         "\xf5\x80\x80\x80",
                                         "\xf1\x80\x80" };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(is_utf8(bytes_of_string(good[i])));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(is_utf8(bytes_of_string(wrong[i])));
}

/* The other decoder of this project reads from whole texts. */
static void agrees_with_the_decoder_on_every_short_text(void **state)
{
    (void)state;
    for (unsigned value = 0; value <= 0xffffff; value += value < 0x10000 ? 1 : 7) {
        const uint8_t text[] = { (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value };
        bool good = true;
        for (size_t at = 0, size; good && at < sizeof text; at += size) {
            size = utf8_sequence_size(bytes_of(text + at, sizeof text - at));
            good = size > 0;
        }
        struct utf8_check check = { 0 };
        bool again =
            utf8_check_add(&check, bytes_of(text, sizeof text)) && utf8_check_is_complete(&check);
        if (again != good)
            fail_msg("%06x", value);
    }
}

static void says_what_is_wrong_with_a_close_frame(void **state)
{
    (void)state;
    static const struct {
        unsigned code, answer;
    } rows[] = {
        { 999, 1002 },  { 1000, 0 }, { 1001, 0 }, { 1003, 0 },    { 1004, 1002 },  { 1005, 1002 },
        { 1006, 1002 }, { 1007, 0 }, { 1011, 0 }, { 1014, 0 },    { 1015, 1002 },  { 1016, 1002 },
        { 2999, 1002 }, { 3000, 0 }, { 4999, 0 }, { 5000, 1002 }, { 65535, 1002 }, { 0, 1002 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const uint8_t payload[] = { (uint8_t)(rows[i].code >> 8), (uint8_t)rows[i].code, 'x' };
        assert_int_equal(close_frame_check(bytes_of(payload, 2)), rows[i].answer);
        assert_int_equal(close_frame_check(bytes_of(payload, 3)), rows[i].answer);
    }
    assert_int_equal(close_frame_check(bytes_of("", 0)), 0);
    assert_int_equal(close_frame_check(bytes_of("\x03", 1)), 1002);
    assert_int_equal(close_frame_check(bytes_of("\x03\xe8\xc3\xa4", 4)), 0);
    assert_int_equal(close_frame_check(bytes_of("\x03\xe8\xc3", 3)), 1007);
    assert_int_equal(close_frame_check(bytes_of("\x03\xe8\xff", 3)), 1007);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_utf8),
        cmocka_unit_test(agrees_with_the_decoder_on_every_short_text),
        cmocka_unit_test(says_what_is_wrong_with_a_close_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
