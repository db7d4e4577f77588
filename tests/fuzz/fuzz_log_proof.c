/*
 * Any answers to what a proof asks a log for. The first bytes say which kind of log, how large, and
 * what is to be proven; then come answers, each with two bytes of length, or 0xffff for one that
 * the log does not have.
 */
#include <stdlib.h>

#include "ingest/ct/log_proof.h"
#include "shared/base/buffer.h"
#include "shared/base/reader.h"
#include "tests/fuzz/fuzz.h"

enum {
    MISSING = 0xffff,
    PATH_MAX_SIZE = 1024,
};

/* A frontier of `size` leaves with made-up nodes. */
static struct merkle_frontier make_claim(uint64_t size)
{
    struct merkle_frontier frontier = { .size = size };
    for (unsigned level = 0; level < MERKLE_LEVELS; level++)
        memset(frontier.nodes[level].bytes, (int)(level + 1), SHA256_SIZE);
    return frontier;
}

static void write_path(const struct log_proof *proof)
{
    struct buffer path;
    buffer_init(&path, PATH_MAX_SIZE);
    log_proof_write_path(proof, &path);
    if (path.failed || path.size == 0)
        abort();
    buffer_free(&path);
}

static enum log_proof_state answer(struct log_proof *proof, struct reader *input,
                                   struct digest *sha256)
{
    uint64_t length = reader_integer(input, 2);
    if (length == MISSING) {
        (void)log_proof_on_missing(proof);
        return LOG_PROOF_ASKS;
    }
    struct bytes body =
        reader_take(input, length < input->remaining ? (size_t)length : input->remaining);
    bool is_malformed = false;
    enum log_proof_state state = log_proof_on_answer(proof, body, sha256, &is_malformed);
    if (is_malformed && state != LOG_PROOF_ASKS)
        abort();
    return state;
}

/* Nothing but a broken SHA-256 leads to the root that is made up below, but for the root itself:
 * the only hash of the highest tile where the size is a power of 256. */
static bool is_the_head(const struct log_proof *proof, uint64_t leaves,
                        const struct signed_head *head, struct digest *sha256)
{
    struct merkle_hash root;
    const struct merkle_frontier *frontier = log_proof_frontier(proof);
    merkle_frontier_root(sha256, frontier, &root);
    return leaves == head->size && frontier->size == leaves &&
           memcmp(&root, &head->root, sizeof root) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader input = reader_of(bytes_of(data, size));
    uint64_t flags = reader_integer(&input, 1);
    struct signed_head head = { .size = reader_integer(&input, 3) + 2 };
    uint64_t leaves = 1 + reader_integer(&input, 3) % head.size;
    memset(head.root.bytes, 0x5a, SHA256_SIZE);
    if (!reader_ok(&input))
        return 0;
    const struct merkle_frontier claim = make_claim(leaves);
    struct digest *sha256 = digest_create(DIGEST_SHA256);
    struct log_proof *proof = log_proof_create(flags & 1 ? CT_LOG_TILED : CT_LOG_RFC6962);
    enum log_proof_state state =
        log_proof_begin(proof, leaves, flags & 2 ? &claim : NULL, &head, sha256);
    while (state == LOG_PROOF_ASKS && input.remaining) {
        write_path(proof);
        state = answer(proof, &input, sha256);
    }
    if (state == LOG_PROOF_SHOWN && !is_the_head(proof, leaves, &head, sha256))
        abort();
    log_proof_destroy(proof);
    digest_destroy(sha256);
    return 0;
}
