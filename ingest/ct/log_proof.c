#include "ingest/ct/log_proof.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "ingest/ct/rfc6962.h"
#include "ingest/tree/tile_proof.h"
#include "shared/base/base64.h"
#include "shared/base/memory.h"

/* What an RFC 6962 log is asked for, in the order in which it is tried. */
enum endpoint {
    ENDPOINT_CONSISTENCY,
    ENDPOINT_ENTRY_AND_PROOF,
    ENDPOINT_ENTRY, /* the entry alone, for its hash … */
    ENDPOINT_PROOF_BY_HASH,
};

struct log_proof {
    uint64_t size;
    struct signed_head head;
    bool has_claim;
    struct merkle_frontier claim;
    enum endpoint endpoint;
    struct merkle_hash leaf;  /* of ENDPOINT_PROOF_BY_HASH */
    struct tile_proof *tiles; /* NULL: the endpoints are asked */
    struct merkle_frontier frontier;
};

struct log_proof *log_proof_create(bool by_tiles)
{
    struct log_proof *proof = memory_allocate_zeroed(1, sizeof *proof);
    if (by_tiles)
        proof->tiles = tile_proof_create();
    return proof;
}

void log_proof_destroy(struct log_proof *proof)
{
    if (!proof)
        return;
    tile_proof_destroy(proof->tiles);
    free(proof);
}

static enum endpoint first_endpoint(const struct log_proof *proof)
{
    bool can_compare = proof->has_claim && proof->size < proof->head.size;
    return can_compare ? ENDPOINT_CONSISTENCY : ENDPOINT_ENTRY_AND_PROOF;
}

/* The frontier that the log has shown, against the claim if there is one. */
static enum log_proof_state judge_frontier(struct log_proof *proof)
{
    bool good = !proof->has_claim || merkle_frontier_equal(&proof->claim, &proof->frontier);
    return good ? LOG_PROOF_SHOWN : LOG_PROOF_CONTRADICTED;
}

static enum log_proof_state finish_tiles(struct log_proof *proof, struct digest *sha256)
{
    struct hash_tile tile;
    if (tile_proof_next(proof->tiles, &tile))
        return LOG_PROOF_ASKS;
    if (!tile_proof_finish(proof->tiles, sha256, &proof->frontier))
        return LOG_PROOF_CONTRADICTED;
    return judge_frontier(proof);
}

enum log_proof_state log_proof_begin(struct log_proof *proof, uint64_t size,
                                     const struct merkle_frontier *claim,
                                     const struct signed_head *head, struct digest *sha256)
{
    assert(size > 0 && size <= head->size && (!claim || claim->size == size));
    proof->size = size;
    proof->head = *head;
    proof->has_claim = claim != NULL;
    if (claim)
        proof->claim = *claim;
    proof->endpoint = first_endpoint(proof);
    if (!proof->tiles)
        return LOG_PROOF_ASKS;
    tile_proof_begin(proof->tiles, size, head);
    return finish_tiles(proof, sha256);
}

static void write_hash(const struct merkle_hash *hash, struct buffer *path)
{
    struct buffer text;
    buffer_init(&text, 64);
    base64_encode(&text, bytes_of(hash->bytes, SHA256_SIZE));
    for (size_t i = 0; i < text.size; i++) {
        /* Three characters of base64 mean something else in a query. */
        switch (text.data[i]) {
        case '+': buffer_append_string(path, "%2B"); break;
        case '/': buffer_append_string(path, "%2F"); break;
        case '=': buffer_append_string(path, "%3D"); break;
        default: buffer_append_byte(path, text.data[i]);
        }
    }
    buffer_free(&text);
}

static void write_question(const struct log_proof *proof, struct buffer *path)
{
    uint64_t last = proof->size - 1, size = proof->head.size;
    switch (proof->endpoint) {
    case ENDPOINT_CONSISTENCY:
        buffer_append_format(path, "ct/v1/get-sth-consistency?first=%" PRIu64 "&second=%" PRIu64,
                             proof->size, size);
        return;
    case ENDPOINT_ENTRY_AND_PROOF:
        buffer_append_format(path,
                             "ct/v1/get-entry-and-proof?leaf_index=%" PRIu64 "&tree_size=%" PRIu64,
                             last, size);
        return;
    case ENDPOINT_ENTRY:
        buffer_append_format(path, "ct/v1/get-entries?start=%" PRIu64 "&end=%" PRIu64, last, last);
        return;
    case ENDPOINT_PROOF_BY_HASH:
        buffer_append_string(path, "ct/v1/get-proof-by-hash?hash=");
        write_hash(&proof->leaf, path);
        buffer_append_format(path, "&tree_size=%" PRIu64, size);
        return;
    }
}

void log_proof_write_path(const struct log_proof *proof, struct buffer *path)
{
    if (!proof->tiles) {
        write_question(proof, path);
        return;
    }
    struct hash_tile tile;
    char tile_path[TILE_PATH_SIZE];
    bool asks = tile_proof_next(proof->tiles, &tile);
    assert(asks);
    tile_path_write(tile_path, tile.level, tile.number, tile.width);
    buffer_append_string(path, tile_path);
}

bool log_proof_asks_for_partial_tile(const struct log_proof *proof)
{
    struct hash_tile tile;
    return proof->tiles && tile_proof_next(proof->tiles, &tile) && tile.width < TILE_WIDTH;
}

static enum log_proof_state judge_consistency(const struct log_proof *proof,
                                              const struct merkle_path *path, struct digest *sha256)
{
    struct merkle_tree older = { .size = proof->size };
    const struct merkle_tree newer = { proof->head.size, proof->head.root };
    merkle_frontier_root(sha256, &proof->claim, &older.root);
    return merkle_verify_consistency(sha256, &older, &newer, path) ? LOG_PROOF_SHOWN
                                                                   : LOG_PROOF_CONTRADICTED;
}

static enum log_proof_state judge_inclusion(struct log_proof *proof, const struct merkle_hash *leaf,
                                            const struct merkle_path *path, struct digest *sha256)
{
    const struct merkle_place place = { *leaf, proof->size - 1, proof->head.size };
    struct merkle_hash root;
    if (!merkle_fold_path(sha256, &place, path, &proof->frontier, &root) ||
        memcmp(&root, &proof->head.root, sizeof root) != 0)
        return LOG_PROOF_CONTRADICTED;
    return judge_frontier(proof);
}

static enum log_proof_state on_rfc6962_answer(struct log_proof *proof, struct bytes body,
                                              struct digest *sha256, bool *malformed)
{
    struct merkle_path path;
    struct merkle_hash leaf;
    uint64_t index;
    switch (proof->endpoint) {
    case ENDPOINT_CONSISTENCY:
        if (!rfc6962_read_consistency(&path, body))
            break;
        return judge_consistency(proof, &path, sha256);
    case ENDPOINT_ENTRY_AND_PROOF:
        if (!rfc6962_read_entry_and_proof(&leaf, &path, body, sha256))
            break;
        return judge_inclusion(proof, &leaf, &path, sha256);
    case ENDPOINT_ENTRY:
        if (!rfc6962_read_leaf_hash(&proof->leaf, body, sha256))
            break;
        proof->endpoint = ENDPOINT_PROOF_BY_HASH;
        return LOG_PROOF_ASKS;
    case ENDPOINT_PROOF_BY_HASH:
        /* The same leaf may stand elsewhere too; then the answer is of no use. */
        if (!rfc6962_read_proof_by_hash(&index, &path, body) || index != proof->size - 1)
            break;
        return judge_inclusion(proof, &proof->leaf, &path, sha256);
    }
    *malformed = true;
    return LOG_PROOF_ASKS;
}

enum log_proof_state log_proof_on_answer(struct log_proof *proof, struct bytes body,
                                         struct digest *sha256, bool *malformed)
{
    *malformed = false;
    if (!proof->tiles)
        return on_rfc6962_answer(proof, body, sha256, malformed);
    *malformed = !tile_proof_on_answer(proof->tiles, body);
    return *malformed ? LOG_PROOF_ASKS : finish_tiles(proof, sha256);
}

bool log_proof_on_missing(struct log_proof *proof)
{
    if (proof->tiles)
        return tile_proof_on_missing(proof->tiles);
    switch (proof->endpoint) {
    case ENDPOINT_CONSISTENCY: proof->endpoint = ENDPOINT_ENTRY_AND_PROOF; return true;
    case ENDPOINT_ENTRY_AND_PROOF: proof->endpoint = ENDPOINT_ENTRY; return true;
    case ENDPOINT_ENTRY:
    case ENDPOINT_PROOF_BY_HASH: break;
    }
    proof->endpoint = first_endpoint(proof);
    return false;
}

const struct merkle_frontier *log_proof_frontier(const struct log_proof *proof)
{
    return proof->has_claim ? &proof->claim : &proof->frontier;
}
