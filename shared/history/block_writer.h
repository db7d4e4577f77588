/*
 * Writes a block of packed history (block_head.h): first an entry's record, if no block of the
 * generation has it, then its row. Frames are packed as they become full, so that no call takes
 * long. Pure.
 */
#ifndef SHARED_HISTORY_BLOCK_WRITER_H
#define SHARED_HISTORY_BLOCK_WRITER_H

#include "shared/history/block_rows.h"
#include "shared/history/entry_renderer.h"

struct block_writer;

/* `level`: of zstd. `seed`: any number that those who write certificates do not know. */
struct block_writer *block_writer_create(int level, uint64_t seed);
void block_writer_destroy(struct block_writer *writer);

/* Begins anew. */
void block_writer_clear(struct block_writer *writer);

/* Copies a record, of at most BLOCK_RECORD_MAX bytes; its number in the block. The row that
 * follows has to be the one that names it. */
uint32_t block_writer_add_record(struct block_writer *writer, struct bytes record);

/* Appends an entry with all its fields as a record. */
void block_writer_write_verbatim(struct buffer *out, const struct history_fields *fields);

/* Copies a row, whose id comes after that of the row before. */
void block_writer_add_row(struct block_writer *writer, const struct history_entry *entry);

/* It should be finished: there are as many entries, or as large ones, as a block should have. */
bool block_writer_is_full(const struct block_writer *writer);
size_t block_writer_count(const struct block_writer *writer);
/* Bytes of memory that it takes. */
size_t block_writer_size(const struct block_writer *writer);
/* The ids of the first and the last entry; there has to be one. */
struct stream_id block_writer_first(const struct block_writer *writer);
struct stream_id block_writer_last(const struct block_writer *writer);

/* The block, as a view that lives until block_writer_clear. There has to be an entry. */
struct bytes block_writer_finish(struct block_writer *writer, struct stream_id generation,
                                 uint64_t ordinal);

#endif
