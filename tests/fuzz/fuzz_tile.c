/* Any bytes as a data tile. */
#include <stdlib.h>

#include "ingest/ct/entry.h"
#include "shared/base/reader.h"
#include "tests/fuzz/fuzz.h"

static bool lies_within(struct bytes part, const uint8_t *data, size_t size)
{
    return part.size == 0 ||
           (part.data >= data && part.size <= size && part.data <= data + size - part.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader tile = reader_of(bytes_of(data, size));
    struct entry entry;
    for (uint64_t index = 0; tile.remaining; index++) {
        size_t before = tile.remaining;
        if (!entry_read_tile_leaf(&entry, &tile))
            return 0;
        bool good = lies_within(entry.certificate, data, size) &&
                    lies_within(entry.tbs, data, size) && lies_within(entry.chain, data, size) &&
                    lies_within(entry.leaf_pieces[1], data, size) &&
                    entry.chain.size % SHA256_SIZE == 0 && tile.remaining < before;
        /* At one place at most, unless it says none. */
        if (!good || (entry_is_at(&entry, index) && entry_is_at(&entry, index + 1) &&
                      !entry_is_at(&entry, UINT64_MAX)))
            abort();
    }
    return 0;
}
