/* The local log's Merkle tree against the vectors of CT's reference tests and verifiers written
 * from RFC 9162 section 2.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <openssl/evp.h>

#include "shared/base/hex.h"
#include "tests/support/ct_log/merkle_tree.h"
#include "tests/support/seeded_random.h"
#include "tests/unit/corpus.h"

enum {
    HASH = MERKLE_HASH_SIZE,
    HASH_HEX = 2 * HASH + 1,
    RANDOM_TREE = 3000,
    RANDOM_PROOFS = 2000,
};

/* Leaf i is i as four bytes, big-endian. */
static struct merkle_tree *synthetic_tree(uint32_t size)
{
    struct merkle_tree *tree = merkle_tree_create();
    for (uint32_t i = 0; i < size; i++) {
        const uint8_t leaf[] = { (uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8),
                                 (uint8_t)i };
        merkle_tree_append(tree, bytes_of(leaf, sizeof leaf));
    }
    return tree;
}

static void assert_root(struct merkle_tree *tree, uint64_t size, const char *expected)
{
    uint8_t root[HASH];
    char text[HASH_HEX];
    merkle_tree_root(tree, size, root);
    hex_encode(text, bytes_of(root, sizeof root));
    assert_string_equal(text, expected);
}

static void node_of(const uint8_t *left, const uint8_t *right, uint8_t *out)
{
    uint8_t input[1 + 2 * HASH] = { 1 };
    memcpy(input + 1, left, HASH);
    memcpy(input + 1 + HASH, right, HASH);
    assert_int_equal(EVP_Digest(input, sizeof input, out, NULL, EVP_sha256(), NULL), 1);
}

/* RFC 9162 section 2.1.3.2. */
static bool inclusion_holds(uint64_t index, uint64_t size, const uint8_t *leaf, const uint8_t *root,
                            const struct merkle_proof *proof)
{
    uint8_t hash[HASH];
    uint64_t fn = index, sn = size - 1;
    memcpy(hash, leaf, HASH);
    for (size_t i = 0; i < proof->count; i++, fn >>= 1, sn >>= 1) {
        if (sn == 0)
            return false;
        if (!(fn & 1) && fn != sn) {
            node_of(hash, proof->hashes[i], hash);
            continue;
        }
        node_of(proof->hashes[i], hash, hash);
        for (; !(fn & 1) && fn; fn >>= 1)
            sn >>= 1;
    }
    return sn == 0 && memcmp(hash, root, HASH) == 0;
}

/* RFC 9162 section 2.1.4.2; 0 < first < second. */
static bool consistency_holds(uint64_t first, uint64_t second, const uint8_t *first_root,
                              const uint8_t *second_root, const struct merkle_proof *proof)
{
    uint8_t fr[HASH], sr[HASH];
    size_t i = 0;
    uint64_t fn = first - 1, sn = second - 1;
    for (; fn & 1; fn >>= 1)
        sn >>= 1;
    if (fn && !proof->count)
        return false;
    memcpy(fr, fn ? proof->hashes[i++] : first_root, HASH);
    memcpy(sr, fr, HASH);
    for (; i < proof->count; i++, fn >>= 1, sn >>= 1) {
        if (sn == 0)
            return false;
        if (!(fn & 1) && fn != sn) {
            node_of(sr, proof->hashes[i], sr);
            continue;
        }
        node_of(proof->hashes[i], fr, fr);
        node_of(proof->hashes[i], sr, sr);
        for (; !(fn & 1) && fn; fn >>= 1)
            sn >>= 1;
    }
    return sn == 0 && memcmp(fr, first_root, HASH) == 0 && memcmp(sr, second_root, HASH) == 0;
}

static void roots_of_every_published_size_are_right(void **state)
{
    static const struct {
        uint32_t size;
        const char *root;
    } rows[] = {
        { 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { 255, "58f204dcc06ebcf29082c362701341df88ec3d5f338036c72a98894aaf69059d" },
        { 256, "78cd7db3bbfa785ffefa21e1c0aa7d4806c6e22ad65472710377ecb7e5a5a54e" },
        { 257, "086ce24d72dd8347eef9afbf95829379f67cee8f5d23cece828a2dae88729c8d" },
        { 65536, "208bed836edee10551d1a0208e22c9eead1a59c4c33abeb697eb60132f61a798" },
        { 70000, "339ecf3ae716405fdc28cef164e45a785cade0d5bc3e1400a7a4d70d0b2dec9b" },
    };
    (void)state;
    struct merkle_tree *tree = synthetic_tree(70000);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_root(tree, rows[i].size, rows[i].root);
    merkle_tree_destroy(tree);
}

static void every_proof_convinces_a_verifier(void **state)
{
    (void)state;
    struct seeded_random random = seeded_random_of_run();
    struct merkle_tree *tree = synthetic_tree(RANDOM_TREE);
    for (size_t i = 0; i < RANDOM_PROOFS; i++) {
        struct merkle_proof proof;
        uint8_t first_root[HASH], root[HASH];
        uint64_t size = 2 + seeded_random_next(&random) % (RANDOM_TREE - 1);
        uint64_t index = seeded_random_next(&random) % (size - 1);
        uint64_t first = index + 1;
        merkle_tree_root(tree, size, root);
        merkle_tree_prove_inclusion(tree, index, size, &proof);
        const uint8_t *leaf = merkle_tree_nodes(tree, 0, index, 1).data;
        assert_true(inclusion_holds(index, size, leaf, root, &proof));
        merkle_tree_root(tree, first, first_root);
        merkle_tree_prove_consistency(tree, first, size, &proof);
        assert_true(consistency_holds(first, size, first_root, root, &proof));
        if (proof.count) {
            proof.hashes[0][0] ^= 1;
            assert_false(consistency_holds(first, size, first_root, root, &proof));
        }
    }
    merkle_tree_destroy(tree);
}

static void a_copy_is_the_tree_as_it_was(void **state)
{
    (void)state;
    static const uint64_t sizes[] = { 0, 1, 2, 255, 256, 257, 999 };
    struct merkle_tree *tree = synthetic_tree(1000);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint8_t root[HASH], copied[HASH];
        struct merkle_tree *copy = merkle_tree_copy(tree, sizes[i]);
        assert_int_equal(merkle_tree_size(copy), sizes[i]);
        merkle_tree_root(tree, sizes[i], root);
        merkle_tree_root(copy, sizes[i], copied);
        assert_memory_equal(root, copied, HASH);
        merkle_tree_destroy(copy);
    }
    merkle_tree_destroy(tree);
}

static void nodes_of_a_level_are_the_roots_below_them(void **state)
{
    (void)state;
    struct merkle_tree *tree = synthetic_tree(1000);
    struct merkle_tree *prefix = merkle_tree_copy(tree, 256);
    uint8_t root[HASH];
    merkle_tree_root(prefix, 256, root);
    assert_memory_equal(merkle_tree_nodes(tree, 8, 0, 1).data, root, HASH);
    assert_int_equal(merkle_tree_nodes(tree, 8, 0, 3).size, 3 * HASH);
    assert_int_equal(merkle_tree_nodes(tree, 8, 0, 4).size, 0);
    assert_int_equal(merkle_tree_nodes(tree, 0, 1000, 1).size, 0);
    merkle_tree_destroy(prefix);
    merkle_tree_destroy(tree);
}

static void finds_a_leaf_only_in_trees_that_hold_it(void **state)
{
    (void)state;
    struct merkle_tree *tree = synthetic_tree(100);
    uint8_t hash[HASH];
    uint64_t index;
    memcpy(hash, merkle_tree_nodes(tree, 0, 42, 1).data, HASH);
    assert_true(merkle_tree_find(tree, hash, 43, &index));
    assert_int_equal(index, 42);
    assert_false(merkle_tree_find(tree, hash, 42, &index));
    merkle_tree_destroy(tree);
}

static void assert_hashes(const struct merkle_proof *proof, const cJSON *expected)
{
    assert_int_equal(proof->count, cJSON_GetArraySize(expected));
    for (size_t i = 0; i < proof->count; i++) {
        char text[HASH_HEX];
        hex_encode(text, bytes_of(proof->hashes[i], HASH));
        assert_string_equal(text, cJSON_GetArrayItem(expected, (int)i)->valuestring);
    }
}

static uint64_t number(const cJSON *object, const char *name)
{
    return (uint64_t)cJSON_GetObjectItemCaseSensitive(object, name)->valuedouble;
}

static struct merkle_tree *reference_tree(const cJSON *vectors)
{
    struct merkle_tree *tree = merkle_tree_create();
    const cJSON *leaf;
    cJSON_ArrayForEach(leaf, cJSON_GetObjectItemCaseSensitive(vectors, "leaves"))
    {
        uint8_t bytes[64];
        size_t size = strlen(leaf->valuestring) / 2;
        assert_true(hex_decode(bytes, size, bytes_of_string(leaf->valuestring)));
        merkle_tree_append(tree, bytes_of(bytes, size));
    }
    return tree;
}

static void agrees_with_the_collected_vectors(void **state)
{
    (void)state;
    if (!corpus_folder())
        skip();
    struct buffer text = corpus_read("vectors/vectors.json");
    cJSON *vectors = cJSON_ParseWithLength((const char *)text.data, text.size);
    assert_non_null(vectors);
    struct merkle_tree *tree = reference_tree(vectors);
    uint64_t size = 0;
    const cJSON *row;
    struct merkle_proof proof;
    cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(vectors, "roots"))
        assert_root(tree, size++, row->valuestring);
    assert_int_equal(size, 9);
    cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(vectors, "inclusion"))
    {
        merkle_tree_prove_inclusion(tree, number(row, "index"), number(row, "size"), &proof);
        assert_hashes(&proof, cJSON_GetObjectItemCaseSensitive(row, "path"));
    }
    cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(vectors, "consistency"))
    {
        merkle_tree_prove_consistency(tree, number(row, "first"), number(row, "second"), &proof);
        assert_hashes(&proof, cJSON_GetObjectItemCaseSensitive(row, "proof"));
    }
    merkle_tree_destroy(tree);
    cJSON_Delete(vectors);
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_of_every_published_size_are_right),
        cmocka_unit_test(every_proof_convinces_a_verifier),
        cmocka_unit_test(a_copy_is_the_tree_as_it_was),
        cmocka_unit_test(nodes_of_a_level_are_the_roots_below_them),
        cmocka_unit_test(finds_a_leaf_only_in_trees_that_hold_it),
        cmocka_unit_test(agrees_with_the_collected_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
