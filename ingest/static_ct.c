#include "ingest/static_ct.h"

#include <assert.h>

/* How much of tile `number` of `level` a log of `log_size` leaves serves. */
static unsigned tile_width(int level, uint64_t number, uint64_t log_size)
{
    uint64_t hashes = log_size >> (8 * level);
    return number < hashes / TILE_WIDTH ? TILE_WIDTH : (unsigned)(hashes % TILE_WIDTH);
}

size_t static_ct_plan_frontier(struct static_ct_hash_tile *tiles, uint64_t size, uint64_t log_size)
{
    assert(size <= log_size && log_size >> (8 * STATIC_CT_LEVELS) == 0);
    size_t count = 0;
    for (int level = STATIC_CT_LEVELS; level-- > 0;) {
        uint64_t hashes = size >> (8 * level);
        unsigned take = (unsigned)(hashes % TILE_WIDTH);
        if (take == 0)
            continue;
        uint64_t number = hashes / TILE_WIDTH;
        tiles[count++] = (struct static_ct_hash_tile){ level, number,
                                                       tile_width(level, number, log_size), take };
    }
    return count;
}

bool static_ct_add_hash_tile(struct merkle_frontier *frontier,
                             const struct static_ct_hash_tile *tile, struct bytes body,
                             struct digest *sha256)
{
    if (body.size % SHA256_SIZE != 0 || body.size / SHA256_SIZE < tile->take)
        return false;
    for (unsigned i = 0; i < tile->take; i++) {
        struct merkle_hash hash;
        memcpy(hash.bytes, body.data + (size_t)i * SHA256_SIZE, SHA256_SIZE);
        merkle_frontier_add(sha256, frontier, (unsigned)(8 * tile->level), &hash);
    }
    return true;
}
