#include "ingest/starting_point.h"

#include <assert.h>
#include <inttypes.h>

#include "ingest/rfc6962.h"
#include "shared/buffer.h"

void starting_point_begin(struct starting_point *point, enum ct_log_kind kind, uint64_t index,
                          uint64_t log_size)
{
    *point = (struct starting_point){ .kind = kind, .index = index, .done = index == 0 };
    if (kind == CT_LOG_TILED)
        point->tile_count = static_ct_plan_frontier(point->tiles, index, log_size);
}

void starting_point_write_path(const struct starting_point *point, struct buffer *path)
{
    assert(!point->done);
    if (point->kind == CT_LOG_RFC6962) {
        buffer_append_format(path,
                             "ct/v1/get-entry-and-proof?leaf_index=%" PRIu64 "&tree_size=%" PRIu64,
                             point->index - 1, point->index);
        return;
    }
    char tile_path[TILE_PATH_SIZE];
    const struct static_ct_hash_tile *tile = &point->tiles[point->tile];
    tile_path_write(tile_path, tile->level, tile->number, tile->width);
    buffer_append_string(path, tile_path);
}

bool starting_point_on_answer(struct starting_point *point, struct bytes body,
                              struct digest *sha256)
{
    assert(!point->done);
    if (point->kind == CT_LOG_RFC6962)
        return point->done =
                   rfc6962_read_entry_and_proof(&point->frontier, point->index, body, sha256);
    if (!static_ct_add_hash_tile(&point->frontier, &point->tiles[point->tile], body, sha256))
        return false;
    point->done = ++point->tile == point->tile_count;
    return true;
}

bool starting_point_on_missing(struct starting_point *point)
{
    if (point->kind == CT_LOG_RFC6962 || point->tiles[point->tile].width == TILE_WIDTH)
        return false;
    point->tiles[point->tile].width = TILE_WIDTH;
    return true;
}
