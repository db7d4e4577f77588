/* The values of ASN.1 that certificates hold: times, texts, integers, object identifiers. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/objects.h>

#include "shared/x509/asn1_integer.h"
#include "shared/x509/asn1_text.h"
#include "shared/x509/asn1_time.h"
#include "shared/x509/der.h"
#include "shared/x509/object_id.h"

enum {
    LIMIT = 1 << 20
};

struct time_row {
    uint8_t tag;
    const char *text;
    bool readable;
    int64_t seconds;
};

static const struct time_row time_rows[] = {
    { DER_UTC_TIME, "700101000000Z", true, 0 },
    { DER_UTC_TIME, "500101000000Z", true, -631152000 },
    { DER_UTC_TIME, "491231235959Z", true, 2524607999 },
    { DER_UTC_TIME, "260401120000Z", true, 1775044800 },
    { DER_UTC_TIME, "2604011200Z", true, 1775044800 },
    { DER_UTC_TIME, "260401120000+0200", true, 1775037600 },
    { DER_UTC_TIME, "260401120000-0130", true, 1775050200 },
    { DER_GENERALIZED_TIME, "20260401120000Z", true, 1775044800 },
    { DER_GENERALIZED_TIME, "20260401120000.999Z", true, 1775044800 },
    { DER_GENERALIZED_TIME, "20380119031408Z", true, INT64_C(2147483648) },
    { DER_GENERALIZED_TIME, "99991231235959Z", true, INT64_C(253402300799) },
    { DER_GENERALIZED_TIME, "19500101000000Z", true, -631152000 },
    { DER_GENERALIZED_TIME, "00000101000000Z", true, INT64_C(-62167219200) },
    { DER_GENERALIZED_TIME, "20000229000000Z", true, 951782400 },
    { DER_GENERALIZED_TIME, "21000228235959Z", true, INT64_C(4107542399) },
    { DER_UTC_TIME, "", false, 0 },
    { DER_UTC_TIME, "hello", false, 0 },
    { DER_UTC_TIME, "260401120000", false, 0 },
    { DER_UTC_TIME, "260401120000Z ", false, 0 },
    { DER_UTC_TIME, "260401120000.5Z", false, 0 },
    { DER_UTC_TIME, "260230120000Z", false, 0 },
    { DER_UTC_TIME, "261301120000Z", false, 0 },
    { DER_UTC_TIME, "260400120000Z", false, 0 },
    { DER_UTC_TIME, "260401240000Z", false, 0 },
    { DER_UTC_TIME, "260401126000Z", false, 0 },
    { DER_UTC_TIME, "260401120060Z", false, 0 },
    { DER_UTC_TIME, "260401120000+02", false, 0 },
    { DER_UTC_TIME, "260401120000+1300", false, 0 },
    { DER_UTC_TIME, "2604011-0000Z", false, 0 },
    { DER_GENERALIZED_TIME, "21000229000000Z", false, 0 },
    { DER_GENERALIZED_TIME, "20260401120000.Z", false, 0 },
    { DER_GENERALIZED_TIME, "260401120000Z", true, INT64_C(20007993600) }, /* 2604-01-12 */
    { DER_UTF8_STRING, "260401120000Z", false, 0 },
};

static void reads_times(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof time_rows / sizeof *time_rows; i++) {
        const struct time_row *row = &time_rows[i];
        int64_t seconds = 0;
        bool readable = asn1_time_read(&seconds, row->tag, bytes_of_string(row->text));
        if (readable != row->readable || (readable && seconds != row->seconds))
            fail_msg("%s: %d, %" PRId64, row->text, readable, seconds);
    }
}

static void counts_days_as_the_c_library_does(void **state)
{
    (void)state;
    for (int64_t expected = -631152000; expected < INT64_C(253402300800);
         expected += INT64_C(86400) * 37 + 4321) {
        time_t moment = (time_t)expected;
        struct tm parts;
        char text[32];
        assert_non_null(gmtime_r(&moment, &parts));
        size_t size = strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &parts);
        int64_t seconds = 0;
        assert_true(asn1_time_read(&seconds, DER_GENERALIZED_TIME, bytes_of(text, size)));
        assert_true(seconds == expected);
    }
}

struct text_row {
    uint8_t tag;
    const char *value;
    size_t size;
    const char *utf8;
    const char *escaped;
};

#define TEXT(literal) literal, sizeof(literal) - 1

static const struct text_row text_rows[] = {
    { DER_UTF8_STRING, TEXT("caf\xc3\xa9"), "caf\xc3\xa9", "caf\xc3\xa9" },
    { DER_PRINTABLE_STRING, TEXT("a\"b\\c\n"), "a\"b\\c\n", "a\\\"b\\\\c\\n" },
    { DER_IA5_STRING, TEXT("a\xff"), "a\xff", "a\xef\xbf\xbd" },
    { DER_T61_STRING, TEXT("caf\xe9"), "caf\xc3\xa9", "caf\xc3\xa9" },
    { DER_BMP_STRING, TEXT("\0a\0\"\x20\xac"), "a\"\xe2\x82\xac", "a\\\"\xe2\x82\xac" },
    { DER_BMP_STRING, TEXT("\xd8\x3d\xde\x00\0z"), "\xf0\x9f\x98\x80z", "\xf0\x9f\x98\x80z" },
    { DER_BMP_STRING, TEXT("\xd8\x3d\0z"), "\xef\xbf\xbdz", "\xef\xbf\xbdz" },
    { DER_BMP_STRING, TEXT("\xde\x00\0z"), "\xef\xbf\xbdz", "\xef\xbf\xbdz" },
    { DER_BMP_STRING, TEXT("\xd8\x3d"), "\xef\xbf\xbd", "\xef\xbf\xbd" },
    { DER_BMP_STRING, TEXT("\0a\0"), "a\xef\xbf\xbd", "a\xef\xbf\xbd" },
    { DER_UNIVERSAL_STRING, TEXT("\0\x01\xf6\0\0\0\0a"),
      "\xf0\x9f\x98\x80"
      "a",
      "\xf0\x9f\x98\x80"
      "a" },
    { DER_UNIVERSAL_STRING, TEXT("\0\x11\0\0"), "\xef\xbf\xbd", "\xef\xbf\xbd" },
    { DER_UNIVERSAL_STRING, TEXT("\0\0\xd8\0"), "\xef\xbf\xbd", "\xef\xbf\xbd" },
    { DER_UNIVERSAL_STRING, TEXT("\0\0\0a\0"), "a\xef\xbf\xbd", "a\xef\xbf\xbd" },
};

static void reads_texts_by_their_type(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, LIMIT);
    for (size_t i = 0; i < sizeof text_rows / sizeof *text_rows; i++) {
        const struct text_row *row = &text_rows[i];
        struct asn1_text text = { row->tag, bytes_of(row->value, row->size) };
        buffer_clear(&out);
        asn1_text_append(&out, text);
        if (!bytes_equal_string(buffer_bytes(&out), row->utf8))
            fail_msg("row %zu: %.*s", i, (int)out.size, (const char *)out.data);
        buffer_clear(&out);
        asn1_text_escape(&out, text);
        if (!bytes_equal_string(buffer_bytes(&out), row->escaped))
            fail_msg("row %zu, escaped: %.*s", i, (int)out.size, (const char *)out.data);
    }
    buffer_clear(&out);
    asn1_text_append(&out, (struct asn1_text){ DER_BMP_STRING, bytes_of("\0a\0\0\0b", 6) });
    assert_true(bytes_equal(buffer_bytes(&out), bytes_of("a\0b", 3)));
    buffer_free(&out);
}

struct integer_row {
    const char *content;
    size_t size;
    const char *hex;
    const char *decimal;
};

static const struct integer_row integer_rows[] = {
    { TEXT("\x05"), "05", "5" },
    { TEXT("\x00"), "00", "0" },
    { TEXT(""), "00", "0" },
    { TEXT("\x00\xff"), "FF", "255" },
    { TEXT("\x00\x00\x01\x00"), "01:00", "256" },
    { TEXT("\xff"), "01", "-1" },
    { TEXT("\x80"), "80", "-128" },
    { TEXT("\xff\x01"), "FF", "-255" },
    { TEXT("\xff\x00"), "01:00", "-256" },
    { TEXT("\x80\x00\x00\x00\x00\x00\x00\x00"), "80:00:00:00:00:00:00:00", "-9223372036854775808" },
    { TEXT("\x01\x02\x03\x04\x05\x06\x07\x08\x09"), "01:02:03:04:05:06:07:08:09",
      "0x010203040506070809" },
};

static void writes_integers(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, LIMIT);
    for (size_t i = 0; i < sizeof integer_rows / sizeof *integer_rows; i++) {
        const struct integer_row *row = &integer_rows[i];
        struct bytes content = bytes_of(row->content, row->size);
        buffer_clear(&out);
        asn1_integer_append_hex(&out, content, ":");
        assert_true(bytes_equal_string(buffer_bytes(&out), row->hex));
        buffer_clear(&out);
        asn1_integer_append_decimal(&out, content);
        assert_true(bytes_equal_string(buffer_bytes(&out), row->decimal));
        assert_int_equal(asn1_integer_is_negative(content), row->decimal[0] == '-');
    }
    buffer_free(&out);
}

struct object_row {
    const char *id;
    size_t size;
    const char *dotted; /* NULL: none */
};

static const struct object_row object_rows[] = {
    { TEXT("\x55\x04\x03"), "2.5.4.3" },
    { TEXT("\x2a\x86\x48\x86\xf7\x0d"), "1.2.840.113549" },
    { TEXT("\x00"), "0.0" },
    { TEXT("\x27"), "0.39" },
    { TEXT("\x28"), "1.0" },
    { TEXT("\x88\x37"), "2.999" },
    { TEXT("\x81\xff\xff\xff\xff\xff\xff\xff\x7f"), "2.144115188075855791" },
    /* 2.25 and a UUID of 128 bits, all ones. */
    { TEXT("\x69\x83\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
      "2.25.340282366920938463463374607431768211455" },
    /* A first arc of 2^70. */
    { TEXT("\x81\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"), "2.1180591620717411303344" },
    { TEXT(""), NULL },
    { TEXT("\x55\x84"), NULL },
};

static void writes_object_identifiers_with_dots(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, LIMIT);
    for (size_t i = 0; i < sizeof object_rows / sizeof *object_rows; i++) {
        const struct object_row *row = &object_rows[i];
        buffer_clear(&out);
        bool readable = object_id_append_dotted(&out, bytes_of(row->id, row->size));
        assert_int_equal(readable, row->dotted != NULL);
        if (!bytes_equal_string(buffer_bytes(&out), row->dotted ? row->dotted : ""))
            fail_msg("row %zu: %.*s", i, (int)out.size, (const char *)out.data);
    }
    uint8_t endless[66] = { 0x55 };
    memset(endless + 1, 0x81, 64);
    assert_false(object_id_append_dotted(&out, bytes_of(endless, sizeof endless)));
    buffer_free(&out);
}

static void names_objects_as_openssl_does(void **state)
{
    (void)state;
    struct bytes before = bytes_of("", 0);
    size_t count = 0;
    for (const struct object_id_name *row = object_id_at(0); row; row = object_id_at(++count)) {
        bool is_larger =
            row->id.size > before.size ||
            (row->id.size == before.size && memcmp(row->id.data, before.data, before.size) > 0);
        assert_true(is_larger);
        before = row->id;
        assert_ptr_equal(object_id_find(row->id), row);
        struct buffer out;
        buffer_init(&out, LIMIT);
        assert_true(object_id_append_dotted(&out, row->id));
        buffer_append_byte(&out, 0);
        int nid = OBJ_txt2nid((const char *)out.data);
        /* A row that this version of OpenSSL does not know cannot be compared with it. */
        if (nid != NID_undef) {
            assert_string_equal(row->short_name, OBJ_nid2sn(nid));
            assert_string_equal(row->long_name, OBJ_nid2ln(nid));
        }
        buffer_free(&out);
    }
    assert_true(count > 100);
}

static void names_known_objects_and_dots_the_others(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, LIMIT);
    struct bytes street = bytes_of("\x55\x04\x09", 3);
    assert_true(object_id_append_short(&out, street));
    assert_true(object_id_append_long(&out, street));
    assert_true(object_id_append_long(&out, bytes_of("\x88\x37", 2)));
    assert_true(bytes_equal_string(buffer_bytes(&out), "streetstreetAddress2.999"));
    assert_null(object_id_find((struct bytes){ 0 }));
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_times),
        cmocka_unit_test(counts_days_as_the_c_library_does),
        cmocka_unit_test(reads_texts_by_their_type),
        cmocka_unit_test(writes_integers),
        cmocka_unit_test(writes_object_identifiers_with_dots),
        cmocka_unit_test(names_objects_as_openssl_does),
        cmocka_unit_test(names_known_objects_and_dots_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
