/* Proofs of both kinds of log against a naive tree: every size and place, every way to ask, and
 * every hash of an answer bent. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/ct/log_proof.h"
#include "shared/base/base64.h"
#include "shared/base/buffer.h"
#include "shared/base/memory.h"
#include "shared/message/tile_path.h"

enum {
    LEAVES = 66000,
    LEVELS = 3,
    SMALL = 70,
    BODY_MAX = 1 << 20,
};

/* hashes[level][i]: the root over leaves [i * 256^level, (i + 1) * 256^level). */
struct made_log {
    struct digest *sha256;
    struct merkle_hash *hashes[LEVELS];
};

static void hash_number(struct digest *sha256, uint32_t number, struct merkle_hash *leaf)
{
    const struct bytes piece = bytes_of(&number, sizeof number);
    merkle_hash_leaf(sha256, leaf, &piece, 1);
}

static int setup(void **state)
{
    struct made_log *log = memory_allocate_zeroed(1, sizeof *log);
    log->sha256 = digest_create(DIGEST_SHA256);
    for (unsigned level = 0; level < LEVELS; level++)
        log->hashes[level] = memory_allocate_zeroed(LEAVES, sizeof **log->hashes);
    for (uint32_t number = 0; number < LEAVES; number++)
        hash_number(log->sha256, number, &log->hashes[0][number]);
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

static void make_frontier(const struct made_log *log, uint64_t size,
                          struct merkle_frontier *frontier)
{
    *frontier = (struct merkle_frontier){ 0 };
    for (uint64_t i = 0; i < size; i++)
        merkle_frontier_add(log->sha256, frontier, 0, &log->hashes[0][i]);
}

static struct signed_head make_head(const struct made_log *log, uint64_t size)
{
    struct signed_head head = { .size = size };
    struct merkle_frontier frontier;
    make_frontier(log, size, &frontier);
    merkle_frontier_root(log->sha256, &frontier, &head.root);
    return head;
}

/* RFC 6962 sections 2.1 to 2.1.2, word for word. */

static size_t left_size(size_t size)
{
    size_t left = 1;
    while (left * 2 < size)
        left *= 2;
    return left;
}

static void root_of(const struct made_log *log, size_t first, size_t size, struct merkle_hash *root)
{
    struct merkle_frontier frontier = { 0 };
    for (size_t i = 0; i < size; i++)
        merkle_frontier_add(log->sha256, &frontier, 0, &log->hashes[0][first + i]);
    merkle_frontier_root(log->sha256, &frontier, root);
}

// NOLINTNEXTLINE(misc-no-recursion): that is how the RFC defines it
static void make_path(const struct made_log *log, size_t index, size_t first, size_t size,
                      struct merkle_path *path)
{
    if (size == 1)
        return;
    size_t left = left_size(size);
    if (index < left) {
        make_path(log, index, first, left, path);
        root_of(log, first + left, size - left, &path->hashes[path->length++]);
    } else {
        make_path(log, index - left, first + left, size - left, path);
        root_of(log, first, left, &path->hashes[path->length++]);
    }
}

// NOLINTNEXTLINE(misc-no-recursion): that is how the RFC defines it
static void make_consistency(const struct made_log *log, size_t older, size_t first, size_t size,
                             bool is_whole, struct merkle_path *path)
{
    if (older == size) {
        if (!is_whole)
            root_of(log, first, size, &path->hashes[path->length++]);
        return;
    }
    size_t left = left_size(size);
    if (older <= left) {
        make_consistency(log, older, first, left, is_whole, path);
        root_of(log, first + left, size - left, &path->hashes[path->length++]);
    } else {
        make_consistency(log, older - left, first + left, size - left, false, path);
        root_of(log, first, left, &path->hashes[path->length++]);
    }
}

/* The log's answers. */

static void write_base64(struct buffer *out, struct bytes bytes)
{
    buffer_append_byte(out, '"');
    base64_encode(out, bytes);
    buffer_append_byte(out, '"');
}

static void write_path(struct buffer *out, const char *name, const struct merkle_path *path)
{
    buffer_append_format(out, "\"%s\":[", name);
    for (size_t i = 0; i < path->length; i++) {
        if (i)
            buffer_append_byte(out, ',');
        write_base64(out, bytes_of(path->hashes[i].bytes, SHA256_SIZE));
    }
    buffer_append_byte(out, ']');
}

static void write_leaf(struct buffer *out, uint32_t number)
{
    buffer_append_string(out, "\"leaf_input\":");
    write_base64(out, bytes_of(&number, sizeof number));
}

/* Undoes the percent-encoding of base64 in a query. */
static size_t decode_query(const char *text, char *plain, size_t limit)
{
    static const struct {
        const char *code;
        char character;
    } codes[] = { { "%2B", '+' }, { "%2F", '/' }, { "%3D", '=' } };
    size_t length = 0;
    while (*text && *text != '&' && length < limit) {
        size_t width = 1;
        char character = *text;
        for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
            if (strncmp(text, codes[i].code, 3) == 0) {
                character = codes[i].character;
                width = 3;
            }
        plain[length++] = character;
        text += width;
    }
    return length;
}

/* Finds the leaf whose hash stands in the query. */
static uint64_t find_leaf(const struct made_log *log, const char *text, uint64_t size)
{
    char plain[64];
    struct merkle_hash hash;
    size_t length = decode_query(text, plain, sizeof plain);
    assert_true(base64_decode_exactly(hash.bytes, SHA256_SIZE, bytes_of(plain, length)));
    for (uint64_t i = 0; i < size; i++)
        if (memcmp(&log->hashes[0][i], &hash, sizeof hash) == 0)
            return i;
    fail_msg("no such leaf");
    return 0;
}

/* The number of a parameter of the query. */
static uint64_t parameter(const char *path, const char *name)
{
    const char *at = strstr(path, name);
    assert_non_null(at);
    return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

static void write_entry(struct buffer *out, uint64_t index)
{
    buffer_append_string(out, "{\"entries\":[{");
    write_leaf(out, (uint32_t)index);
    buffer_append_string(out, ",\"extra_data\":\"\"}]}");
}

/* What an honest RFC 6962 log answers. `bend`: the hash of the path that has a bit flipped;
 * SIZE_MAX: none. */
static void answer_rfc6962(const struct made_log *log, const char *question, size_t bend,
                           struct buffer *out)
{
    struct merkle_path path = { 0 };
    const char *name = "audit_path";
    if (strncmp(question, "ct/v1/get-entries?", 18) == 0) {
        assert_int_equal(parameter(question, "start="), parameter(question, "end="));
        write_entry(out, parameter(question, "start="));
        return;
    }
    buffer_append_byte(out, '{');
    if (strncmp(question, "ct/v1/get-sth-consistency?", 26) == 0) {
        name = "consistency";
        make_consistency(log, parameter(question, "first="), 0, parameter(question, "second="),
                         true, &path);
    } else if (strncmp(question, "ct/v1/get-entry-and-proof?", 26) == 0) {
        uint64_t index = parameter(question, "leaf_index=");
        make_path(log, index, 0, parameter(question, "tree_size="), &path);
        write_leaf(out, (uint32_t)index);
        buffer_append_string(out, ",\"extra_data\":\"\",");
    } else {
        uint64_t size = parameter(question, "tree_size=");
        assert_memory_equal(question, "ct/v1/get-proof-by-hash?hash=", 29);
        uint64_t index = find_leaf(log, question + 29, size);
        make_path(log, index, 0, size, &path);
        buffer_append_format(out, "\"leaf_index\":%" PRIu64 ",", index);
    }
    if (bend < path.length)
        path.hashes[bend].bytes[7] ^= 0x10;
    write_path(out, name, &path);
    buffer_append_byte(out, '}');
}

/* What the log of `log_size` leaves serves under this path, without the partial tiles whose full
 * ones exist; empty if it has no such. */
static struct bytes serve_tile(const struct made_log *log, const char *path, uint64_t log_size)
{
    char *at;
    assert_memory_equal(path, "tile/", 5);
    unsigned long level = strtoul(path + 5, &at, 10);
    unsigned long number = 0;
    while (*at == '/')
        number = number * 1000 + strtoul(at + 1 + (at[1] == 'x'), &at, 10);
    unsigned long width = *at ? strtoul(at + 3, NULL, 10) : TILE_WIDTH;
    assert_true(level < LEVELS);
    uint64_t there = (log_size >> (8 * level)) - (uint64_t)number * TILE_WIDTH;
    if (there < width || (width < TILE_WIDTH && there != width))
        return (struct bytes){ 0 };
    return bytes_of(log->hashes[level][number * TILE_WIDTH].bytes, width * SHA256_SIZE);
}

struct run {
    const struct made_log *log;
    struct log_proof *proof;
    unsigned refuse; /* so many questions are refused first */
    size_t bend;     /* RFC 6962: see answer_rfc6962; tiles: the hash, counted over all answers */
    uint64_t serves; /* tiles: leaves of the log that answers */
    size_t questions;
};

static void answer_tile(struct run *run, const char *path, struct buffer *out)
{
    struct bytes tile = serve_tile(run->log, path, run->serves);
    if (!tile.size)
        return;
    buffer_append_bytes(out, tile);
    size_t hashes = tile.size / SHA256_SIZE;
    if (run->bend == SIZE_MAX)
        return;
    if (run->bend < hashes)
        out->data[run->bend * SHA256_SIZE + 3] ^= 1;
    run->bend = run->bend < hashes ? SIZE_MAX : run->bend - hashes;
}

static enum log_proof_state run_on(struct run *run, enum log_proof_state state, bool is_tiled)
{
    struct buffer path, body;
    buffer_init(&path, 512);
    buffer_init(&body, BODY_MAX);
    for (run->questions = 0; state == LOG_PROOF_ASKS; run->questions++) {
        bool malformed;
        assert_true(run->questions < 20);
        buffer_clear(&path);
        buffer_clear(&body);
        log_proof_write_path(run->proof, &path);
        buffer_append_byte(&path, '\0');
        if (run->refuse && run->refuse--) {
            assert_true(log_proof_on_missing(run->proof));
            continue;
        }
        if (is_tiled)
            answer_tile(run, (const char *)path.data, &body);
        else
            answer_rfc6962(run->log, (const char *)path.data, run->bend, &body);
        if (is_tiled && !body.size) {
            assert_true(log_proof_on_missing(run->proof));
            continue;
        }
        state = log_proof_on_answer(run->proof, buffer_bytes(&body), run->log->sha256, &malformed);
        assert_false(malformed);
    }
    buffer_free(&path);
    buffer_free(&body);
    return state;
}

static void check_frontier(const struct made_log *log, const struct log_proof *proof, uint64_t size)
{
    struct merkle_frontier expected;
    make_frontier(log, size, &expected);
    assert_true(merkle_frontier_equal(log_proof_frontier(proof), &expected));
}

/* Shows a claim, or gives the frontier, with the first `refuse` ways refused; and does not with any
 * hash bent. */
static void check_rfc6962(struct made_log *log, uint64_t size, uint64_t head_size, unsigned refuse,
                          bool has_claim)
{
    struct run run = { .log = log, .refuse = refuse, .bend = SIZE_MAX };
    struct signed_head head = make_head(log, head_size);
    struct merkle_frontier claim;
    make_frontier(log, size, &claim);
    run.proof = log_proof_create(false);
    enum log_proof_state state =
        log_proof_begin(run.proof, size, has_claim ? &claim : NULL, &head, log->sha256);
    assert_int_equal(run_on(&run, state, false), LOG_PROOF_SHOWN);
    check_frontier(log, run.proof, size);
    struct merkle_path path = { 0 };
    bool by_consistency = has_claim && !refuse;
    if (by_consistency)
        make_consistency(log, size, 0, head_size, true, &path);
    else
        make_path(log, size - 1, 0, head_size, &path);
    for (run.bend = 0; run.bend < path.length; run.bend++) {
        run.refuse = refuse;
        state = log_proof_begin(run.proof, size, has_claim ? &claim : NULL, &head, log->sha256);
        assert_int_equal(run_on(&run, state, false), LOG_PROOF_CONTRADICTED);
    }
    /* Another claim, and another head. */
    run.bend = SIZE_MAX;
    if (has_claim) {
        struct merkle_frontier other = claim;
        other.nodes[__builtin_ctzll(size)].bytes[0] ^= 1;
        run.refuse = refuse;
        state = log_proof_begin(run.proof, size, &other, &head, log->sha256);
        assert_int_equal(run_on(&run, state, false), LOG_PROOF_CONTRADICTED);
    }
    head.root.bytes[31] ^= 1;
    run.refuse = refuse;
    state = log_proof_begin(run.proof, size, has_claim ? &claim : NULL, &head, log->sha256);
    assert_int_equal(run_on(&run, state, false), LOG_PROOF_CONTRADICTED);
    log_proof_destroy(run.proof);
}

static void an_rfc6962_log_proves_any_place_in_any_way(void **state)
{
    for (uint64_t head_size = 1; head_size <= SMALL; head_size++)
        for (uint64_t size = 1; size <= head_size; size += 1 + head_size / 24) {
            for (unsigned refuse = 0; refuse < 3 && size < head_size; refuse++)
                check_rfc6962(*state, size, head_size, refuse, true);
            for (unsigned refuse = 0; refuse < 2; refuse++)
                check_rfc6962(*state, size, head_size, refuse, false);
        }
}

static void another_leaf_with_the_same_hash_proves_nothing(void **state)
{
    struct made_log *log = *state;
    struct log_proof *proof = log_proof_create(false);
    const struct signed_head head = make_head(log, 7);
    bool malformed;
    assert_int_equal(log_proof_begin(proof, 5, NULL, &head, log->sha256), LOG_PROOF_ASKS);
    assert_true(log_proof_on_missing(proof));
    struct buffer body;
    buffer_init(&body, BODY_MAX);
    answer_rfc6962(log, "ct/v1/get-entries?start=4&end=4", SIZE_MAX, &body);
    assert_int_equal(log_proof_on_answer(proof, buffer_bytes(&body), log->sha256, &malformed),
                     LOG_PROOF_ASKS);
    assert_false(malformed);
    (void)log_proof_on_answer(proof, bytes_of_string("{\"leaf_index\":2,\"audit_path\":[]}"),
                              log->sha256, &malformed);
    assert_true(malformed);
    /* That was the last way; the first is next. */
    assert_false(log_proof_on_missing(proof));
    buffer_clear(&body);
    log_proof_write_path(proof, &body);
    assert_true(bytes_equal_string(buffer_bytes(&body),
                                   "ct/v1/get-entry-and-proof?leaf_index=4&tree_size=7"));
    buffer_free(&body);
    log_proof_destroy(proof);
}

static const uint64_t sizes[] = {
    1, 255, 256, 257, 300, 511, 512, 1000, 65535, 65536, 65537, 66000
};

enum {
    SIZES = sizeof sizes / sizeof *sizes
};

static void a_tiled_log_proves_any_place_from_tiles_that_exist(void **state)
{
    struct made_log *log = *state;
    for (size_t i = 0; i < SIZES; i++)
        for (size_t j = 0; j <= i; j++) {
            struct run run = { .log = log, .bend = SIZE_MAX, .serves = sizes[i] };
            const struct signed_head head = make_head(log, sizes[i]);
            struct merkle_frontier claim;
            make_frontier(log, sizes[j], &claim);
            run.proof = log_proof_create(true);
            enum log_proof_state proof =
                log_proof_begin(run.proof, sizes[j], NULL, &head, log->sha256);
            assert_int_equal(run_on(&run, proof, true), LOG_PROOF_SHOWN);
            check_frontier(log, run.proof, sizes[j]);
            /* All tiles are there already. */
            proof = log_proof_begin(run.proof, sizes[j], &claim, &head, log->sha256);
            assert_int_equal(proof, LOG_PROOF_SHOWN);
            claim.nodes[__builtin_ctzll(sizes[j])].bytes[5] ^= 4;
            proof = log_proof_begin(run.proof, sizes[j], &claim, &head, log->sha256);
            assert_int_equal(proof, LOG_PROOF_CONTRADICTED);
            log_proof_destroy(run.proof);
        }
}

static void no_bent_hash_of_a_tile_proves_anything(void **state)
{
    struct made_log *log = *state;
    const struct signed_head head = make_head(log, 66000);
    for (size_t bend = 0; bend < 1000; bend += 7) {
        struct run run = { .log = log, .bend = bend, .serves = 66000 };
        run.proof = log_proof_create(true);
        enum log_proof_state proof = log_proof_begin(run.proof, 40000, NULL, &head, log->sha256);
        proof = run_on(&run, proof, true);
        bool was_bent = run.bend == SIZE_MAX;
        assert_int_equal(proof, was_bent ? LOG_PROOF_CONTRADICTED : LOG_PROOF_SHOWN);
        /* What was wrong is not kept. */
        run.bend = SIZE_MAX;
        proof = log_proof_begin(run.proof, 40000, NULL, &head, log->sha256);
        assert_int_equal(run_on(&run, proof, true), LOG_PROOF_SHOWN);
        log_proof_destroy(run.proof);
    }
}

static void a_backlog_of_tiles_costs_few_hash_tiles(void **state)
{
    struct made_log *log = *state;
    const struct signed_head head = make_head(log, 66000);
    struct run run = { .log = log, .bend = SIZE_MAX, .serves = 66000 };
    struct merkle_frontier claim = { 0 };
    size_t questions = 0;
    run.proof = log_proof_create(true);
    for (uint64_t tile = 0; tile < 66000 / TILE_WIDTH; tile++) {
        for (uint64_t i = 0; i < TILE_WIDTH; i++)
            merkle_frontier_add(log->sha256, &claim, 0, &log->hashes[0][tile * TILE_WIDTH + i]);
        enum log_proof_state proof =
            log_proof_begin(run.proof, claim.size, &claim, &head, log->sha256);
        assert_int_equal(run_on(&run, proof, true), LOG_PROOF_SHOWN);
        questions += run.questions;
    }
    /* Three at the right edge, one full one of level 1. */
    assert_int_equal(questions, 4);
    log_proof_destroy(run.proof);
}

static void a_partial_tile_that_is_gone_is_replaced_by_the_full_one(void **state)
{
    struct made_log *log = *state;
    const struct signed_head head = make_head(log, 300);
    struct run run = { .log = log, .bend = SIZE_MAX, .serves = 600 };
    run.proof = log_proof_create(true);
    enum log_proof_state proof;
    (void)log_proof_begin(run.proof, 290, NULL, &head, log->sha256);
    /* Level 1 is partial in the larger log as well, and too wide. */
    struct buffer path;
    buffer_init(&path, 512);
    log_proof_write_path(run.proof, &path);
    assert_true(bytes_equal_string(buffer_bytes(&path), "tile/1/000.p/1"));
    bool malformed;
    proof = log_proof_on_answer(run.proof, bytes_of(log->hashes[1][0].bytes, SHA256_SIZE),
                                log->sha256, &malformed);
    assert_false(malformed);
    assert_int_equal(run_on(&run, proof, true), LOG_PROOF_SHOWN);
    check_frontier(log, run.proof, 290);
    log_proof_destroy(run.proof);
    buffer_free(&path);
}

static void what_is_no_answer_is_refused(void **state)
{
    struct made_log *log = *state;
    static const char *const bodies[] = {
        "", "{}", "[]", "{\"consistency\":[1]}", "{\"consistency\":[\"AAAA\"]}", "not JSON"
    };
    const struct signed_head head = make_head(log, 300);
    struct merkle_frontier claim;
    make_frontier(log, 290, &claim);
    for (unsigned kind = 0; kind < 2; kind++) {
        struct log_proof *proof = log_proof_create((enum ct_log_kind)kind);
        for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
            bool malformed = false;
            (void)log_proof_begin(proof, 290, &claim, &head, log->sha256);
            assert_int_equal(
                log_proof_on_answer(proof, bytes_of_string(bodies[i]), log->sha256, &malformed),
                LOG_PROOF_ASKS);
            assert_true(malformed);
        }
        log_proof_destroy(proof);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_rfc6962_log_proves_any_place_in_any_way),
        cmocka_unit_test(another_leaf_with_the_same_hash_proves_nothing),
        cmocka_unit_test(a_tiled_log_proves_any_place_from_tiles_that_exist),
        cmocka_unit_test(no_bent_hash_of_a_tile_proves_anything),
        cmocka_unit_test(a_backlog_of_tiles_costs_few_hash_tiles),
        cmocka_unit_test(a_partial_tile_that_is_gone_is_replaced_by_the_full_one),
        cmocka_unit_test(what_is_no_answer_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
