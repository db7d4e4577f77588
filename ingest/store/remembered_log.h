/*
 * A log as its hash in Redis describes it (P:log:<id>, see redis/README.md), written by whoever
 * follows it: so a process that starts knows what was followed before, also of logs that no list
 * names any more. Pure.
 */
#ifndef INGEST_STORE_REMEMBERED_LOG_H
#define INGEST_STORE_REMEMBERED_LOG_H

#include "ingest/ct/ct_log.h"
#include "ingest/store/log_position.h"

enum {
    REMEMBERED_LOG_FIELDS = 14,
    /* Numbers and a root; the texts are views. */
    REMEMBERED_LOG_TEXT_MAX = 256,
    REMEMBERED_LOG_READ_FIELDS = REMEMBERED_LOG_FIELDS + 1,
};

/* Writes REMEMBERED_LOG_FIELDS fields; values live in `ct_log` or in `text`. */
void remembered_log_write(const struct ct_log *ct_log, struct hash_field *fields,
                          struct buffer *text);

/* The name of field `i` of the REMEMBERED_LOG_READ_FIELDS that remembered_log_read takes. */
const char *remembered_log_name(size_t i);

/* Makes of the values of those fields (no data: the field is missing) a log that owns its texts.
 * False, and nothing to clear, if the log is not followed any more (its hash says so, or nothing:
 * it may be of an older version), or if what is there describes no log. */
bool remembered_log_read(struct ct_log *ct_log, const char *id_hex, const struct bytes *values,
                         struct digest *sha256);

#endif
