#include "shared/history/block_decoder.h"

#include <stdlib.h>
#include <zstd.h>

#include "shared/base/memory.h"
#include "shared/history/varint.h"

struct block_decoder {
    ZSTD_DCtx *context;
};

/* Records one behind the other; where each ends. */
struct block_frame {
    uint32_t first_record;
    uint32_t record_count;
    size_t size;
    uint8_t *raw;
    size_t *ends; /* in raw; the first begins at `start` */
    size_t start;
};

struct block_decoder *block_decoder_create(void)
{
    struct block_decoder *decoder = memory_allocate_zeroed(1, sizeof *decoder);
    decoder->context = ZSTD_createDCtx();
    if (!decoder->context)
        abort();
    return decoder;
}

void block_decoder_destroy(struct block_decoder *decoder)
{
    if (!decoder)
        return;
    (void)ZSTD_freeDCtx(decoder->context);
    free(decoder);
}

bool block_decoder_unpack(struct block_decoder *decoder, const struct block_part *part,
                          struct bytes packed, uint8_t *out)
{
    if (packed.size != part->size || !packed.data)
        return false;
    size_t size =
        ZSTD_decompressDCtx(decoder->context, out, part->raw_size, packed.data, packed.size);
    return !ZSTD_isError(size) && size == part->raw_size;
}

/* The sizes stand before the records. */
static bool find_records(struct block_frame *frame)
{
    struct reader reader = reader_of(bytes_of(frame->raw, frame->size));
    size_t total = 0;
    for (uint32_t i = 0; i < frame->record_count; i++) {
        uint64_t size = varint_read(&reader);
        if (!reader_ok(&reader) || size > frame->size - total)
            return false;
        total += (size_t)size;
        frame->ends[i] = total;
    }
    if (total != reader.remaining)
        return false;
    frame->start = frame->size - total;
    for (uint32_t i = 0; i < frame->record_count; i++)
        frame->ends[i] += frame->start;
    return true;
}

struct block_frame *block_frame_open(struct block_decoder *decoder, const struct block_part *part,
                                     struct bytes packed)
{
    /* A size that is made up is not believed before the bytes have been seen. */
    if (ZSTD_getFrameContentSize(packed.data, packed.size) != part->raw_size || !part->raw_size ||
        part->record_count > part->raw_size)
        return NULL;
    struct block_frame *frame = memory_allocate_zeroed(1, sizeof *frame);
    frame->first_record = part->first_record;
    frame->record_count = part->record_count;
    frame->size = part->raw_size;
    frame->raw = memory_allocate(part->raw_size);
    frame->ends = memory_allocate_zeroed(part->record_count, sizeof *frame->ends);
    if (block_decoder_unpack(decoder, part, packed, frame->raw) && find_records(frame))
        return frame;
    block_frame_close(frame);
    return NULL;
}

void block_frame_close(struct block_frame *frame)
{
    if (!frame)
        return;
    free(frame->raw);
    free(frame->ends);
    free(frame);
}

struct bytes block_frame_record(const struct block_frame *frame, uint32_t record)
{
    if (record < frame->first_record || record - frame->first_record >= frame->record_count)
        return (struct bytes){ 0 };
    uint32_t number = record - frame->first_record;
    size_t start = number ? frame->ends[number - 1] : frame->start;
    return bytes_of(frame->raw + start, frame->ends[number] - start);
}

size_t block_frame_size(const struct block_frame *frame)
{
    return sizeof *frame + frame->size + frame->record_count * sizeof *frame->ends;
}
