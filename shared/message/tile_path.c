#include "shared/message/tile_path.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

void tile_path_write(char *path, int level, uint64_t number, unsigned width)
{
    assert(level >= TILE_LEVEL_DATA && level < 64);
    assert(width >= 1 && width <= TILE_WIDTH);
    int at = level == TILE_LEVEL_DATA ? snprintf(path, TILE_PATH_SIZE, "tile/data/")
                                      : snprintf(path, TILE_PATH_SIZE, "tile/%d/", level);
    uint64_t divisor = 1;
    while (number / divisor >= 1000)
        divisor *= 1000;
    for (; divisor > 1; divisor /= 1000)
        at += snprintf(path + at, (size_t)(TILE_PATH_SIZE - at), "x%03" PRIu64 "/",
                       number / divisor % 1000);
    at += snprintf(path + at, (size_t)(TILE_PATH_SIZE - at), "%03" PRIu64, number % 1000);
    if (width < TILE_WIDTH)
        at += snprintf(path + at, (size_t)(TILE_PATH_SIZE - at), ".p/%u", width);
    assert(at < TILE_PATH_SIZE);
}
