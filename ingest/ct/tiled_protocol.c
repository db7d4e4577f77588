#include "ingest/ct/protocol_rows.h"
#include "shared/message/tile_path.h"

static bool all_are_tiles(uint64_t start, uint64_t count)
{
    (void)start;
    (void)count;
    return true;
}

const struct log_protocol tiled_protocol = {
    .name = "tiled",
    .list_member = "tiled_logs",
    .url_member = "monitoring_url",
    .poll_ms = UINT64_C(5) * 1000,
    .page_max = TILE_WIDTH,
    .bytes_per_entry = 2048,
    .has_partial_tiles = true,
    .proves_by_tiles = true,
    .head_path = "checkpoint",
    .read_head = signed_head_read_checkpoint,
    .is_tile = all_are_tiles,
    .head_name = "checkpoint",
    .start_name = "hash tile",
    .range_name = "data tile",
    .proof_name = "hash tile",
};
