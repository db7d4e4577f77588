/*
 * A log's signed tree head: the STH of RFC 6962 section 3.5, and the checkpoint of
 * c2sp.org/static-ct-api, which says the same in a signed note. Read from what a log answers; pure.
 */
#ifndef INGEST_TREE_SIGNED_HEAD_H
#define INGEST_TREE_SIGNED_HEAD_H

#include "ingest/tree/merkle.h"

enum {
    /* A note carries several co-signatures of some kilobytes each; an STH is 300 bytes. */
    SIGNED_HEAD_BODY_MAX = 1024 * 1024,
    /* DigitallySigned: four bytes and an RSA-4096 signature at most. */
    SIGNED_HEAD_SIGNATURE_MAX = 4 + 512,
    /* Checkpoints of more leaves are refused: leaf_index has 40 bits, and six levels of tiles reach
     * 2^48. */
    SIGNED_HEAD_SIZE_BITS = 48,
};

struct signed_head {
    uint64_t size;
    uint64_t timestamp_ms;
    struct merkle_hash root;
    uint8_t signature[SIGNED_HEAD_SIGNATURE_MAX]; /* DigitallySigned, RFC 5246 section 4.7 */
    size_t signature_size;
};

/* The answer of get-sth (RFC 6962 section 4.3). False if it is not one. */
bool signed_head_read_sth(struct signed_head *head, struct bytes body);

/* A checkpoint with a signature line whose key id is that of this log (32-byte id) and of the
 * origin the checkpoint itself names. False if it is not one. */
bool signed_head_read_checkpoint(struct signed_head *head, struct bytes body, const uint8_t *log_id,
                                 struct digest *sha256);

#endif
