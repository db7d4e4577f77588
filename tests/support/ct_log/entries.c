#include "tests/support/ct_log/entries.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"
#include "tests/support/ct_log/given_entries.h"
#include "tests/support/ct_log/made_entries.h"

/* One of the two is NULL. */
struct entries {
    struct made_entries *made;
    struct given_entries *given;
};

struct entries *entries_make(const char *seed, uint64_t start_ms)
{
    struct entries *entries = memory_allocate_zeroed(1, sizeof *entries);
    entries->made = made_entries_create(seed, start_ms);
    return entries;
}

struct entries *entries_read(const char *path)
{
    struct given_entries *given = given_entries_load(path);
    if (!given)
        return NULL;
    struct entries *entries = memory_allocate_zeroed(1, sizeof *entries);
    entries->given = given;
    return entries;
}

void entries_destroy(struct entries *entries)
{
    if (!entries)
        return;
    made_entries_destroy(entries->made);
    given_entries_destroy(entries->given);
    free(entries);
}

uint64_t entries_count(const struct entries *entries)
{
    return entries->made ? ENTRIES_MADE_COUNT : given_entries_count(entries->given);
}

bool entries_are_tiled(const struct entries *entries)
{
    return entries->made || given_entries_are_tiled(entries->given);
}

uint64_t entries_timestamp(const struct entries *entries, uint64_t index, uint64_t made_ms)
{
    return entries->made ? made_ms : given_entries_timestamp(entries->given, index);
}

void entries_write_leaf(const struct entries *entries, const struct entry_position *position,
                        struct buffer *out)
{
    if (entries->made)
        made_entries_write_leaf(entries->made, position, out);
    else
        given_entries_write_leaf(entries->given, position, out);
}

void entries_write_members(const struct entries *entries, const struct entry_position *position,
                           struct buffer *out)
{
    if (entries->made)
        made_entries_write_members(entries->made, position, out);
    else
        given_entries_write_members(entries->given, position, out);
}

void entries_write_tile(const struct entries *entries, const struct entry_position *positions,
                        size_t count, bool as_gzip, struct buffer *out)
{
    assert(count <= ENTRIES_TILE_WIDTH);
    if (entries->made)
        made_entries_write_tile(entries->made, positions, count, as_gzip, out);
    else
        given_entries_write_tile(entries->given, positions, count, as_gzip, out);
}

const struct entry_issuer *entries_issuers(const struct entries *entries, size_t *count)
{
    return entries->made ? made_entries_issuers(entries->made, count)
                         : given_entries_issuers(entries->given, count);
}
