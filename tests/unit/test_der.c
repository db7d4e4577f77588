#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shared/x509/der.h"

struct element_row {
    const char *what;
    const uint8_t *der;
    size_t size;
    bool readable;
    uint8_t tag;
    size_t content_offset;
    size_t content_size;
    size_t left;
};

#define DER(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

static const struct element_row element_rows[] = {
    { "a short length", DER(0x02, 0x01, 0x05, 0xff), true, DER_INTEGER, 2, 1, 1 },
    { "no content", DER(0x30, 0x00), true, DER_SEQUENCE, 2, 0, 0 },
    { "a length of one octet", DER(0x04, 0x81, 0x02, 1, 2), true, DER_OCTET_STRING, 3, 2, 0 },
    { "a length with zeros in front", DER(0x04, 0x84, 0, 0, 0, 2, 1, 2), true, DER_OCTET_STRING, 6,
      2, 0 },
    { "a length of nine octets, all zero but the last",
      DER(0x04, 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 1, 7), true, DER_OCTET_STRING, 11, 1, 0 },
    { "a length of zero in two octets", DER(0x04, 0x82, 0, 0), true, DER_OCTET_STRING, 4, 0, 0 },
    { "an indefinite length", DER(0x30, 0x80, 0x02, 0x01, 0x05, 0, 0, 9), true, DER_SEQUENCE, 2, 3,
      1 },
    { "indefinite lengths in each other", DER(0x30, 0x80, 0x30, 0x80, 0, 0, 0, 0), true,
      DER_SEQUENCE, 2, 4, 0 },
    { "a tag of two octets", DER(0x3f, 0x20, 0x01, 0x05), true, 0x3f, 3, 1, 0 },
    { "nothing", DER(0x30), false, 0, 0, 0, 0 },
    { "content that is cut off", DER(0x04, 0x03, 1, 2), false, 0, 0, 0, 0 },
    { "a length that is cut off", DER(0x04, 0x82, 0x01), false, 0, 0, 0, 0 },
    { "a length that does not fit 64 bits", DER(0x04, 0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0), false, 0, 0,
      0, 0 },
    { "a length of 2^64 - 1", DER(0x04, 0x88, 255, 255, 255, 255, 255, 255, 255, 255, 0), false, 0,
      0, 0, 0 },
    { "an indefinite length without end", DER(0x30, 0x80, 0x02, 0x01, 0x05), false, 0, 0, 0, 0 },
    { "an indefinite length with a bad element", DER(0x30, 0x80, 0x02, 0x7f, 0x05, 0, 0), false, 0,
      0, 0, 0 },
    { "a tag without end", DER(0x3f, 0x80, 0x80), false, 0, 0, 0, 0 },
};

static void reads_elements_of_every_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof element_rows / sizeof *element_rows; i++) {
        const struct element_row *row = &element_rows[i];
        struct reader reader = reader_of(bytes_of(row->der, row->size));
        struct der_element element = { 0 };
        if (der_next(&reader, &element) != row->readable || reader_ok(&reader) != row->readable)
            fail_msg("%s: readable", row->what);
        if (!row->readable) {
            assert_int_equal(element.content.size, 0);
            assert_false(der_next(&reader, &element));
            continue;
        }
        if (element.tag != row->tag || element.content.data != row->der + row->content_offset)
            fail_msg("%s: tag or place", row->what);
        if (element.content.size != row->content_size || reader.remaining != row->left)
            fail_msg("%s: size", row->what);
        assert_ptr_equal(element.whole.data, row->der);
        assert_int_equal(element.whole.size, row->size - row->left);
    }
}

static void takes_only_the_tag_it_is_asked_for(void **state)
{
    (void)state;
    static const uint8_t der[] = { 0x30, 0x05, 0x02, 0x01, 0x05, 0x05, 0x00 };
    struct reader outer = reader_of(bytes_of(der, sizeof der));
    struct reader inside = der_enter(&outer, DER_SEQUENCE);
    assert_true(reader_finished(&outer));
    assert_false(der_is_next(&inside, DER_NULL));
    assert_int_equal(der_take(&inside, DER_INTEGER).size, 1);
    assert_true(der_is_next(&inside, DER_NULL));
    assert_null(der_take(&inside, DER_INTEGER).data);
    assert_false(reader_ok(&inside));
    assert_false(der_is_next(&inside, DER_NULL));
}

static void a_reader_entered_in_vain_has_failed(void **state)
{
    (void)state;
    static const uint8_t der[] = { 0x31, 0x00 };
    struct reader outer = reader_of(bytes_of(der, sizeof der));
    struct reader inside = der_enter(&outer, DER_SEQUENCE);
    assert_false(reader_ok(&inside));
    assert_false(reader_ok(&outer));
}

/* Nesting costs no stack, however deep. */
static void passes_over_a_million_indefinite_lengths_in_each_other(void **state)
{
    (void)state;
    enum {
        DEPTH = 1000000
    };
    uint8_t *der = calloc(DEPTH, 4);
    assert_non_null(der);
    for (size_t i = 0; i < DEPTH; i++) {
        der[2 * i] = DER_SEQUENCE;
        der[2 * i + 1] = 0x80;
    }
    struct reader reader = reader_of(bytes_of(der, (size_t)DEPTH * 4));
    struct der_element element = { 0 };
    assert_true(der_next(&reader, &element));
    assert_int_equal(element.content.size, (size_t)DEPTH * 4 - 4);
    struct reader cut = reader_of(bytes_of(der, (size_t)DEPTH * 4 - 1));
    assert_false(der_next(&cut, &element));
    free(der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_elements_of_every_form),
        cmocka_unit_test(takes_only_the_tag_it_is_asked_for),
        cmocka_unit_test(a_reader_entered_in_vain_has_failed),
        cmocka_unit_test(passes_over_a_million_indefinite_lengths_in_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
