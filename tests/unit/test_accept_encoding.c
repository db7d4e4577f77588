#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "streamer/request/accept_encoding.h"

static bool takes(const char *value)
{
    return accept_encoding_has_gzip(bytes_of_string(value));
}

static void takes_gzip_where_it_is_named(void **state)
{
    (void)state;
    assert_true(takes("gzip"));
    assert_true(takes("deflate, GZIP;q=0.5 , br"));
    assert_true(takes("x-gzip"));
    assert_true(takes("*"));
    assert_true(takes("br;q=1.0, *;q=0.1"));
    assert_true(takes("gzip ; q=0.001"));
}

static void takes_none_where_it_is_refused_or_not_named(void **state)
{
    (void)state;
    assert_false(accept_encoding_has_gzip((struct bytes){ 0 }));
    assert_false(takes(""));
    assert_false(takes("identity"));
    assert_false(takes("gzip;q=0"));
    assert_false(takes("gzip;Q=0.000"));
    assert_false(takes("gzip;q=0, *"));
    assert_false(takes("*;q=0"));
    assert_false(takes("gzipped, ;;, ,"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_gzip_where_it_is_named),
        cmocka_unit_test(takes_none_where_it_is_refused_or_not_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
