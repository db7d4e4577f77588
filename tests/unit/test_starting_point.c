/* The frontier of every starting point of a tiled log, from the tiles that such a log serves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/starting_point.h"
#include "shared/buffer.h"
#include "shared/memory.h"

enum {
    LEAVES = 66000,
    LEVELS = 3
};

/* hashes[level][i]: the root over leaves [i * 256^level, (i + 1) * 256^level). */
struct made_log {
    struct digest *sha256;
    struct merkle_hash *hashes[LEVELS];
};

static void add_number(struct made_log *log, struct merkle_frontier *frontier, uint32_t number)
{
    struct merkle_hash leaf;
    const struct bytes piece = bytes_of(&number, sizeof number);
    merkle_hash_leaf(log->sha256, &leaf, &piece, 1);
    log->hashes[0][number] = leaf;
    merkle_frontier_add(log->sha256, frontier, 0, &leaf);
}

static int setup(void **state)
{
    struct made_log *log = memory_allocate_zeroed(1, sizeof *log);
    log->sha256 = digest_create(DIGEST_SHA256);
    struct merkle_frontier frontier = { 0 };
    for (unsigned level = 0; level < LEVELS; level++)
        log->hashes[level] = memory_allocate_zeroed(LEAVES, sizeof **log->hashes);
    for (uint32_t number = 0; number < LEAVES; number++)
        add_number(log, &frontier, number);
    for (unsigned level = 1; level < LEVELS; level++)
        for (size_t i = 0; (i + 1) << (8 * level) <= LEAVES; i++) {
            struct merkle_frontier tile = { 0 };
            for (size_t child = 0; child < TILE_WIDTH; child++)
                merkle_frontier_add(log->sha256, &tile, 0,
                                    &log->hashes[level - 1][i * TILE_WIDTH + child]);
            merkle_frontier_root(log->sha256, &tile, &log->hashes[level][i]);
        }
    *state = log;
    return 0;
}

static int teardown(void **state)
{
    struct made_log *log = *state;
    for (unsigned level = 0; level < LEVELS; level++)
        free(log->hashes[level]);
    digest_destroy(log->sha256);
    free(log);
    return 0;
}

/* What the log of `log_size` leaves serves under this path, without the partial tiles whose full ones exist; empty if it
 * has no such. */
static struct bytes serve(struct made_log *log, const char *path, uint64_t log_size)
{
    char *at;
    assert_memory_equal(path, "tile/", 5);
    unsigned long level = strtoul(path + 5, &at, 10);
    unsigned long number = 0;
    while (*at == '/')
        number = number * 1000 + strtoul(at + 1 + (at[1] == 'x'), &at, 10);
    unsigned long width = *at ? strtoul(at + 3, NULL, 10) : TILE_WIDTH;
    uint64_t there = (log_size >> (8 * level)) - (uint64_t)number * TILE_WIDTH;
    if (there < width || (width < TILE_WIDTH && there != width))
        return (struct bytes){ 0 };
    return bytes_of(log->hashes[level][number * TILE_WIDTH].bytes, width * SHA256_SIZE);
}

static void check(struct made_log *log, uint64_t index, uint64_t log_size)
{
    struct starting_point point;
    starting_point_begin(&point, CT_LOG_TILED, index, log_size);
    for (unsigned step = 0; !point.done; step++) {
        struct buffer path;
        assert_true(step < STATIC_CT_LEVELS);
        buffer_init(&path, 256);
        starting_point_write_path(&point, &path);
        buffer_append_byte(&path, '\0');
        struct bytes tile = serve(log, (const char *)path.data, log_size);
        if (!tile.size)
            fail_msg("the log of %llu has no %s", (unsigned long long)log_size,
                     (const char *)path.data);
        assert_true(starting_point_on_answer(&point, tile, log->sha256));
        buffer_free(&path);
    }
    struct merkle_frontier expected = { 0 };
    for (uint64_t i = 0; i < index; i++)
        merkle_frontier_add(log->sha256, &expected, 0, &log->hashes[0][i]);
    assert_int_equal(point.frontier.size, index);
    struct merkle_hash a, b;
    merkle_frontier_root(log->sha256, &expected, &a);
    merkle_frontier_root(log->sha256, &point.frontier, &b);
    assert_memory_equal(&a, &b, sizeof a);
}

static void the_frontier_of_any_index_comes_from_tiles_that_exist(void **state)
{
    static const uint64_t sizes[] = { 1,   255,  256,   257,   300,   511,
                                      512, 1000, 65535, 65536, 65537, 66000 };
    enum {
        SIZES = sizeof sizes / sizeof *sizes
    };
    for (size_t size = 0; size < SIZES; size++)
        for (size_t index = 0; index <= size; index++)
            check(*state, sizes[index], sizes[size]);
}

static void index_zero_needs_nothing(void **state)
{
    (void)state;
    struct starting_point point;
    starting_point_begin(&point, CT_LOG_TILED, 0, 1000);
    assert_true(point.done);
    starting_point_begin(&point, CT_LOG_RFC6962, 0, 1000);
    assert_true(point.done);
    assert_int_equal(point.frontier.size, 0);
}

static void a_tile_that_is_too_short_or_no_row_of_hashes_is_refused(void **state)
{
    struct made_log *log = *state;
    struct starting_point point;
    starting_point_begin(&point, CT_LOG_TILED, 300, 300);
    assert_false(starting_point_on_answer(&point, (struct bytes){ 0 }, log->sha256));
    assert_false(starting_point_on_answer(&point, bytes_of(log->hashes[1], 33), log->sha256));
    assert_true(starting_point_on_answer(&point, bytes_of(log->hashes[1], 32), log->sha256));
    assert_false(starting_point_on_answer(
        &point, bytes_of(log->hashes[0][256].bytes, (size_t)43 * 32), log->sha256));
    assert_true(starting_point_on_answer(
        &point, bytes_of(log->hashes[0][256].bytes, (size_t)44 * 32), log->sha256));
    assert_true(point.done);
}

static void a_partial_tile_that_is_gone_is_replaced_by_the_full_one(void **state)
{
    (void)state;
    struct starting_point point;
    starting_point_begin(&point, CT_LOG_TILED, 300, 300);
    assert_true(starting_point_on_missing(&point));
    assert_int_equal(point.tiles[0].width, TILE_WIDTH);
    assert_false(starting_point_on_missing(&point));
}

static void an_rfc6962_log_is_asked_for_one_proof(void **state)
{
    (void)state;
    struct starting_point point;
    struct buffer path;
    buffer_init(&path, 256);
    starting_point_begin(&point, CT_LOG_RFC6962, 1000, 5000);
    starting_point_write_path(&point, &path);
    assert_true(bytes_equal_string(buffer_bytes(&path),
                                   "ct/v1/get-entry-and-proof?leaf_index=999&tree_size=1000"));
    assert_false(starting_point_on_missing(&point));
    buffer_free(&path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_frontier_of_any_index_comes_from_tiles_that_exist),
        cmocka_unit_test(index_zero_needs_nothing),
        cmocka_unit_test(a_tile_that_is_too_short_or_no_row_of_hashes_is_refused),
        cmocka_unit_test(a_partial_tile_that_is_gone_is_replaced_by_the_full_one),
        cmocka_unit_test(an_rfc6962_log_is_asked_for_one_proof),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
