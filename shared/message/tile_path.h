/* Tile paths of c2sp.org/static-ct-api, below a log's monitoring URL. */
#ifndef SHARED_MESSAGE_TILE_PATH_H
#define SHARED_MESSAGE_TILE_PATH_H

#include <stdint.h>

enum {
    TILE_WIDTH = 256,
    /* "tile/data/" or "tile/63/", seven groups of "x123/" for 2^64, ".p/255" and a NUL. */
    TILE_PATH_SIZE = 64,
    TILE_LEVEL_DATA = -1,
};

/* Writes e.g. "tile/data/x001/x234/067" or, with `width` 1 to 255, "tile/0/067.p/12" to `path`, of
 * TILE_PATH_SIZE bytes. `level` is 0 to 63 or TILE_LEVEL_DATA; `width` TILE_WIDTH means the full
 * tile. */
void tile_path_write(char *path, int level, uint64_t number, unsigned width);

#endif
