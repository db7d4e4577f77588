/* The records that rows name, wherever they lie: heads and frames of blocks, read from Redis as
 * they are needed, and kept up to a bound. */
#ifndef INGEST_RECALL_RECORD_STORE_H
#define INGEST_RECALL_RECORD_STORE_H

#include "shared/history/block_rows.h"

struct contract;
struct questions;
struct record_store;

struct record_store *record_store_create(struct questions *questions,
                                         const struct contract *contract);
void record_store_destroy(struct record_store *store);

/* The rows of a block, owned by the caller; NULL if it is gone, damaged or of unknown format:
 * `result` says which (BLOCK_GOOD: gone). */
struct block_rows *record_store_rows(struct record_store *store, struct stream_id block,
                                     enum block_result *result);

/* A view that lives until the next call; no data if it cannot be had. */
struct bytes record_store_record(struct record_store *store, const struct history_place *place);

#endif
