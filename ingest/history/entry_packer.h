/*
 * Packs entries of the stream into blocks: looks each certificate up in the generation, makes the
 * entry again from what the block will have, compares, and keeps what differs as it is. Pure.
 *
 *   entry ─► of our form? ─► certificate known? ─► the rest the same? ─► row
 *              │ no            │ no: made again, compared; record ─► row
 *              └► all fields as they are: record, row
 */
#ifndef INGEST_HISTORY_ENTRY_PACKER_H
#define INGEST_HISTORY_ENTRY_PACKER_H

#include "shared/history/stored_entry.h"

struct entry_packer;

enum {
    /* Of zstd, by measurement (tests/bench/bench_history.c). */
    ENTRY_PACKER_LEVEL = 3,
    /* Random bytes that it needs. */
    ENTRY_PACKER_SEED_SIZE = 64,
};

struct entry_packer_stats {
    uint64_t entries;
    uint64_t records;  /* certificates, each once in a generation */
    uint64_t verbatim; /* entries that were kept as they are */
};

struct entry_packer *entry_packer_create(int level, const uint8_t *seed);
void entry_packer_destroy(struct entry_packer *packer);

/* Begins a generation, and with it a block. What was not committed is forgotten. */
void entry_packer_begin_generation(struct entry_packer *packer);

/* Adds an entry, whose id comes after that of the one before. False if it is too large to be kept:
 * then nothing was added. */
bool entry_packer_add(struct entry_packer *packer, struct stream_id id,
                      const struct history_fields *fields);

/* Entries in the block that is being made; whether it should be finished; ids of its first and its
 * last. */
size_t entry_packer_count(const struct entry_packer *packer);
bool entry_packer_is_full(const struct entry_packer *packer);
struct stream_id entry_packer_first(const struct entry_packer *packer);
struct stream_id entry_packer_last(const struct entry_packer *packer);

/* The block, as a view that lives until the next call. */
struct bytes entry_packer_finish(struct entry_packer *packer, uint64_t ordinal);
struct stream_id entry_packer_generation(const struct entry_packer *packer);
/* The block is stored: begins the next one. */
void entry_packer_commit(struct entry_packer *packer);

/* The generation has as many certificates or blocks as it may; it should end with this block. */
bool entry_packer_generation_is_full(const struct entry_packer *packer);
const struct entry_packer_stats *entry_packer_stats(const struct entry_packer *packer);

#endif
