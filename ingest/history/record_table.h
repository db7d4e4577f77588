/*
 * The certificates of one generation of blocks: by their digests, where each lies. Pure.
 */
#ifndef INGEST_HISTORY_RECORD_TABLE_H
#define INGEST_HISTORY_RECORD_TABLE_H

#include "ingest/history/keyed_digest.h"

enum {
    /* So many certificates, of which the table takes 40 MB, are a generation: seven minutes of all
     * logs where each comes once, more where they come several times. */
    RECORD_TABLE_MAX = 640 * 1024,
};

struct record_table;

struct known_record {
    uint8_t der[KEYED_DIGEST_SIZE]; /* digest of the certificate */
    /* Digest of what was written for it, or zero: what comes next has to be compared. */
    uint8_t rest[KEYED_DIGEST_SIZE];
    uint32_t block; /* how-manieth of the generation */
    uint32_t record;
};

struct record_table *record_table_create(void);
void record_table_destroy(struct record_table *table);
void record_table_clear(struct record_table *table);

/* NULL if there is none. */
const struct known_record *record_table_find(const struct record_table *table, const uint8_t *der);
/* Copies it; there must be none of its digest, and the table must not be full. */
void record_table_add(struct record_table *table, const struct known_record *record);
bool record_table_is_full(const struct record_table *table);
size_t record_table_count(const struct record_table *table);

#endif
