#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/json/json_writer.h"

static void check_text(const char *in, size_t size, const char *expected)
{
    struct buffer out;
    buffer_init(&out, 1024);
    struct json_writer writer = json_writer_of(&out);
    json_text(&writer, bytes_of(in, size));
    buffer_append_byte(&out, '\0');
    assert_string_equal((const char *)out.data, expected);
    buffer_free(&out);
}

#define CHECK_TEXT(in, expected) check_text((in), sizeof(in) - 1, (expected))

static void escapes_what_json_asks_for(void **state)
{
    (void)state;
    CHECK_TEXT("plain /<>&", "\"plain /<>&\"");
    CHECK_TEXT("\"\\", "\"\\\"\\\\\"");
    CHECK_TEXT("\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"");
    CHECK_TEXT("a\0b\x1f\x7f", "\"a\\u0000b\\u001f\\u007f\"");
}

static void keeps_valid_utf8_and_replaces_the_rest(void **state)
{
    (void)state;
    CHECK_TEXT("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
    CHECK_TEXT("\xff", "\"\xef\xbf\xbd\"");
    CHECK_TEXT("a\xc3", "\"a\xef\xbf\xbd\"");
    CHECK_TEXT("\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"");
    CHECK_TEXT("\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    CHECK_TEXT("\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    CHECK_TEXT("\xe2\x82z", "\"\xef\xbf\xbd\xef\xbf\xbdz\"");
}

static void puts_commas_where_they_belong(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, 1024);
    struct json_writer writer = json_writer_of(&out);
    json_begin_object(&writer);
    json_key(&writer, "a");
    json_begin_array(&writer);
    json_unsigned(&writer, 1);
    json_signed(&writer, INT64_MIN);
    json_begin_object(&writer);
    json_end_object(&writer);
    json_end_array(&writer);
    json_key(&writer, "b");
    json_null(&writer);
    json_key(&writer, "c");
    json_milliseconds(&writer, 1509613330006);
    json_key(&writer, "d");
    json_bool(&writer, true);
    json_key(&writer, "e");
    json_text_or_null(&writer, (struct bytes){ 0 });
    json_key(&writer, "f");
    json_raw(&writer, bytes_of_string("[]"));
    json_end_object(&writer);
    assert_true(bytes_equal_string(
        buffer_bytes(&out),
        "{\"a\":[1,-9223372036854775808,{}],\"b\":null,\"c\":1509613330.006,\"d\":true,"
        "\"e\":null,\"f\":[]}"));
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_what_json_asks_for),
        cmocka_unit_test(keeps_valid_utf8_and_replaces_the_rest),
        cmocka_unit_test(puts_commas_where_they_belong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
