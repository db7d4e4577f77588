/*
 * The blocks of history as the process that packs knows them: the entries of P:history, in order.
 * Pure.
 */
#ifndef INGEST_HISTORY_HISTORY_INDEX_H
#define INGEST_HISTORY_HISTORY_INDEX_H

#include <stdbool.h>

#include "shared/redis/stream_id.h"

struct history_block {
    struct stream_id first;
    struct stream_id last;
    struct stream_id generation;
    uint64_t size; /* bytes */
    uint64_t count;
};

struct history_index {
    struct history_block *blocks; /* from `start` on, `count` of them */
    size_t start;
    size_t count;
    size_t capacity;
    uint64_t size; /* sums */
    uint64_t entries;
};

void history_index_free(struct history_index *index);
void history_index_clear(struct history_index *index);
/* It has to be the newest. */
void history_index_add(struct history_index *index, const struct history_block *block);
const struct history_block *history_index_block(const struct history_index *index, size_t number);

/* Blocks of the oldest generation, which are the first ones; 0 if there is no block. */
size_t history_index_oldest(const struct history_index *index);
void history_index_drop(struct history_index *index, size_t count);

/* Bytes of the newest generation. */
uint64_t history_index_newest_size(const struct history_index *index);

#endif
