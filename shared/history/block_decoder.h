/*
 * Unpacks the frames of a block: its rows, and its records, each frame by itself. Pure; whoever
 * reads history brings the bytes and keeps what it unpacked.
 */
#ifndef SHARED_HISTORY_BLOCK_DECODER_H
#define SHARED_HISTORY_BLOCK_DECODER_H

#include "shared/history/block_head.h"

struct block_decoder;
struct block_frame;

/* Used again and again. */
struct block_decoder *block_decoder_create(void);
void block_decoder_destroy(struct block_decoder *decoder);

/* Unpacks a part, whose bytes are `packed`, to `out`, which has room for part->raw_size. False if
 * it is damaged. */
bool block_decoder_unpack(struct block_decoder *decoder, const struct block_part *part,
                          struct bytes packed, uint8_t *out);

/* A frame of records, unpacked, which the caller owns; NULL if it is damaged. `packed`: the bytes
 * of the block from part->offset on, part->size of them; they may go afterwards. */
struct block_frame *block_frame_open(struct block_decoder *decoder, const struct block_part *part,
                                     struct bytes packed);
/* NULL is fine. */
void block_frame_close(struct block_frame *frame);

/* A record by its number in the block, as a view that lives as long as the frame; no data if the
 * frame does not have it. */
struct bytes block_frame_record(const struct block_frame *frame, uint32_t record);
/* Bytes of memory that it takes. */
size_t block_frame_size(const struct block_frame *frame);

#endif
