/*
 * The Merkle tree of RFC 6962 section 2.1, as far as a follower needs it: leaf and node hashes, and the frontier: the
 * roots of the perfect subtrees that the tree of `size` leaves consists of, which is all that is needed to append to it
 * and to compute its root. Pure.
 */
#ifndef INGEST_MERKLE_H
#define INGEST_MERKLE_H

#include "shared/digest.h"

struct buffer;

enum {
    MERKLE_LEVELS = 64,
    MERKLE_FRONTIER_HEX = MERKLE_LEVELS * SHA256_SIZE * 2
};

struct merkle_hash {
    uint8_t bytes[SHA256_SIZE];
};

/* nodes[level] is set exactly if bit `level` of size is: the subtree of 2^level leaves. Zero it for the empty tree. */
struct merkle_frontier {
    uint64_t size;
    struct merkle_hash nodes[MERKLE_LEVELS];
};

/* SHA-256(0x00 || pieces): the leaf input may lie in several pieces, at most four. */
void merkle_hash_leaf(struct digest *sha256, struct merkle_hash *out, const struct bytes *pieces,
                      size_t count);
void merkle_hash_children(struct digest *sha256, struct merkle_hash *out,
                          const struct merkle_hash *left, const struct merkle_hash *right);

/* Appends a perfect subtree of 2^level leaves; the size must be a multiple of 2^level. */
void merkle_frontier_add(struct digest *sha256, struct merkle_frontier *frontier, unsigned level,
                         const struct merkle_hash *hash);
void merkle_frontier_root(struct digest *sha256, const struct merkle_frontier *frontier,
                          struct merkle_hash *out);

/* The set nodes as hex, highest level first. */
void merkle_frontier_write(const struct merkle_frontier *frontier, struct buffer *hex);
/* The reverse; false if `hex` does not hold exactly the nodes that a tree of `size` has. */
bool merkle_frontier_read(struct merkle_frontier *frontier, uint64_t size, struct bytes hex);

/*
 * The frontier of the first size = leaf_index + 1 leaves from the inclusion path of leaf `leaf_index` in the tree of
 * that size (RFC 6962 section 2.1.1): all siblings of the last leaf are left siblings, lowest first, and they are the
 * frontier of leaf_index leaves. False if the path has another length than such a path has.
 */
bool merkle_frontier_from_path(struct digest *sha256, struct merkle_frontier *frontier,
                               uint64_t leaf_index, const struct merkle_hash *leaf,
                               const struct merkle_hash *path, size_t path_length);

#endif
