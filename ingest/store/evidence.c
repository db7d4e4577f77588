#include "ingest/store/evidence.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "ingest/ct/ct_log.h"
#include "shared/base/base64.h"
#include "shared/base/buffer.h"
#include "shared/base/hex.h"
#include "shared/process/clock.h"
#include "shared/redis/contract.h"
#include "shared/redis/redis_link.h"

/* A log that goes on misbehaving is recorded once per quarantine; some hundred records are months
 * of several logs. */
#define EVIDENCE_KEPT "1000"

enum {
    FIELDS_MAX = 24,
    TEXT_MAX = 4 * LOG_POSITION_TEXT_MAX,
};

static const char *const class_names[MISMATCH_CLASSES] = {
    [MISMATCH_NONE] = "",
    [MISMATCH_ENTRIES] = "entries",
    [MISMATCH_FORK] = "fork",
    [MISMATCH_EQUIVOCATION] = "equivocation",
    [MISMATCH_FINAL_HEAD] = "final head",
    [MISMATCH_UNEXPLAINED] = "unexplained",
};

const char *mismatch_class_name(enum mismatch_class class)
{
    return class_names[class];
}

enum mismatch_class mismatch_class_of(struct bytes name)
{
    for (unsigned i = MISMATCH_NONE + 1; i < MISMATCH_CLASSES; i++)
        if (bytes_equal_string(name, class_names[i]))
            return (enum mismatch_class)i;
    return MISMATCH_NONE;
}

/* Words of an XADD; texts made here live in `text`, which never grows beyond what was reserved. */
struct record {
    const char *words[6 + 2 * FIELDS_MAX];
    size_t sizes[6 + 2 * FIELDS_MAX];
    size_t count;
    struct buffer text;
};

static void add_word(struct record *record, struct bytes word)
{
    assert(record->count < sizeof record->words / sizeof *record->words);
    record->words[record->count] = word.size ? (const char *)word.data : "";
    record->sizes[record->count++] = word.size;
}

static void add_evidence_field(struct record *record, const char *name, struct bytes value)
{
    add_word(record, bytes_of_string(name));
    add_word(record, value);
}

static struct bytes text_since(const struct record *record, size_t start)
{
    assert(!record->text.failed);
    return bytes_of(record->text.data + start, record->text.size - start);
}

static void add_number(struct record *record, const char *name, uint64_t number)
{
    size_t start = record->text.size;
    buffer_append_unsigned(&record->text, number);
    add_evidence_field(record, name, text_since(record, start));
}

static void add_hash(struct record *record, const char *name, const struct merkle_hash *hash)
{
    size_t start = record->text.size;
    char hex[2 * SHA256_SIZE + 1];
    hex_encode(hex, bytes_of(hash->bytes, SHA256_SIZE));
    buffer_append_string(&record->text, hex);
    add_evidence_field(record, name, text_since(record, start));
}

static void add_head(struct record *record, const char *const *names,
                     const struct signed_head *head)
{
    add_number(record, names[0], head->size);
    add_number(record, names[1], head->timestamp_ms);
    add_hash(record, names[2], &head->root);
    size_t start = record->text.size;
    base64_encode(&record->text, bytes_of(head->signature, head->signature_size));
    add_evidence_field(record, names[3], text_since(record, start));
}

static void add_released(struct record *record, const struct log_position *released)
{
    static const char *const names[] = { "proven_sth_size", "proven_sth_timestamp",
                                         "proven_sth_root", "proven_sth_signature" };
    add_number(record, "released_size", released->next);
    size_t start = record->text.size;
    if (released->has_frontier)
        merkle_frontier_write(&released->frontier, &record->text);
    add_evidence_field(record, "released_frontier", text_since(record, start));
    add_head(record, names, &released->head);
}

bool evidence_send(const struct evidence *evidence, const struct contract *contract,
                   struct redis_link *link)
{
    static const char *const head_names[] = { "sth_size", "sth_timestamp", "sth_root",
                                              "sth_signature" };
    static const char *const other_names[] = { "other_sth_size", "other_sth_timestamp",
                                               "other_sth_root", "other_sth_signature" };
    static const char *const begin[] = { "XADD", NULL, "MAXLEN", "~", EVIDENCE_KEPT, "*" };
    struct record record = { 0 };
    buffer_init(&record.text, TEXT_MAX);
    /* All at once, so that the views stay where they are. */
    (void)buffer_reserve(&record.text, TEXT_MAX);
    for (size_t i = 0; i < sizeof begin / sizeof *begin; i++)
        add_word(&record, bytes_of_string(begin[i] ? begin[i] : contract->evidence));
    add_evidence_field(&record, "class", bytes_of_string(mismatch_class_name(evidence->class)));
    add_number(&record, "time", clock_realtime_ms());
    add_evidence_field(&record, "log", bytes_of_string(evidence->ct_log->id_hex));
    add_evidence_field(&record, "description", bytes_of_string(evidence->ct_log->description));
    add_evidence_field(&record, "url", bytes_of_string(evidence->ct_log->url));
    add_evidence_field(&record, "key", bytes_of_string(evidence->ct_log->key_base64));
    add_released(&record, evidence->released);
    add_head(&record, head_names, evidence->head);
    add_evidence_field(&record, "sth_text", evidence->head_text);
    if (evidence->other)
        add_head(&record, other_names, evidence->other);
    if (evidence->computed.size) {
        add_number(&record, "computed_size", evidence->computed.size);
        add_hash(&record, "computed_root", &evidence->computed.root);
    }
    bool sent = redis_link_send(link, NULL, NULL, record.count, record.words, record.sizes);
    buffer_free(&record.text);
    return sent;
}
