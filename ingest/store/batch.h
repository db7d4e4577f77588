/*
 * What one transaction adds to Redis: entries of one log in a row, the issuers they need, and the
 * position that goes with them. Filled by the pipeline, carried out by the publisher. A plain value
 * with one owner.
 */
#ifndef INGEST_STORE_BATCH_H
#define INGEST_STORE_BATCH_H

#include "ingest/store/log_position.h"
#include "shared/base/buffer.h"
#include "shared/redis/command_text.h"

enum batch_field {
    BATCH_JSON,
    BATCH_DOMAINS,
    BATCH_DER,
    BATCH_CHAIN,
    BATCH_LOG,
    BATCH_INDEX,
    BATCH_TBS,
    BATCH_FIELDS,
};

enum {
    /* What waits in Redis for EXEC takes new memory: so many fit what it and the processor's caches
     * have at hand (redis/README.md, "What it costs"). */
    BATCH_ENTRIES_MAX = 64,
    BATCH_BYTES_FULL = 512 * 1024,
    /* One certificate has at most 16 MB; its names may stand in the message three times, escaped
     * sixfold. */
    BATCH_BYTES_MAX = 512 * 1024 * 1024,
    BATCH_CONTROL_MAX = 1024,
};

/* Offsets in the arena. */
struct batch_entry {
    size_t start; /* of the command that adds it, as Redis gets it */
    size_t end;
    struct {
        size_t start;
        size_t size;
    } fields[BATCH_FIELDS];
};

struct batch_issuer {
    size_t start;
    size_t fingerprint_end; /* hex */
    size_t json_end;
};

struct batch {
    struct batch *next;  /* the publisher's queue */
    void *owner;         /* the submitter's */
    uint64_t generation; /* likewise */
    const char *log_key; /* borrowed from the owner, as are the next two */
    const char *log_id_hex;
    const char *stream; /* the key */
    /* The fence: what `next` of the log's position must be for this batch to be appended. */
    bool creates; /* no position may exist yet */
    uint64_t expected_next;
    struct log_position position; /* as it is afterwards */
    struct buffer arena;
    struct batch_entry *entries;
    size_t entry_count;
    struct command_word word; /* the field that is being written */
    struct buffer control;    /* JSON of the stream's field `control`, or nothing */
    struct batch_issuer *issuers;
    size_t issuer_count;
};

/* A batch that starts at `position`. `expected_bytes`: a guess that spares growing; 0: none. */
struct batch *batch_create(const struct log_position *position, size_t expected_bytes);
/* NULL is fine. */
void batch_destroy(struct batch *batch);

bool batch_is_full(const struct batch *batch);

/* Writes the XADD of an entry, whose fields follow in order: each either whole, or what is appended
 * to batch->arena between begin and end. When the arena has failed, the entry is to be
 * cancelled. */
void batch_begin_entry(struct batch *batch);
void batch_add_field(struct batch *batch, enum batch_field field, struct bytes value);
void batch_begin_field(struct batch *batch, enum batch_field field);
void batch_end_field(struct batch *batch, enum batch_field field);
/* Throws away what batch_begin_entry began. */
void batch_cancel_entry(struct batch *batch);

/* The command that adds the entry, in Redis' protocol. */
struct bytes batch_command(const struct batch *batch, size_t entry);
struct bytes batch_field(const struct batch *batch, size_t entry, enum batch_field field);

/* False, with nothing added, if there is no room for it. */
bool batch_add_issuer(struct batch *batch, const char *fingerprint_hex, struct bytes json);
struct bytes batch_issuer_fingerprint(const struct batch *batch, size_t issuer);
struct bytes batch_issuer_json(const struct batch *batch, size_t issuer);

#endif
