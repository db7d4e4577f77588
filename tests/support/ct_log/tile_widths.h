/*
 * Which partial tiles a log's published checkpoints imply (static-ct-api): a log serves those and
 * no others.
 */
#ifndef CT_LOG_TILE_WIDTHS_H
#define CT_LOG_TILE_WIDTHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TILE_WIDTHS_LEVELS = 5, /* 40 bits of size, 8 per level */
    TILE_WIDTHS_TILE = 256,
};

/* A bit per width that a tile was published with. */
struct tile_widths_level {
    uint8_t (*tiles)[TILE_WIDTHS_TILE / 8];
    uint64_t count;
};

struct tile_widths {
    struct tile_widths_level levels[TILE_WIDTHS_LEVELS];
};

void tile_widths_clear(struct tile_widths *widths);
void tile_widths_note(struct tile_widths *widths, uint64_t size);
bool tile_widths_has(const struct tile_widths *widths, unsigned level, uint64_t number,
                     unsigned width);

#endif
