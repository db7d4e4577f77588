/*
 * Names in order, each once: views, which the caller keeps alive. Lookups are hashed with a seed of
 * its own, because the names are chosen by strangers: a certificate of a million colliding names
 * must not cost a million squared.
 */
#ifndef SHARED_X509_NAME_SET_H
#define SHARED_X509_NAME_SET_H

#include "shared/base/bytes.h"

/* Where a name is: its hash, so that most others are passed over unread, and its index plus one; 0
 * for an empty slot. */
struct name_slot {
    uint32_t hash;
    uint32_t position;
};

struct name_set {
    struct bytes *names;
    size_t count;
    size_t capacity;
    struct name_slot *slots; /* open addressing */
    size_t slot_mask;
    size_t slot_capacity;
    uint64_t seed;
};

/* `seed` is to be unpredictable. */
void name_set_init(struct name_set *set, uint64_t seed);
void name_set_free(struct name_set *set);
/* Forgets the names, keeps the memory unless there is unusually much. */
void name_set_clear(struct name_set *set);
/* Adds a name unless it is there already. */
void name_set_add(struct name_set *set, struct bytes name);

#endif
