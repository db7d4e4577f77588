#include "ingest/tree/tile_proof.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"

/* Hashes [0, width) of a tile; width 0: not there. */
struct kept_tile {
    uint64_t number;
    unsigned width;
    struct merkle_hash hashes[TILE_WIDTH];
};

struct tile_proof {
    uint64_t size;
    struct signed_head head;
    bool asks_full; /* the partial tile that is next is gone: the full one begins with it */
    /* Both are indexed by level. The edge tile is the partial one that ends the tree; the path tile
     * is the full one that `size` ends in. */
    struct kept_tile edge[TILE_PROOF_LEVELS];
    struct kept_tile path[TILE_PROOF_LEVELS];
};

struct tile_proof *tile_proof_create(void)
{
    return memory_allocate_zeroed(1, sizeof(struct tile_proof));
}

void tile_proof_destroy(struct tile_proof *proof)
{
    free(proof);
}

void tile_proof_begin(struct tile_proof *proof, uint64_t size, const struct signed_head *head)
{
    assert(size > 0 && size <= head->size && head->size >> (8 * TILE_PROOF_LEVELS) == 0);
    proof->size = size;
    proof->head = *head;
    proof->asks_full = false;
}

/* Complete hashes of a level, in a tree of `size` leaves. */
static uint64_t hashes_of(uint64_t size, int level)
{
    return size >> (8 * level);
}

static unsigned edge_width(const struct tile_proof *proof, int level)
{
    return (unsigned)(hashes_of(proof->head.size, level) % TILE_WIDTH);
}

static uint64_t edge_number(const struct tile_proof *proof, int level)
{
    return hashes_of(proof->head.size, level) / TILE_WIDTH;
}

static uint64_t path_number(const struct tile_proof *proof, int level)
{
    return hashes_of(proof->size, level) / TILE_WIDTH;
}

/* How many hashes of its tile of this level belong to the frontier. */
static unsigned path_take(const struct tile_proof *proof, int level)
{
    return (unsigned)(hashes_of(proof->size, level) % TILE_WIDTH);
}

/* A level below which no hash belongs to the frontier needs no tile. */
static int lowest_level(const struct tile_proof *proof)
{
    int level = 0;
    while (path_take(proof, level) == 0)
        level++;
    return level;
}

static bool has_edge(const struct tile_proof *proof, int level)
{
    const struct kept_tile *tile = &proof->edge[level];
    return tile->width == edge_width(proof, level) && tile->number == edge_number(proof, level);
}

/* Whether the frontier ends in a full tile of this level, and not in the edge tile. */
static bool needs_path(const struct tile_proof *proof, int level)
{
    return level >= lowest_level(proof) && path_number(proof, level) != edge_number(proof, level);
}

static bool has_path(const struct tile_proof *proof, int level)
{
    const struct kept_tile *tile = &proof->path[level];
    return tile->width == TILE_WIDTH && tile->number == path_number(proof, level);
}

bool tile_proof_next(const struct tile_proof *proof, struct hash_tile *tile)
{
    for (int level = TILE_PROOF_LEVELS; level-- > 0;) {
        unsigned width = edge_width(proof, level);
        if (width && !has_edge(proof, level)) {
            *tile = (struct hash_tile){ level, edge_number(proof, level),
                                        proof->asks_full ? TILE_WIDTH : width };
            return true;
        }
    }
    for (int level = TILE_PROOF_LEVELS; level-- > 0;)
        if (needs_path(proof, level) && !has_path(proof, level)) {
            *tile = (struct hash_tile){ level, path_number(proof, level), TILE_WIDTH };
            return true;
        }
    return false;
}

bool tile_proof_on_answer(struct tile_proof *proof, struct bytes body)
{
    struct hash_tile tile;
    bool expected = tile_proof_next(proof, &tile);
    assert(expected);
    if (body.size != (size_t)tile.width * SHA256_SIZE)
        return false;
    unsigned width = edge_width(proof, tile.level);
    bool is_edge = width && !has_edge(proof, tile.level);
    struct kept_tile *kept = is_edge ? &proof->edge[tile.level] : &proof->path[tile.level];
    kept->number = tile.number;
    kept->width = is_edge ? width : TILE_WIDTH;
    memcpy(kept->hashes, body.data, (size_t)kept->width * SHA256_SIZE);
    proof->asks_full = false;
    return true;
}

bool tile_proof_on_missing(struct tile_proof *proof)
{
    struct hash_tile tile;
    bool expected = tile_proof_next(proof, &tile);
    assert(expected);
    if (tile.width == TILE_WIDTH) {
        proof->asks_full = false;
        return false;
    }
    return proof->asks_full = true;
}

static const struct kept_tile *tile_at(const struct tile_proof *proof, int level)
{
    return needs_path(proof, level) ? &proof->path[level] : &proof->edge[level];
}

static void add_hashes(struct digest *sha256, struct merkle_frontier *frontier, int level,
                       const struct kept_tile *tile, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        merkle_frontier_add(sha256, frontier, (unsigned)(8 * level), &tile->hashes[i]);
}

static bool edge_leads_to_root(const struct tile_proof *proof, struct digest *sha256)
{
    struct merkle_frontier frontier = { 0 };
    struct merkle_hash root;
    for (int level = TILE_PROOF_LEVELS; level-- > 0;)
        add_hashes(sha256, &frontier, level, &proof->edge[level], edge_width(proof, level));
    merkle_frontier_root(sha256, &frontier, &root);
    return memcmp(&root, &proof->head.root, sizeof root) == 0;
}

static bool parent_has(const struct tile_proof *proof, int level, struct digest *sha256)
{
    struct merkle_frontier tile = { 0 };
    struct merkle_hash root;
    add_hashes(sha256, &tile, 0, &proof->path[level], TILE_WIDTH);
    merkle_frontier_root(sha256, &tile, &root);
    /* There is a parent: the edge tile of the highest level is number 0, and so is the path's. */
    const struct kept_tile *parent = tile_at(proof, level + 1);
    unsigned place = (unsigned)(path_number(proof, level) % TILE_WIDTH);
    return place < parent->width && memcmp(&root, &parent->hashes[place], sizeof root) == 0;
}

static bool is_proven(const struct tile_proof *proof, struct digest *sha256)
{
    if (!edge_leads_to_root(proof, sha256))
        return false;
    for (int level = TILE_PROOF_LEVELS; level-- > 0;)
        if (needs_path(proof, level) && !parent_has(proof, level, sha256))
            return false;
    return true;
}

bool tile_proof_finish(struct tile_proof *proof, struct digest *sha256,
                       struct merkle_frontier *frontier)
{
    if (!is_proven(proof, sha256)) {
        memset(proof->edge, 0, sizeof proof->edge);
        memset(proof->path, 0, sizeof proof->path);
        return false;
    }
    *frontier = (struct merkle_frontier){ 0 };
    for (int level = TILE_PROOF_LEVELS; level-- > 0;)
        add_hashes(sha256, frontier, level, tile_at(proof, level), path_take(proof, level));
    assert(frontier->size == proof->size);
    return true;
}
