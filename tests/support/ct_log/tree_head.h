/* A signed tree head, as RFC 6962 (get-sth) and as static-ct-api (checkpoint) serve it. */
#ifndef CT_LOG_TREE_HEAD_H
#define CT_LOG_TREE_HEAD_H

#include "shared/base/buffer.h"
#include "tests/support/ct_log/merkle_tree.h"

struct signing_key;

struct tree_head {
    uint64_t size;
    uint64_t timestamp_ms;
    uint8_t root[MERKLE_HASH_SIZE];
};

/* Appends the get-sth body (RFC 6962 section 4.3). With `flips_signature` its signature is wrong by
 * one bit. */
void tree_head_write_sth(const struct tree_head *head, const struct signing_key *key,
                         bool flips_signature, struct buffer *out);

/* Appends the checkpoint, a signed note of the log named `origin`. */
void tree_head_write_checkpoint(const struct tree_head *head, const struct signing_key *key,
                                const char *origin, bool flips_signature, struct buffer *out);

#endif
