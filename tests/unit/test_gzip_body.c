/* What is compressed is read again by zlib. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#include <cmocka.h>

#include "shared/base/memory.h"
#include "streamer/http/gzip_body.h"

enum {
    LIMIT = 4 * 1024 * 1024,
    GZIP_WINDOW = 15 + 16, /* zlib's way of asking for gzip */
};

static void fill(struct buffer *body, size_t size)
{
    buffer_init(body, LIMIT);
    while (body->size < size)
        buffer_append_string(body, "{\"messages\":[1,2,3]}");
    body->size = size;
}

static void inflates_to_what_it_was(void **state)
{
    (void)state;
    struct buffer body, original;
    fill(&body, 100000);
    fill(&original, 100000);
    assert_true(gzip_body(&body));
    assert_true(body.size < 2000);
    uint8_t *out = memory_allocate(100001);
    z_stream stream = {
        .next_in = body.data, .avail_in = (unsigned)body.size, .next_out = out, .avail_out = 100001
    };
    assert_int_equal(inflateInit2(&stream, GZIP_WINDOW), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.total_out, 100000);
    assert_memory_equal(out, original.data, 100000);
    assert_int_equal(inflateEnd(&stream), Z_OK);
    free(out);
    buffer_free(&body);
    buffer_free(&original);
}

static void leaves_alone_what_is_small_huge_or_gets_no_smaller(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, GZIP_BODY_MIN - 1, GZIP_BODY_MAX + 1 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct buffer body;
        fill(&body, sizes[i]);
        assert_false(gzip_body(&body));
        assert_int_equal(body.size, sizes[i]);
        buffer_free(&body);
    }
    struct buffer noise;
    buffer_init(&noise, LIMIT);
    uint64_t mixed = 88172645463325252U;
    while (noise.size < 4096) {
        mixed ^= mixed << 13;
        mixed ^= mixed >> 7;
        mixed ^= mixed << 17;
        buffer_append(&noise, &mixed, sizeof mixed);
    }
    assert_false(gzip_body(&noise));
    assert_int_equal(noise.size, 4096);
    buffer_free(&noise);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inflates_to_what_it_was),
        cmocka_unit_test(leaves_alone_what_is_small_huge_or_gets_no_smaller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
