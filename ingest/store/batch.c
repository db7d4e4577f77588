#include "ingest/store/batch.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"

struct batch *batch_create(const struct log_position *position)
{
    struct batch *batch = memory_allocate_zeroed(1, sizeof *batch);
    batch->position = *position;
    batch->expected_next = position->next;
    batch->entries = memory_allocate_zeroed(BATCH_ENTRIES_MAX, sizeof *batch->entries);
    buffer_init(&batch->arena, BATCH_BYTES_MAX);
    buffer_init(&batch->control, BATCH_CONTROL_MAX);
    return batch;
}

void batch_destroy(struct batch *batch)
{
    if (!batch)
        return;
    buffer_free(&batch->arena);
    buffer_free(&batch->control);
    free(batch->entries);
    free(batch->issuers);
    free(batch);
}

bool batch_is_full(const struct batch *batch)
{
    return batch->entry_count == BATCH_ENTRIES_MAX || batch->arena.size >= BATCH_BYTES_FULL;
}

void batch_begin_entry(struct batch *batch)
{
    assert(batch->entry_count < BATCH_ENTRIES_MAX);
    batch->entries[batch->entry_count++].start = batch->arena.size;
}

void batch_end_field(struct batch *batch, enum batch_field field)
{
    batch->entries[batch->entry_count - 1].ends[field] = batch->arena.size;
}

void batch_cancel_entry(struct batch *batch)
{
    batch->arena.size = batch->entries[--batch->entry_count].start;
    batch->arena.failed = false;
}

struct bytes batch_field(const struct batch *batch, size_t entry, enum batch_field field)
{
    const struct batch_entry *at = &batch->entries[entry];
    size_t start = field ? at->ends[field - 1] : at->start;
    return bytes_of(batch->arena.data + start, at->ends[field] - start);
}

bool batch_add_issuer(struct batch *batch, const char *fingerprint_hex, struct bytes json)
{
    struct batch_issuer issuer = { .start = batch->arena.size };
    buffer_append_string(&batch->arena, fingerprint_hex);
    issuer.fingerprint_end = batch->arena.size;
    buffer_append_bytes(&batch->arena, json);
    issuer.json_end = batch->arena.size;
    if (batch->arena.failed) {
        batch->arena.size = issuer.start;
        batch->arena.failed = false;
        return false;
    }
    batch->issuers = memory_resize(batch->issuers, batch->issuer_count + 1, sizeof *batch->issuers);
    batch->issuers[batch->issuer_count++] = issuer;
    return true;
}

struct bytes batch_issuer_fingerprint(const struct batch *batch, size_t issuer)
{
    const struct batch_issuer *at = &batch->issuers[issuer];
    return bytes_of(batch->arena.data + at->start, at->fingerprint_end - at->start);
}

struct bytes batch_issuer_json(const struct batch *batch, size_t issuer)
{
    const struct batch_issuer *at = &batch->issuers[issuer];
    return bytes_of(batch->arena.data + at->fingerprint_end, at->json_end - at->fingerprint_end);
}
