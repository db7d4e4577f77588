/*
 * Where a follower of a new log starts: an index, and the frontier of the tree below it, from one get-entry-and-proof
 * (RFC 6962 section 4.8) or from the tiles at the right edge. Told what was answered, it says what to fetch next; pure.
 */
#ifndef INGEST_STARTING_POINT_H
#define INGEST_STARTING_POINT_H

#include "ingest/ct_log.h"
#include "ingest/static_ct.h"

enum {
    /* An entry of three-byte lengths in base64 twice over, and a path; tiles are small. */
    STARTING_POINT_BODY_MAX = 64 * 1024 * 1024,
};

struct starting_point {
    enum ct_log_kind kind;
    uint64_t index;
    bool done;
    struct merkle_frontier frontier;
    struct static_ct_hash_tile tiles[STATIC_CT_LEVELS];
    size_t tile_count;
    size_t tile; /* the one that comes next */
};

/* index <= log_size. */
void starting_point_begin(struct starting_point *point, enum ct_log_kind kind, uint64_t index,
                          uint64_t log_size);

/* The path to GET below the log's URL; point->done must be false. */
void starting_point_write_path(const struct starting_point *point, struct buffer *path);

/* False if the answer is not what was asked for: the same is to be asked again. */
bool starting_point_on_answer(struct starting_point *point, struct bytes body,
                              struct digest *sha256);

/* The log does not have what was asked for: true if something else can be asked for instead. */
bool starting_point_on_missing(struct starting_point *point);

#endif
