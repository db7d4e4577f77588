#include "ingest/recall/record_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "ingest/recall/question.h"
#include "shared/base/memory.h"
#include "shared/redis/contract.h"

enum {
    /* A minute of all logs, unpacked. */
    FRAMES_BYTES_MAX = 128 * 1024 * 1024,
    FRAMES_MAX = 1024,
    HEADS_MAX = 64,
    NUMBER_SIZE = 24,
};

struct kept_head {
    struct stream_id block;
    struct block_head head;
    struct buffer bytes; /* which it has views into */
};

struct kept_frame {
    struct stream_id block;
    size_t number;
    struct block_frame *frame;
};

struct record_store {
    struct questions *questions;
    const struct contract *contract;
    struct block_decoder *decoder;
    struct kept_head *heads[HEADS_MAX]; /* the oldest is thrown away: a ring, as are the frames */
    size_t head_count;                  /* ever */
    struct kept_frame frames[FRAMES_MAX];
    size_t frame_start, frame_count, frame_bytes;
};

struct record_store *record_store_create(struct questions *questions,
                                         const struct contract *contract)
{
    struct record_store *store = memory_allocate_zeroed(1, sizeof *store);
    store->questions = questions;
    store->contract = contract;
    store->decoder = block_decoder_create();
    return store;
}

static void destroy_head(struct kept_head *kept)
{
    if (!kept)
        return;
    buffer_free(&kept->bytes);
    free(kept);
}

static void drop_oldest_frame(struct record_store *store)
{
    struct kept_frame *oldest = &store->frames[store->frame_start];
    store->frame_bytes -= block_frame_size(oldest->frame);
    block_frame_close(oldest->frame);
    store->frame_start = (store->frame_start + 1) % FRAMES_MAX;
    store->frame_count--;
}

void record_store_destroy(struct record_store *store)
{
    while (store->frame_count)
        drop_oldest_frame(store);
    for (size_t i = 0; i < HEADS_MAX; i++)
        destroy_head(store->heads[i]);
    block_decoder_destroy(store->decoder);
    free(store);
}

static void copy_answer(void *context, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_STRING)
        buffer_append(context, reply->str, (size_t)reply->len);
}

/* Appends a part of a block; nothing if it is gone. */
static bool read_part(struct record_store *store, struct stream_id block, size_t offset,
                      size_t size, struct buffer *out)
{
    char key[CONTRACT_KEY_SIZE], first[NUMBER_SIZE], last[NUMBER_SIZE];
    contract_block_key(store->contract, key, block);
    (void)snprintf(first, sizeof first, "%zu", offset);
    (void)snprintf(last, sizeof last, "%zu", offset + size - 1);
    const char *words[] = { "GETRANGE", key, first, last };
    buffer_clear(out);
    return questions_ask(store->questions, copy_answer, out, sizeof words / sizeof *words, words);
}

/* NULL if it cannot be had; BLOCK_GOOD: because it is gone. */
static const struct block_head *record_head_of(struct record_store *store, struct stream_id block,
                                               enum block_result *result)
{
    for (size_t i = 0; i < HEADS_MAX; i++)
        if (store->heads[i] && stream_id_compare(store->heads[i]->block, block) == 0)
            return &store->heads[i]->head;
    struct kept_head *kept = memory_allocate_zeroed(1, sizeof *kept);
    kept->block = block;
    buffer_init(&kept->bytes, BLOCK_HEAD_MAX);
    (void)read_part(store, block, 0, BLOCK_HEAD_MAX, &kept->bytes);
    *result = BLOCK_GOOD;
    if (kept->bytes.size)
        *result = block_head_read(&kept->head, buffer_bytes(&kept->bytes));
    if (!kept->bytes.size || *result != BLOCK_GOOD) {
        destroy_head(kept);
        return NULL;
    }
    size_t place = store->head_count++ % HEADS_MAX;
    destroy_head(store->heads[place]);
    store->heads[place] = kept;
    return &kept->head;
}

struct block_rows *record_store_rows(struct record_store *store, struct stream_id block,
                                     enum block_result *result)
{
    const struct block_head *head = record_head_of(store, block, result);
    if (!head)
        return NULL;
    struct buffer packed;
    buffer_init(&packed, head->rows.size);
    bool is_read = read_part(store, block, head->rows.offset, head->rows.size, &packed);
    struct block_rows *rows = is_read && packed.size
                                  ? block_rows_open(store->decoder, head, buffer_bytes(&packed))
                                  : NULL;
    *result = rows || !packed.size ? BLOCK_GOOD : BLOCK_DAMAGED;
    buffer_free(&packed);
    return rows;
}

static struct block_frame *read_frame(struct record_store *store, struct stream_id block,
                                      const struct block_head *head, size_t number)
{
    struct block_part part = block_head_frame(head, number);
    struct buffer packed;
    buffer_init(&packed, part.size);
    struct block_frame *frame = NULL;
    if (read_part(store, block, part.offset, part.size, &packed) && packed.size)
        frame = block_frame_open(store->decoder, &part, buffer_bytes(&packed));
    buffer_free(&packed);
    if (!frame)
        return NULL;
    while (store->frame_count == FRAMES_MAX ||
           (store->frame_count && store->frame_bytes + block_frame_size(frame) > FRAMES_BYTES_MAX))
        drop_oldest_frame(store);
    store->frames[(store->frame_start + store->frame_count++) % FRAMES_MAX] =
        (struct kept_frame){ block, number, frame };
    store->frame_bytes += block_frame_size(frame);
    return frame;
}

struct bytes record_store_record(struct record_store *store, const struct history_place *place)
{
    enum block_result result;
    const struct block_head *head = record_head_of(store, place->block, &result);
    size_t number = head ? block_head_frame_of(head, place->record) : 0;
    if (!head || number == head->frame_count)
        return (struct bytes){ 0 };
    for (size_t i = store->frame_count; i-- > 0;) {
        const struct kept_frame *kept = &store->frames[(store->frame_start + i) % FRAMES_MAX];
        if (kept->number == number && stream_id_compare(kept->block, place->block) == 0)
            return block_frame_record(kept->frame, place->record);
    }
    const struct block_frame *frame = read_frame(store, place->block, head, number);
    return frame ? block_frame_record(frame, place->record) : (struct bytes){ 0 };
}
