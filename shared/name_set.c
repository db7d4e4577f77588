#include "shared/name_set.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/memory.h"

/* Most certificates have one to four names; the table starts anew with each, so it starts small. */
enum {
    FIRST_SLOTS = 16
};

void name_set_init(struct name_set *set, uint64_t seed)
{
    *set = (struct name_set){ .seed = seed };
    set->slot_capacity = FIRST_SLOTS;
    set->slots = memory_allocate_zeroed(FIRST_SLOTS, sizeof *set->slots);
    set->slot_mask = FIRST_SLOTS - 1;
}

void name_set_free(struct name_set *set)
{
    free(set->names);
    free(set->slots);
}

void name_set_clear(struct name_set *set)
{
    set->count = 0;
    set->slot_mask = FIRST_SLOTS - 1;
    memset(set->slots, 0, FIRST_SLOTS * sizeof *set->slots);
}

static uint64_t mix(uint64_t state, uint64_t word)
{
    state = (state ^ word) * 0x9e3779b97f4a7c15;
    return state ^ state >> 29;
}

static uint64_t hash(uint64_t seed, struct bytes name)
{
    uint64_t state = seed ^ name.size;
    size_t at = 0;
    uint64_t word;
    for (; name.size - at >= sizeof word; at += sizeof word) {
        memcpy(&word, name.data + at, sizeof word);
        state = mix(state, word + seed);
    }
    word = 0;
    if (at < name.size)
        memcpy(&word, name.data + at, name.size - at);
    return mix(mix(state, word + seed), seed);
}

/* The slot that holds the name, or the empty one where it belongs. */
static uint32_t *find_slot(const struct name_set *set, struct bytes name)
{
    size_t at = hash(set->seed, name) & set->slot_mask;
    while (set->slots[at] && !bytes_equal(set->names[set->slots[at] - 1], name))
        at = (at + 1) & set->slot_mask;
    return &set->slots[at];
}

static void grow_slots(struct name_set *set)
{
    size_t size = (set->slot_mask + 1) * 2;
    if (size > set->slot_capacity) {
        set->slots = memory_resize(set->slots, size, sizeof *set->slots);
        set->slot_capacity = size;
    }
    set->slot_mask = size - 1;
    memset(set->slots, 0, size * sizeof *set->slots);
    for (size_t i = 0; i < set->count; i++)
        *find_slot(set, set->names[i]) = (uint32_t)i + 1;
}

void name_set_add(struct name_set *set, struct bytes name)
{
    assert(set->count < UINT32_MAX - 1);
    uint32_t *slot = find_slot(set, name);
    if (*slot)
        return;
    if (set->count == set->capacity) {
        set->capacity = set->capacity ? set->capacity * 2 : FIRST_SLOTS;
        set->names = memory_resize(set->names, set->capacity, sizeof *set->names);
    }
    set->names[set->count++] = name;
    *slot = (uint32_t)set->count;
    if (set->count > set->slot_mask / 2)
        grow_slots(set);
}
