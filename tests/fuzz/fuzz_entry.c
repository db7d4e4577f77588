/* Any bytes as the leaf_input and extra_data of an entry: the first two say where the one ends and
 * the other begins. */
#include <stdlib.h>

#include "ingest/ct/entry.h"
#include "tests/fuzz/fuzz.h"

static bool lies_within(struct bytes part, struct bytes whole)
{
    return part.size == 0 || (part.data >= whole.data && part.size <= whole.size &&
                              part.data <= whole.data + whole.size - part.size);
}

/* What the pieces of the leaf are hashed to is the leaf itself, whatever else can be read of it. */
static bool pieces_are_the_leaf(const struct entry *entry, struct bytes leaf)
{
    const struct bytes *pieces = entry->leaf_pieces;
    return pieces[0].size + pieces[1].size == leaf.size &&
           memcmp(pieces[0].data, leaf.data, pieces[0].size) == 0 &&
           (pieces[1].size == 0 ||
            memcmp(pieces[1].data, leaf.data + pieces[0].size, pieces[1].size) == 0);
}

static void walk_chain(struct entry *entry, struct bytes extra)
{
    struct bytes certificate;
    size_t left = entry->chain.size + 1;
    while (entry_next_chain_certificate(&entry->chain, &certificate)) {
        if (!lies_within(certificate, extra) || entry->chain.size >= left)
            abort();
        left = entry->chain.size;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t leaf_size = ((size_t)data[0] << 8 | data[1]) % (size - 1);
    struct bytes leaf = bytes_of(data + 2, leaf_size);
    struct bytes extra = bytes_of(data + 2 + leaf_size, size - 2 - leaf_size);
    struct entry entry;
    entry_read_rfc6962(&entry, leaf, extra);
    if (!pieces_are_the_leaf(&entry, leaf))
        abort();
    bool good = lies_within(entry.tbs, leaf) && lies_within(entry.issuer_key_hash, leaf) &&
                lies_within(entry.extensions, leaf) && lies_within(entry.chain, extra) &&
                (lies_within(entry.certificate, leaf) || lies_within(entry.certificate, extra));
    if (!good)
        abort();
    walk_chain(&entry, extra);
    return 0;
}
