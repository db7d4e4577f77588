/*
 * The answers of an RFC 6962 log that a follower asks for (section 4): pages of entries, and
 * proofs. Pure. get-sth is signed_head's.
 */
#ifndef INGEST_CT_RFC6962_H
#define INGEST_CT_RFC6962_H

#include "ingest/ct/entry.h"
#include "ingest/ct/rfc6962_text.h"
#include "shared/base/buffer.h"
#include "shared/base/reader.h"

enum {
    /* What is asked for at most; CTFE answers 1000 by default, others 32 to 1024. */
    RFC6962_PAGE_MAX = 1024,
    /* A page of 1,000 entries is normally 1 to 8 MB. */
    RFC6962_BODY_MAX = 128 * 1024 * 1024,
};

/* Entries of one get-entries answer, one after the other. */
struct rfc6962_page {
    size_t count;         /* entries it has */
    size_t left;          /* of these, not read yet */
    struct reader values; /* of a plain answer */
    struct cJSON *root;   /* of any other; NULL: it is plain */
    const struct cJSON *next;
    struct buffer leaf_input;
    struct buffer extra_data;
};

/* False if `text`, which must live as long as the page, is no answer of get-entries, or not all of
 * one. The page is to be cleared in any case. */
bool rfc6962_page_open(struct rfc6962_page *page, const struct rfc6962_text *text);
/* Reads the next entry; its views live until the next call. False at the end, or when an entry's
 * base64 or form is wrong, which makes the whole page a failure of transport: page->left is then
 * not 0. */
bool rfc6962_page_next(struct rfc6962_page *page, struct entry *entry);
void rfc6962_page_clear(struct rfc6962_page *page);

/* Proofs; false if `body` is no such answer. Whether a proof leads anywhere is for merkle.h to
 * say. */
/* get-entry-and-proof (section 4.8): the hash of the leaf, and its inclusion path. */
bool rfc6962_read_entry_and_proof(struct merkle_hash *leaf, struct merkle_path *path,
                                  struct bytes body, struct digest *sha256);
/* get-entries (section 4.6): the hash of the first leaf. */
bool rfc6962_read_leaf_hash(struct merkle_hash *leaf, struct bytes body, struct digest *sha256);
/* get-sth-consistency (section 4.4). */
bool rfc6962_read_consistency(struct merkle_path *path, struct bytes body);
/* get-proof-by-hash (section 4.5). */
bool rfc6962_read_proof_by_hash(uint64_t *leaf_index, struct merkle_path *path, struct bytes body);

#endif
