/* Runs of bytes that are each kept once and called by a number, from 0 on. */
#ifndef SHARED_HISTORY_INTERN_TABLE_H
#define SHARED_HISTORY_INTERN_TABLE_H

#include "shared/base/buffer.h"

struct intern_slot;

struct intern_table {
    struct buffer bytes;
    struct intern_slot *slots; /* open addressing, a power of two of them */
    size_t slot_count;
    size_t count;
    uint64_t seed;
};

/* `seed`: any number that those who choose the runs do not know. `limit`: bytes of all runs. */
void intern_table_init(struct intern_table *table, size_t limit, uint64_t seed);
void intern_table_free(struct intern_table *table);
void intern_table_clear(struct intern_table *table);

/* The number of the run, which is copied if it is new: then it equals the count before. */
uint32_t intern_table_add(struct intern_table *table, struct bytes run);

#endif
