#include "ingest/tree/merkle.h"

#include <assert.h>

#include "shared/base/buffer.h"
#include "shared/base/hex.h"

enum {
    LEAF_PIECES_MAX = 4
};

static bool has_level(const struct merkle_frontier *frontier, unsigned level)
{
    return frontier->size >> level & 1;
}

void merkle_hash_leaf(struct digest *sha256, struct merkle_hash *out, const struct bytes *pieces,
                      size_t count)
{
    static const uint8_t leaf_prefix = 0;
    struct bytes all[LEAF_PIECES_MAX + 1] = { bytes_of(&leaf_prefix, 1) };
    assert(count <= LEAF_PIECES_MAX);
    for (size_t i = 0; i < count; i++)
        all[i + 1] = pieces[i];
    digest_pieces(sha256, out->bytes, all, count + 1);
}

void merkle_hash_children(struct digest *sha256, struct merkle_hash *out,
                          const struct merkle_hash *left, const struct merkle_hash *right)
{
    uint8_t node[1 + 2 * SHA256_SIZE];
    node[0] = 1;
    memcpy(node + 1, left->bytes, SHA256_SIZE);
    memcpy(node + 1 + SHA256_SIZE, right->bytes, SHA256_SIZE);
    digest_bytes(sha256, out->bytes, bytes_of(node, sizeof node));
}

void merkle_frontier_add(struct digest *sha256, struct merkle_frontier *frontier, unsigned level,
                         const struct merkle_hash *hash)
{
    assert(level < MERKLE_LEVELS && frontier->size % (UINT64_C(1) << level) == 0);
    struct merkle_hash node = *hash;
    unsigned at = level;
    for (; has_level(frontier, at); at++)
        merkle_hash_children(sha256, &node, &frontier->nodes[at], &node);
    frontier->nodes[at] = node;
    frontier->size += UINT64_C(1) << level;
}

void merkle_frontier_root(struct digest *sha256, const struct merkle_frontier *frontier,
                          struct merkle_hash *out)
{
    if (frontier->size == 0) {
        digest_bytes(sha256, out->bytes, (struct bytes){ 0 });
        return;
    }
    unsigned level = 0;
    while (!has_level(frontier, level))
        level++;
    *out = frontier->nodes[level];
    while (++level < MERKLE_LEVELS)
        if (has_level(frontier, level))
            merkle_hash_children(sha256, out, &frontier->nodes[level], out);
}

void merkle_frontier_write(const struct merkle_frontier *frontier, struct buffer *hex)
{
    for (unsigned level = MERKLE_LEVELS; level-- > 0;) {
        if (!has_level(frontier, level))
            continue;
        char text[2 * SHA256_SIZE + 1];
        hex_encode(text, bytes_of(frontier->nodes[level].bytes, SHA256_SIZE));
        buffer_append(hex, text, sizeof text - 1);
    }
}

bool merkle_frontier_read(struct merkle_frontier *frontier, uint64_t size, struct bytes hex)
{
    *frontier = (struct merkle_frontier){ .size = size };
    for (unsigned level = MERKLE_LEVELS; level-- > 0;) {
        if (!has_level(frontier, level))
            continue;
        size_t width = (size_t)2 * SHA256_SIZE;
        if (hex.size < width ||
            !hex_decode(frontier->nodes[level].bytes, SHA256_SIZE, bytes_of(hex.data, width)))
            return false;
        hex = bytes_of(hex.data + width, hex.size - width);
    }
    return hex.size == 0;
}

bool merkle_frontier_equal(const struct merkle_frontier *a, const struct merkle_frontier *b)
{
    if (a->size != b->size)
        return false;
    for (unsigned level = 0; level < MERKLE_LEVELS; level++)
        if (has_level(a, level) &&
            memcmp(a->nodes[level].bytes, b->nodes[level].bytes, SHA256_SIZE) != 0)
            return false;
    return true;
}

bool merkle_fold_path(struct digest *sha256, const struct merkle_place *place,
                      const struct merkle_path *path, struct merkle_frontier *frontier,
                      struct merkle_hash *root)
{
    uint64_t at = place->index, last = place->size - 1;
    assert(place->index < place->size);
    *frontier = (struct merkle_frontier){ .size = place->index };
    *root = place->leaf;
    unsigned level = 0;
    for (size_t i = 0; i < path->length; i++) {
        if (last == 0)
            return false;
        /* The last node of a level that has no sibling goes up as it is. */
        for (; at == last && !(at & 1); level++)
            at >>= 1, last >>= 1;
        if (at & 1) {
            frontier->nodes[level] = path->hashes[i];
            merkle_hash_children(sha256, root, &path->hashes[i], root);
        } else {
            merkle_hash_children(sha256, root, root, &path->hashes[i]);
        }
        at >>= 1, last >>= 1, level++;
    }
    if (last != 0)
        return false;
    merkle_frontier_add(sha256, frontier, 0, &place->leaf);
    return true;
}

bool merkle_verify_consistency(struct digest *sha256, const struct merkle_tree *older,
                               const struct merkle_tree *newer, const struct merkle_path *proof)
{
    assert(older->size > 0 && older->size < newer->size);
    uint64_t at = older->size - 1, last = newer->size - 1;
    size_t used = 0;
    while (at & 1)
        at >>= 1, last >>= 1;
    /* A perfect older tree is itself the first node of the proof. */
    if (at && proof->length == 0)
        return false;
    struct merkle_hash older_root = at ? proof->hashes[used++] : older->root;
    struct merkle_hash newer_root = older_root;
    for (; used < proof->length; used++) {
        const struct merkle_hash *hash = &proof->hashes[used];
        if (last == 0)
            return false;
        if ((at & 1) || at == last) {
            merkle_hash_children(sha256, &older_root, hash, &older_root);
            merkle_hash_children(sha256, &newer_root, hash, &newer_root);
            while (at && !(at & 1))
                at >>= 1, last >>= 1;
        } else {
            merkle_hash_children(sha256, &newer_root, &newer_root, hash);
        }
        at >>= 1, last >>= 1;
    }
    return last == 0 && memcmp(&older_root, &older->root, sizeof older_root) == 0 &&
           memcmp(&newer_root, &newer->root, sizeof newer_root) == 0;
}
