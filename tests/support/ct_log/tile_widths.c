#include "tests/support/ct_log/tile_widths.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/memory.h"

void tile_widths_clear(struct tile_widths *widths)
{
    for (size_t i = 0; i < TILE_WIDTHS_LEVELS; i++)
        free(widths->levels[i].tiles);
    *widths = (struct tile_widths){ 0 };
}

static void grow(struct tile_widths_level *level, uint64_t count)
{
    if (count <= level->count)
        return;
    count *= 2;
    level->tiles = memory_resize(level->tiles, count, sizeof *level->tiles);
    memset(level->tiles[level->count], 0, (count - level->count) * sizeof *level->tiles);
    level->count = count;
}

void tile_widths_note(struct tile_widths *widths, uint64_t size)
{
    for (size_t i = 0; i < TILE_WIDTHS_LEVELS && size; i++, size /= TILE_WIDTHS_TILE) {
        uint64_t number = size / TILE_WIDTHS_TILE;
        unsigned width = (unsigned)(size % TILE_WIDTHS_TILE);
        if (!width)
            continue;
        grow(&widths->levels[i], number + 1);
        widths->levels[i].tiles[number][width / 8] |= (uint8_t)(1u << (width % 8));
    }
}

bool tile_widths_has(const struct tile_widths *widths, unsigned level, uint64_t number,
                     unsigned width)
{
    if (level >= TILE_WIDTHS_LEVELS || number >= widths->levels[level].count ||
        width >= TILE_WIDTHS_TILE)
        return false;
    return widths->levels[level].tiles[number][width / 8] >> (width % 8) & 1;
}
