/*
 * What differs between the kinds of logs: where head and entries are read, what a list calls it,
 * how it proves. A kind is a row: rfc6962_protocol.c, tiled_protocol.c, hybrid_protocol.c. Pure.
 */
#ifndef INGEST_CT_LOG_PROTOCOL_H
#define INGEST_CT_LOG_PROTOCOL_H

#include "ingest/ct/ct_log.h"
#include "ingest/tree/signed_head.h"

struct log_protocol {
    const char *name;
    /* The member of an operator that lists such logs, and that of a log that is its address; NULL:
     * no list tells this kind. */
    const char *list_member;
    const char *url_member;
    uint64_t poll_ms; /* unless the administrator says otherwise */
    uint64_t page_max;
    size_t bytes_per_entry; /* of an answer, before anything is learnt */
    /* Ranges are tiles, of which the last one may be partial, and page_max is their width. */
    bool has_partial_tiles;
    /* Proofs come from hash tiles, else from the proof endpoints. */
    bool proves_by_tiles;
    const char *head_path;
    bool (*read_head)(struct signed_head *head, struct bytes body, const uint8_t *log_id,
                      struct digest *sha256);
    /* Whether entries [start, start + count) are asked for as a data tile, not by get-entries. */
    bool (*is_tile)(uint64_t start, uint64_t count);
    /* What a message calls them. */
    const char *head_name;
    const char *start_name;
    const char *range_name;
    const char *proof_name;
};

/* The row of a kind; lives for ever. */
const struct log_protocol *log_protocol_of(enum ct_log_kind kind);

/* The path of a range below the log's URL; `width`: how much of a tile the log is known to have. */
void log_protocol_write_range(const struct log_protocol *protocol, uint64_t start, uint64_t count,
                              unsigned width, struct buffer *url);
/* The ceiling of its answer, in bytes. */
size_t log_protocol_body_max(const struct log_protocol *protocol, uint64_t start, uint64_t count);

#endif
