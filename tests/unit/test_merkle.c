/* The tree is held against the vectors of the reference tests of certificate-transparency-go and
 * against a naive tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "ingest/tree/merkle.h"
#include "shared/base/buffer.h"
#include "shared/base/hex.h"
#include "tests/unit/corpus.h"

static const char *const leaves[] = {
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
};

static const char *const roots[] = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

struct big_root {
    uint32_t size;
    const char *root;
};

/* Leaf i is i as four bytes, big-endian. */
static const struct big_root big_roots[] = {
    { 255, "58f204dcc06ebcf29082c362701341df88ec3d5f338036c72a98894aaf69059d" },
    { 256, "78cd7db3bbfa785ffefa21e1c0aa7d4806c6e22ad65472710377ecb7e5a5a54e" },
    { 257, "086ce24d72dd8347eef9afbf95829379f67cee8f5d23cece828a2dae88729c8d" },
    { 65536, "208bed836edee10551d1a0208e22c9eead1a59c4c33abeb697eb60132f61a798" },
    { 70000, "339ecf3ae716405fdc28cef164e45a785cade0d5bc3e1400a7a4d70d0b2dec9b" },
};

static struct digest *sha256;

static int setup(void **state)
{
    (void)state;
    sha256 = digest_create(DIGEST_SHA256);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    digest_destroy(sha256);
    return 0;
}

static void check_root(const struct merkle_frontier *frontier, const char *expected)
{
    struct merkle_hash root;
    char hex[2 * SHA256_SIZE + 1];
    merkle_frontier_root(sha256, frontier, &root);
    hex_encode(hex, bytes_of(root.bytes, SHA256_SIZE));
    assert_string_equal(hex, expected);
}

static void hash_number(uint32_t number, struct merkle_hash *leaf)
{
    const uint8_t bytes[] = { (uint8_t)(number >> 24), (uint8_t)(number >> 16),
                              (uint8_t)(number >> 8), (uint8_t)number };
    /* In two pieces, as tiles come. */
    const struct bytes pieces[] = { bytes_of(bytes, 1), bytes_of(bytes + 1, 3) };
    merkle_hash_leaf(sha256, leaf, pieces, 2);
}

static void roots_are_those_of_the_reference_tests(void **state)
{
    (void)state;
    struct merkle_frontier frontier = { 0 };
    check_root(&frontier, roots[0]);
    for (size_t i = 0; i < 8; i++) {
        uint8_t data[16];
        struct merkle_hash leaf;
        size_t size = strlen(leaves[i]) / 2;
        assert_true(hex_decode(data, size, bytes_of_string(leaves[i])));
        const struct bytes piece = bytes_of(data, size);
        merkle_hash_leaf(sha256, &leaf, &piece, 1);
        merkle_frontier_add(sha256, &frontier, 0, &leaf);
        check_root(&frontier, roots[i + 1]);
    }
}

static void roots_of_large_trees_are_right(void **state)
{
    (void)state;
    struct merkle_frontier frontier = { 0 };
    uint32_t number = 0;
    for (size_t i = 0; i < sizeof big_roots / sizeof *big_roots; i++) {
        for (; number < big_roots[i].size; number++) {
            struct merkle_hash leaf;
            hash_number(number, &leaf);
            merkle_frontier_add(sha256, &frontier, 0, &leaf);
        }
        check_root(&frontier, big_roots[i].root);
    }
}

static void a_frontier_survives_being_written(void **state)
{
    (void)state;
    struct merkle_frontier frontier = { 0 };
    struct buffer hex;
    buffer_init(&hex, MERKLE_FRONTIER_HEX);
    for (uint32_t number = 0; number < 300; number++) {
        struct merkle_frontier read;
        buffer_clear(&hex);
        merkle_frontier_write(&frontier, &hex);
        assert_true(merkle_frontier_read(&read, number, buffer_bytes(&hex)));
        assert_memory_equal(&read.nodes[0], number & 1 ? &frontier.nodes[0] : &read.nodes[0],
                            SHA256_SIZE);
        struct merkle_hash a, b, leaf;
        merkle_frontier_root(sha256, &frontier, &a);
        merkle_frontier_root(sha256, &read, &b);
        assert_memory_equal(&a, &b, sizeof a);
        assert_false(merkle_frontier_read(&read, number + 1, buffer_bytes(&hex)) &&
                     number % 2 == 0);
        hash_number(number, &leaf);
        merkle_frontier_add(sha256, &frontier, 0, &leaf);
    }
    buffer_free(&hex);
}

static void a_frontier_of_the_wrong_length_is_refused(void **state)
{
    (void)state;
    struct merkle_frontier frontier;
    assert_true(merkle_frontier_read(&frontier, 0, bytes_of_string("")));
    assert_false(merkle_frontier_read(&frontier, 0, bytes_of_string("00")));
    assert_true(merkle_frontier_read(&frontier, 1, bytes_of_string(roots[1])));
    assert_false(merkle_frontier_read(&frontier, 3, bytes_of_string(roots[1])));
    assert_false(merkle_frontier_read(&frontier, 1, bytes_of(roots[1], 63)));
}

/* The largest power of two below `size`. */
static size_t left_size(size_t size)
{
    size_t left = 1;
    while (left * 2 < size)
        left *= 2;
    return left;
}

/* The root by the definition of RFC 6962 section 2.1. */
// NOLINTNEXTLINE(misc-no-recursion): that is how the RFC defines it
static void naive_root(const struct merkle_hash *hashes, size_t size, struct merkle_hash *root)
{
    if (size == 1) {
        *root = hashes[0];
        return;
    }
    size_t left_leaves = left_size(size);
    struct merkle_hash left, right;
    naive_root(hashes, left_leaves, &left);
    naive_root(hashes + left_leaves, size - left_leaves, &right);
    merkle_hash_children(sha256, root, &left, &right);
}

/* The inclusion path of the last of `size` leaves, by the definition of section 2.1.1. */
// NOLINTNEXTLINE(misc-no-recursion): that is how the RFC defines it
static size_t naive_path(const struct merkle_hash *hashes, size_t size, struct merkle_hash *path)
{
    if (size == 1)
        return 0;
    size_t left_leaves = left_size(size);
    size_t length = naive_path(hashes + left_leaves, size - left_leaves, path);
    naive_root(hashes, left_leaves, &path[length]);
    return length + 1;
}

static void a_path_of_the_last_leaf_is_a_frontier(void **state)
{
    (void)state;
    enum {
        SIZE = 130
    };
    struct merkle_hash hashes[SIZE];
    for (uint32_t i = 0; i < SIZE; i++)
        hash_number(i, &hashes[i]);
    for (size_t size = 1; size <= SIZE; size++) {
        struct merkle_path path;
        struct merkle_hash expected, root;
        struct merkle_frontier frontier;
        const struct merkle_place place = { hashes[size - 1], size - 1, size };
        path.length = naive_path(hashes, size, path.hashes);
        assert_true(merkle_fold_path(sha256, &place, &path, &frontier, &root));
        assert_int_equal(frontier.size, size);
        naive_root(hashes, size, &expected);
        assert_memory_equal(&root, &expected, sizeof root);
        merkle_frontier_root(sha256, &frontier, &root);
        assert_memory_equal(&root, &expected, sizeof root);
        path.length++;
        assert_false(merkle_fold_path(sha256, &place, &path, &frontier, &root));
        if (path.length < 2)
            continue;
        path.length -= 2;
        assert_false(merkle_fold_path(sha256, &place, &path, &frontier, &root));
    }
}

static void read_hash(const cJSON *text, struct merkle_hash *hash)
{
    assert_true(hex_decode(hash->bytes, SHA256_SIZE, bytes_of_string(text->valuestring)));
}

static void read_path(const cJSON *texts, struct merkle_path *path)
{
    const cJSON *text;
    path->length = 0;
    cJSON_ArrayForEach(text, texts) read_hash(text, &path->hashes[path->length++]);
}

static uint64_t read_number(const cJSON *object, const char *name)
{
    return (uint64_t)cJSON_GetObjectItemCaseSensitive(object, name)->valuedouble;
}

/* Roots, leaf hashes, inclusion and consistency proofs of all pairs of sizes up to 8. */
static void the_vectors_of_the_corpus_hold(void **state)
{
    (void)state;
    if (!corpus_folder())
        skip();
    struct buffer text = corpus_read("vectors/vectors.json");
    cJSON *vectors = cJSON_ParseWithLength((const char *)text.data, text.size);
    const cJSON *tree_roots = cJSON_GetObjectItemCaseSensitive(vectors, "roots");
    const cJSON *hashes = cJSON_GetObjectItemCaseSensitive(vectors, "leaf_hashes");
    const cJSON *row;
    size_t rows = 0;
    cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(vectors, "inclusion"))
    {
        struct merkle_place place = { .index = read_number(row, "index"),
                                      .size = read_number(row, "size") };
        struct merkle_path path;
        struct merkle_frontier frontier;
        struct merkle_hash root, expected;
        read_hash(cJSON_GetArrayItem(hashes, (int)place.index), &place.leaf);
        read_hash(cJSON_GetArrayItem(tree_roots, (int)place.size), &expected);
        read_path(cJSON_GetObjectItemCaseSensitive(row, "path"), &path);
        assert_true(merkle_fold_path(sha256, &place, &path, &frontier, &root));
        assert_memory_equal(&root, &expected, sizeof root);
        rows++;
    }
    cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(vectors, "consistency"))
    {
        struct merkle_tree older = { .size = read_number(row, "first") };
        struct merkle_tree newer = { .size = read_number(row, "second") };
        struct merkle_path proof;
        if (older.size == 0 || older.size == newer.size)
            continue;
        read_hash(cJSON_GetArrayItem(tree_roots, (int)older.size), &older.root);
        read_hash(cJSON_GetArrayItem(tree_roots, (int)newer.size), &newer.root);
        read_path(cJSON_GetObjectItemCaseSensitive(row, "proof"), &proof);
        assert_true(merkle_verify_consistency(sha256, &older, &newer, &proof));
        older.root.bytes[0] ^= 1;
        assert_false(merkle_verify_consistency(sha256, &older, &newer, &proof));
        older.root.bytes[0] ^= 1;
        proof.length++;
        assert_false(merkle_verify_consistency(sha256, &older, &newer, &proof));
        rows++;
    }
    print_message("%zu vectors\n", rows);
    assert_true(rows >= 60);
    cJSON_Delete(vectors);
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_are_those_of_the_reference_tests),
        cmocka_unit_test(roots_of_large_trees_are_right),
        cmocka_unit_test(a_frontier_survives_being_written),
        cmocka_unit_test(a_frontier_of_the_wrong_length_is_refused),
        cmocka_unit_test(a_path_of_the_last_leaf_is_a_frontier),
        cmocka_unit_test(the_vectors_of_the_corpus_hold),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
