/*
 * What a tiled log's hash tiles prove: the frontier of its first `size` leaves, under a signed
 * head. The tiles at the right edge of the tree reproduce the head's root; from them each full tile
 * on the way down to `size` is authenticated by the hash that its parent has of it
 * (c2sp.org/static-ct-api, "Merkle tree"). Tiles are kept for the next proof: while a log's backlog
 * is read, one tile in 65,536 entries is new. Told what was answered, it says what to fetch next;
 * pure.
 */
#ifndef INGEST_TREE_TILE_PROOF_H
#define INGEST_TREE_TILE_PROOF_H

#include "ingest/tree/signed_head.h"
#include "shared/message/tile_path.h"

enum {
    /* Levels of tiles of a log below 2^48 entries; leaf_index has 40 bits. */
    TILE_PROOF_LEVELS = 6,
};

struct tile_proof;

/* A hash tile to GET. */
struct hash_tile {
    int level;
    uint64_t number;
    unsigned width; /* TILE_WIDTH: the full one */
};

struct tile_proof *tile_proof_create(void);
/* NULL is fine. */
void tile_proof_destroy(struct tile_proof *proof);

/* The frontier of `size` leaves under `head`; 0 < size <= head->size < 2^48. */
void tile_proof_begin(struct tile_proof *proof, uint64_t size, const struct signed_head *head);

/* The next tile that is needed; false if all are there and tile_proof_finish can be called. */
bool tile_proof_next(const struct tile_proof *proof, struct hash_tile *tile);
/* The body of that tile; false if it has another size. */
bool tile_proof_on_answer(struct tile_proof *proof, struct bytes body);
/* The log does not have it: true if the full tile can be asked for instead. */
bool tile_proof_on_missing(struct tile_proof *proof);

/* The proven frontier; false if the tiles do not lead to the head's root. All are then
 * forgotten. */
bool tile_proof_finish(struct tile_proof *proof, struct digest *sha256,
                       struct merkle_frontier *frontier);

#endif
