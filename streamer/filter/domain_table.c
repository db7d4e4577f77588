#include "streamer/filter/domain_table.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"

enum {
    BUCKETS_MIN = 8,
};

void domain_table_free(struct domain_table *table)
{
    free(table->buckets);
    *table = (struct domain_table){ 0 };
}

static struct domain_entry **bucket_of(const struct domain_table *table, uint64_t hash)
{
    return &table->buckets[(hash >> 32) & (table->bucket_count - 1)];
}

static void link_entry(struct domain_table *table, struct domain_entry *entry)
{
    struct domain_entry **bucket = bucket_of(table, entry->hash);
    entry->next = *bucket;
    *bucket = entry;
}

static void grow_buckets(struct domain_table *table)
{
    struct domain_table old = *table;
    table->bucket_count = old.bucket_count ? 2 * old.bucket_count : BUCKETS_MIN;
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
    table->buckets = memory_allocate_zeroed(table->bucket_count, sizeof *table->buckets);
    for (size_t i = 0; i < old.bucket_count; i++)
        for (struct domain_entry *entry = old.buckets[i], *next; entry; entry = next) {
            next = entry->next;
            link_entry(table, entry);
        }
    free(old.buckets);
}

void domain_table_add(struct domain_table *table, struct domain_entry *entry)
{
    if (table->count++ == table->bucket_count)
        grow_buckets(table);
    link_entry(table, entry);
}

void domain_table_remove(struct domain_table *table, struct domain_entry *entry)
{
    struct domain_entry **link = bucket_of(table, entry->hash);
    while (*link != entry) {
        assert(*link);
        link = &(*link)->next;
    }
    *link = entry->next;
    table->count--;
}

bool domain_entry_takes(const struct domain_entry *entry, const struct subject_ending *ending)
{
    return entry->hash == ending->hash &&
           (ending->is_whole ? entry->takes_whole : entry->takes_below) &&
           bytes_equal(entry->name, ending->text);
}

struct domain_entry *domain_table_next(const struct domain_entry *entry,
                                       const struct subject_ending *ending)
{
    struct domain_entry *next = entry->next;
    while (next && !domain_entry_takes(next, ending))
        next = next->next;
    return next;
}

struct domain_entry *domain_table_find(const struct domain_table *table,
                                       const struct subject_ending *ending)
{
    if (table->count == 0)
        return NULL;
    struct domain_entry *first = *bucket_of(table, ending->hash);
    return !first || domain_entry_takes(first, ending) ? first : domain_table_next(first, ending);
}
