/* Any bytes as the answer of get-entries, and what becomes of the entries it seems to hold; and as
 * a proof. */
#include <stdlib.h>

#include "ingest/ct/rfc6962.h"
#include "tests/fuzz/fuzz.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rfc6962_page page;
    struct entry entry;
    size_t count = 0;
    unsigned sum = 0;
    if (rfc6962_page_open(&page, bytes_of(data, size))) {
        while (rfc6962_page_next(&page, &entry)) {
            struct bytes certificate;
            count++;
            sum += touch(entry.leaf_pieces[0]) + touch(entry.certificate) + touch(entry.tbs);
            while (entry_next_chain_certificate(&entry.chain, &certificate))
                sum += touch(certificate);
        }
    }
    if (count > page.count)
        abort();
    rfc6962_page_clear(&page);
    read_as_proof(bytes_of(data, size));
    return sum == UINT32_MAX;
}
