#include "shared/history/intern_table.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"

enum {
    SLOTS_MIN = 256
};

struct intern_slot {
    uint64_t hash; /* 0: free */
    size_t offset;
    size_t size;
    uint32_t number;
};

void intern_table_init(struct intern_table *table, size_t limit, uint64_t seed)
{
    *table = (struct intern_table){ .slot_count = SLOTS_MIN, .seed = seed };
    buffer_init(&table->bytes, limit);
    table->slots = memory_allocate_zeroed(table->slot_count, sizeof *table->slots);
}

void intern_table_free(struct intern_table *table)
{
    buffer_free(&table->bytes);
    free(table->slots);
}

void intern_table_clear(struct intern_table *table)
{
    buffer_clear(&table->bytes);
    memset(table->slots, 0, table->slot_count * sizeof *table->slots);
    table->count = 0;
}

/* Eight bytes at a time, folded by a multiplication. Never 0. */
static uint64_t hash_of(const struct intern_table *table, struct bytes run)
{
    uint64_t hash = table->seed ^ run.size;
    for (size_t at = 0; at < run.size; at += sizeof hash) {
        uint64_t word = 0;
        size_t left = run.size - at;
        memcpy(&word, run.data + at, left < sizeof word ? left : sizeof word);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    return hash ? hash : 1;
}

static struct intern_slot *find_slot(const struct intern_table *table, uint64_t hash,
                                     struct bytes run)
{
    size_t place = hash & (table->slot_count - 1);
    for (;; place = (place + 1) & (table->slot_count - 1)) {
        struct intern_slot *slot = &table->slots[place];
        if (!slot->hash)
            return slot;
        if (slot->hash == hash &&
            bytes_equal(bytes_of(table->bytes.data + slot->offset, slot->size), run))
            return slot;
    }
}

static void grow_slots(struct intern_table *table)
{
    struct intern_slot *old = table->slots;
    size_t count = table->slot_count;
    table->slot_count *= 2;
    table->slots = memory_allocate_zeroed(table->slot_count, sizeof *table->slots);
    for (size_t i = 0; i < count; i++) {
        if (!old[i].hash)
            continue;
        size_t place = old[i].hash & (table->slot_count - 1);
        while (table->slots[place].hash)
            place = (place + 1) & (table->slot_count - 1);
        table->slots[place] = old[i];
    }
    free(old);
}

uint32_t intern_table_add(struct intern_table *table, struct bytes run)
{
    uint64_t hash = hash_of(table, run);
    struct intern_slot *slot = find_slot(table, hash, run);
    if (slot->hash)
        return slot->number;
    *slot = (struct intern_slot){ hash, table->bytes.size, run.size, (uint32_t)table->count };
    buffer_append_bytes(&table->bytes, run);
    assert(!table->bytes.failed);
    uint32_t number = (uint32_t)table->count++;
    if (2 * table->count > table->slot_count)
        grow_slots(table);
    return number;
}
