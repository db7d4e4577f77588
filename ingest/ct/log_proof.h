/*
 * A proof from a log that its first `size` leaves are those of a signed head: it starts a follower
 * in the middle of a log, releases entries before the head is reached, and tells a fork from wrong
 * entries.
 *
 * An RFC 6962 log is asked for get-sth-consistency, or for get-entry-and-proof of the last of the
 * leaves, or for that entry and get-proof-by-hash, whichever it answers (sections 4.4, 4.5, 4.8); a
 * tiled log for its hash tiles. Told what was answered, it says what to fetch next; pure.
 */
#ifndef INGEST_CT_LOG_PROOF_H
#define INGEST_CT_LOG_PROOF_H

#include "ingest/ct/ct_log.h"
#include "ingest/tree/signed_head.h"

enum {
    /* An entry of three-byte lengths in base64 twice over, and a path; tiles are small. */
    LOG_PROOF_BODY_MAX = 64 * 1024 * 1024,
};

struct log_proof;

enum log_proof_state {
    LOG_PROOF_ASKS, /* something is to be fetched */
    LOG_PROOF_SHOWN,
    LOG_PROOF_CONTRADICTED, /* a well-formed answer leads to another root, or to other leaves */
};

/* `by_tiles`: from hash tiles, else from the proof endpoints. */
struct log_proof *log_proof_create(bool by_tiles);
/* NULL is fine. */
void log_proof_destroy(struct log_proof *proof);

/* `claim`: the frontier of the leaves, to be shown to be the head's; NULL: it is not known, and the
 * proof gives it. 0 < size <= head->size, and size is the claim's. */
enum log_proof_state log_proof_begin(struct log_proof *proof, uint64_t size,
                                     const struct merkle_frontier *claim,
                                     const struct signed_head *head, struct digest *sha256);

/* While it asks: the path to GET below the log's URL. */
void log_proof_write_path(const struct log_proof *proof, struct buffer *path);
/* Whether that is a partial tile, which may be gone when the full one is there. */
bool log_proof_asks_for_partial_tile(const struct log_proof *proof);
/* What the log answered; *malformed: it was no answer to the question, which stays. */
enum log_proof_state log_proof_on_answer(struct log_proof *proof, struct bytes body,
                                         struct digest *sha256, bool *malformed);
/* The log refuses or does not have it: true if something else is asked for now, false if that was
 * the last and the first is next again. */
bool log_proof_on_missing(struct log_proof *proof);

/* When shown: the frontier of the leaves. */
const struct merkle_frontier *log_proof_frontier(const struct log_proof *proof);

#endif
