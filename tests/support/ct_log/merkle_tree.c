#include "tests/support/ct_log/merkle_tree.h"

#include <assert.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "shared/base/memory.h"

enum {
    FIRST_CAPACITY = 1024
};

struct level {
    uint8_t (*nodes)[MERKLE_HASH_SIZE];
    uint64_t count;
    uint64_t capacity;
};

struct merkle_tree {
    struct level levels[MERKLE_LEVELS];
    /* Made once: OpenSSL 3 looks an algorithm up on every one-shot digest, which costs more than
     * hashing a node. */
    EVP_MD *sha256;
    EVP_MD_CTX *context;
};

struct merkle_tree *merkle_tree_create(void)
{
    struct merkle_tree *tree = memory_allocate_zeroed(1, sizeof *tree);
    tree->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    tree->context = EVP_MD_CTX_new();
    assert(tree->sha256 && tree->context);
    return tree;
}

void merkle_tree_destroy(struct merkle_tree *tree)
{
    if (!tree)
        return;
    for (size_t i = 0; i < MERKLE_LEVELS; i++)
        free(tree->levels[i].nodes);
    EVP_MD_CTX_free(tree->context);
    EVP_MD_free(tree->sha256);
    free(tree);
}

uint64_t merkle_tree_size(const struct merkle_tree *tree)
{
    return tree->levels[0].count;
}

static void hash(struct merkle_tree *tree, uint8_t prefix, struct bytes content, uint8_t *out)
{
    bool made = EVP_DigestInit_ex2(tree->context, tree->sha256, NULL) == 1 &&
                EVP_DigestUpdate(tree->context, &prefix, 1) == 1 &&
                EVP_DigestUpdate(tree->context, content.data, content.size) == 1 &&
                EVP_DigestFinal_ex(tree->context, out, NULL) == 1;
    assert(made);
    (void)made;
}

static void hash_node(struct merkle_tree *tree, const uint8_t *left, const uint8_t *right,
                      uint8_t *out)
{
    uint8_t both[2 * MERKLE_HASH_SIZE];
    memcpy(both, left, MERKLE_HASH_SIZE);
    memcpy(both + MERKLE_HASH_SIZE, right, MERKLE_HASH_SIZE);
    hash(tree, 1, bytes_of(both, sizeof both), out);
}

static uint8_t *add_node(struct level *level)
{
    if (level->count == level->capacity) {
        level->capacity = level->capacity ? level->capacity * 2 : FIRST_CAPACITY;
        level->nodes = memory_resize(level->nodes, level->capacity, sizeof *level->nodes);
    }
    return level->nodes[level->count++];
}

/* The leaf just appended may complete a node on each level above it. */
static void complete_parents(struct merkle_tree *tree)
{
    for (size_t i = 0; i + 1 < MERKLE_LEVELS && tree->levels[i].count % 2 == 0; i++) {
        const struct level *level = &tree->levels[i];
        uint8_t *parent = add_node(&tree->levels[i + 1]);
        hash_node(tree, level->nodes[level->count - 2], level->nodes[level->count - 1], parent);
    }
}

void merkle_tree_append(struct merkle_tree *tree, struct bytes leaf)
{
    hash(tree, 0, leaf, add_node(&tree->levels[0]));
    complete_parents(tree);
}

struct merkle_tree *merkle_tree_copy(struct merkle_tree *tree, uint64_t size)
{
    assert(size <= merkle_tree_size(tree));
    struct merkle_tree *copy = merkle_tree_create();
    for (uint64_t i = 0; i < size; i++) {
        memcpy(add_node(&copy->levels[0]), tree->levels[0].nodes[i], MERKLE_HASH_SIZE);
        complete_parents(copy);
    }
    return copy;
}

/* The hash over `size` leaves from `first` on, where `first` is a multiple of every power of two up
 * to the one that is not below `size`: so are all ranges that RFC 6962's recursions arrive at. */
static void hash_range(struct merkle_tree *tree, uint64_t first, uint64_t size, uint8_t *out)
{
    bool is_started = false;
    assert(size > 0);
    for (unsigned level = 0; level < MERKLE_LEVELS; level++) {
        if (!(size >> level & 1))
            continue;
        uint64_t begin = first + (size >> level >> 1 << level << 1);
        const uint8_t *node = tree->levels[level].nodes[begin >> level];
        if (is_started)
            hash_node(tree, node, out, out);
        else
            memcpy(out, node, MERKLE_HASH_SIZE);
        is_started = true;
    }
}

void merkle_tree_root(struct merkle_tree *tree, uint64_t size, uint8_t *root)
{
    assert(size <= merkle_tree_size(tree));
    if (size) {
        hash_range(tree, 0, size, root);
        return;
    }
    bool made = EVP_Digest("", 0, root, NULL, tree->sha256, NULL) == 1;
    assert(made);
    (void)made;
}

/* The largest power of two below `size`. */
static uint64_t split_of(uint64_t size)
{
    assert(size >= 2);
    uint64_t split = 1;
    while (split * 2 < size)
        split *= 2;
    return split;
}

/* The recursions go from the root down and add their hashes on the way back. */
static void reverse(struct merkle_proof *proof)
{
    for (size_t low = 0, high = proof->count; low + 1 < high; low++) {
        uint8_t hash[MERKLE_HASH_SIZE];
        high--;
        memcpy(hash, proof->hashes[low], sizeof hash);
        memcpy(proof->hashes[low], proof->hashes[high], sizeof hash);
        memcpy(proof->hashes[high], hash, sizeof hash);
    }
}

void merkle_tree_prove_inclusion(struct merkle_tree *tree, uint64_t index, uint64_t size,
                                 struct merkle_proof *proof)
{
    assert(index < size && size <= merkle_tree_size(tree));
    proof->count = 0;
    uint64_t first = 0;
    while (size > 1) {
        uint64_t split = split_of(size);
        uint8_t *sibling = proof->hashes[proof->count++];
        if (index - first < split) {
            hash_range(tree, first + split, size - split, sibling);
            size = split;
        } else {
            hash_range(tree, first, split, sibling);
            first += split;
            size -= split;
        }
    }
    reverse(proof);
}

void merkle_tree_prove_consistency(struct merkle_tree *tree, uint64_t first, uint64_t second,
                                   struct merkle_proof *proof)
{
    assert(first <= second && second <= merkle_tree_size(tree));
    proof->count = 0;
    if (first == 0 || first == second)
        return;
    uint64_t begin = 0, size = second, old = first;
    while (old < size) {
        uint64_t split = split_of(size);
        uint8_t *sibling = proof->hashes[proof->count++];
        if (old <= split) {
            hash_range(tree, begin + split, size - split, sibling);
            size = split;
        } else {
            hash_range(tree, begin, split, sibling);
            begin += split;
            size -= split;
            old -= split;
        }
    }
    /* SUBPROOF(m, D[m], true) is empty: the verifier has that hash, the old root, already. */
    if (begin > 0)
        hash_range(tree, begin, size, proof->hashes[proof->count++]);
    reverse(proof);
}

struct bytes merkle_tree_nodes(const struct merkle_tree *tree, unsigned level, uint64_t first,
                               uint64_t count)
{
    if (level >= MERKLE_LEVELS || !count || tree->levels[level].count < first ||
        tree->levels[level].count - first < count)
        return (struct bytes){ 0 };
    return bytes_of(tree->levels[level].nodes[first], count * MERKLE_HASH_SIZE);
}

bool merkle_tree_find(const struct merkle_tree *tree, const uint8_t *hash, uint64_t size,
                      uint64_t *index)
{
    assert(size <= merkle_tree_size(tree));
    for (uint64_t i = 0; i < size; i++) {
        if (memcmp(tree->levels[0].nodes[i], hash, MERKLE_HASH_SIZE) == 0) {
            *index = i;
            return true;
        }
    }
    return false;
}
