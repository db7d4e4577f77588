/* Bodies that are gzip, that seem to be, that are damaged, and that inflate to more than they
 * may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ingest/http/gunzip.h"
#include "shared/base/memory.h"
#include "tests/support/ct_log/stamped_gzip.h"

enum {
    LIMIT = 1024 * 1024
};

static struct buffer make_gzip(size_t size)
{
    struct buffer gzip;
    uint8_t *plain = memory_allocate(size);
    for (size_t i = 0; i < size; i++)
        plain[i] = (uint8_t)(i * i >> 7);
    buffer_init(&gzip, (size_t)16 * LIMIT);
    gzip_write(&gzip, bytes_of(plain, size));
    free(plain);
    return gzip;
}

static enum gunzip_result inflated(struct bytes body, size_t limit, size_t *size)
{
    struct buffer out;
    buffer_init(&out, limit);
    enum gunzip_result result = gunzip(&out, body);
    assert_true(out.size <= limit);
    for (size_t i = 0; i < out.size && result == GUNZIP_DONE; i++)
        assert_int_equal(out.data[i], (uint8_t)(i * i >> 7));
    *size = out.size;
    buffer_free(&out);
    return result;
}

static void what_was_deflated_comes_back(void **state)
{
    static const size_t sizes[] = { 0, 1, 1000, 65535, 65536, 65537, 300000 };
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct buffer gzip = make_gzip(sizes[i]);
        size_t size;
        assert_true(gunzip_is_likely(buffer_bytes(&gzip)));
        assert_int_equal(inflated(buffer_bytes(&gzip), LIMIT, &size), GUNZIP_DONE);
        assert_int_equal(size, sizes[i]);
        buffer_free(&gzip);
    }
}

static void the_limit_holds(void **state)
{
    (void)state;
    struct buffer gzip = make_gzip(300000);
    size_t size;
    assert_int_equal(inflated(buffer_bytes(&gzip), 300001, &size), GUNZIP_DONE);
    assert_int_equal(inflated(buffer_bytes(&gzip), 299999, &size), GUNZIP_TOO_LARGE);
    assert_int_equal(inflated(buffer_bytes(&gzip), 1, &size), GUNZIP_TOO_LARGE);
    buffer_free(&gzip);
}

/* Cut anywhere, with a byte changed anywhere, or with something behind it: no gzip, and no reading
 * beyond the end. */
static void what_is_damaged_is_not_taken(void **state)
{
    (void)state;
    struct buffer gzip = make_gzip(2000);
    size_t size;
    for (size_t cut = 0; cut < gzip.size; cut++) {
        uint8_t *exact = memory_allocate(cut);
        memcpy(exact, gzip.data, cut);
        assert_int_equal(inflated(bytes_of(exact, cut), LIMIT, &size), GUNZIP_NOT_GZIP);
        free(exact);
    }
    /* A bit that nobody reads is no damage: the contents are the same (inflated), or it is
     * refused. */
    for (size_t at = 10; at < gzip.size; at++) {
        gzip.data[at] ^= 0x10;
        if (inflated(buffer_bytes(&gzip), LIMIT, &size) == GUNZIP_DONE)
            assert_int_equal(size, 2000);
        gzip.data[at] ^= 0x10;
    }
    buffer_append_byte(&gzip, 0);
    assert_int_equal(inflated(buffer_bytes(&gzip), LIMIT, &size), GUNZIP_NOT_GZIP);
    buffer_free(&gzip);
}

static void other_bytes_are_not_gzip(void **state)
{
    static const char *const texts[] = { "", "\x1f", "\x1f\x8b", "\x1f\x8b\x08",
                                         "{\"entries\":[]}" };
    size_t size;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(inflated(bytes_of_string(texts[i]), LIMIT, &size), GUNZIP_NOT_GZIP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_deflated_comes_back),
        cmocka_unit_test(the_limit_holds),
        cmocka_unit_test(what_is_damaged_is_not_taken),
        cmocka_unit_test(other_bytes_are_not_gzip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
