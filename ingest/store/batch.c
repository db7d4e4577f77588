#include "ingest/store/batch.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"

struct append *append_create(const struct checkpoint *checkpoint)
{
    struct append *append = memory_allocate_zeroed(1, sizeof *append);
    append->checkpoint = *checkpoint;
    append->expected_next = checkpoint->next;
    append->entries = memory_allocate_zeroed(APPEND_ENTRIES_MAX, sizeof *append->entries);
    buffer_init(&append->arena, APPEND_BYTES_MAX);
    return append;
}

void append_destroy(struct append *append)
{
    if (!append)
        return;
    buffer_free(&append->arena);
    free(append->entries);
    free(append->issuers);
    free(append);
}

bool append_is_full(const struct append *append)
{
    return append->entry_count == APPEND_ENTRIES_MAX || append->arena.size >= APPEND_BYTES_FULL;
}

void append_begin_entry(struct append *append)
{
    assert(append->entry_count < APPEND_ENTRIES_MAX);
    append->entries[append->entry_count++].start = append->arena.size;
}

void append_end_field(struct append *append, enum append_field field)
{
    append->entries[append->entry_count - 1].ends[field] = append->arena.size;
}

void append_cancel_entry(struct append *append)
{
    append->arena.size = append->entries[--append->entry_count].start;
    append->arena.failed = false;
}

struct bytes append_field(const struct append *append, size_t entry, enum append_field field)
{
    const struct append_entry *at = &append->entries[entry];
    size_t start = field ? at->ends[field - 1] : at->start;
    return bytes_of(append->arena.data + start, at->ends[field] - start);
}

bool append_add_issuer(struct append *append, const char *fingerprint_hex, struct bytes json)
{
    struct append_issuer issuer = { .start = append->arena.size };
    buffer_append_string(&append->arena, fingerprint_hex);
    issuer.fingerprint_end = append->arena.size;
    buffer_append_bytes(&append->arena, json);
    issuer.json_end = append->arena.size;
    if (append->arena.failed) {
        append->arena.size = issuer.start;
        append->arena.failed = false;
        return false;
    }
    append->issuers =
        memory_resize(append->issuers, append->issuer_count + 1, sizeof *append->issuers);
    append->issuers[append->issuer_count++] = issuer;
    return true;
}

struct bytes append_issuer_fingerprint(const struct append *append, size_t issuer)
{
    const struct append_issuer *at = &append->issuers[issuer];
    return bytes_of(append->arena.data + at->start, at->fingerprint_end - at->start);
}

struct bytes append_issuer_json(const struct append *append, size_t issuer)
{
    const struct append_issuer *at = &append->issuers[issuer];
    return bytes_of(append->arena.data + at->fingerprint_end, at->json_end - at->fingerprint_end);
}
