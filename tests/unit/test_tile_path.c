#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/message/tile_path.h"

struct row {
    int level;
    uint64_t number;
    unsigned width;
    const char *path;
};

static const struct row rows[] = {
    { 0, 0, 256, "tile/0/000" },
    { 0, 1000, 256, "tile/0/x001/000" },
    { 1, 52123, 17, "tile/1/x052/123.p/17" },
    { TILE_LEVEL_DATA, 999001, 256, "tile/data/x999/001" },
    { TILE_LEVEL_DATA, 1234067, 1, "tile/data/x001/x234/067.p/1" },
    { TILE_LEVEL_DATA, 1999001, 255, "tile/data/x001/x999/001.p/255" },
    { 5, 15999001, 256, "tile/5/x015/x999/001" },
    { 63, UINT64_MAX, 255, "tile/63/x018/x446/x744/x073/x709/x551/615.p/255" },
};

static void writes_the_paths_of_the_specification(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[TILE_PATH_SIZE];
        tile_path_write(path, rows[i].level, rows[i].number, rows[i].width);
        assert_string_equal(path, rows[i].path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_paths_of_the_specification),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
