/* Reading the tile paths that shared/tile_path.h writes. */
#ifndef CT_LOG_TILE_REQUEST_H
#define CT_LOG_TILE_REQUEST_H

#include "shared/base/bytes.h"

struct tile_request {
    int level; /* 0 to 63, or TILE_LEVEL_DATA */
    uint64_t number;
    unsigned width; /* 1 to TILE_WIDTH */
};

/* False unless `path`, such as "tile/data/x001/234.p/5", is written exactly as tile_path_write
 * would. */
bool tile_request_parse(struct tile_request *request, struct bytes path);

#endif
