#include "shared/x509/name_set.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"

/* Most certificates have one to four names; the table starts anew with each, so it starts small. */
enum {
    FIRST_SLOTS = 32,
    SLOT_GROWTH = 4,
    /* What a monstrous certificate made grow beyond this is given back. */
    KEPT_NAMES = 4096,
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
    if (set->capacity > KEPT_NAMES) {
        uint64_t seed = set->seed;
        name_set_free(set);
        name_set_init(set, seed);
    }
    set->count = 0;
    set->slot_mask = FIRST_SLOTS - 1;
    memset(set->slots, 0, FIRST_SLOTS * sizeof *set->slots);
}

static uint64_t mix(uint64_t state, uint64_t word)
{
    state = (state ^ word) * 0x9e3779b97f4a7c15;
    return state ^ state >> 29;
}

/* The last word overlaps the one before, so that there is no remainder; names shorter than a word
 * are padded. */
static uint32_t hash(uint64_t seed, struct bytes name)
{
    uint64_t state = seed ^ name.size;
    uint64_t word = 0;
    for (size_t at = 0; at + sizeof word < name.size; at += sizeof word) {
        memcpy(&word, name.data + at, sizeof word);
        state = mix(state, word + seed);
    }
    if (name.size >= sizeof word)
        memcpy(&word, name.data + name.size - sizeof word, sizeof word);
    else if (name.size)
        memcpy(&word, name.data, name.size);
    state = mix(mix(state, word + seed), seed);
    return (uint32_t)(state >> 32);
}

static bool holds(const struct name_set *set, struct name_slot slot, uint32_t hash,
                  struct bytes name)
{
    return slot.hash == hash && bytes_equal(set->names[slot.position - 1], name);
}

static void grow_slots(struct name_set *set)
{
    size_t size = (set->slot_mask + 1) * SLOT_GROWTH;
    if (size > set->slot_capacity) {
        set->slots = memory_resize(set->slots, size, sizeof *set->slots);
        set->slot_capacity = size;
    }
    set->slot_mask = size - 1;
    memset(set->slots, 0, size * sizeof *set->slots);
    for (size_t i = 0; i < set->count; i++) {
        uint32_t name_hash = hash(set->seed, set->names[i]);
        size_t at = name_hash & set->slot_mask;
        while (set->slots[at].position)
            at = (at + 1) & set->slot_mask;
        set->slots[at] = (struct name_slot){ name_hash, (uint32_t)i + 1 };
    }
}

void name_set_add(struct name_set *set, struct bytes name)
{
    assert(set->count < UINT32_MAX - 1);
    uint32_t name_hash = hash(set->seed, name);
    size_t at = name_hash & set->slot_mask;
    for (; set->slots[at].position; at = (at + 1) & set->slot_mask)
        if (holds(set, set->slots[at], name_hash, name))
            return;
    if (set->count == set->capacity) {
        set->capacity = set->capacity ? set->capacity * 2 : FIRST_SLOTS;
        set->names = memory_resize(set->names, set->capacity, sizeof *set->names);
    }
    set->names[set->count++] = name;
    set->slots[at] = (struct name_slot){ name_hash, (uint32_t)set->count };
    if (set->count > set->slot_mask / 2)
        grow_slots(set);
}
