/* Any bytes as the answer of get-entries, and what becomes of the entries it seems to hold. */
#include <stdlib.h>

#include "ingest/rfc6962.h"
#include "tests/fuzz/fuzz.h"

/* Every view of an entry lies in what it was read from: touching each byte shows it to the sanitizer. */
static unsigned touch(struct bytes bytes)
{
    unsigned sum = 0;
    for (size_t i = 0; i < bytes.size; i++)
        sum += bytes.data[i];
    return sum;
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
    struct merkle_frontier frontier;
    struct digest *sha256 = digest_create(DIGEST_SHA256);
    if (rfc6962_read_entry_and_proof(&frontier, 1 + size % 9, bytes_of(data, size), sha256) &&
        frontier.size != 1 + size % 9)
        abort();
    digest_destroy(sha256);
    return sum == UINT32_MAX;
}
