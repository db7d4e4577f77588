#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/message/tile_path.h"
#include "tests/support/ct_log/tile_request.h"

static void reads_what_is_written(void **state)
{
    static const uint64_t numbers[] = { 0, 1, 999, 1000, 1234067, 15999001, 123456789012 };
    static const int levels[] = { TILE_LEVEL_DATA, 0, 1, 5, 63 };
    static const unsigned widths[] = { 1, 17, 255, 256 };
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        for (size_t j = 0; j < sizeof levels / sizeof *levels; j++)
            for (size_t k = 0; k < sizeof widths / sizeof *widths; k++) {
                char path[TILE_PATH_SIZE];
                struct tile_request request;
                tile_path_write(path, levels[j], numbers[i], widths[k]);
                assert_true(tile_request_parse(&request, bytes_of_string(path)));
                assert_int_equal(request.level, levels[j]);
                assert_int_equal(request.number, numbers[i]);
                assert_int_equal(request.width, widths[k]);
            }
}

static void refuses_every_other_spelling(void **state)
{
    static const char *const paths[] = {
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/x000/001",
        "tile/0/001/000",
        "tile/0/x001/x000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p/1x",
        "tile/data/000/",
        "tile/data/ 000",
        "tile/data/x99999999999999999999/000",
        "tile/entries/000",
    };
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct tile_request request;
        assert_false(tile_request_parse(&request, bytes_of_string(paths[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_is_written),
        cmocka_unit_test(refuses_every_other_spelling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
