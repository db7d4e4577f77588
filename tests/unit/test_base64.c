#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "shared/base/base64.h"

struct vector {
    const char *plain;
    const char *encoded;
};

/* RFC 4648 section 10. */
static const struct vector vectors[] = {
    { "", "" },
    { "f", "Zg==" },
    { "fo", "Zm8=" },
    { "foo", "Zm9v" },
    { "foob", "Zm9vYg==" },
    { "fooba", "Zm9vYmE=" },
    { "foobar", "Zm9vYmFy" },
    { "\xfb\xff\xfe", "+//+" },
};

static void encodes_and_decodes_the_vectors_of_rfc_4648(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        struct buffer out;
        buffer_init(&out, 64);
        base64_encode(&out, bytes_of_string(vectors[i].plain));
        assert_true(bytes_equal_string(buffer_bytes(&out), vectors[i].encoded));
        buffer_clear(&out);
        assert_true(base64_decode(&out, bytes_of_string(vectors[i].encoded)));
        assert_true(bytes_equal_string(buffer_bytes(&out), vectors[i].plain));
        buffer_free(&out);
    }
}

static void encodes_with_the_url_alphabet(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, 64);
    base64_encode_url(&out, bytes_of_string("\xfb\xff\xfe\xff"));
    assert_true(bytes_equal_string(buffer_bytes(&out), "-__-_w=="));
    buffer_free(&out);
}

static void refuses_what_is_not_strict_base64(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "Z",    "Zg",    "Zg=",    "Zg===", "=",     "====",       "Zg==Zg==", "Z=g=", "Zh==",
        "Zm9=", "Zm 9v", "Zm9v\n", "-__-",  "Zm9v=", "Zm\xc3\xa9", "Zm9vZm9",  "Zm9*",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct buffer out;
        buffer_init(&out, 64);
        buffer_append_string(&out, "kept");
        if (base64_decode(&out, bytes_of_string(wrong[i])))
            fail_msg("accepted %s", wrong[i]);
        assert_true(bytes_equal_string(buffer_bytes(&out), "kept"));
        buffer_free(&out);
    }
}

static void decodes_an_exact_size_only(void **state)
{
    (void)state;
    uint8_t out[3];
    assert_true(base64_decode_exactly(out, 3, bytes_of_string("Zm9v")));
    assert_memory_equal(out, "foo", 3);
    assert_false(base64_decode_exactly(out, 2, bytes_of_string("Zm9v")));
    assert_false(base64_decode_exactly(out, 3, bytes_of_string("Zm9vYg==")));
}

static void gives_back_what_went_in_for_random_bytes(void **state)
{
    (void)state;
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srandom(seed);
    for (unsigned round = 0; round < 2000; round++) {
        uint8_t plain[200];
        size_t size = (size_t)random() % sizeof plain;
        for (size_t i = 0; i < size; i++)
            plain[i] = (uint8_t)random();
        struct buffer encoded, decoded;
        buffer_init(&encoded, 1024);
        buffer_init(&decoded, 1024);
        base64_encode(&encoded, bytes_of(plain, size));
        assert_int_equal(encoded.size, base64_encoded_size(size));
        assert_true(base64_decode(&decoded, buffer_bytes(&encoded)));
        assert_true(bytes_equal(buffer_bytes(&decoded), bytes_of(plain, size)));
        buffer_free(&encoded);
        buffer_free(&decoded);
    }
}

static void refuses_what_passes_the_buffers_limit(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, 2);
    assert_false(base64_decode(&out, bytes_of_string("Zm9v")));
    assert_true(out.failed);
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_and_decodes_the_vectors_of_rfc_4648),
        cmocka_unit_test(encodes_with_the_url_alphabet),
        cmocka_unit_test(refuses_what_is_not_strict_base64),
        cmocka_unit_test(decodes_an_exact_size_only),
        cmocka_unit_test(gives_back_what_went_in_for_random_bytes),
        cmocka_unit_test(refuses_what_passes_the_buffers_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
