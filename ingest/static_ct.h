/*
 * The tiles of a static-ct-api log that a follower asks for: which tiles carry the frontier that a follower starts with.
 * Data tiles are read by entry_read_tile_leaf. Pure.
 */
#ifndef INGEST_STATIC_CT_H
#define INGEST_STATIC_CT_H

#include "ingest/merkle.h"
#include "shared/tile_path.h"

enum {
    /* Levels of tiles of a log below 2^48 entries; leaf_index has 40 bits. */
    STATIC_CT_LEVELS = 6,
    /* The spec's theoretical maximum is 8 GB; a full tile is 0.4 MB of real entries. */
    STATIC_CT_BODY_MAX = 64 * 1024 * 1024,
    /* Issuers have 1 to 3 KB; some hundred may be held at once. */
    STATIC_CT_ISSUER_MAX = 128 * 1024,
};

/* A hash tile of which the first `take` hashes belong to a frontier; `width` is what the log serves of it. */
struct static_ct_hash_tile {
    int level;
    uint64_t number;
    unsigned width;
    unsigned take;
};

/* The tiles that carry the frontier of the first `size` leaves of a log of `log_size` leaves, highest level first: the
 * order in which they are added. Writes at most STATIC_CT_LEVELS and returns how many. size <= log_size < 2^48. */
size_t static_ct_plan_frontier(struct static_ct_hash_tile *tiles, uint64_t size, uint64_t log_size);

/* Adds the first `tile->take` hashes of a hash tile; false if `body` is too short for them or no row of hashes. */
bool static_ct_add_hash_tile(struct merkle_frontier *frontier,
                             const struct static_ct_hash_tile *tile, struct bytes body,
                             struct digest *sha256);

#endif
