/*
 * The Merkle tree of RFC 6962 section 2, kept whole: every complete node of every level, so that
 * the root and the proofs of any size up to now, and any hash tile, are a few look-ups. 64 bytes
 * per leaf.
 *
 *     level 2        n(0,4)
 *     level 1   n(0,2)    n(2,4)
 *     level 0   0    1    2    3    4
 *
 * A level's nodes stand in one array; leaf 4 waits for its sibling.
 */
#ifndef CT_LOG_MERKLE_TREE_H
#define CT_LOG_MERKLE_TREE_H

#include "shared/base/buffer.h"

enum {
    MERKLE_HASH_SIZE = 32,
    /* Sizes are below 2^40: the leaf_index extension has 40 bits. */
    MERKLE_LEVELS = 41,
    /* An inclusion proof has a hash per level; a consistency proof one more. */
    MERKLE_PROOF_MAX = MERKLE_LEVELS + 1,
};

struct merkle_proof {
    uint8_t hashes[MERKLE_PROOF_MAX][MERKLE_HASH_SIZE];
    size_t count;
};

struct merkle_tree;

struct merkle_tree *merkle_tree_create(void);
/* A tree with the first `size` leaves of `tree`. */
struct merkle_tree *merkle_tree_copy(struct merkle_tree *tree, uint64_t size);
void merkle_tree_destroy(struct merkle_tree *tree);

uint64_t merkle_tree_size(const struct merkle_tree *tree);

/* Appends the leaf whose leaf_input is `leaf`. */
void merkle_tree_append(struct merkle_tree *tree, struct bytes leaf);

/* The root over the first `size` leaves; `size` is at most the tree's. */
void merkle_tree_root(struct merkle_tree *tree, uint64_t size, uint8_t *root);

/* The audit path of leaf `index` in the tree of `size` leaves (RFC 6962 section 2.1.1); index <
 * size <= the tree's. */
void merkle_tree_prove_inclusion(struct merkle_tree *tree, uint64_t index, uint64_t size,
                                 struct merkle_proof *proof);

/* The proof that the tree of `second` leaves extends that of `first` (section 2.1.2); first <=
 * second <= the tree's size. Empty if they are equal or first is 0. */
void merkle_tree_prove_consistency(struct merkle_tree *tree, uint64_t first, uint64_t second,
                                   struct merkle_proof *proof);

/* The nodes of `level` from `first` on, or an empty view if the tree does not have `count` complete
 * ones there. Borrowed until the next append. */
struct bytes merkle_tree_nodes(const struct merkle_tree *tree, unsigned level, uint64_t first,
                               uint64_t count);

/* Finds the first leaf with this hash among the first `size`; false if there is none. Looks at
 * every leaf. */
bool merkle_tree_find(const struct merkle_tree *tree, const uint8_t *hash, uint64_t size,
                      uint64_t *index);

#endif
