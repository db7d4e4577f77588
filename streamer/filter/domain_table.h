/*
 * Domains that somebody looks for, found by one look-up per label of a name, whatever number of
 * them there is. Entries are the caller's; several may have the same name.
 */
#ifndef STREAMER_FILTER_DOMAIN_TABLE_H
#define STREAMER_FILTER_DOMAIN_TABLE_H

#include "streamer/filter/filter_subject.h"

struct domain_entry {
    struct bytes name; /* lower case; must live as long as the entry is in a table */
    uint64_t hash;     /* subject_hash of it */
    bool takes_whole;  /* the name itself */
    bool takes_below;  /* names that end in it */
    void *owner;
    struct domain_entry *next;
};

struct domain_table {
    struct domain_entry **buckets;
    size_t bucket_count; /* a power of two, or 0 */
    size_t count;
};

/* A zeroed table is an empty one. */
void domain_table_free(struct domain_table *table);

/* `entry` has everything but `next`, and stays where it is until it is removed. */
void domain_table_add(struct domain_table *table, struct domain_entry *entry);
void domain_table_remove(struct domain_table *table, struct domain_entry *entry);

/* The first entry that takes this end of a name, and the one after it; NULL: none. */
struct domain_entry *domain_table_find(const struct domain_table *table,
                                       const struct subject_ending *ending);
struct domain_entry *domain_table_next(const struct domain_entry *entry,
                                       const struct subject_ending *ending);

/* True if the entry takes this end of a name. */
bool domain_entry_takes(const struct domain_entry *entry, const struct subject_ending *ending);

#endif
