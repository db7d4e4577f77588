/*
 * An RFC 6962 log that serves data tiles as well: head and proofs as RFC 6962 has them, full tiles
 * instead of pages. A range that is no full tile is asked for by get-entries. Every entry is under
 * the same signed root, so a tile need not be trusted any more than a page.
 */
#include "ingest/ct/protocol_rows.h"
#include "shared/message/tile_path.h"

static bool is_full_tile(uint64_t start, uint64_t count)
{
    return start % TILE_WIDTH == 0 && count == TILE_WIDTH;
}

const struct log_protocol hybrid_protocol = {
    .name = "hybrid",
    .poll_ms = UINT64_C(10) * 1000,
    .page_max = TILE_WIDTH,
    .bytes_per_entry = 2048,
    .head_path = "ct/v1/get-sth",
    .read_head = rfc6962_protocol_read_head,
    .is_tile = is_full_tile,
    .head_name = "get-sth",
    .start_name = "proof of the start",
    .range_name = "data tile",
    .proof_name = "proof",
};
