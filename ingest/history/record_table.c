#include "ingest/history/record_table.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"

enum {
    SLOTS_MIN = 4096,
    /* Open addressing stays short with a third free. */
    SLOTS_MAX = 1024 * 1024,
};

static_assert(RECORD_TABLE_MAX < SLOTS_MAX / 3 * 2, "a third stays free");

struct record_table {
    struct known_record *slots; /* a power of two */
    uint8_t *is_used;
    size_t slot_count;
    size_t count;
};

static void make_slots(struct record_table *table, size_t count)
{
    table->slot_count = count;
    table->slots = memory_allocate_zeroed(count, sizeof *table->slots);
    table->is_used = memory_allocate_zeroed(count, 1);
}

struct record_table *record_table_create(void)
{
    struct record_table *table = memory_allocate_zeroed(1, sizeof *table);
    make_slots(table, SLOTS_MIN);
    return table;
}

void record_table_destroy(struct record_table *table)
{
    if (!table)
        return;
    free(table->slots);
    free(table->is_used);
    free(table);
}

void record_table_clear(struct record_table *table)
{
    free(table->slots);
    free(table->is_used);
    table->count = 0;
    make_slots(table, SLOTS_MIN);
}

/* Where it is, or the free slot in which it would be. The digest is as good as random. */
static size_t place_of_record(const struct record_table *table, const uint8_t *der)
{
    uint64_t number;
    memcpy(&number, der, sizeof number);
    size_t place = number & (table->slot_count - 1);
    while (table->is_used[place] && memcmp(table->slots[place].der, der, KEYED_DIGEST_SIZE) != 0)
        place = (place + 1) & (table->slot_count - 1);
    return place;
}

const struct known_record *record_table_find(const struct record_table *table, const uint8_t *der)
{
    size_t place = place_of_record(table, der);
    return table->is_used[place] ? &table->slots[place] : NULL;
}

static void put(struct record_table *table, const struct known_record *record)
{
    size_t place = place_of_record(table, record->der);
    assert(!table->is_used[place]);
    table->slots[place] = *record;
    table->is_used[place] = 1;
}

static void grow_table(struct record_table *table)
{
    struct record_table old = *table;
    make_slots(table, 2 * old.slot_count);
    for (size_t i = 0; i < old.slot_count; i++)
        if (old.is_used[i])
            put(table, &old.slots[i]);
    free(old.slots);
    free(old.is_used);
}

void record_table_add(struct record_table *table, const struct known_record *record)
{
    assert(!record_table_is_full(table));
    if (3 * (table->count + 1) > 2 * table->slot_count)
        grow_table(table);
    put(table, record);
    table->count++;
}

bool record_table_is_full(const struct record_table *table)
{
    return table->count >= RECORD_TABLE_MAX;
}

size_t record_table_count(const struct record_table *table)
{
    return table->count;
}
