/* Any bytes as the answer of get-entries, and what becomes of the entries it seems to hold; and as
 * a proof. */
#include <stdlib.h>

#include "ingest/ct/rfc6962.h"
#include "tests/fuzz/fuzz.h"

enum {
    TEXT_MAX = 1 << 24
};

/* Every view of an entry lies in what it was read from: touching each byte shows it to the
 * sanitizer. */
static unsigned touch(struct bytes bytes)
{
    unsigned sum = 0;
    for (size_t i = 0; i < bytes.size; i++)
        sum += bytes.data[i];
    return sum;
}

/* The same bytes as each kind of proof: whatever is read is followed to its end. */
static void read_as_proof(struct bytes body)
{
    struct digest *sha256 = digest_create(DIGEST_SHA256);
    struct merkle_place place = { .index = body.size % 9,
                                  .size = 1 + body.size % 9 + body.size % 5 };
    const struct merkle_tree older = { .size = 1 + body.size % 9 };
    const struct merkle_tree newer = { .size = older.size + 1 + body.size % 5 };
    struct merkle_path path;
    struct merkle_frontier frontier;
    struct merkle_hash root;
    uint64_t index;
    if (rfc6962_read_entry_and_proof(&place.leaf, &path, body, sha256) &&
        merkle_fold_path(sha256, &place, &path, &frontier, &root) &&
        frontier.size != place.index + 1)
        abort();
    if (rfc6962_read_proof_by_hash(&index, &path, body))
        (void)merkle_fold_path(sha256, &place, &path, &frontier, &root);
    /* A proof that leads to roots of nothing but zeros would break SHA-256. */
    if (rfc6962_read_consistency(&path, body) &&
        merkle_verify_consistency(sha256, &older, &newer, &path))
        abort();
    (void)rfc6962_read_leaf_hash(&place.leaf, body, sha256);
    digest_destroy(sha256);
}

/* In one piece, or in pieces whose sizes come of `seed`. */
static void read_text(struct rfc6962_text *text, struct bytes body, bool is_cut, unsigned seed)
{
    rfc6962_text_init(text, TEXT_MAX);
    while (body.size) {
        seed = seed * 1103515245 + 12345;
        size_t size = is_cut ? 1 + (seed >> 16) % (seed >> 30 ? 4 : 64) : body.size;
        size = size < body.size ? size : body.size;
        rfc6962_text_add(text, bytes_of(body.data, size));
        body = bytes_of(body.data + size, body.size - size);
    }
}

static bool is_same_entry(const struct entry *one, const struct entry *two)
{
    return one->malformed == two->malformed && one->malformed_extra == two->malformed_extra &&
           one->timestamp_ms == two->timestamp_ms &&
           bytes_equal(one->leaf_pieces[0], two->leaf_pieces[0]) &&
           bytes_equal(one->certificate, two->certificate) && bytes_equal(one->tbs, two->tbs) &&
           bytes_equal(one->chain, two->chain);
}

/* However an answer is cut, it says the same. */
static unsigned read_as_page(struct bytes body, unsigned seed)
{
    struct rfc6962_text texts[2];
    struct rfc6962_page pages[2];
    struct entry entries[2];
    size_t count = 0;
    unsigned sum = 0;
    for (unsigned i = 0; i < 2; i++)
        read_text(&texts[i], body, i > 0, seed);
    bool opens = rfc6962_page_open(&pages[0], &texts[0]);
    if (rfc6962_page_open(&pages[1], &texts[1]) != opens || pages[0].count != pages[1].count)
        abort();
    while (opens && rfc6962_page_next(&pages[0], &entries[0])) {
        struct bytes certificate;
        if (!rfc6962_page_next(&pages[1], &entries[1]) || !is_same_entry(&entries[0], &entries[1]))
            abort();
        count++;
        sum += touch(entries[0].leaf_pieces[0]) + touch(entries[0].certificate) +
               touch(entries[0].tbs);
        while (entry_next_chain_certificate(&entries[0].chain, &certificate))
            sum += touch(certificate);
    }
    if (count > pages[0].count || pages[0].left != pages[1].left)
        abort();
    for (unsigned i = 0; i < 2; i++) {
        rfc6962_page_clear(&pages[i]);
        rfc6962_text_free(&texts[i]);
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned seed = (unsigned)size;
    for (size_t i = 0; i < size; i++)
        seed = seed * 31 + data[i];
    unsigned sum = read_as_page(bytes_of(data, size), seed);
    read_as_proof(bytes_of(data, size));
    return sum == UINT32_MAX;
}
