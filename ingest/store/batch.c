#include "ingest/store/batch.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"
#include "shared/redis/contract.h"

struct batch *batch_create(const struct log_position *position, size_t expected_bytes)
{
    struct batch *batch = memory_allocate_zeroed(1, sizeof *batch);
    batch->position = *position;
    batch->expected_next = position->next;
    batch->entries = memory_allocate_zeroed(BATCH_ENTRIES_MAX, sizeof *batch->entries);
    buffer_init(&batch->arena, BATCH_BYTES_MAX);
    if (expected_bytes)
        (void)buffer_reserve(&batch->arena, expected_bytes);
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

static const char *const field_names[BATCH_FIELDS] = {
    [BATCH_JSON] = CONTRACT_FIELD_JSON, [BATCH_DOMAINS] = CONTRACT_FIELD_DOMAINS,
    [BATCH_DER] = CONTRACT_FIELD_DER,   [BATCH_CHAIN] = CONTRACT_FIELD_CHAIN,
    [BATCH_LOG] = CONTRACT_FIELD_LOG,   [BATCH_INDEX] = CONTRACT_FIELD_INDEX,
    [BATCH_TBS] = CONTRACT_FIELD_TBS,
};

static struct batch_entry *last_entry(struct batch *batch)
{
    return &batch->entries[batch->entry_count - 1];
}

void batch_begin_entry(struct batch *batch)
{
    assert(batch->entry_count < BATCH_ENTRIES_MAX);
    batch->entry_count++;
    last_entry(batch)->start = batch->arena.size;
    command_begin(&batch->arena, 3 + 2 * BATCH_FIELDS);
    command_add_string(&batch->arena, "XADD");
    command_add_string(&batch->arena, batch->stream);
    command_add_string(&batch->arena, "*");
}

/* Entries in a row are alike. */
static size_t guess_size(const struct batch *batch, enum batch_field field)
{
    static const size_t usual[BATCH_FIELDS] = { [BATCH_JSON] = 2500, [BATCH_DOMAINS] = 50 };
    return batch->entry_count > 1 ? batch->entries[batch->entry_count - 2].fields[field].size
                                  : usual[field];
}

void batch_begin_field(struct batch *batch, enum batch_field field)
{
    command_add_string(&batch->arena, field_names[field]);
    batch->word = command_open_word(&batch->arena, guess_size(batch, field));
}

void batch_end_field(struct batch *batch, enum batch_field field)
{
    struct batch_entry *entry = last_entry(batch);
    if (batch->arena.failed)
        return;
    entry->fields[field].size = command_close_word(&batch->arena, &batch->word);
    entry->fields[field].start = batch->word.start;
    entry->end = batch->arena.size;
}

void batch_add_field(struct batch *batch, enum batch_field field, struct bytes value)
{
    command_add_string(&batch->arena, field_names[field]);
    batch->word = command_open_word(&batch->arena, value.size);
    buffer_append_bytes(&batch->arena, value);
    batch_end_field(batch, field);
}

void batch_cancel_entry(struct batch *batch)
{
    batch->arena.size = last_entry(batch)->start;
    batch->arena.failed = false;
    batch->entry_count--;
}

struct bytes batch_command(const struct batch *batch, size_t entry)
{
    const struct batch_entry *at = &batch->entries[entry];
    return bytes_of(batch->arena.data + at->start, at->end - at->start);
}

struct bytes batch_field(const struct batch *batch, size_t entry, enum batch_field field)
{
    const struct batch_entry *at = &batch->entries[entry];
    return bytes_of(batch->arena.data + at->fields[field].start, at->fields[field].size);
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
