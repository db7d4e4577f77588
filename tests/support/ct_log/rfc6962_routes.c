#include "tests/support/ct_log/rfc6962_routes.h"

#include <assert.h>
#include <inttypes.h>

#include "shared/base/base64.h"
#include "shared/process/clock.h"
#include "tests/support/ct_log/bent_entry.h"
#include "tests/support/ct_log/bent_head.h"
#include "tests/support/ct_log/ct_log.h"
#include "tests/support/ct_log/entries.h"
#include "tests/support/ct_log/fault.h"
#include "tests/support/ct_log/http_message.h"
#include "tests/support/ct_log/options.h"
#include "tests/support/ct_log/routes.h"

enum {
    HASH_TEXT_SIZE = 64,
};

void rfc6962_answer_get_sth(struct routes *routes, const struct http_request *request,
                            const struct distortion *distortion, struct http_reply *reply)
{
    (void)request;
    struct tree_head head = bent_head_of(routes->log, distortion, clock_realtime_ms());
    if (distortion->is_empty)
        return;
    tree_head_write_sth(&head, ct_log_key(routes->log, CT_LOG_RFC6962), distortion->flips_signature,
                        &reply->body);
}

struct range {
    uint64_t start;
    uint64_t end; /* inclusive, as in the request */
};

/* What of the wanted range is served: cut to the tree, to a page, and to its boundary. */
static void limit_range(struct range *range, const struct options *options,
                        const struct distortion *distortion, uint64_t size)
{
    uint64_t page = options->page;
    if (range->end >= size)
        range->end = size - 1;
    if (range->end - range->start + 1 > page) {
        range->end = range->start + page - 1;
        uint64_t beyond = (range->end + 1) % page;
        if (options->is_aligned && beyond <= range->end - range->start)
            range->end -= beyond;
    }
    uint64_t tile = distortion->tile ? distortion->tile : page;
    uint64_t tile_end = (range->start / tile + 1) * tile - 1;
    if (distortion->keeps_to_tiles && range->end > tile_end)
        range->end = tile_end;
    if (distortion->page && range->end - range->start + 1 > distortion->page)
        range->end = range->start + distortion->page - 1;
    range->end += distortion->extra_entries;
    if (range->end >= size)
        range->end = size - 1;
}

static void write_entries(struct routes *routes, struct range range,
                          const struct distortion *distortion, struct buffer *out)
{
    buffer_append_string(out, "{\"entries\":[");
    for (uint64_t i = range.start; i <= range.end && !distortion->is_empty; i++) {
        struct entry_position position = bent_entry_at(routes->log, distortion, i, range.start);
        buffer_append_string(out, i == range.start ? "{" : ",{");
        entries_write_members(ct_log_entries(routes->log), &position, out);
        buffer_append_byte(out, '}');
    }
    buffer_append_string(out, "]}");
}

void rfc6962_answer_get_entries(struct routes *routes, const struct http_request *request,
                                const struct distortion *distortion, struct http_reply *reply)
{
    struct range range;
    uint64_t size = bent_size(routes->log, distortion);
    if (!http_query_number(request->query, "start", &range.start) ||
        !http_query_number(request->query, "end", &range.end)) {
        http_reply_text(reply, 400, "start and end must be whole numbers");
        return;
    }
    if (range.start > range.end) {
        http_reply_text(reply, 400, "start is after end");
        return;
    }
    if (range.start >= size || (distortion->has_strict_end && range.end >= size)) {
        http_reply_text(reply, 400, "");
        buffer_clear(&reply->body);
        buffer_append_format(&reply->body,
                             "%" PRIu64 " to %" PRIu64 " but the tree has %" PRIu64 " entries\n",
                             range.start, range.end, size);
        return;
    }
    uint64_t wanted = range.end - range.start;
    limit_range(&range, routes->options, distortion, size);
    http_reply_add_header(reply, range.end - range.start == wanted
                                     ? "Cache-Control: public, max-age=86400"
                                     : "Cache-Control: public, max-age=60");
    write_entries(routes, range, distortion, &reply->body);
}

static void write_hashes(struct buffer *out, const char *name, const struct merkle_proof *proof,
                         const struct distortion *distortion)
{
    if (distortion->has_null_path && proof->count == 0) {
        buffer_append_format(out, "\"%s\":null", name);
        return;
    }
    buffer_append_format(out, "\"%s\":[", name);
    for (size_t i = 0; i < proof->count && !distortion->is_empty; i++) {
        uint8_t hash[MERKLE_HASH_SIZE];
        memcpy(hash, proof->hashes[i], sizeof hash);
        hash[0] ^= i == 0 && distortion->flips_leaf;
        buffer_append_string(out, i ? ",\"" : "\"");
        base64_encode(out, bytes_of(hash, sizeof hash));
        buffer_append_byte(out, '"');
    }
    buffer_append_byte(out, ']');
}

void rfc6962_answer_consistency(struct routes *routes, const struct http_request *request,
                                const struct distortion *distortion, struct http_reply *reply)
{
    uint64_t first, second;
    if (!http_query_number(request->query, "first", &first) ||
        !http_query_number(request->query, "second", &second) || first > second) {
        http_reply_text(reply, 400, "first and second must be whole numbers, first not larger");
        return;
    }
    if (second > bent_size(routes->log, distortion)) {
        http_reply_text(reply, 400, "second is larger than the tree");
        return;
    }
    struct merkle_proof proof;
    merkle_tree_prove_consistency(ct_log_tree(routes->log, distortion->is_forked), first, second,
                                  &proof);
    buffer_append_byte(&reply->body, '{');
    write_hashes(&reply->body, "consistency", &proof, distortion);
    buffer_append_byte(&reply->body, '}');
}

void rfc6962_answer_entry_and_proof(struct routes *routes, const struct http_request *request,
                                    const struct distortion *distortion, struct http_reply *reply)
{
    uint64_t index, size;
    if (!http_query_number(request->query, "leaf_index", &index) ||
        !http_query_number(request->query, "tree_size", &size) || index >= size ||
        size > bent_size(routes->log, distortion)) {
        http_reply_text(reply, 400,
                        "leaf_index must be below tree_size, and that not above the tree's");
        return;
    }
    struct merkle_proof proof;
    struct entry_position position = bent_entry_at(routes->log, distortion, index, index);
    merkle_tree_prove_inclusion(ct_log_tree(routes->log, distortion->is_forked), index, size,
                                &proof);
    buffer_append_byte(&reply->body, '{');
    entries_write_members(ct_log_entries(routes->log), &position, &reply->body);
    buffer_append_byte(&reply->body, ',');
    write_hashes(&reply->body, "audit_path", &proof, distortion);
    buffer_append_byte(&reply->body, '}');
}

void rfc6962_answer_proof_by_hash(struct routes *routes, const struct http_request *request,
                                  const struct distortion *distortion, struct http_reply *reply)
{
    char text[HASH_TEXT_SIZE];
    uint8_t hash[MERKLE_HASH_SIZE];
    uint64_t size, index;
    if (!http_query_text(request->query, "hash", text, sizeof text) ||
        !base64_decode_exactly(hash, sizeof hash, bytes_of_string(text)) ||
        !http_query_number(request->query, "tree_size", &size) || size == 0) {
        http_reply_text(reply, 400, "hash must be 32 bytes in base64, tree_size a number above 0");
        return;
    }
    struct merkle_tree *tree = ct_log_tree(routes->log, distortion->is_forked);
    if (size > bent_size(routes->log, distortion) || !merkle_tree_find(tree, hash, size, &index)) {
        http_reply_text(reply, 404, "no such leaf in a tree of that size");
        return;
    }
    struct merkle_proof proof;
    merkle_tree_prove_inclusion(tree, index, size, &proof);
    buffer_append_format(&reply->body, "{\"leaf_index\":%" PRIu64 ",", index);
    write_hashes(&reply->body, "audit_path", &proof, distortion);
    buffer_append_byte(&reply->body, '}');
}

void rfc6962_answer_roots(struct routes *routes, const struct http_request *request,
                          const struct distortion *distortion, struct http_reply *reply)
{
    (void)request;
    size_t count;
    const struct entry_issuer *issuers = entries_issuers(ct_log_entries(routes->log), &count);
    bool needs_comma = false;
    buffer_append_string(&reply->body, "{\"certificates\":[");
    for (size_t i = 0; i < count && !distortion->is_empty; i++) {
        if (!issuers[i].is_root)
            continue;
        buffer_append_string(&reply->body, needs_comma ? ",\"" : "\"");
        base64_encode(&reply->body, issuers[i].der);
        buffer_append_byte(&reply->body, '"');
        needs_comma = true;
    }
    buffer_append_string(&reply->body, "]}");
}
