#include "ingest/ct/log_protocol.h"

#include <inttypes.h>

#include "ingest/ct/entry.h"
#include "ingest/ct/protocol_rows.h"
#include "ingest/ct/rfc6962.h"
#include "shared/base/buffer.h"
#include "shared/message/tile_path.h"

const struct log_protocol *log_protocol_of(enum ct_log_kind kind)
{
    static const struct log_protocol *const rows[CT_LOG_KINDS] = {
        [CT_LOG_RFC6962] = &rfc6962_protocol,
        [CT_LOG_TILED] = &tiled_protocol,
        [CT_LOG_HYBRID] = &hybrid_protocol,
    };
    return rows[kind];
}

void log_protocol_write_range(const struct log_protocol *protocol, uint64_t start, uint64_t count,
                              unsigned width, struct buffer *url)
{
    char path[TILE_PATH_SIZE];
    if (protocol->is_tile(start, count)) {
        tile_path_write(path, TILE_LEVEL_DATA, start / TILE_WIDTH,
                        protocol->has_partial_tiles ? width : TILE_WIDTH);
        buffer_append_string(url, path);
    } else {
        buffer_append_format(url, "ct/v1/get-entries?start=%" PRIu64 "&end=%" PRIu64, start,
                             start + count - 1);
    }
}

size_t log_protocol_body_max(const struct log_protocol *protocol, uint64_t start, uint64_t count)
{
    return protocol->is_tile(start, count) ? (size_t)ENTRY_TILE_BODY_MAX : (size_t)RFC6962_BODY_MAX;
}
