/* Blocks of packed history from a Redis that may hold anything: read as a whole, and everything in
 * them rendered. The input's checks are mended first, so that what stands behind them is reached.
 */
#include <stdlib.h>

#include "shared/base/digest.h"
#include "shared/history/entry_renderer.h"
#include "tests/fuzz/fuzz.h"

enum {
    FIXED_SIZE = 88,
    FRAME_SIZE = 12,
    EARLIER_SIZE = 16,
    CHECK_SIZE = 8,
    FRAMES_MAX = 64,
};

static size_t number_at(const uint8_t *at)
{
    return (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
}

/* Writes the check that the head should have, if it has room for one. */
static void mend_check(uint8_t *bytes, size_t size)
{
    if (size < FIXED_SIZE)
        return;
    size_t frames = number_at(bytes + 6), earlier = number_at(bytes + 10);
    if (frames > BLOCK_FRAMES_MAX || earlier > BLOCK_EARLIER_MAX)
        return;
    size_t end = FIXED_SIZE + frames * FRAME_SIZE + earlier * EARLIER_SIZE;
    if (end + CHECK_SIZE > size)
        return;
    uint8_t sha256[SHA256_SIZE];
    struct digest *digest = digest_create(DIGEST_SHA256);
    digest_bytes(digest, sha256, bytes_of(bytes, end));
    digest_destroy(digest);
    memcpy(bytes + end, sha256, CHECK_SIZE);
}

static struct bytes part_of(struct bytes block, const struct block_part *part)
{
    if (part->offset > block.size || part->size > block.size - part->offset)
        return (struct bytes){ 0 };
    return bytes_of(block.data + part->offset, part->size);
}

static void render_rows(const struct block_head *head, const struct block_rows *rows,
                        struct block_frame *const *frames)
{
    struct entry_renderer *renderer = entry_renderer_create();
    for (size_t i = 0; rows && i < block_rows_count(rows); i++) {
        struct history_entry entry;
        struct history_fields fields;
        block_rows_entry(rows, i, &entry);
        size_t frame = block_head_frame_of(head, entry.place.record);
        if (frame >= head->frame_count || frame >= FRAMES_MAX || !frames[frame])
            continue;
        struct bytes record = block_frame_record(frames[frame], entry.place.record);
        (void)entry_renderer_render(renderer, &entry, record, ENTRY_ALL, &fields);
    }
    entry_renderer_destroy(renderer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + 1);
    struct block_head head;
    if (!copy)
        abort();
    if (size)
        memcpy(copy, data, size);
    mend_check(copy, size);
    struct bytes block = bytes_of(copy, size);
    if (block_head_read(&head, block) == BLOCK_GOOD) {
        struct block_decoder *decoder = block_decoder_create();
        struct block_rows *rows = block_rows_open(decoder, &head, part_of(block, &head.rows));
        struct block_frame *frames[FRAMES_MAX] = { 0 };
        for (size_t i = 0; i < head.frame_count && i < FRAMES_MAX; i++) {
            struct block_part part = block_head_frame(&head, i);
            frames[i] = block_frame_open(decoder, &part, part_of(block, &part));
        }
        render_rows(&head, rows, frames);
        for (size_t i = 0; i < FRAMES_MAX; i++)
            block_frame_close(frames[i]);
        block_rows_close(rows);
        block_decoder_destroy(decoder);
    }
    free(copy);
    return 0;
}
