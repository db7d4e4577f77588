/*
 * What one transaction adds to Redis: entries of one log in a row, the issuers they need, and the checkpoint that goes
 * with them. Filled by the pipeline, carried out by the publisher. A plain value with one owner.
 */
#ifndef INGEST_STORE_BATCH_H
#define INGEST_STORE_BATCH_H

#include "ingest/store/log_position.h"
#include "shared/base/buffer.h"

enum append_field {
    APPEND_JSON,
    APPEND_DOMAINS,
    APPEND_DER,
    APPEND_CHAIN,
    APPEND_LOG,
    APPEND_INDEX,
    APPEND_FIELDS,
};

enum {
    /* One transaction keeps Redis from everybody else for as long as it runs: some milliseconds for these. */
    APPEND_ENTRIES_MAX = 256,
    APPEND_BYTES_FULL = 2 * 1024 * 1024,
    /* One certificate has at most 16 MB; its names may stand in the message three times, escaped sixfold. */
    APPEND_BYTES_MAX = 512 * 1024 * 1024,
};

struct append_entry {
    size_t start;
    size_t ends[APPEND_FIELDS]; /* in the arena; each field starts where the one before it ends */
};

struct append_issuer {
    size_t start;
    size_t fingerprint_end; /* hex */
    size_t json_end;
};

struct append {
    struct append *next; /* the publisher's queue */
    void *owner;         /* the submitter's */
    uint64_t generation; /* likewise */
    const char *log_key; /* borrowed from the owner, as is the next */
    const char *log_id_hex;
    /* The fence: what `next` of the log's checkpoint must be for this append to happen. */
    bool creates; /* no checkpoint may exist yet */
    uint64_t expected_next;
    struct checkpoint checkpoint; /* as it is afterwards */
    struct buffer arena;
    struct append_entry *entries;
    size_t entry_count;
    struct append_issuer *issuers;
    size_t issuer_count;
};

/* An append that starts at `checkpoint`. */
struct append *append_create(const struct checkpoint *checkpoint);
/* NULL is fine. */
void append_destroy(struct append *append);

bool append_is_full(const struct append *append);

/* Between these two the fields are written to append->arena, in order, append_end_field after each. */
void append_begin_entry(struct append *append);
void append_end_field(struct append *append, enum append_field field);
/* Throws away what append_begin_entry began. */
void append_cancel_entry(struct append *append);

struct bytes append_field(const struct append *append, size_t entry, enum append_field field);

/* False, with nothing added, if there is no room for it. */
bool append_add_issuer(struct append *append, const char *fingerprint_hex, struct bytes json);
struct bytes append_issuer_fingerprint(const struct append *append, size_t issuer);
struct bytes append_issuer_json(const struct append *append, size_t issuer);

#endif
