#include "ingest/history/history_index.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"

void history_index_free(struct history_index *index)
{
    free(index->blocks);
    *index = (struct history_index){ 0 };
}

void history_index_clear(struct history_index *index)
{
    index->start = index->count = 0;
    index->size = index->entries = 0;
}

/* Moves what is there to the front when half of the room is what was dropped. */
static void make_room(struct history_index *index)
{
    if (index->start + index->count < index->capacity)
        return;
    if (index->start > index->count) {
        memmove(index->blocks, index->blocks + index->start, index->count * sizeof *index->blocks);
        index->start = 0;
        return;
    }
    index->capacity = 2 * index->capacity + 64;
    index->blocks = memory_resize(index->blocks, index->capacity, sizeof *index->blocks);
}

void history_index_add(struct history_index *index, const struct history_block *block)
{
    make_room(index);
    index->blocks[index->start + index->count++] = *block;
    index->size += block->size;
    index->entries += block->count;
}

const struct history_block *history_index_block(const struct history_index *index, size_t number)
{
    assert(number < index->count);
    return &index->blocks[index->start + number];
}

static bool is_of_generation(const struct history_block *block, const struct history_block *other)
{
    return stream_id_compare(block->generation, other->generation) == 0;
}

size_t history_index_oldest(const struct history_index *index)
{
    size_t count = 0;
    while (count < index->count &&
           is_of_generation(history_index_block(index, count), history_index_block(index, 0)))
        count++;
    return count;
}

void history_index_drop(struct history_index *index, size_t count)
{
    assert(count <= index->count);
    for (size_t i = 0; i < count; i++) {
        index->size -= history_index_block(index, i)->size;
        index->entries -= history_index_block(index, i)->count;
    }
    index->start += count;
    index->count -= count;
}

uint64_t history_index_newest_size(const struct history_index *index)
{
    uint64_t size = 0;
    for (size_t i = index->count; i-- > 0;) {
        const struct history_block *block = history_index_block(index, i);
        if (!is_of_generation(block, history_index_block(index, index->count - 1)))
            break;
        size += block->size;
    }
    return size;
}
