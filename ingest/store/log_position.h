/*
 * The position of a log: what its hash in Redis (P:log:<id>, see redis/README.md) says about how
 * far the stream holds it. Written in the same transaction as the entries, so it is never ahead of
 * or behind them. Pure.
 */
#ifndef INGEST_STORE_LOG_POSITION_H
#define INGEST_STORE_LOG_POSITION_H

#include "ingest/tree/signed_head.h"

struct log_position {
    uint64_t next;  /* index of the first entry that is not in the stream */
    uint64_t epoch; /* counts the times an administrator moved it by hand */
    uint64_t page;  /* entries a page of this log holds, as learnt; 0: not known */
    /* The frontier of the first `next` leaves. Without it (has_frontier false: the log could not
     * prove its starting point) the log is followed all the same. */
    bool has_frontier;
    struct merkle_frontier frontier;
    /* The newest head that entries were taken under; size 0 and no signature: none yet. */
    struct signed_head head;
    /* Size of the largest head whose root the frontier reproduced; 0: none yet. */
    uint64_t verified_size;
};

enum log_position_result {
    LOG_POSITION_ABSENT, /* the log is new */
    LOG_POSITION_READ,
    LOG_POSITION_CORRUPT, /* there is one that makes no sense: the log is left alone */
};

/* One field of the hash. */
struct hash_field {
    struct bytes name;
    struct bytes value;
};

enum log_position_result log_position_read(struct log_position *position,
                                           const struct hash_field *fields, size_t count);

enum {
    LOG_POSITION_FIELDS = 9,
    /* Signature in base64, frontier in hex, the numbers. */
    LOG_POSITION_TEXT_MAX = MERKLE_FRONTIER_HEX + 2048,
};

/* The fields as Redis takes them: writes LOG_POSITION_FIELDS of them, whose values live in
 * `text`. */
void log_position_write(const struct log_position *position, struct hash_field *fields,
                        struct buffer *text);

#endif
