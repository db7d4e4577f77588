#include "ingest/history/record_table.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"

enum {
    SLOTS_MIN = 4096,
    /* Open addressing stays short with a third free. */
    SLOTS_MAX = 1024 * 1024,
    MOVED_AT_ONCE = 16,
};

static_assert(RECORD_TABLE_MAX < SLOTS_MAX / 3 * 2, "a third stays free");

struct slots {
    struct known_record *records; /* a power of two */
    uint8_t *is_used;
    size_t count;
};

/* Growing moves a few records with each one that is added, so that no addition takes long. */
struct record_table {
    struct slots slots;
    struct slots old; /* those that are being moved; a count of 0: none */
    size_t moved;     /* of the old ones, from the front */
    size_t count;
};

static struct slots make_slots(size_t count)
{
    return (struct slots){
        .records = memory_allocate_zeroed(count, sizeof(struct known_record)),
        .is_used = memory_allocate_zeroed(count, 1),
        .count = count,
    };
}

static void free_slots(struct slots *slots)
{
    free(slots->records);
    free(slots->is_used);
    *slots = (struct slots){ 0 };
}

struct record_table *record_table_create(void)
{
    struct record_table *table = memory_allocate_zeroed(1, sizeof *table);
    table->slots = make_slots(SLOTS_MIN);
    return table;
}

void record_table_destroy(struct record_table *table)
{
    if (!table)
        return;
    free_slots(&table->slots);
    free_slots(&table->old);
    free(table);
}

void record_table_clear(struct record_table *table)
{
    free_slots(&table->slots);
    free_slots(&table->old);
    table->count = 0;
    table->slots = make_slots(SLOTS_MIN);
}

/* Where it is, or the free slot in which it would be. The digest is as good as random. */
static size_t place_of_record(const struct slots *slots, const uint8_t *der)
{
    uint64_t number;
    memcpy(&number, der, sizeof number);
    size_t place = number & (slots->count - 1);
    while (slots->is_used[place] && memcmp(slots->records[place].der, der, KEYED_DIGEST_SIZE) != 0)
        place = (place + 1) & (slots->count - 1);
    return place;
}

static const struct known_record *find_in_slots(const struct slots *slots, const uint8_t *der)
{
    size_t place = slots->count ? place_of_record(slots, der) : 0;
    return slots->count && slots->is_used[place] ? &slots->records[place] : NULL;
}

/* What has been moved stays in the old slots, too, so that no search there ends early. */
const struct known_record *record_table_find(const struct record_table *table, const uint8_t *der)
{
    const struct known_record *record = find_in_slots(&table->slots, der);
    return record ? record : find_in_slots(&table->old, der);
}

static void put_record(struct slots *slots, const struct known_record *record)
{
    size_t place = place_of_record(slots, record->der);
    slots->records[place] = *record;
    slots->is_used[place] = 1;
}

/* All old ones are moved long before the new slots are full. */
static void move_some(struct record_table *table)
{
    for (size_t i = 0; i < MOVED_AT_ONCE && table->moved < table->old.count; i++, table->moved++)
        if (table->old.is_used[table->moved])
            put_record(&table->slots, &table->old.records[table->moved]);
    if (table->moved == table->old.count)
        free_slots(&table->old);
}

void record_table_add(struct record_table *table, const struct known_record *record)
{
    assert(!record_table_is_full(table));
    if (3 * (table->count + 1) > 2 * table->slots.count) {
        assert(!table->old.count);
        table->old = table->slots;
        table->slots = make_slots(2 * table->old.count);
        table->moved = 0;
    }
    if (table->old.count)
        move_some(table);
    put_record(&table->slots, record);
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
