/*
 * The Merkle tree of RFC 6962 section 2.1, as far as a follower needs it: leaf and node hashes, and
 * the frontier: the roots of the perfect subtrees that the tree of `size` leaves consists of, which
 * is all that is needed to append to it and to compute its root. Pure.
 */
#ifndef INGEST_TREE_MERKLE_H
#define INGEST_TREE_MERKLE_H

#include "shared/base/digest.h"

struct buffer;

enum {
    MERKLE_LEVELS = 64,
    MERKLE_FRONTIER_HEX = MERKLE_LEVELS * SHA256_SIZE * 2
};

struct merkle_hash {
    uint8_t bytes[SHA256_SIZE];
};

/* nodes[level] is set exactly if bit `level` of size is: the subtree of 2^level leaves. Zero it for
 * the empty tree. */
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

/* Whether both have the same size and the same nodes, and so the same leaves. */
bool merkle_frontier_equal(const struct merkle_frontier *a, const struct merkle_frontier *b);

struct merkle_tree {
    uint64_t size;
    struct merkle_hash root;
};

/* Hashes out of a proof, in the order in which logs send them: bottom up. */
struct merkle_path {
    struct merkle_hash hashes[2 * MERKLE_LEVELS];
    size_t length;
};

/* A leaf and where it stands: index < size. */
struct merkle_place {
    struct merkle_hash leaf;
    uint64_t index;
    uint64_t size;
};

/*
 * Follows an inclusion path (RFC 9162 section 2.1.3.2) and gives the root of the tree of
 * `place->size` leaves that it leads to, which is to be compared with a signed one, and the
 * frontier of the first index + 1 leaves, whose nodes are the path's left siblings: if the root is
 * right, so is the frontier. False if such a path has another length.
 */
bool merkle_fold_path(struct digest *sha256, const struct merkle_place *place,
                      const struct merkle_path *path, struct merkle_frontier *frontier,
                      struct merkle_hash *root);

/* Whether `proof` shows that the newer tree begins with the older one (RFC 9162 section 2.1.4.2); 0
 * < older->size < newer->size. */
bool merkle_verify_consistency(struct digest *sha256, const struct merkle_tree *older,
                               const struct merkle_tree *newer, const struct merkle_path *proof);

#endif
